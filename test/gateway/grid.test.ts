import { expect, test } from 'vitest';
import type { DeviceConfig } from '../../config/config.ts';
import { type Clock, sleep } from '../../drivers/clock.ts';
import { onGrid } from '../../gateway/grid.ts';
import { Moments } from '../../gateway/moments.ts';
import { VirtualClock } from '../../simulator/clock.ts';
import { turn } from '../../simulator/wire/turn.ts';
import { TestClock } from '../support/test-clock.ts';

function device(everyMs: number, runMs?: number): DeviceConfig {
  return { everyMs, ...(runMs === undefined ? {} : { duty: { runMs } }) } as DeviceConfig;
}

function recorder(clock: Clock, signal: AbortSignal, workMs: () => number, tryMs: () => number | undefined = () => undefined) {
  const events: [string, number, number?][] = [];
  const steps = {
    before: async () => void events.push(['before', clock.monotonicMs()]),
    tick: async (_dueMs: number, skippedCount: number) => {
      events.push(['tick', clock.monotonicMs(), skippedCount]);
      await sleep(clock, workMs(), signal);
      return tryMs();
    },
    after: async () => void events.push(['after', clock.monotonicMs()]),
    expect: () => {},
  };
  return { events, steps };
}

test('ticks at once and then on an absolute grid, however long the work takes', async () => {
  const clock = new TestClock();
  const stop = new AbortController();
  const { events, steps } = recorder(clock, stop.signal, () => 40);
  const done = onGrid(device(100), new Moments(clock), stop.signal, steps);
  await clock.advance(350);
  stop.abort();
  await done;
  expect(events).toEqual([
    ['tick', 0, 0],
    ['tick', 100, 0],
    ['tick', 200, 0],
    ['tick', 300, 0],
  ]);
});

test('skips the ticks that passed while the work went on, and never catches up', async () => {
  const clock = new TestClock();
  const stop = new AbortController();
  const lengths = [250, 10, 10];
  const { events, steps } = recorder(clock, stop.signal, () => lengths.shift() ?? 0);
  const done = onGrid(device(100), new Moments(clock), stop.signal, steps);
  await clock.advance(450);
  stop.abort();
  await done;
  expect(events).toEqual([
    ['tick', 0, 0],
    ['tick', 300, 2],
    ['tick', 400, 0],
  ]);
});

test('polls 360 times in the real hour in which the wall clock goes back by one', async () => {
  const clock = new VirtualClock(Date.UTC(2026, 9, 25), turn);
  const stop = new AbortController();
  const { events, steps } = recorder(clock, stop.signal, () => 1);
  const done = onGrid(device(10_000), new Moments(clock), stop.signal, steps);
  await clock.runUntil(600_000);
  clock.stepWall(-3_600_000);
  await clock.runUntil(3_600_000 - 1);
  stop.abort();
  await done;
  expect(events).toHaveLength(360);
});

test('switches a device that rests on before each read and off after it', async () => {
  const clock = new TestClock();
  const stop = new AbortController();
  const { events, steps } = recorder(clock, stop.signal, () => 5);
  const done = onGrid(device(300_000, 30_000), new Moments(clock), stop.signal, steps);
  await clock.advance(331_000);
  stop.abort();
  await done;
  expect(events).toEqual([
    ['before', 0],
    ['tick', 30_000, 0],
    ['after', 30_005],
    ['before', 300_000],
    ['tick', 330_000, 0],
    ['after', 330_005],
  ]);
});

test('leaves a device on that would have no time to rest', async () => {
  const clock = new TestClock();
  const stop = new AbortController();
  const { events, steps } = recorder(clock, stop.signal, () => 5);
  const done = onGrid(device(30_000, 30_000), new Moments(clock), stop.signal, steps);
  await clock.advance(30_000);
  stop.abort();
  await done;
  expect(events.map(([name]) => name)).toEqual(['tick', 'tick']);
});

