import type { Exchange, Fact } from './fact.ts';
import { MESSAGE_WORLD } from './message-world.ts';
import { del, get, post, put } from './requests.ts';

const NO_ENDPOINT =
  '{"code":400,"message":"To register a subscription is mandatory to fill in the endpoint of the subscription"}';
const NO_TYPE = '{"code":400,"message":"To register a subscription is mandatory to fill in the type of the subscription"}';
const UNREADABLE = /^\{"code":400,"message":"SIE03-1347888885123 {2}Bad request data: could not read JSON payload\./;
const INTERNAL =
  '{"code":500,"message":"Something went wrong. Please try again. If the problem persists, contact your support site and provide the following error code: SIE99-1347888885123"}';
const BODY = '{"endpoint":"http://gw:1/x"}';
const NONE = '{"subscriptions":[]}';
/** One subscription as it is listed; the rest is its target. */
const listed = (type: string, target: string) =>
  `{"endpoint":"http://gw:1/x","type":"${type}",${target},"maxRetries":3,"retryDelay":5}`;
const ORDER_S = listed('ORDER', '"provider":"rec","sensor":"s"');

/** What is stored of a body that is taken. */
const BODIES: readonly [fact: string, body: string, listedAs: string][] = [
  ['without more, three retries and five minutes', BODY, ORDER_S],
  [
    'zeros count as not given: no retries cannot be asked for',
    '{"endpoint":"http://gw:1/x","maxRetries":0,"retryDelay":0}',
    ORDER_S,
  ],
  ['negative numbers count as not given', '{"endpoint":"http://gw:1/x","maxRetries":-1,"retryDelay":-5}', ORDER_S],
  ['null counts as not given', '{"endpoint":"http://gw:1/x","maxRetries":null,"secretCallbackKey":null}', ORDER_S],
  [
    'what is given is kept, the secret included, which no read ever shows',
    '{"endpoint":"http://gw:1/x","secretCallbackKey":"hush","maxRetries":7,"retryDelay":1}',
    '{"endpoint":"http://gw:1/x","type":"ORDER","provider":"rec","sensor":"s","maxRetries":7,"retryDelay":1}',
  ],
  [
    'the endpoint is not looked at: it need not be a URL',
    '{"endpoint":"ring twice"}',
    '{"endpoint":"ring twice","type":"ORDER","provider":"rec","sensor":"s","maxRetries":3,"retryDelay":5}',
  ],
];

const TARGETS: readonly [fact: string, path: string, listedAs: string][] = [
  ['to the data of a sensor', 'data/rec/s', listed('DATA', '"provider":"rec","sensor":"s"')],
  ['to all data of a provider', 'data/rec', listed('DATA', '"provider":"rec"')],
  ['to all orders of a provider', 'order/rec', listed('ORDER', '"provider":"rec"')],
  ['to an alert, which is listed as alert and not as alarm', 'alarm/A1', listed('ALARM', '"alert":"A1"')],
  ['with the type in any case', 'OrDeR/rec/s', ORDER_S],
];

const REFUSALS: readonly [fact: string, send: string, status: number, body: string | RegExp][] = [
  ['an empty body has no endpoint', put('/subscribe/order/rec', ''), 400, NO_ENDPOINT],
  ['a blank endpoint is none', put('/subscribe/order/rec', '{"endpoint":" "}'), 400, NO_ENDPOINT],
  ['a field that nobody knows is refused', put('/subscribe/order/rec', '{"endpoint":"http://gw","secret":"x"}'), 400, UNREADABLE],
  [
    'retries that are no number are refused',
    put('/subscribe/order/rec', '{"endpoint":"http://gw","maxRetries":"x"}'),
    400,
    UNREADABLE,
  ],
  ['an unknown type is no type', put('/subscribe/orders/rec', BODY), 400, NO_TYPE],
  [
    'a type alone is no path',
    put('/subscribe/data', BODY),
    400,
    '{"code":400,"message":"Invalid path was requested:/subscribe/data"}',
  ],
  [
    'a POST is not allowed, with method=put neither',
    post('/subscribe/order/rec?method=put', BODY),
    405,
    '{"code":405,"message":"HTTP POST method not allowed for the requested resource"}',
  ],
  [
    'an unknown sensor is 404 in the message itself',
    put('/subscribe/data/rec/unknown', BODY),
    404,
    '{"code":404,"message":"Sensor [unknown] not found on Sentilo (404.1)."}',
  ],
  [
    'a sensor that is not online is 404 in the message itself',
    put('/subscribe/order/rec/off', BODY),
    404,
    '{"code":404,"message":"Sensor [off] is not online (404.2)."}',
  ],
  [
    'an unknown alert is 404 before any permission',
    put('/subscribe/alarm/none', BODY, { token: 'stranger-token' }),
    404,
    '{"code":404,"message":"Alert [none] not found on Sentilo (404.1)."}',
  ],
  [
    'an alert needs READ on its owner',
    put('/subscribe/alarm/B1', BODY),
    403,
    '{"code":403,"message":"Entity rec has not permission to READ  info about entity secure"}',
  ],
  [
    'a provider needs READ, before its sensor is looked for',
    put('/subscribe/data/rec/unknown', BODY, { token: 'stranger-token' }),
    403,
    '{"code":403,"message":"Entity stranger has not permission to READ  info about entity rec"}',
  ],
];

/** Subscribes the caller to each of these. */
function to(paths: readonly string[], token = 'rec-token'): Exchange[] {
  return paths.map((path) => ({ send: put(`/subscribe/${path}`, BODY, { token }) }));
}

const SEVERAL = ['order/rec', 'order/rec/s', 'data/rec', 'data/rec/s'];

const ROWS: readonly Omit<Fact, 'section'>[] = [
  ...BODIES.map(([fact, body, listedAs]) => ({
    fact,
    exchanges: [
      { send: put('/subscribe/order/rec/s', body), expect: { status: 200, headers: { 'content-length': '0' }, body: '' } },
      { send: get('/subscribe'), expect: { status: 200, body: `{"subscriptions":[${listedAs}]}` } },
    ],
  })),
  ...TARGETS.map(([fact, path, listedAs]) => ({
    fact: `one may subscribe ${fact}`,
    exchanges: [...to([path]), { send: get('/subscribe'), expect: { status: 200, body: `{"subscriptions":[${listedAs}]}` } }],
  })),
  ...REFUSALS.map(([fact, send, status, body]) => ({
    fact,
    exchanges: [
      { send, expect: { status, body } },
      { send: get('/subscribe'), expect: { status: 200, body: NONE } },
    ],
  })),
  {
    fact: 'reading suffices to subscribe, and everybody sees their own subscriptions only',
    exchanges: [
      ...to(['order/rec/s'], 'reader-token'),
      { send: get('/subscribe', { token: 'reader-token' }), expect: { status: 200, body: `{"subscriptions":[${ORDER_S}]}` } },
      { send: get('/subscribe'), expect: { status: 200, body: NONE } },
    ],
  },
  {
    fact: 'a second subscription to the same replaces the first',
    exchanges: [
      { send: put('/subscribe/order/rec/s', '{"endpoint":"http://old","maxRetries":9}') },
      ...to(['order/rec/s']),
      { send: get('/subscribe'), expect: { status: 200, body: `{"subscriptions":[${ORDER_S}]}` } },
    ],
  },
  {
    fact: 'a read of one type gives that type, and of a misspelt one everything',
    exchanges: [
      ...to(['order/rec/s']),
      { send: get('/subscribe/order'), expect: { status: 200, body: `{"subscriptions":[${ORDER_S}]}` } },
      { send: get('/subscribe/data'), expect: { status: 200, body: NONE } },
      { send: get('/subscribe/foo'), expect: { status: 200, body: `{"subscriptions":[${ORDER_S}]}` } },
      { send: get('/subscribe/order/rec'), expect: { status: 400, body: /Invalid path was requested:\/subscribe\/order\/rec"/ } },
    ],
  },
  {
    fact: 'a DELETE of the orders of a provider removes all order subscriptions',
    exchanges: [
      ...to(['order/rec/s', 'order/rec/t', 'data/rec']),
      { send: del('/subscribe/order/rec'), expect: { status: 200, body: '' } },
      { send: get('/subscribe'), expect: { status: 200, body: `{"subscriptions":[${listed('DATA', '"provider":"rec"')}]}` } },
    ],
  },
  {
    fact: 'a DELETE of the orders of one provider removes those of every other, too',
    exchanges: [
      ...to(['order/rec/s'], 'reader-token'),
      { send: del('/subscribe/order/elsewhere', { token: 'reader-token' }), expect: { status: 200, body: '' } },
      { send: get('/subscribe', { token: 'reader-token' }), expect: { status: 200, body: NONE } },
    ],
  },
  {
    fact: 'a DELETE of the data of a provider removes just that one',
    exchanges: [
      ...to(['data/rec', 'data/rec/s']),
      { send: del('/subscribe/data/rec'), expect: { status: 200, body: '' } },
      {
        send: get('/subscribe'),
        expect: { status: 200, body: `{"subscriptions":[${listed('DATA', '"provider":"rec","sensor":"s"')}]}` },
      },
    ],
  },
  {
    fact: 'a DELETE of the orders of a sensor removes just that one',
    exchanges: [
      ...to(['order/rec', 'order/rec/s']),
      { send: del('/subscribe/order/rec/s'), expect: { status: 200, body: '' } },
      { send: get('/subscribe'), expect: { status: 200, body: `{"subscriptions":[${listed('ORDER', '"provider":"rec"')}]}` } },
    ],
  },
  {
    fact: 'a DELETE with a misspelt type removes every subscription',
    exchanges: [
      ...to(['data/rec/s']),
      { send: del('/subscribe/orders'), expect: { status: 200, body: '' } },
      { send: get('/subscribe'), expect: { status: 200, body: NONE } },
    ],
  },
  {
    fact: 'a DELETE of what one is not subscribed to is 200 beside another subscription',
    exchanges: [
      ...to(['order/rec/s']),
      { send: del('/subscribe/data/rec/s'), expect: { status: 200, body: '' } },
      { send: get('/subscribe'), expect: { status: 200, body: `{"subscriptions":[${ORDER_S}]}` } },
    ],
  },
  {
    fact: 'a DELETE of one topic is 500 without any subscription, one of a type or of everything is not',
    exchanges: [
      { send: del('/subscribe/data/rec'), expect: { status: 500, body: INTERNAL } },
      { send: del('/subscribe/order/rec/s'), expect: { status: 500, body: INTERNAL } },
      { send: del('/subscribe/alarm/A1'), expect: { status: 500, body: INTERNAL } },
      { send: del('/subscribe/data'), expect: { status: 200, body: '' } },
      { send: del('/subscribe'), expect: { status: 200, body: '' } },
    ],
  },
  {
    fact: 'after a DELETE of the only topic the next one is 500',
    exchanges: [
      ...to(['alarm/A1']),
      { send: del('/subscribe/alarm/A1'), expect: { status: 200, body: '' } },
      { send: del('/subscribe/alarm/A1'), expect: { status: 500, body: INTERNAL } },
    ],
  },
  {
    fact: 'a DELETE of everything is 500 with four subscriptions and needs four calls, though nothing is listed after the first',
    exchanges: [
      ...to(SEVERAL),
      { send: del('/subscribe'), expect: { status: 500, body: INTERNAL } },
      { send: get('/subscribe'), expect: { status: 200, body: NONE } },
      { send: del('/subscribe'), expect: { status: 500, body: INTERNAL } },
      { send: del('/subscribe/subscriptions'), expect: { status: 500, body: INTERNAL } },
      { send: del('/subscribe'), expect: { status: 200, body: '' } },
    ],
  },
  {
    fact: 'a DELETE of everything that failed is cured by a subscription of somebody else',
    exchanges: [
      ...to(SEVERAL),
      { send: del('/subscribe'), expect: { status: 500, body: INTERNAL } },
      ...to(['data/rec'], 'reader-token'),
      { send: del('/subscribe'), expect: { status: 200, body: '' } },
      { send: del('/subscribe/data/rec'), expect: { status: 500, body: INTERNAL } },
    ],
  },
  {
    fact: 'a DELETE of a type has no such fault',
    exchanges: [
      ...to(SEVERAL),
      { send: del('/subscribe/order'), expect: { status: 200, body: '' } },
      { send: del('/subscribe/DATA'), expect: { status: 200, body: '' } },
      { send: get('/subscribe'), expect: { status: 200, body: NONE } },
    ],
  },
];

/** The service /subscribe (sentilo.md §1.9). What is pushed is another test's. */
export const SUBSCRIPTIONS: readonly Fact[] = ROWS.map((row) => ({ section: '1.9', world: MESSAGE_WORLD, ...row }));
