import type { Exchange, Fact } from './fact.ts';
import { MESSAGE_WORLD } from './message-world.ts';
import { get, put } from './requests.ts';

const ALL = '{"order":"all","timestamp":"17/09/2012T13:34:45","sender":"rec","time":1347888885123}';

/** So many orders to s in one and the same millisecond: `all`, or numbered from 1. */
function ordersToS(count: number, textOf = (_: number) => 'all'): Exchange[] {
  return Array.from({ length: count }, (_, at) => ({ send: put('/order/rec/s', `{"order":"${textOf(at + 1)}"}`) }));
}

function repeated(count: number): string {
  return Array(count).fill(ALL).join(',');
}

/** Orders to a whole provider, and how many a read gives (sentilo.md §1.7, §2.4). */
export const PROVIDER_ORDERS: readonly Fact[] = [
  {
    section: '1.7',
    fact: 'a provider-wide order is stored for every sensor, the offline one included, with one text and time',
    exchanges: [
      { send: put('/order/rec', '{"order":"all"}'), expect: { status: 200, body: '' } },
      {
        afterMs: 20,
        send: get('/order/rec'),
        expect: {
          status: 200,
          body: `{"sensors":[{"sensor":"s","orders":[${ALL}]},{"sensor":"t","orders":[${ALL}]},{"sensor":"off","orders":[${ALL}]}]}`,
        },
      },
      { send: get('/order/rec/off'), expect: { status: 200, body: `{"orders":[${ALL}]}` } },
    ],
  },
  {
    section: '2.4',
    fact: 'a provider-wide order is filed some milliseconds after its time, so a read at that very time misses it',
    exchanges: [
      { send: put('/order/rec', '{"order":"all"}') },
      { send: get('/order/rec/s'), expect: { status: 200, body: '{"orders":[]}' } },
      { afterMs: 13, send: get('/order/rec/s'), expect: { status: 200, body: `{"orders":[${ALL}]}` } },
    ],
  },
  {
    section: '2.4',
    fact: 'from at the next second still finds a provider-wide order of the last milliseconds before it',
    exchanges: [
      // 13:34:45.999
      { afterMs: 876, send: put('/order/rec', '{"order":"late"}') },
      {
        afterMs: 20,
        send: get('/order/rec/s?from=17/09/2012T13:34:46'),
        expect: {
          status: 200,
          body: '{"orders":[{"order":"late","timestamp":"17/09/2012T13:34:45","sender":"rec","time":1347888885999}]}',
        },
      },
    ],
  },
  {
    section: '1.7',
    fact: 'an order to a provider without sensors is taken and stored nowhere',
    world: MESSAGE_WORLD,
    exchanges: [
      { send: put('/order/bare', '{"order":"all"}', { token: 'bare-token' }), expect: { status: 200, body: '' } },
      { afterMs: 20, send: get('/order/bare', { token: 'bare-token' }), expect: { status: 200, body: '{"sensors":[]}' } },
    ],
  },
  {
    section: '1.7',
    fact: 'a read of a provider leaves out sensors without orders, and gives one of each by default',
    exchanges: [
      { send: put('/order/rec/t', '{"order":"first"}') },
      { afterMs: 1, send: put('/order/rec/t', '{"order":"second"}') },
      {
        send: get('/order/rec'),
        expect: {
          status: 200,
          body: '{"sensors":[{"sensor":"t","orders":[{"order":"second","timestamp":"17/09/2012T13:34:45","sender":"rec","time":1347888885124}]}]}',
        },
      },
    ],
  },
  {
    section: '1.7',
    fact: 'a read of a provider gives 50 orders of a sensor at most, and all with a negative limit',
    exchanges: [
      ...ordersToS(52),
      {
        send: get('/order/rec?limit=200'),
        expect: { status: 200, body: `{"sensors":[{"sensor":"s","orders":[${repeated(50)}]}]}` },
      },
      {
        send: get('/order/rec?limit=-1'),
        expect: { status: 200, body: `{"sensors":[{"sensor":"s","orders":[${repeated(52)}]}]}` },
      },
    ],
  },
  {
    section: '1.7',
    fact: 'a read of a sensor gives 200 orders at most, and all with a negative limit',
    exchanges: [
      ...ordersToS(202),
      { send: get('/order/rec/s?limit=1000'), expect: { status: 200, body: `{"orders":[${repeated(200)}]}` } },
      { send: get('/order/rec/s?limit=-2'), expect: { status: 200, body: `{"orders":[${repeated(202)}]}` } },
    ],
  },
  {
    section: '1.5.6',
    fact: 'orders of one millisecond are sorted by their ids as text: the ninth stands before the tenth',
    exchanges: [
      ...ordersToS(10, String),
      { send: get('/order/rec/s'), expect: { status: 200, body: /^\{"orders":\[\{"order":"9",/ } },
    ],
  },
];
