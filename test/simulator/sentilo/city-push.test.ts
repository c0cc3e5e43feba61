import { expect, it } from 'vitest';
import { cityPush } from '../../../simulator/sentilo/city-push.ts';
import type { PushOutcome } from '../../../simulator/sentilo/push-delivery.ts';
import { TestClock } from '../../support/test-clock.ts';
import { MESSAGE_WORLD } from './facts/message-world.ts';
import { cityOf } from './support.ts';

/** 17/09/2012T13:34:45.123 UTC. */
const START_MS = 1_347_888_885_123;

/** A city that carries the orders of `rec` to a function, and when each came, in seconds after the start. */
function carried(handler: (message: string) => PushOutcome | Promise<PushOutcome>) {
  const { city, ask } = cityOf(MESSAGE_WORLD);
  const clock = new TestClock({ ms: START_MS, quality: 'synced' });
  ask('PUT', '/subscribe/order/rec', { endpoint: 'http://gw.example' }, { nowMs: START_MS });
  const came: [seconds: number, message: string][] = [];
  const delivery = cityPush(city, clock, ({ body }) => {
    const { message } = JSON.parse(Buffer.from(body).toString());
    came.push([clock.monotonicMs() / 1000, message]);
    return handler(message);
  });
  const order = (text: string) => ask('PUT', '/order/rec/s', { order: text }, { nowMs: clock.wall().ms });
  return { came, clock, delivery, order };
}

it('carries pushes to a function as they come', async () => {
  const { came, clock, order, delivery } = carried(() => 200);
  await clock.advance(1000);
  order('1');
  order('2');
  await clock.advance(2000);
  order('3');
  await clock.advance(0);
  expect(came).toEqual([
    [1, '1'],
    [1, '2'],
    [3, '3'],
  ]);
  await delivery.close();
  expect(clock.timerCount).toBe(0);
});

it('repeats what failed in virtual time', async () => {
  const { came, clock, order } = carried(() => 503);
  order('1');
  await clock.advance(3_600_000);
  expect(came.map(([seconds]) => seconds)).toEqual([0, 300, 900, 2100]);
});

it('waits 15 seconds for a function that says nothing, and lets the next push wait as long', async () => {
  const { came, clock, order } = carried((message) => (message === '1' ? new Promise(() => {}) : 200));
  order('1');
  order('2');
  await clock.advance(20_000);
  expect(came).toEqual([
    [0, '1'],
    [15, '2'],
  ]);
});

it('repeats every millisecond where the connection is closed without an answer', async () => {
  let left = 5;
  const { came, clock, delivery, order } = carried(() => {
    left -= 1;
    return left < 0 ? 200 : 'closed';
  });
  order('1');
  order('2');
  await clock.advance(100);
  expect(delivery.closedCount).toBe(5);
  expect(came.map(([, message]) => message)).toEqual(['1', '1', '1', '1', '1', '1', '2']);
});
