import { refused, unreadableJson } from './answers.ts';
import type { Fact } from './fact.ts';
import { get, put, request } from './requests.ts';

const ONE = '{"observations":[{"value":"1"}]}';
const JSON_TYPE = 'application/json; charset=UTF-8';

/** The headers that every service has in common (sentilo.md §1.2). */
export const HEADERS: readonly Fact[] = [
  ...['identity_key', 'Identity_Key', 'IDENTITY_KEY'].map((name) => ({
    section: '1.2',
    fact: `the token is taken from ${name}`,
    exchanges: [
      {
        send: get('/data/rec', { token: null, headers: [`${name}: rec-token`] }),
        expect: { status: 200, body: '{"sensors":[]}' },
      },
    ],
  })),
  ...['Authorization: rec-token', 'Authorization: Bearer rec-token', 'Cookie: IDENTITY_KEY=rec-token'].map((header) => ({
    section: '1.2',
    fact: `IDENTITY_KEY is the only credential: ${header} is none`,
    exchanges: [{ send: get('/data/rec', { token: null, headers: [header] }), expect: refused(401, 'Invalid credential null') }],
  })),
  {
    section: '1.2',
    fact: 'Content-Type is optional, and a success then says JSON',
    exchanges: [
      { send: put('/data/rec/s', ONE), expect: { status: 200, headers: { 'content-type': JSON_TYPE }, body: '' } },
      { send: get('/data/rec/s'), expect: { status: 200, headers: { 'content-type': JSON_TYPE } } },
    ],
  },
  ...['text/plain', 'application/x-www-form-urlencoded', 'application/json', 'text/weird; charset=UTF-8'].map((type) => ({
    section: '1.2',
    fact: `Content-Type is not enforced, and a success echoes it: ${type}`,
    exchanges: [
      {
        send: put('/data/rec/s', ONE, { headers: [`Content-Type: ${type}`] }),
        expect: { status: 200, headers: { 'content-type': type, 'content-length': '0' }, body: '' },
      },
      {
        send: get('/data/rec/s', { headers: [`Content-Type: ${type}`] }),
        expect: { status: 200, headers: { 'content-type': type }, body: /^\{"observations":\[\{"value":"1",/ },
      },
    ],
  })),
  {
    section: '1.2',
    fact: 'an error is JSON, whatever the Content-Type of the request',
    exchanges: [
      {
        send: put('/data/rec/s', '{', { headers: ['Content-Type: text/plain'] }),
        expect: { ...unreadableJson, headers: { 'content-type': JSON_TYPE } },
      },
      {
        send: put('/data/rec/nobody', ONE, { headers: ['Content-Type: text/plain'] }),
        expect: { status: 404, headers: { 'content-type': JSON_TYPE } },
      },
      { send: request('OPTIONS', '/data/rec'), expect: { status: 500, headers: { 'content-type': JSON_TYPE } } },
    ],
  },
  {
    section: '1.2',
    fact: 'a body is in the charset of its Content-Type, else in UTF-8',
    exchanges: [
      { send: put('/data/rec/s', '{"observations":[{"value":"à"}]}') },
      { send: get('/data/rec/s'), expect: { status: 200, body: /^\{"observations":\[\{"value":"à",/ } },
      // The two bytes of à in UTF-8, 0xC3 and 0xA0, are two characters of ISO 8859-1.
      {
        send: put('/data/rec/t', '{"observations":[{"value":"à"}]}', {
          headers: ['Content-Type: text/plain; charset=ISO-8859-1'],
        }),
      },
      { send: get('/data/rec/t'), expect: { status: 200, body: /^\{"observations":\[\{"value":"Ã\u00a0",/ } },
    ],
  },
  {
    section: '1.2',
    fact: 'X-Sentilo-Version comes with a 200 only',
    exchanges: [
      { send: put('/data/rec/s', ONE), expect: { status: 200, headers: { 'x-sentilo-version': '2.0.0' } } },
      { send: get('/data/rec/s'), expect: { status: 200, headers: { 'x-sentilo-version': '2.0.0' } } },
      { send: get('/data'), expect: { status: 400, headers: { 'x-sentilo-version': null } } },
      { send: get('/data/rec', { token: null }), expect: { status: 401, headers: { 'x-sentilo-version': null } } },
      { send: put('/data/rec/nobody', ONE), expect: { status: 404, headers: { 'x-sentilo-version': null } } },
      { send: request('PATCH', '/data/rec'), expect: { status: 500, headers: { 'x-sentilo-version': null } } },
    ],
  },
  {
    section: '1.2',
    fact: 'there is no ETag, no Retry-After, and without a quota no X-RateLimit header',
    exchanges: [
      {
        send: get('/data/rec'),
        expect: {
          status: 200,
          headers: {
            etag: null,
            'retry-after': null,
            'x-ratelimit-inbound-limit': null,
            'x-ratelimit-inbound-remaining': null,
            'x-ratelimit-inbound-reset': null,
            'x-ratelimit-global-inbound-limit': null,
          },
        },
      },
    ],
  },
  {
    section: '1.2',
    fact: 'X-Forwarded-For changes nothing',
    exchanges: [{ send: get('/data/rec', { headers: ['X-Forwarded-For: 10.0.0.1, 10.0.0.2'] }), expect: { status: 200 } }],
  },
  {
    section: '1.1',
    fact: 'an entity with "force HTTPS" is accepted only behind a proxy that says https, in these letters',
    exchanges: [
      { send: get('/data/secure', { token: 'secure-token' }), expect: refused(403, 'SSL access is required') },
      ...['http', 'HTTPS', 'Https'].map((value) => ({
        send: get('/data/secure', { token: 'secure-token', headers: [`X-Forwarded-Proto: ${value}`] }),
        expect: refused(403, 'SSL access is required'),
      })),
      {
        send: get('/data/secure', { token: 'secure-token', headers: ['X-Forwarded-Proto: https'] }),
        expect: { status: 200, body: '{"sensors":[]}' },
      },
    ],
  },
];
