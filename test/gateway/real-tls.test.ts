// What comes of a city behind TLS, and of what stands in its place, over real sockets. The certificates are those of test/data/tls.

import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { realHost } from '../../gateway/real-host.ts';
import { maskOf, type Outcome } from '../../gateway/uplink/answer.ts';
import { openCity } from '../../gateway/uplink/city.ts';

const pem = (name: string) => readFileSync(new URL(`../data/tls/${name}.pem`, import.meta.url), 'utf8');
const AUTHORITY = pem('authority');
const KEY = pem('key');
const TOKEN = 'secret-token';
const host = realHost(() => {});
const never = new AbortController().signal;
const closers: (() => unknown)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** Listens on this machine until the end of the test. */
async function listening(server: Server | ReturnType<typeof createHttpServer>): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return (server.address() as AddressInfo).port;
}

/** A city with this certificate; `requests` counts what got through to it. */
async function city(certificate: string, more: TlsOptions = {}): Promise<{ url: string; requests: string[] }> {
  const requests: string[] = [];
  const server = createServer({ cert: pem(certificate), key: KEY, ...more }, (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    request.resume().on('end', () => response.writeHead(200, { 'X-Sentilo-Version': '2.0.0' }).end());
  });
  server.on('tlsClientError', () => {});
  return { url: `https://127.0.0.1:${await listening(server)}`, requests };
}

/** One reading is published there. */
function publish(url: string, ca: string | undefined): Promise<Outcome> {
  const options = { config: { url, provider: 'makers' }, token: TOKEN, mask: maskOf(TOKEN), userAgent: 'barri/test' };
  const entry = { sequence: 1, sensor: 'a', second: 1_795_608_000, value: '1', boot: 'boot', monotonicMs: 0 };
  return openCity(host, ca === undefined ? options : { ...options, ca }).publish([entry], never);
}

describe('a city behind TLS', () => {
  test('with an authority of its own that the site names is delivered to', async () => {
    const { url, requests } = await city('good');
    expect(await publish(url, AUTHORITY)).toEqual({ kind: 'stored' });
    expect(requests).toEqual(['PUT /data/makers']);
  });

  test.each<[string, string, TlsOptions, string | undefined, RegExp]>([
    ['an authority that nobody here knows', 'good', {}, undefined, /^UNABLE_TO_VERIFY_LEAF_SIGNATURE$/],
    ['a certificate that has expired', 'expired', {}, AUTHORITY, /^CERT_HAS_EXPIRED$/],
    ['the certificate of another host', 'wrong-host', {}, AUTHORITY, /^ERR_TLS_CERT_ALTNAME_INVALID$/],
    ['a certificate that it has signed itself', 'self-signed', {}, AUTHORITY, /^DEPTH_ZERO_SELF_SIGNED_CERT$/],
    [
      'TLS 1.1 and older only',
      'good',
      { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' },
      AUTHORITY,
      /^(?:ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION|ERR_SSL_UNSUPPORTED_PROTOCOL|EPROTO)$/,
    ],
  ])('with %s gets nothing, not even the token, and everything is kept', async (_what, certificate, more, ca, error) => {
    const { url, requests } = await city(certificate, more);
    expect(await publish(url, ca)).toMatchObject({
      kind: 'not-stored',
      pause: { state: 'unreachable', problem: { code: 'S003', parameters: { error: expect.stringMatching(error) } } },
    });
    expect(requests).toEqual([]);
  });

  test('that speaks no TLS at all is told as that', async () => {
    const port = await listening(createHttpServer((_request, response) => response.end()));
    expect(await publish(`https://127.0.0.1:${port}`, AUTHORITY)).toMatchObject({
      kind: 'not-stored',
      pause: { problem: { code: 'S003' } },
    });
  });
});

describe('what stands in the place of a city', () => {
  /** Whatever answers this way. */
  async function peer(status: number, headers: Readonly<Record<string, string>>, body: string | Buffer): Promise<string> {
    const server = createHttpServer((request, response) => {
      request.resume().on('end', () => response.writeHead(status, headers).end(body));
    });
    return `http://127.0.0.1:${await listening(server)}`;
  }

  test('and redirects is not followed, whatever it redirects to; where to is said', async () => {
    const elsewhere = await city('good');
    const url = await peer(302, { Location: `${elsewhere.url}/login` }, '');
    expect(await publish(url, undefined)).toMatchObject({
      kind: 'not-stored',
      pause: { state: 'refused', problem: { code: 'S302', parameters: { words: `${elsewhere.url}/login` } } },
    });
    expect(elsewhere.requests).toEqual([]);
  });

  test.each([
    ['a page for signing in', 200, '<html>Welcome</html>', 'S001'],
    ['an answer of 10 MB', 200, Buffer.alloc(10_000_000, 'x'), 'S005'],
  ] as const)('%s is no success: what was sent is looked up', async (_what, status, body, code) => {
    const url = await peer(status, { 'Content-Type': 'text/html' }, body);
    expect(await publish(url, undefined)).toMatchObject({ kind: 'unknown', pause: { state: 'unreachable', problem: { code } } });
  });

  test.each([
    ['half an answer', 'HTTP/1.1 200 OK\r\nX-Sentilo-Version: 2.0.0\r\nContent-Length: 9\r\n\r\n{', 'S000', 'ECONNRESET'],
    ['garbage', '\u0000\u0001\u0002 220 mail.example ESMTP\r\n\r\n', 'S001', 'BAD_ANSWER'],
  ] as const)('%s is an unknown outcome', async (_what, bytes, code, error) => {
    const server = createHttpServer();
    server.on('connection', (socket: Socket) => socket.once('data', () => socket.end(bytes)));
    const url = `http://127.0.0.1:${await listening(server)}`;
    expect(await publish(url, undefined)).toMatchObject({
      kind: 'unknown',
      pause: { problem: { code, parameters: { error } } },
    });
  });

  test('a proxy that does not say that it has ended TLS makes the city refuse, and the person is told to use https', async () => {
    const body = JSON.stringify({ code: 403, message: 'SSL access is required' });
    const url = await peer(403, { 'Content-Type': 'application/json' }, body);
    expect(await publish(url, undefined)).toMatchObject({
      kind: 'not-stored',
      pause: { state: 'refused', problem: { code: 'S002' } },
    });
  });

  test('a token that is revoked in between is never repeated anywhere', async () => {
    const body = JSON.stringify({ code: 401, message: `Invalid credential ${TOKEN}` });
    const outcome = await publish(await peer(401, {}, body), undefined);
    expect(outcome).toMatchObject({ kind: 'not-stored', pause: { state: 'refused', problem: { code: 'S401' } } });
    expect(JSON.stringify(outcome)).not.toContain(TOKEN);
  });
});
