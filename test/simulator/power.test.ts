import { expect, test } from 'vitest';
import type { HttpRequest } from '../../gateway/host.ts';
import { VirtualClock } from '../../simulator/clock.ts';
import { powerOn } from '../../simulator/power.ts';
import { turn } from '../../simulator/wire/turn.ts';
import { START_WALL_MS } from './site.ts';

const REQUEST: HttpRequest = { method: 'GET', url: 'http://city/', headers: {}, timeoutMs: 1000, responseBytesMax: 10 };

test('counts the time of a boot from its beginning, and the time of the world from that of the world', async () => {
  const clock = new VirtualClock(START_WALL_MS, turn);
  await clock.runUntil(5000);
  const { bootClock, worldClock } = powerOn(clock);
  await clock.runUntil(6000);
  expect(bootClock.monotonicMs()).toBe(1000);
  expect(worldClock.monotonicMs()).toBe(6000);
  expect(bootClock.wall()).toEqual(clock.wall());
});

test('after the cut no timer fires, no new one can be set, and no answer is heard', async () => {
  const clock = new VirtualClock(START_WALL_MS, turn);
  const power = powerOn(clock);
  const fired: string[] = [];
  power.bootClock.timer(10, () => fired.push('before'));
  power.bootClock.timer(100, () => fired.push('after'));
  power.worldClock.timer(15, () => fired.push('cancelled'))();
  const http = power.reach(
    () =>
      new Promise((resolve) => {
        clock.timer(100, () => resolve({ status: 200, headers: {}, body: new Uint8Array(0) }));
      }),
  );
  const hear = () => fired.push('answer');
  http(REQUEST, new AbortController().signal).then(hear, hear);
  await clock.runUntil(50);
  power.cut();
  power.worldClock.timer(1, () => fired.push('new'));
  http(REQUEST, new AbortController().signal).then(hear, hear);
  await clock.runUntil(1000);
  expect(fired).toEqual(['before']);
});
