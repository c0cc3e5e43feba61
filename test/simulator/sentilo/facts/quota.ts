import type { World } from '../../../../simulator/sentilo/world.ts';
import { WORLD, worldWith } from '../support.ts';
import { internalError, refused } from './answers.ts';
import type { Exchange, Expected, Fact } from './fact.ts';
import { del, get, put, request } from './requests.ts';

const ONE = '{"observations":[{"value":"1"}]}';
const MINUTE_MS = 60_000;

/** The provider `rec` and the one that needs HTTPS may ask so often in an hour, everybody together as often as `settings` say. */
function limited(quotaPerHour: number, settings: Partial<World['settings']> = {}): World {
  const isLimited = (id: string) => id === 'rec' || id === 'secure';
  const entities = WORLD.entities.map((one) => (isLimited(one.id) ? { ...one, quotaPerHour } : one));
  return { ...worldWith(settings), entities };
}

/** An answer that says how many requests are left. */
const left = (remaining: number, status = 200): Expected => ({
  status,
  headers: { 'x-ratelimit-inbound-remaining': String(remaining), 'x-ratelimit-inbound-reset': '0' },
});

const entityRefused = (quota: number): Expected =>
  refused(429, `Sent quota exceeded. You are only allowed to send ${quota} requests per hour on this site. Try again later.`);
const globalRefused = (quota: number): Expected =>
  refused(429, `Global inbound requests quota exceeded. Service only accepts ${quota} requests per hour. Try again later.`);

const NO_HEADERS = {
  'x-ratelimit-inbound-limit': null,
  'x-ratelimit-inbound-remaining': null,
  'x-ratelimit-inbound-reset': null,
  'x-ratelimit-global-inbound-limit': null,
  'x-ratelimit-global-inbound-remaining': null,
  'x-ratelimit-global-inbound-reset': null,
};

/** A fact about one request that fails later than at the limiter: it is counted, and its answer says so. */
const counted = (what: string, send: string, status: number, settings: Partial<World['settings']> = {}): Fact => ({
  section: '1.10',
  fact: `${what} is counted, and says what is left`,
  world: limited(10, settings),
  exchanges: [
    { send, expect: left(9, status) },
    { send: get('/data/rec'), expect: left(8) },
  ],
});

/** A fact about one that fails before the limiter: it is not counted, and its answer says nothing. */
const uncounted = (what: string, send: string, status: number, next: Exchange): Fact => ({
  section: '1.10',
  fact: `${what} is not counted, and says nothing about a quota`,
  world: limited(10, { quotaPerHour: 100 }),
  exchanges: [{ send, expect: { status, headers: NO_HEADERS } }, next],
});

const NEXT: Exchange = { send: get('/data/rec'), expect: left(9) };
const HTTPS = { token: 'secure-token', headers: ['X-Forwarded-Proto: https'] };

/** What counts. */
const COUNTED: readonly Fact[] = [
  {
    section: '1.10',
    fact: 'a batch costs one request, as any other does',
    world: limited(10),
    exchanges: [
      { send: put('/data/rec/s', `{"observations":[${Array(1000).fill('{"value":"1"}').join(',')}]}`), expect: left(9) },
      { send: put('/data/rec/s/1', ''), expect: left(8) },
      { send: get('/data/rec'), expect: left(7) },
      { send: del('/data/rec'), expect: left(6) },
    ],
  },
  counted('400 for a path', get('/data'), 400),
  counted('400 for a body', put('/data/rec/s', '{'), 400),
  counted('400 for a body that is too long', put('/data/rec/s', ONE), 400, { bodyBytesMax: 10 }),
  counted('403 for a permission', get('/data/nobody'), 403),
  counted('404 for a sensor', put('/data/rec/nobody', ONE), 404),
  counted('404 for a path', get('/nothing'), 404),
  counted('405', request('POST', '/data/rec/s', { body: ONE }), 405),
  counted('500 for odd input', put('/data/rec/s', 'null'), 500),
  uncounted('401', get('/data/rec', { token: 'xyz' }), 401, NEXT),
  uncounted('401 without a token', get('/data/rec', { token: null }), 401, NEXT),
  uncounted('500 for a target', get('/data/rec|'), 500, NEXT),
  uncounted('500 for a method', request('OPTIONS', '/data/rec'), 500, NEXT),
  uncounted('403 for plain access', get('/data/secure', { token: 'secure-token' }), 403, {
    send: get('/data/secure', HTTPS),
    expect: left(9),
  }),
  {
    section: '1.10',
    fact: 'a quota of 0 is no limit, and an entity without one sees no header of another one',
    world: limited(1),
    exchanges: [
      { send: get('/data/rec', { token: 'reader-token' }), expect: { status: 200, headers: NO_HEADERS } },
      { send: get('/data/rec', { token: 'reader-token' }), expect: { status: 200, headers: NO_HEADERS } },
      { send: get('/data/rec'), expect: left(0) },
    ],
  },
];

