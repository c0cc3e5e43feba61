import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { OpenByteStream } from '../../drivers/bus/byte-stream.ts';
import { openTcp } from '../../drivers/bus/linux-tcp.ts';
import { modbusFunctions } from '../../drivers/bus/modbus-functions.ts';
import { openModbusLine } from '../../drivers/bus/modbus-line.ts';
import { bytes, hex } from '../support/hex.ts';
import { TestClock } from '../support/test-clock.ts';
import { outcome } from './support.ts';

const servers: Server[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

/** A server on a free port of this machine. */
async function serve(onConnection: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function connect(port: number): Promise<OpenByteStream> {
  return openTcp({ host: '127.0.0.1', port }, new AbortController().signal);
}

describe('a TCP line', () => {
  it('carries bytes both ways', async () => {
    const stream = await connect(await serve((socket) => socket.pipe(socket)));
    const arrived = new Promise<Uint8Array>((resolve) => stream.onBytes(resolve));
    await stream.write(bytes('c0ffee'));
    expect(hex(await arrived)).toBe('c0ffee');
    await stream.close();
  });

  it('carries Modbus TCP', async () => {
    const port = await serve((socket) => {
      socket.on('data', (request) => socket.write(Buffer.concat([request.subarray(0, 2), bytes('00000005010302002a')])));
    });
    const stream = await connect(port);
    const options = { framing: 'tcp', timeoutMs: 1000, pauseMs: 0, echo: false, name: 'loopback' } as const;
    const line = openModbusLine(stream, options, new TestClock());
    expect(hex(await modbusFunctions((question) => line.ask(question)).readRegisters(1, 'holding', 0, 1))).toBe('002a');
    line.close();
    await stream.close();
  });

  it.each([
    ['ends', (socket: Socket) => socket.end()],
    ['resets', (socket: Socket) => socket.resetAndDestroy()],
  ])('tells once that the peer %s it, and takes no more bytes', async (_, leave) => {
    const stream = await connect(await serve((socket) => socket.once('data', () => leave(socket))));
    let closeCount = 0;
    const closed = new Promise<void>((resolve) => {
      stream.onClose(() => {
        closeCount++;
        resolve();
      });
    });
    await stream.write(bytes('00'));
    await closed;
    expect(stream.isOpen).toBe(false);
    await expect(stream.write(bytes('00'))).rejects.toMatchObject({ kind: 'closed' });
    await stream.close();
    await stream.close();
    expect(closeCount).toBe(1);
  });

  it('closes although the peer never closes its side', async () => {
    const stream = await connect(await serve((socket) => socket.resume()));
    await stream.close();
    expect(stream.isOpen).toBe(false);
  });

  it('queues nothing for a peer that has stopped reading, and closes at once', async () => {
    const stream = await connect(await serve((socket) => socket.pause()));
    let refused: unknown;
    for (let i = 0; i < 1_000 && refused === undefined; i++) {
      // What the kernel takes is its own; nobody waits for the rest here.
      const written = outcome(stream.write(new Uint8Array(65_536)));
      const told = await Promise.race([written, new Promise((resolve) => setImmediate(resolve, undefined))]);
      refused = (told as { error?: unknown } | undefined)?.error;
    }
    expect(refused).toMatchObject({ name: 'BusError', kind: 'hung' });
    await stream.close();
  });

  it('a listener that was taken back hears nothing', async () => {
    const stream = await connect(await serve((socket) => socket.pipe(socket)));
    const heard: string[] = [];
    stream.onBytes((chunk) => heard.push(`first ${hex(chunk)}`))();
    const arrived = new Promise((resolve) => stream.onBytes(resolve));
    await stream.write(bytes('01'));
    await arrived;
    expect(heard).toEqual([]);
    await stream.close();
  });
});

describe('a connection that cannot be made', () => {
  it('says that nothing listens', async () => {
    const port = await serve(() => {});
    await new Promise((resolve) => servers.splice(0)[0]?.close(resolve));
    const result = await outcome(connect(port));
    expect(result).toMatchObject({ error: { name: 'BusError', kind: 'unreachable', cause: { code: 'ECONNREFUSED' } } });
    expect(String((result as { error: Error }).error)).toContain(`127.0.0.1:${port}`);
  });

  it('ends with its signal', async () => {
    const abort = new AbortController();
    // An address of the documentation's network: nobody answers there.
    const attempt = outcome(openTcp({ host: '192.0.2.1', port: 502 }, abort.signal));
    abort.abort(new Error('deadline'));
    expect(await attempt).toMatchObject({ error: { message: 'deadline' } });
    expect(await outcome(openTcp({ host: '192.0.2.1', port: 502 }, abort.signal))).toMatchObject({
      error: { message: 'deadline' },
    });
  });
});
