import { expect, test } from 'vitest';
import type { HttpRequest } from '../../../gateway/host.ts';
import type { Taker } from '../../../gateway/orders/desk.ts';
import { keepSubscribed } from '../../../gateway/orders/subscription.ts';
import { maskOf } from '../../../gateway/uplink/answer.ts';
import { requestsOf } from '../../../gateway/uplink/city.ts';
import { CityClock } from '../../../gateway/uplink/city-clock.ts';
import { VirtualClock } from '../../../simulator/clock.ts';
import { turn } from '../../../simulator/wire/turn.ts';

test('a sensor that the city refuses does not keep the others from their subscriptions', async () => {
  const clock = new VirtualClock(0, turn);
  const mask = maskOf('token');
  const city = { url: 'http://city.test', provider: 'garden' };
  const subscribed: string[] = [];
  const states: boolean[] = [];
  const http = async ({ method, url }: HttpRequest) => {
    const isRefused = method === 'PUT' && url.endsWith('/valve-1');
    if (method === 'PUT' && !isRefused) subscribed.push(url);
    const body = Buffer.from(method === 'GET' ? '{"subscriptions":[]}' : '');
    return { status: isRefused ? 404 : 200, headers: { 'x-sentilo-version': '2' }, body };
  };
  const cityClock = new CityClock(clock);
  const link = { http, mask, city, cityClock, request: requestsOf({ config: city, token: 'token', mask, userAgent: 'test' }) };
  const takers = ['valve-1', 'valve-2', 'valve-3'].map((sensor) => ({ sensor }) as Taker);
  const callback = { endpoint: 'https://gateway.test/orders', key: 'key' };
  const ending = new AbortController();
  const log = () => {};
  const noted = (problem: unknown) => states.push(problem === undefined);
  const keeping = keepSubscribed(
    { clock, random: () => 0.5, log, link, callback, takers, subscribed: noted },
    ending.signal,
  ).catch(() => {});
  await clock.runUntil(1_000);
  expect(subscribed).toEqual(['valve-2', 'valve-3'].map((sensor) => `http://city.test/subscribe/order/garden/${sensor}`));
  expect(states).toEqual([false]);
  ending.abort(new Error('the test is over'));
  await keeping;
});
