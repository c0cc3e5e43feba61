import { gzipSync } from 'node:zlib';
import { internalError, refused, unreadable, unreadableJson } from './answers.ts';
import type { Fact } from './fact.ts';
import { del, get, post, put, putChunked, request } from './requests.ts';

const ONE = '{"observations":[{"value":"1"}]}';
const NOTHING_STORED = { send: get('/data/rec'), expect: { status: 200, body: '{"sensors":[]}' } };
const ONE_STORED = {
  send: get('/data/rec/s'),
  expect: {
    status: 200,
    body: '{"observations":[{"value":"1","timestamp":"17/09/2012T13:34:45","time":1347888885123}]}',
  },
};

/** What the answer says about the connection, and about itself. */
const CONNECTION: readonly Fact[] = [
  {
    section: '1.1',
    fact: 'a client that asks for keep-alive is told keep-alive, and the connection ends all the same',
    exchanges: [
      {
        send: get('/data/rec', { headers: ['Connection: keep-alive'] }),
        expect: { status: 200, headers: { connection: 'keep-alive' }, body: '{"sensors":[]}' },
      },
    ],
  },
  {
    section: '1.1',
    fact: 'a client that asks for close is told close, in its own letters',
    exchanges: [
      { send: get('/data/rec', { headers: ['Connection: cLoSe'] }), expect: { status: 200, headers: { connection: 'cLoSe' } } },
      { send: get('/nothing', { headers: ['Connection: close'] }), expect: { status: 404, headers: { connection: 'close' } } },
    ],
  },
  {
    section: '1.1',
    fact: 'there is a Date and a Content-Length, and no Server',
    exchanges: [
      {
        send: get('/data/rec'),
        expect: {
          status: 200,
          headers: { date: 'Mon, 17 Sep 2012 13:34:45 GMT', 'content-length': '14', server: null, connection: null },
        },
      },
      {
        send: get('/data/rec', { token: null }),
        expect: { status: 401, headers: { date: 'Mon, 17 Sep 2012 13:34:45 GMT', 'content-length': '48', server: null } },
      },
    ],
  },
  {
    section: '1.1',
    fact: '401, 403, 404, 405 and 500 say nothing about the connection, although it ends',
    exchanges: [
      { send: get('/data/rec', { token: 'xyz' }), expect: { status: 401, headers: { connection: null } } },
      { send: get('/data/other'), expect: { status: 403, headers: { connection: null } } },
      { send: get('/nothing'), expect: { status: 404, headers: { connection: null } } },
      { send: put('/data/rec/nobody', ONE), expect: { status: 404, headers: { connection: null } } },
      { send: post('/data/rec/s', ONE), expect: { status: 405, headers: { connection: null } } },
      { send: request('PATCH', '/data/rec'), expect: { status: 500, headers: { connection: null } } },
    ],
  },
  {
    section: '1.1',
    fact: '400 and 501 say that the connection ends',
    exchanges: [
      { send: get('/data'), expect: { status: 400, headers: { connection: 'Close' } } },
      { send: request('BREW', '/data'), expect: { status: 501, protocol: 'HTTP/1.0', headers: { connection: 'Close' } } },
    ],
  },
  {
    section: '1.1',
    fact: 'a 400 says Close even to a client that asks for keep-alive (HttpCore, ResponseConnControl)',
    exchanges: [
      { send: get('/data', { headers: ['Connection: keep-alive'] }), expect: { status: 400, headers: { connection: 'Close' } } },
    ],
  },
  {
    section: '1.1',
    fact: 'a second, pipelined request is thrown away',
    exchanges: [
      { send: put('/data/rec/s', ONE) + put('/data/rec/s', ONE), expect: { status: 200, body: '' } },
      { ...ONE_STORED, send: get('/data/rec/s?limit=9') },
    ],
  },
];

