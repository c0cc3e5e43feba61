import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * What the way to the city does. `pass`: works. `refuse`: nobody listens. `hang`: connects and never answers.
 * `cut-answer`: the city gets and carries out the request, the answer is lost. `cut-request`: the request is cut in two.
 */
export type Way = 'pass' | 'refuse' | 'hang' | 'cut-answer' | 'cut-request';

/** A TCP proxy between the gateway and the city. */
export interface Proxy {
  readonly url: string;
  /** From now on, for connections under way too. */
  set(way: Way): Promise<void>;
  /** Answers that were cut so far after the city had sent them. */
  readonly cutCount: () => number;
  close(): Promise<void>;
}

/** Bytes of a request that get through under `cut-request`: the head and the beginning of the body. */
const CUT_REQUEST_BYTES = 300;

export async function startProxy(cityPort: number): Promise<Proxy> {
  let way: Way = 'pass';
  let cuts = 0;
  const open = new Set<Socket>();
  const drop = (...sockets: Socket[]) => {
    for (const socket of sockets) socket.destroy();
  };

  const carry = (gateway: Socket) => {
    open.add(gateway);
    gateway.on('close', () => open.delete(gateway));
    gateway.on('error', () => {});
    if (way === 'hang') return;
    const city = connect(cityPort, '127.0.0.1');
    city.on('error', () => drop(gateway));
    city.on('close', () => gateway.end());
    gateway.on('close', () => city.destroy());
    let sentBytes = 0;
    gateway.on('data', (bytes) => {
      const rest = way === 'cut-request' ? bytes.subarray(0, Math.max(0, CUT_REQUEST_BYTES - sentBytes)) : bytes;
      sentBytes += rest.length;
      city.write(rest);
      if (rest.length < bytes.length) drop(gateway, city);
    });
    city.on('data', (bytes) => {
      if (way !== 'cut-answer') return void gateway.write(bytes);
      cuts += 1;
      drop(gateway, city);
    });
  };

  let server = await listen(0, carry);
  const { port } = server.address() as { port: number };
  const unlisten = async () => {
    drop(...open);
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  return {
    url: `http://127.0.0.1:${port}`,
    cutCount: () => cuts,
    set: async (next) => {
      way = next;
      if (next === 'refuse') await unlisten();
      else if (!server.listening) server = await listen(port, carry);
    },
    close: unlisten,
  };
}

async function listen(port: number, carry: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, carry).listen(port, '127.0.0.1');
  await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
  return server;
}
