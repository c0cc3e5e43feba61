import type { Fact } from './fact.ts';
import { MESSAGE_WORLD } from './message-world.ts';
import { del, get, post, put, request } from './requests.ts';

const NO_ORDER = '{"code":400,"message":"To publish an order is mandatory to inform the order content"}';
const UNREADABLE =
  /^\{"code":400,"message":"SIE03-1347888885123 {2}Bad request data: could not read JSON payload\. Please review the following error and try again","errorDetails":\[/;
const INTERNAL =
  '{"code":500,"message":"Something went wrong. Please try again. If the problem persists, contact your support site and provide the following error code: SIE99-1347888885123"}';
const OPEN = '{"order":"open","timestamp":"17/09/2012T13:34:45","sender":"rec","time":1347888885123}';
const SHUT = '{"order":"shut","timestamp":"17/09/2012T13:34:46","sender":"rec","time":1347888886123}';

/** What a body of an order is answered with. */
const BODIES: readonly [fact: string, body: string, status: number, answer: string | RegExp][] = [
  ['an empty body', '', 400, NO_ORDER],
  ['a body without order', '{}', 400, NO_ORDER],
  ['an order that is null', '{"order":null}', 400, NO_ORDER],
  ['an empty order', '{"order":""}', 400, NO_ORDER],
  ['a blank order', '{"order":" \\t "}', 400, NO_ORDER],
  ['an object as order', '{"order":{}}', 400, UNREADABLE],
  ['a list as order', '{"order":["open"]}', 400, UNREADABLE],
  ['a field that nobody knows', '{"order":"open","sensor":"s"}', 400, UNREADABLE],
  ['a known field in other case', '{"Order":"open"}', 400, UNREADABLE],
  ['no JSON', 'open', 400, UNREADABLE],
  ['a list', '[]', 400, UNREADABLE],
  ['the literal null', 'null', 500, INTERNAL],
];

/** What is stored of a body that is taken. */
const TEXTS: readonly [fact: string, body: string, stored: string][] = [
  ['a text is opaque and kept as it is', '{"order":"{\\"relay\\": 1} <ñ>"}', '"{\\"relay\\": 1} <ñ>"'],
  ['a number is kept by its text', '{"order":12.30}', '"12.30"'],
  ['a boolean is kept by its text', '{"order":true}', '"true"'],
  [
    'sender, providerId and sensorId are taken and overwritten',
    '{"order":"open","sender":"me","providerId":"x","sensorId":"t"}',
    '"open"',
  ],
  ['of a repeated field the last counts', '{"order":"open","order":"shut"}', '"shut"'],
];

/** Of s: one order at .123 of second 45, and one a second later. The clock is at 13:34:47.123 then. */
const TWO_ORDERS = [
  { send: put('/order/rec/s', '{"order":"open"}') },
  { afterMs: 1000, send: put('/order/rec/s', '{"order":"shut"}') },
  { afterMs: 1000, send: get('/order/rec/t'), expect: { status: 200, body: '{"orders":[]}' } },
];

const READS: readonly [fact: string, query: string, orders: string][] = [
  ['one order is read by default, the newest', '', SHUT],
  ['a limit gives so many, newest first', '?limit=2', `${SHUT},${OPEN}`],
  ['a limit of 0 gives none', '?limit=0', ''],
  ['a limit of -1 gives all', '?limit=-1', `${SHUT},${OPEN}`],
  ['any negative limit gives all', '?limit=-7', `${SHUT},${OPEN}`],
  ['an empty limit counts as none', '?limit=', SHUT],
  ['from is included, and the milliseconds of its second are after it', '?limit=9&from=17/09/2012T13:34:46', SHUT],
  ['to at an order’s own second misses it, because of its milliseconds', '?limit=9&to=17/09/2012T13:34:45', ''],
  ['to at the next second finds it', '?limit=9&to=17/09/2012T13:34:46', OPEN],
  ['a from after the to gives nothing', '?limit=9&from=17/09/2012T13:34:47&to=17/09/2012T13:34:45', ''],
  ['a zone in from is sent with %2B', '?limit=9&from=17/09/2012T15:34:46%2B0200', SHUT],
];

/** The service /order (sentilo.md §1.7, §2.4). */
export const ORDERS: readonly Fact[] = [
  ...BODIES.map(([what, body, status, answer]) => ({
    section: '1.7',
    fact: `${what} is answered ${status}, and nothing is stored`,
    exchanges: [
      { send: put('/order/rec/s', body), expect: { status, body: answer } },
      { send: get('/order/rec/s'), expect: { status: 200, body: '{"orders":[]}' } },
    ],
  })),
  ...TEXTS.map(([fact, body, stored]) => ({
    section: '1.7',
    fact,
    exchanges: [
      { send: put('/order/rec/s', body), expect: { status: 200, headers: { 'content-length': '0' }, body: '' } },
      {
        send: get('/order/rec/s'),
        expect: {
          status: 200,
          body: `{"orders":[{"order":${stored},"timestamp":"17/09/2012T13:34:45","sender":"rec","time":1347888885123}]}`,
        },
      },
    ],
  })),
  ...READS.map(([fact, query, orders]) => ({
    section: query.includes('from') || query.includes('to') ? '2.4' : '1.7',
    fact,
    exchanges: [...TWO_ORDERS, { send: get(`/order/rec/s${query}`), expect: { status: 200, body: `{"orders":[${orders}]}` } }],
  })),
  {
    section: '1.7',
    fact: 'reading consumes nothing, whoever reads',
    exchanges: [
      { send: put('/order/rec/s', '{"order":"open"}') },
      { send: get('/order/rec/s') },
      { send: get('/order/rec/s', { token: 'reader-token' }), expect: { status: 200, body: `{"orders":[${OPEN}]}` } },
    ],
  },
  {
    section: '1.7',
    fact: 'the sender is the caller, whoever owns the sensor',
    exchanges: [
      { send: put('/order/rec/s', '{"order":"open"}', { token: 'writer-token' }), expect: { status: 200, body: '' } },
      { send: get('/order/rec/s'), expect: { status: 200, body: /"sender":"writer"/ } },
    ],
  },
  {
    section: '1.7',
    fact: 'a POST with method=put is a PUT',
    exchanges: [
      { send: post('/order/rec/s?method=put', '{"order":"open"}'), expect: { status: 200, body: '' } },
      { send: get('/order/rec/s'), expect: { status: 200, body: `{"orders":[${OPEN}]}` } },
    ],
  },
  {
    section: '1.7',
    fact: 'any other POST, and a DELETE, are not allowed',
    exchanges: [
      {
        send: post('/order/rec/s?method=PUT', '{"order":"open"}'),
        expect: { status: 405, body: '{"code":405,"message":"HTTP POST method not allowed for the requested resource"}' },
      },
      {
        send: del('/order/rec/s'),
        expect: { status: 405, body: '{"code":405,"message":"HTTP DELETE method not allowed for the requested resource"}' },
      },
    ],
  },
  {
    section: '1.7',
    fact: 'an unknown sensor is rejected like an observation of it',
    exchanges: [
      {
        send: put('/order/rec/unknown', '{"order":"open"}'),
        expect: {
          status: 404,
          body: '{"code":404,"message":"Events associated with resources [unknown] have been rejected. See the error details to know about what went wrong in each case","errorDetails":["Sensor [unknown] not found on Sentilo (404.1)."]}',
        },
      },
      { send: get('/order/rec/unknown'), expect: { status: 200, body: '{"orders":[]}' } },
    ],
  },
  {
    section: '1.7',
    fact: 'a sensor that is not online is rejected, and so is one that nobody registered',
    world: MESSAGE_WORLD,
    exchanges: [
      {
        send: put('/order/rec/off', '{"order":"open"}'),
        expect: {
          status: 404,
          body: '{"code":404,"message":"Events associated with resources [off] have been rejected. See the error details to know about what went wrong in each case","errorDetails":["Sensor [off] is not online (404.2)."]}',
        },
      },
      {
        send: put('/order/rec/ghost', '{"order":"open"}'),
        expect: { status: 404, body: /"errorDetails":\["Sensor \[ghost\] not found on Sentilo \(404\.1\)\."\]/ },
      },
    ],
  },
  {
    section: '1.7',
    fact: 'who may only read may not order; who may nothing may not read; an unknown provider is forbidden',
    exchanges: [
      {
        send: put('/order/rec/s', '{"order":"open"}', { token: 'reader-token' }),
        expect: {
          status: 403,
          body: '{"code":403,"message":"Entity reader has not permission to WRITE  info about entity rec"}',
        },
      },
      {
        send: get('/order/rec', { token: 'stranger-token' }),
        expect: {
          status: 403,
          body: '{"code":403,"message":"Entity stranger has not permission to READ  info about entity rec"}',
        },
      },
      {
        send: get('/order/nobody'),
        expect: { status: 403, body: '{"code":403,"message":"Entity rec has not permission to READ  info about entity nobody"}' },
      },
    ],
  },
  {
    section: '1.3',
    fact: 'a forbidden order with a bad body is 400, and a forbidden order to an unknown sensor 403',
    exchanges: [
      { send: put('/order/rec/s', '{}', { token: 'stranger-token' }), expect: { status: 400, body: NO_ORDER } },
      { send: put('/order/rec/unknown', '{"order":"open"}', { token: 'stranger-token' }), expect: { status: 403 } },
    ],
  },
  {
    section: '1.3',
    fact: 'a path with too few or too many parts is 400, query included',
    exchanges: [
      {
        send: get('/order?limit=1'),
        expect: { status: 400, body: '{"code":400,"message":"Invalid path was requested:/order?limit=1"}' },
      },
      {
        send: put('/order/rec/s/open', '{}'),
        expect: { status: 400, body: '{"code":400,"message":"Invalid path was requested:/order/rec/s/open"}' },
      },
    ],
  },
  {
    section: '1.1',
    fact: 'a PATCH is 500 before any token is looked at',
    exchanges: [{ send: request('PATCH', '/order/rec/s', { token: null }), expect: { status: 500, body: INTERNAL } }],
  },
  {
    section: '1.4',
    fact: 'a limit that is no integer, or a from that is no date, is 400',
    exchanges: [
      { send: get('/order/rec/s?limit=many'), expect: { status: 400, body: /"errorDetails":\["Wrong integer value: many"\]/ } },
      { send: get('/order/rec/s?from=today'), expect: { status: 400, body: /"errorDetails":\["Wrong date value: today"\]/ } },
    ],
  },
];