test('begins whenever it is started, and is then due on tenths of a second, so that devices wake the machine together', async () => {
  const clock = new TestClock();
  const moments = new Moments(clock);
  const stop = new AbortController();
  const startedMs = [3, 40, 140];
  const ticks: number[][] = [];
  const running = startedMs.map(async (startMs, i) => {
    await sleep(clock, startMs, stop.signal);
    const { events, steps } = recorder(clock, stop.signal, () => 0);
    await onGrid(device(1_000), moments, AbortSignal.any([stop.signal]), steps).finally(() => {
      ticks[i] = events.map(([, atMs]) => atMs);
    });
  });
  await clock.advance(2_500);
  expect(clock.timerCount).toBe(2);
  stop.abort();
  await Promise.all(running);
  expect(ticks).toEqual([
    [3, 1_100, 2_100],
    [40, 1_100, 2_100],
    [140, 1_200, 2_200],
  ]);
  expect(clock.timerCount).toBe(0);
});

test('skips nothing at its beginning, however short the period is', async () => {
  const clock = new TestClock();
  const stop = new AbortController();
  await clock.advance(99);
  const { events, steps } = recorder(clock, stop.signal, () => 4);
  const done = onGrid(device(10), new Moments(clock), stop.signal, steps);
  await clock.advance(25);
  stop.abort();
  await done;
  expect(events).toEqual([
    ['tick', 99, 0],
    ['tick', 110, 0],
    ['tick', 120, 0],
  ]);
});

test('waits at its end for the tick that is under way, and begins no other', async () => {
  const clock = new TestClock();
  const stop = new AbortController();
  let hasEnded = false;
  const steps = {
    ...recorder(clock, stop.signal, () => 0).steps,
    tick: () => sleep(clock, 30, new AbortController().signal).then(() => undefined),
  };
  const done = onGrid(device(100), new Moments(clock), stop.signal, steps).then(() => {
    hasEnded = true;
  });
  await clock.advance(10);
  stop.abort();
  await clock.advance(10);
  expect(hasEnded).toBe(false);
  await clock.advance(10);
  await done;
  expect(clock.timerCount).toBe(0);
});

test('ends at once when it was stopped before it began, and fails as a step does', async () => {
  const clock = new TestClock();
  const { events, steps } = recorder(clock, AbortSignal.abort(), () => 0);
  await onGrid(device(100), new Moments(clock), AbortSignal.abort(), steps);
  expect(events).toEqual([]);
  const broken = { ...steps, tick: () => Promise.reject(new Error('a broken invariant')) };
  const done = onGrid(device(100), new Moments(clock), new AbortController().signal, broken);
  await expect(clock.run(done)).rejects.toThrow('a broken invariant');
});

test('goes back to the very next tick after tries that were closer together than the ticks', async () => {
  const clock = new TestClock();
  const stop = new AbortController();
  const tries = [130_000, 150_000, 190_000, undefined];
  const answers = [undefined, undefined, ...tries];
  const { events, steps } = recorder(
    clock,
    stop.signal,
    () => 0,
    () => answers.shift(),
  );
  const done = onGrid(device(60_000), new Moments(clock), stop.signal, steps);
  await clock.advance(310_000);
  stop.abort();
  await done;
  expect(events.map(([, atMs]) => atMs)).toEqual([0, 60_000, 120_000, 130_000, 150_000, 190_000, 240_000, 300_000]);
});

test('goes back to the grid at once when it is told to, also while a device that rests waits to be woken', async () => {
  for (const runMs of [undefined, 2_000]) {
    const clock = new TestClock();
    const stop = new AbortController();
    const answers = [undefined, 500_000];
    const { events, steps } = recorder(
      clock,
      stop.signal,
      () => 0,
      () => answers.shift(),
    );
    let back = () => {};
    const onBack = (listener: () => void) => {
      back = listener;
      return () => {
        back = () => {};
      };
    };
    const done = onGrid(device(60_000, runMs), new Moments(clock), stop.signal, { ...steps, onBack });
    await clock.advance(130_000);
    back();
    await clock.advance(120_000);
    stop.abort();
    await done;
    const ticks = events.filter(([what]) => what === 'tick').map(([, atMs]) => atMs - (runMs ?? 0));
    expect(ticks).toEqual([0, 60_000, 180_000, 240_000]);
  }
});
