// A network that lets nobody out but through its proxy, as in a school: Squid and the like.

import { getEventListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request as plainRequest } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { HttpRequest } from '../../gateway/host.ts';
import { proxyFor } from '../../gateway/proxy.ts';
import { realHost } from '../../gateway/real-host.ts';

const pem = (name: string) => readFileSync(new URL(`../data/tls/${name}.pem`, import.meta.url), 'utf8');
const host = realHost(() => {});
const closers: (() => unknown)[] = [];

afterEach(() => {
  vi.unstubAllEnvs();
  for (const close of closers.splice(0)) close();
});

async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {})));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return (server.address() as AddressInfo).port;
}

/** A city on this machine. What it hears is in `seen`. */
async function city(isSecure: boolean) {
  const seen: string[] = [];
  const answer = (request: IncomingMessage, response: { end(text: string): unknown }) => {
    seen.push(`${request.method} ${request.url} ${request.headers['proxy-authorization'] ?? '-'}`);
    request.resume().on('end', () => response.end('done'));
  };
  const server = isSecure ? createTlsServer({ cert: pem('wrong-host'), key: pem('key') }, answer) : createServer(answer);
  return { port: await listening(server), seen };
}

/** A proxy that leads every name to this port of this machine; without a `status` it lets everybody through. */
async function proxy(port: number, status = 200) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers['proxy-authorization'] ?? '-'}`);
    const { pathname } = new URL(request.url ?? '');
    const { 'proxy-authorization': _, ...headers } = request.headers;
    const onward = plainRequest({ port, method: request.method, path: pathname, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0);
      answer.pipe(response);
    });
    request.pipe(onward);
  });
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    asked.push(`CONNECT ${request.url} ${request.headers['proxy-authorization'] ?? '-'}`);
    if (status !== 200) return socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`);
    const onward = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    closers.push(() => onward.destroy());
  });
  return { port: await listening(server), asked };
}

function put(url: string, more: Partial<HttpRequest> = {}) {
  const request = { method: 'PUT', url, headers: { identity_key: 't' }, body: Buffer.from('{}'), timeoutMs: 2_000 } as const;
  return host.http({ ...request, responseBytesMax: 1_000, ca: pem('authority'), ...more }, new AbortController().signal);
}

describe('through the proxy of a network', () => {
  test('a city is reached by TLS from end to end: the proxy sees its name and nothing else', async () => {
    const { port, seen } = await city(true);
    const { port: proxyPort, asked } = await proxy(port);
    vi.stubEnv('HTTPS_PROXY', `http://pupil:pass%20word@127.0.0.1:${proxyPort}`);
    const { status, body } = await put('https://city.example/data/makers');
    expect([status, String(body)]).toEqual([200, 'done']);
    expect(asked).toEqual([`CONNECT city.example:443 Basic ${Buffer.from('pupil:pass word').toString('base64')}`]);
    expect(seen).toEqual(['PUT /data/makers -']);
  });

  test('the certificate must still be the city’s', async () => {
    const { port, seen } = await city(true);
    const { port: proxyPort } = await proxy(port);
    vi.stubEnv('HTTPS_PROXY', `http://127.0.0.1:${proxyPort}`);
    await expect(put('https://other.example/data/makers')).rejects.toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
      maybeSent: false,
    });
    expect(seen).toEqual([]);
  });

  test('a city without TLS is asked for by its whole address', async () => {
    const { port, seen } = await city(false);
    const { port: proxyPort, asked } = await proxy(port);
    vi.stubEnv('http_proxy', `127.0.0.1:${proxyPort}`);
    expect(await put('http://city.example:8081/data/makers')).toMatchObject({ status: 200 });
    expect(asked).toEqual(['PUT http://city.example:8081/data/makers -']);
    expect(seen).toEqual(['PUT /data/makers -']);
  });

  test.each([403, 407])('that refuses with %d nothing is sent, and who refuses is said', async (status) => {
    const { port, seen } = await city(true);
    const { port: proxyPort } = await proxy(port, status);
    vi.stubEnv('HTTPS_PROXY', `http://u:secret@127.0.0.1:${proxyPort}`);
    await expect(put('https://city.example/data/makers')).rejects.toMatchObject({
      code: 'PROXY_REFUSED',
      maybeSent: false,
      message: `the proxy 127.0.0.1:${proxyPort} does not let us through (${status})`,
    });
    expect(seen).toEqual([]);
  });

  test('that is not there, hangs or cannot be used nothing is sent either', async () => {
    const { port, asked } = await proxy(0);
    for (const close of closers.splice(0)) close();
    vi.stubEnv('HTTPS_PROXY', `http://127.0.0.1:${port}`);
    await expect(put('https://city.example/')).rejects.toMatchObject({ code: 'ECONNREFUSED', maybeSent: false });
    const { createServer: createSilent } = await import('node:net');
    vi.stubEnv('HTTPS_PROXY', `http://127.0.0.1:${await listening(createSilent())}`);
    await expect(put('https://city.example/', { timeoutMs: 50 })).rejects.toMatchObject({ code: 'TIMEOUT', maybeSent: false });
    vi.stubEnv('HTTPS_PROXY', 'socks5://u:secret@127.0.0.1:1080');
    const failure: Error = (await put('https://city.example/').catch((error: Error) => error)) as Error;
    expect(failure).toMatchObject({ code: 'BAD_PROXY', maybeSent: false });
    expect(failure.message).not.toContain('secret');
    expect(asked).toEqual([]);
  });
});