/** What is taken, as long as it is HTTP. */
const TAKEN: readonly Fact[] = [
  {
    section: '1.1',
    fact: 'HTTP/1.0 without a Host is served, in HTTP/1.1',
    exchanges: [
      { send: 'GET /data/rec HTTP/1.0\r\nIDENTITY_KEY: rec-token\r\n\r\n', expect: { status: 200, body: '{"sensors":[]}' } },
    ],
  },
  {
    section: '1.1',
    fact: 'HTTP/1.0 is told that the connection ends, when it says nothing about it (HttpCore, ResponseConnControl)',
    exchanges: [
      {
        send: 'GET /data/rec HTTP/1.0\r\nIDENTITY_KEY: rec-token\r\n\r\n',
        expect: { status: 200, headers: { connection: 'Close' } },
      },
    ],
  },
  {
    section: '1.1',
    fact: 'HTTP/1.1 without a Host is served',
    exchanges: [{ send: 'GET /data/rec HTTP/1.1\r\nIDENTITY_KEY: rec-token\r\n\r\n', expect: { status: 200 } }],
  },
  {
    section: '1.1',
    fact: 'an absolute request URI is served',
    exchanges: [
      { send: put('http://city.example:8081/data/rec/s', ONE), expect: { status: 200, body: '' } },
      { ...ONE_STORED, send: get('http://city.example:8081/data/rec/s?limit=9') },
    ],
  },
  {
    section: '1.1',
    fact: 'a header line of 20 kB is accepted',
    exchanges: [{ send: get('/data/rec', { headers: [`X-Long: ${'x'.repeat(20_000)}`] }), expect: { status: 200 } }],
  },
  {
    section: '1.1',
    fact: 'a URL of 20 kB is accepted',
    exchanges: [{ send: get(`/data/rec?x=${'x'.repeat(20_000)}`), expect: { status: 200 } }],
  },
  {
    section: '1.1',
    fact: 'of two IDENTITY_KEY headers the first counts',
    exchanges: [
      { send: get('/data/rec', { headers: ['IDENTITY_KEY: xyz'] }), expect: { status: 200 } },
      {
        send: get('/data/rec', { token: 'xyz', headers: ['IDENTITY_KEY: rec-token'] }),
        expect: refused(401, 'Invalid credential xyz'),
      },
    ],
  },
  {
    section: '1.1',
    fact: 'Accept-Encoding is ignored',
    exchanges: [
      {
        send: get('/data/rec', { headers: ['Accept-Encoding: gzip'] }),
        expect: { status: 200, headers: { 'content-encoding': null }, body: '{"sensors":[]}' },
      },
    ],
  },
  {
    section: '1.1',
    fact: 'a gzip body is 400 SIE03',
    exchanges: [{ send: gzipPut(), expect: unreadableJson }, NOTHING_STORED],
  },
  {
    section: '1.1',
    fact: 'an unknown charset in Content-Type is 500 SIE99',
    exchanges: [
      {
        send: put('/data/rec/s', ONE, { headers: ['Content-Type: application/json; charset=klingon'] }),
        expect: internalError,
      },
      NOTHING_STORED,
    ],
  },
  {
    section: '1.1',
    fact: 'a byte order mark before the JSON is 400',
    exchanges: [{ send: put('/data/rec/s', `\ufeff${ONE}`), expect: { status: 400 } }, NOTHING_STORED],
  },
  {
    section: '1.1',
    fact: 'a body in chunks is accepted',
    exchanges: [
      { send: putChunked('/data/rec/s', [ONE.slice(0, 5), ONE.slice(5)]), expect: { status: 200, body: '' } },
      { ...ONE_STORED, send: get('/data/rec/s?limit=9') },
    ],
  },
  {
    section: '1.1',
    fact: 'Expect: 100-continue is honoured',
    exchanges: [
      {
        send: request('PUT', '/data/rec/s', { headers: ['Content-Length: 32', 'Expect: 100-continue'] }),
        steps: [{ receive: 'HTTP/1.1 100 Continue\r\n\r\n' }, { send: ONE }],
        expect: { status: 200, body: '' },
      },
      ONE_STORED,
    ],
  },
  {
    section: '1.1',
    fact: 'a request that is refused before its body is read is answered even when that has 5 MB',
    exchanges: [
      {
        send: put('/data/rec', 'x'.repeat(5_000_000), { token: 'xyz' }),
        expect: refused(401, 'Invalid credential xyz'),
      },
      {
        send: put('/data/secure', 'x'.repeat(5_000_000), { token: 'secure-token' }),
        expect: refused(403, 'SSL access is required'),
      },
      {
        send: put('/nothing', 'x'.repeat(5_000_000)),
        expect: refused(404, 'handler not found to process request /nothing'),
      },
    ],
  },
];

