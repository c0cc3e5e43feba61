import { expect, test } from 'vitest';
import { openCanary } from '../../gateway/canary.ts';
import type { LogLevel } from '../../gateway/host.ts';
import { TestClock } from '../support/test-clock.ts';

/** A canary on threads that are free, or taken until the test frees them. */
function caged() {
  const clock = new TestClock();
  const stop = new AbortController();
  const log: [LogLevel, string][] = [];
  let areFree = true;
  let turnCount = 0;
  const waiting: (() => void)[] = [];
  const threadTurn = () => {
    turnCount += 1;
    return areFree ? Promise.resolve() : new Promise<void>((resolve) => waiting.push(resolve));
  };
  const canary = openCanary({ clock, threadTurn, log: (level, code) => log.push([level, code]) });
  const running = canary.run(stop.signal);
  const take = () => {
    areFree = false;
  };
  const free = () => {
    areFree = true;
    for (const resolve of waiting.splice(0)) resolve();
  };
  return { clock, canary, log, take, free, stop, running, turnCount: () => turnCount };
}

test('is silent while the threads take their turns', async () => {
  const { clock, canary, log, stop, running, turnCount } = caged();
  await clock.advance(3_600_000);
  expect([log, canary.stuckMs]).toEqual([[], undefined]);
  expect(turnCount()).toBeGreaterThan(300);
  stop.abort();
  await running;
  expect(clock.timerCount).toBe(0);
});

test('says once that no thread is free, for how long, and that they are again; it takes no further turn meanwhile', async () => {
  const { clock, canary, log, take, free, stop, running, turnCount } = caged();
  await clock.advance(60_000);
  take();
  await clock.advance(12_000);
  const before = turnCount();
  await clock.advance(3_600_000);
  expect(turnCount()).toBe(before);
  expect(log).toEqual([['error', 'native-calls-hang']]);
  expect(canary.stuckMs).toBeGreaterThan(3_600_000);
  free();
  await clock.advance(0);
  expect(log).toEqual([
    ['error', 'native-calls-hang'],
    ['info', 'native-calls-returned'],
  ]);
  expect(canary.stuckMs).toBeUndefined();
  stop.abort();
  await running;
});

test('ends with its signal although no thread is free', async () => {
  const { clock, take, stop, running } = caged();
  take();
  await clock.advance(60_000);
  stop.abort();
  await running;
  expect(clock.timerCount).toBe(0);
});