test('a request through a proxy leaves nothing with the signal that ends it, and is ended by it', async () => {
  const { port } = await city(true);
  const { createServer: createSilent } = await import('node:net');
  const ending = new AbortController();
  const any = vi.spyOn(AbortSignal, 'any');
  const request: HttpRequest = {
    method: 'PUT',
    url: 'https://city.example/',
    headers: {},
    timeoutMs: 2_000,
    responseBytesMax: 1_000,
    ca: pem('authority'),
  };
  vi.stubEnv('HTTPS_PROXY', `http://127.0.0.1:${(await proxy(port)).port}`);
  await host.http(request, ending.signal);
  expect(any).not.toHaveBeenCalled();
  any.mockRestore();
  expect(getEventListeners(ending.signal, 'abort')).toEqual([]);
  vi.stubEnv('HTTPS_PROXY', `http://127.0.0.1:${await listening(createSilent())}`);
  const hanging = host.http(request, ending.signal);
  setImmediate(() => ending.abort(new Error('stopping')));
  await expect(hanging).rejects.toThrow('stopping');
});

describe('the proxy of the environment', () => {
  const HTTPS = { HTTPS_PROXY: 'http://proxy.school:3128' };
  test.each<[string, Record<string, string>, string | undefined]>([
    ['https://city.example/', {}, undefined],
    ['https://city.example/', HTTPS, 'proxy.school:3128'],
    ['http://city.example/', HTTPS, undefined],
    ['https://city.example/', { ...HTTPS, https_proxy: 'http://other:8080' }, 'other:8080'],
    ['https://city.example/', { HTTPS_PROXY: 'proxy.school' }, 'proxy.school:80'],
    ['https://city.example/', { ...HTTPS, NO_PROXY: 'city.example' }, undefined],
    ['https://api.city.example/', { ...HTTPS, NO_PROXY: 'a.b, .city.example' }, undefined],
    ['https://api.city.example/', { ...HTTPS, no_proxy: 'city.example' }, undefined],
    ['https://mycity.example/', { ...HTTPS, NO_PROXY: 'city.example' }, 'proxy.school:3128'],
    ['https://city.example/', { ...HTTPS, NO_PROXY: '*' }, undefined],
    ['https://127.0.0.1:8081/', HTTPS, undefined],
    ['https://localhost/', HTTPS, undefined],
    ['https://[::1]/', HTTPS, undefined],
  ])('for %s with %o is %s', (url, env, expected) => {
    const proxy = proxyFor(new URL(url), env);
    expect(proxy && `${proxy.hostname}:${proxy.port}`).toBe(expected);
  });
});
