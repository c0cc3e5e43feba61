import { expect, test } from 'vitest';
import { sleep } from '../../drivers/clock.ts';
import { VirtualClock } from '../../simulator/clock.ts';
import { turn } from '../../simulator/wire/turn.ts';
import { START_WALL_MS } from './site.ts';

const clockNow = () => new VirtualClock(START_WALL_MS, turn);
const never = new AbortController().signal;

test('fires timers by time and, within one instant, in the order in which they were set', async () => {
  const clock = clockNow();
  const fired: string[] = [];
  for (const [name, atMs] of [
    ['c', 20],
    ['a', 10],
    ['d', 20],
    ['b', 10],
  ] as const)
    clock.timer(atMs, () => fired.push(`${name}@${clock.monotonicMs()}`));
  await clock.runUntil(15);
  expect(fired).toEqual(['a@10', 'b@10']);
  expect(clock.monotonicMs()).toBe(15);
  await clock.runUntil(20);
  expect(fired).toEqual(['a@10', 'b@10', 'c@20', 'd@20']);
});

test('never fires a cancelled timer, and lets one be cancelled twice and after it has fired', async () => {
  const clock = clockNow();
  const fired: number[] = [];
  const cancels = Array.from({ length: 100 }, (_, i) => clock.timer(i, () => fired.push(i)));
  for (let i = 0; i < 100; i += 3) cancels[i]?.();
  await clock.runUntil(1000);
  for (const cancel of cancels) cancel();
  expect(fired).toEqual(Array.from({ length: 100 }, (_, i) => i).filter((i) => i % 3 !== 0));
  expect(clock.pendingCount).toBe(0);
});

test('lets everything that an instant has woken come to rest before time moves on', async () => {
  const clock = clockNow();
  const seen: number[] = [];
  const work = async () => {
    await sleep(clock, 10, never);
    for (let i = 0; i < 50; i += 1) await Promise.resolve();
    seen.push(clock.monotonicMs());
    await sleep(clock, 0, never);
    for (let i = 0; i < 50; i += 1) await Promise.resolve();
    seen.push(clock.monotonicMs());
  };
  const working = work();
  clock.timer(10.001, () => seen.push(-1));
  await clock.runUntil(11);
  await working;
  expect(seen).toEqual([10, 10, -1]);
});

test('runs until a promise settles, and no further', async () => {
  const clock = clockNow();
  clock.timer(500, () => {});
  await expect(clock.run(sleep(clock, 100, never).then(() => 'rested'))).resolves.toBe('rested');
  expect(clock.monotonicMs()).toBe(100);
  await expect(
    clock.run(
      sleep(clock, 50, never).then(() => {
        throw new Error('broken');
      }),
    ),
  ).rejects.toThrow('broken');
  expect(clock.monotonicMs()).toBe(150);
});

test('says so when nothing is left that could settle what is waited for', async () => {
  const clock = clockNow();
  clock.timer(5, () => {});
  await expect(clock.run(new Promise(() => {}))).rejects.toThrow(/nothing is left to happen after 5 ms/);
});

test('says so when time cannot move on', async () => {
  const clock = new VirtualClock(0, async () => {});
  const again = () => {
    clock.timer(0, again);
  };
  again();
  await expect(clock.runUntil(1)).rejects.toThrow(/time stands still/);
});

test('lets what a timer throws come out, and only one caller pass time', async () => {
  const clock = clockNow();
  clock.timer(1, () => {
    throw new Error('a bug');
  });
  const running = clock.runUntil(10);
  await expect(clock.runUntil(10)).rejects.toThrow(/running already/);
  await expect(running).rejects.toThrow('a bug');
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses a timer of %s', (delayMs) => {
  expect(() => clockNow().timer(delayMs, () => {})).toThrow(RangeError);
});

test('fires a negative delay at once, and one of sixty days at its time', async () => {
  const clock = clockNow();
  const fired: number[] = [];
  clock.timer(-5, () => fired.push(clock.monotonicMs()));
  clock.timer(60 * 86_400_000, () => fired.push(clock.monotonicMs()));
  await clock.runUntil(61 * 86_400_000);
  expect(fired).toEqual([0, 60 * 86_400_000]);
});

test('passes through a hundred thousand timers without sleeping', async () => {
  const clock = clockNow();
  let count = 0;
  const tick = () => {
    count += 1;
    if (count < 100_000) clock.timer(3_600_000, tick);
  };
  tick();
  await clock.runUntil(100_000 * 3_600_000);
  expect(count).toBe(100_000);
});

test('steps the wall clock without touching monotonic time or timers', async () => {
  const clock = clockNow();
  await clock.runUntil(1500.75);
  expect(clock.wall()).toEqual({ ms: START_WALL_MS + 1500, quality: 'synced' });
  clock.stepWall(-3_600_000);
  expect(clock.wall()).toEqual({ ms: START_WALL_MS + 1500 - 3_600_000, quality: 'synced' });
  expect(clock.monotonicMs()).toBe(1500.75);
  clock.setWallKnown(false);
  expect(clock.wall()).toEqual({ ms: 1500, quality: 'none' });
  expect(clock.ofTheWorld().wall()).toEqual({ ms: START_WALL_MS + 1500, quality: 'synced' });
  clock.setWallKnown(true);
  clock.stepWall(3_600_000);
  expect(clock.wall()).toEqual(clock.ofTheWorld().wall());
});
