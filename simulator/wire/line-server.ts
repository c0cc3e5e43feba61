import { createServer, type Socket } from 'node:net';
import type { OpenByteStream } from '../../drivers/bus/byte-stream.ts';
import { listen, type Place } from './listen.ts';

export interface LineServer {
  readonly port: number;
  /** Stops listening and breaks off the connection. */
  close(): Promise<void>;
}

/**
 * Offers a simulated line at a TCP port, for programs of other people: what they send goes over the simulated wire, with its
 * times and its faults, and so does what the devices answer. `socat pty,link=NAME TCP:localhost:PORT` makes a serial port of
 * it. As with any port one may have it open at a time; another connection is closed at once.
 */
export async function serveLine(open: () => Promise<OpenByteStream>, place: Place): Promise<LineServer> {
  const connections = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
    // A broken connection shows as its end; there is nothing more to do about it.
    socket.on('error', () => {});
    open().then(
      (line) => carry(socket, line),
      // A line that is busy or unplugged is one that cannot be reached.
      () => socket.destroy(),
    );
  });
  const port = await listen(server, place);
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of connections) socket.destroy();
      }),
  };
}

function carry(socket: Socket, line: OpenByteStream): void {
  line.onBytes((bytes) => socket.write(bytes));
  line.onClose(() => socket.destroy());
  // What is sent on a line that has just been lost goes the way of the line.
  socket.on('data', (bytes) => line.write(bytes).catch(() => {}));
  // What closing meets has nobody to go to.
  const end = () => {
    line.close().catch(() => {});
  };
  if (socket.destroyed) end();
  else socket.on('close', end);
}
