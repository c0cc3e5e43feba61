import { expect, test } from 'vitest';
import type { HttpRequest } from '../../../gateway/host.ts';
import type { Taker } from '../../../gateway/orders/desk.ts';
import { keepSubscribed } from '../../../gateway/orders/subscription.ts';
import { maskOf } from '../../../gateway/uplink/answer.ts';
import { requestsOf } from '../../../gateway/uplink/city.ts';
import { CityClock } from '../../../gateway/uplink/city-clock.ts';
import { VirtualClock } from '../../../simulator/clock.ts';
import { turn } from '../../../simulator/wire/turn.ts';

const CITY = { url: 'http://city.test', provider: 'garden' };
const TAKERS = ['valve-1', 'valve-2', 'valve-3'].map((sensor) => ({ sensor }) as Taker);

/** Keeps subscriptions for so long, with a city that refuses that of the first sensor; `chance` is every number that is drawn. */
async function keepFor(ms: number, chance: number, subscriptions: readonly unknown[] = []) {
  const clock = new VirtualClock(0, turn);
  const mask = maskOf('token');
  const asked: { readonly atMs: number; readonly method: string; readonly url: string }[] = [];
  const states: boolean[] = [];
  const http = async ({ method, url }: HttpRequest) => {
    asked.push({ atMs: clock.monotonicMs(), method, url });
    const isRefused = method === 'PUT' && url.endsWith('/valve-1');
    const body = Buffer.from(method === 'GET' ? JSON.stringify({ subscriptions }) : '');
    return { status: isRefused ? 404 : 200, headers: { 'x-sentilo-version': '2' }, body };
  };
  const cityClock = new CityClock(clock);
  const link = {
    http,
    mask,
    city: CITY,
    cityClock,
    request: requestsOf({ config: CITY, token: 'token', mask, userAgent: 'test' }),
  };
  const callback = { endpoint: 'https://gateway.test/orders', key: 'key' };
  const ending = new AbortController();
  const subscribed = (problem: unknown) => states.push(problem === undefined);
  const around = { clock, random: () => chance, log: () => {}, link, callback, takers: TAKERS, subscribed };
  const keeping = keepSubscribed(around, ending.signal).catch(() => {});
  await clock.runUntil(ms);
  ending.abort(new Error('the test is over'));
  await keeping;
  return { asked, states };
}

test('gateways that are switched on together do not ask together', async () => {
  const runs = await Promise.all([0.1, 0.5, 0.9].map((chance) => keepFor(10_000, chance)));
  expect(runs.map(({ asked }) => asked[0]?.atMs)).toEqual([1_000, 5_000, 9_000]);
});

test('a sensor that the city refuses does not keep the others from their subscriptions', async () => {
  const { asked, states } = await keepFor(1_000, 0);
  const urls = ['valve-1', 'valve-2', 'valve-3'].map((sensor) => `http://city.test/subscribe/order/garden/${sensor}`);
  expect(asked.filter(({ method }) => method === 'PUT').map(({ url }) => url)).toEqual(urls);
  expect(states).toEqual([false]);
});

test('the subscription of an output that has left the file is ended, and nobody else’s', async () => {
  const ours = { provider: 'garden', endpoint: 'https://gateway.test/orders' };
  const { asked } = await keepFor(1_000, 0, [
    { ...ours, sensor: 'valve-9' },
    { ...ours, sensor: 'valve-2' },
    { ...ours, sensor: 'lamp', endpoint: 'https://another.test/orders' },
    { ...ours, sensor: 'valve-8', provider: 'other' },
    { ...ours },
    null,
  ]);
  const ended = asked.filter(({ method }) => method === 'DELETE').map(({ url }) => url);
  expect(ended).toEqual(['http://city.test/subscribe/order/garden/valve-9']);
});