/** What is refused, and for how long. */
const REFUSED: readonly Fact[] = [
  {
    section: '1.10',
    fact: 'over its quota an entity is 429 with the headers, Reset in minutes, and nothing is stored',
    world: limited(2),
    exchanges: [
      {
        send: get('/data/rec'),
        expect: {
          status: 200,
          headers: {
            'x-ratelimit-inbound-limit': '2',
            'x-ratelimit-inbound-remaining': '1',
            'x-ratelimit-inbound-reset': '0',
            'x-ratelimit-global-inbound-limit': null,
          },
        },
      },
      { send: get('/data/rec'), expect: left(0) },
      {
        afterMs: 20 * MINUTE_MS,
        send: put('/data/rec/s', ONE),
        expect: {
          ...entityRefused(2),
          headers: {
            'x-ratelimit-inbound-limit': '2',
            'x-ratelimit-inbound-remaining': '0',
            // Minutes of an hour, of which twenty have passed.
            'x-ratelimit-inbound-reset': /^(39|40)$/,
            'retry-after': null,
            'x-sentilo-version': null,
            connection: null,
          },
        },
      },
      { afterMs: 40 * MINUTE_MS, send: get('/data/rec'), expect: { status: 200, body: '{"sensors":[]}' } },
    ],
  },
  {
    section: '1.10',
    fact: 'the window slides by the minute: a bucket lives 59 minutes, and each is let go by itself',
    world: limited(2),
    exchanges: [
      { send: get('/data/rec'), expect: left(1) },
      { afterMs: 30 * MINUTE_MS, send: get('/data/rec'), expect: left(0) },
      { afterMs: 28 * MINUTE_MS, send: get('/data/rec'), expect: entityRefused(2) },
      // An hour after the first and half an hour after the second.
      { afterMs: 2 * MINUTE_MS, send: get('/data/rec'), expect: left(0) },
      { send: get('/data/rec'), expect: entityRefused(2) },
    ],
  },
  {
    section: '1.10',
    fact: 'what is refused does not consume',
    world: limited(1),
    exchanges: [
      { send: get('/data/rec'), expect: left(0) },
      ...Array.from({ length: 5 }, () => ({ afterMs: 10 * MINUTE_MS, send: get('/data/rec'), expect: entityRefused(1) })),
      { afterMs: 10 * MINUTE_MS, send: get('/data/rec'), expect: left(0) },
    ],
  },
  {
    section: '1.10',
    fact: 'over the global quota everybody is 429, with the headers of both',
    world: limited(10, { quotaPerHour: 2 }),
    exchanges: [
      {
        send: get('/data/rec'),
        expect: {
          status: 200,
          headers: {
            'x-ratelimit-inbound-limit': '10',
            'x-ratelimit-inbound-remaining': '9',
            'x-ratelimit-global-inbound-limit': '2',
            'x-ratelimit-global-inbound-remaining': '1',
            'x-ratelimit-global-inbound-reset': '0',
          },
        },
      },
      { send: get('/data/rec', { token: 'reader-token' }), expect: { status: 200 } },
      { send: get('/data/rec', { token: 'writer-token' }), expect: globalRefused(2) },
      {
        send: get('/data/rec'),
        expect: {
          ...globalRefused(2),
          headers: {
            // The entity's quota is consumed before the global one is looked at.
            'x-ratelimit-inbound-remaining': '8',
            'x-ratelimit-global-inbound-limit': '2',
            'x-ratelimit-global-inbound-remaining': '0',
            'x-ratelimit-global-inbound-reset': /^(59|60)$/,
          },
        },
      },
    ],
  },
  {
    section: '1.3',
    fact: "the entity's quota comes first, then the global one",
    world: limited(1, { quotaPerHour: 1 }),
    exchanges: [
      { send: get('/data/rec'), expect: { status: 200 } },
      { send: get('/data/rec'), expect: entityRefused(1) },
      { send: get('/data/rec', { token: 'reader-token' }), expect: globalRefused(1) },
    ],
  },
  {
    section: '1.3',
    fact: 'a quota is looked at before the length of the body, the path and the body (5 before 6 to 8)',
    world: limited(1, { bodyBytesMax: 10 }),
    exchanges: [
      { send: get('/data/rec'), expect: left(0) },
      { send: put('/data/rec/s', ONE), expect: entityRefused(1) },
      { send: get('/nothing'), expect: entityRefused(1) },
      { send: put('/data/rec', '{'), expect: entityRefused(1) },
    ],
  },
  {
    section: '1.3',
    fact: 'over its quota an entity that needs HTTPS is told that first, and who is unknown is unknown (3 and 4 before 5)',
    world: limited(1),
    exchanges: [
      { send: get('/data/secure', HTTPS), expect: left(0) },
      { send: get('/data/secure', HTTPS), expect: entityRefused(1) },
      { send: get('/data/secure', { token: 'secure-token' }), expect: refused(403, 'SSL access is required') },
      { send: get('/data/secure', { token: 'xyz' }), expect: refused(401, 'Invalid credential xyz') },
      { send: request('OPTIONS', '/data/secure', HTTPS), expect: internalError },
    ],
  },
  {
    section: '1.2',
    fact: 'a 429 that a scenario asks for carries the headers that every 429 has',
    exchanges: [
      {
        fault: { kind: 'status', status: 429 },
        send: put('/data/rec/s', ONE),
        expect: {
          ...globalRefused(1),
          headers: { 'x-ratelimit-global-inbound-remaining': '0', 'x-ratelimit-global-inbound-reset': /^[1-9]\d?$/ },
        },
      },
    ],
  },
  {
    section: '1.1',
    fact: 'a 429 is answered even when the body has 5 MB',
    world: limited(1),
    exchanges: [
      { send: get('/data/rec'), expect: left(0) },
      { send: put('/data/rec/s', 'x'.repeat(5_000_000)), expect: entityRefused(1) },
    ],
  },
];

/** How often one may ask (sentilo.md §1.10, inbound). */
export const QUOTA: readonly Fact[] = [...COUNTED, ...REFUSED];