function gzipPut(): Uint8Array {
  const body = gzipSync(ONE);
  const headers = ['Content-Encoding: gzip', `Content-Length: ${body.length}`];
  return Buffer.concat([Buffer.from(request('PUT', '/data/rec/s', { headers })), body]);
}

/** What the head of a request may be, and how its target is read. */
const HEADS: readonly Fact[] = [
  ...['HEAD', 'OPTIONS', 'PATCH', 'TRACE', 'CONNECT'].map((method) => ({
    section: '1.1',
    fact: `${method} is 500 SIE99, before authentication`,
    exchanges: [
      {
        send: request(method, '/data/rec', { token: null }),
        expect: method === 'HEAD' ? { status: 500, body: '' } : internalError,
      },
    ],
  })),
  {
    section: '1.1',
    fact: 'a made-up verb is 501 in plain text, from HttpCore itself, which speaks HTTP/1.0 then (HttpService)',
    exchanges: [
      {
        send: request('BREW', '/data/rec'),
        expect: {
          status: 501,
          protocol: 'HTTP/1.0',
          headers: { 'content-type': /^text\/plain/, date: 'Mon, 17 Sep 2012 13:34:45 GMT', 'content-length': /^\d+$/ },
          body: /^[^{]/,
        },
      },
    ],
  },
  {
    section: '1.1',
    fact: 'a malformed request line is 400 in plain text, from HttpCore itself',
    exchanges: [
      {
        send: 'hello\r\n\r\n',
        expect: {
          status: 400,
          protocol: 'HTTP/1.0',
          headers: { 'content-type': /^text\/plain/, connection: 'Close', 'x-sentilo-version': null },
          body: /^[^{]/,
        },
      },
    ],
  },
  ...['|', '{', '}', '"', '<', '\\', '^', '`', '%zz'].map((sign) => ({
    section: '1.1',
    fact: `${sign} is illegal in a target: 500 SIE99, before authentication`,
    exchanges: [{ send: get(`/data/rec/s${sign}`, { token: null }), expect: internalError }],
  })),
  {
    section: '1.1',
    fact: 'a target is percent-decoded before it is split, so that %2F makes one more segment',
    exchanges: [
      { send: put('/data/rec/s/1%2F2', ''), expect: refused(400, 'Invalid path was requested:/data/rec/s/1%2F2') },
      { send: put('/data%2Frec/s', ONE), expect: { status: 200 } },
      ONE_STORED,
    ],
  },
  {
    section: '1.1',
    fact: 'a trailing slash is harmless',
    exchanges: [
      { send: put('/data/rec/s/', ONE), expect: { status: 200 } },
      { ...ONE_STORED, send: get('/data/rec/s/') },
      { send: get('/data/rec/'), expect: { status: 200 } },
    ],
  },
  {
    section: '1.1',
    fact: 'in a query + is a space, so that a zone must be sent as %2B0200',
    exchanges: [
      { send: put('/data/rec/s', '{"observations":[{"value":"1","timestamp":"17/09/2012T12:34:45"}]}') },
      {
        send: get('/data/rec/s?from=17/09/2012T14:34:45+0200'),
        expect: unreadable('Wrong date value: 17/09/2012T14:34:45 0200'),
      },
      {
        send: get('/data/rec/s?from=17/09/2012T14:34:45%2B0200&to=17/09/2012T14:34:45%2B0200'),
        expect: {
          status: 200,
          body: '{"observations":[{"value":"1","timestamp":"17/09/2012T12:34:45","time":1347885285000}]}',
        },
      },
    ],
  },
  {
    section: '1.1',
    fact: 'the body of a DELETE is never read',
    exchanges: [
      { send: put('/data/rec/s', ONE) },
      // It is announced and never sent, and the answer does not wait for it.
      { send: del('/data/rec/s', { headers: ['Content-Length: 10'] }), expect: { status: 200, body: '' } },
      { send: put('/data/rec/s', ONE) },
      { send: del('/data/rec/s', { body: '{ not JSON' }), expect: { status: 200, body: '' } },
      NOTHING_STORED,
    ],
  },
];

/** What the server does on the socket and with the head of a request (sentilo.md §1.1). */
export const TRANSPORT: readonly Fact[] = [...CONNECTION, ...TAKEN, ...HEADS];
