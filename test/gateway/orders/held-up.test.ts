// A card or a city that does not come back, at the start of the orders of the city and at their end.

import { expect, test } from 'vitest';
import type { HttpRequest } from '../../../gateway/host.ts';
import { sensorKey } from '../../../gateway/orders/copy.ts';
import { EMPTY_BOOK } from '../../../gateway/orders/order-book.ts';
import { type Orders, openOrders } from '../../../gateway/orders/orders.ts';
import { maskOf } from '../../../gateway/uplink/answer.ts';
import { requestsOf } from '../../../gateway/uplink/city.ts';
import { CityClock } from '../../../gateway/uplink/city-clock.ts';
import { TestClock } from '../../support/test-clock.ts';
import { CONFIG, KEY, OUTPUT, SENTILO } from './schedule-trial.ts';

const MINUTE_MS = 60_000;
const never = () => new Promise<never>(() => {});
const refused = { status: 503, headers: {}, body: new Uint8Array() };
const LEFT = {
  key: '0'.repeat(16),
  idKey: undefined,
  sensorKey: sensorKey(OUTPUT.sensor),
  via: 'poll',
  timeMs: 1,
  otherMs: undefined,
  isPlaced: true,
  open: { sender: 'app' },
} as const;

function open(clock: TestClock, http: (request: HttpRequest) => Promise<typeof refused>, isWritable: boolean): Orders {
  const mask = maskOf('token');
  const orders = openOrders(CONFIG, {
    host: { clock, random: () => 0, log: () => {}, bootId: 'boot', serve: async () => async () => {} },
    journal: { append: never, read: never, lastSequence: 10 },
    link: {
      http,
      mask,
      city: SENTILO,
      cityClock: new CityClock(clock),
      request: requestsOf({ config: SENTILO, token: 'token', mask, userAgent: 'test' }),
    },
    file: {
      state: {
        book: { ...EMPTY_BOOK, orders: [LEFT] },
        refusedBook: EMPTY_BOOK,
        cursorMs: 1,
        beganMs: undefined,
        answersFrom: 1,
      },
      write: isWritable ? async () => {} : never,
      close: async () => {},
    },
    key: KEY,
    order: async () => ({ done: true }),
    refused: () => {},
    answered: () => {},
    fatal: (error) => {
      throw error;
    },
  });
  if (orders === undefined) throw new Error('no output takes orders');
  return orders;
}

test('the city is asked although the answer to an order of before is not found on a card that hangs', async () => {
  const clock = new TestClock({ ms: 1_795_608_000_000, quality: 'synced' });
  const asked: string[] = [];
  const http = async ({ url }: HttpRequest) => {
    if (url.includes('/order/garden')) asked.push(url);
    return refused;
  };
  const end = new AbortController();
  open(clock, http, false)
    .run(end.signal)
    .catch(() => {});
  await clock.advance(10 * MINUTE_MS);
  expect(asked.length).toBeGreaterThan(3);
});

test('a stop waits 0.3 s for a city that does not end the subscriptions', async () => {
  const clock = new TestClock({ ms: 1_795_608_000_000, quality: 'synced' });
  const http = async ({ method }: HttpRequest) => (method === 'DELETE' ? await never() : refused);
  const end = new AbortController();
  let isStopped = false;
  void open(clock, http, true)
    .run(end.signal)
    .then(() => {
      isStopped = true;
    });
  await clock.advance(MINUTE_MS);
  end.abort(new Error('the gateway stops'));
  await clock.advance(299);
  expect(isStopped).toBe(false);
  await clock.advance(1);
  expect(isStopped).toBe(true);
});
