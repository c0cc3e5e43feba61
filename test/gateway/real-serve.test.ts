import { once } from 'node:events';
import * as http from 'node:http';
import * as net from 'node:net';
import { expect, test } from 'vitest';
import { realServe } from '../../gateway/real-servers.ts';

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The status of a push, or the code of what failed. */
function push(port: number): Promise<number | string | undefined> {
  return new Promise((resolve) => {
    const request = http.request({ host: '127.0.0.1', port, method: 'POST', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    request.end('{}');
  });
}

test('connections that ask for nothing do not keep the city out, and are ended soon', async () => {
  const port = await freePort();
  const stop = await realServe({ port, listen: 'lan', bodyBytesMax: 100 }, async () => 200);
  const idle = Array.from({ length: 32 }, () => net.connect(port, '127.0.0.1').on('error', () => {}));
  await Promise.all(idle.map((socket) => once(socket, 'connect')));
  expect(await push(port)).toBe(200);
  const begunMs = performance.now();
  await Promise.all(idle.map((socket) => once(socket.resume(), 'close')));
  expect(performance.now() - begunMs).toBeLessThan(8_000);
  await stop();
}, 20_000);
