import { expect, test } from 'vitest';
import { VirtualClock } from '../../simulator/clock.ts';
import { pacedClock } from '../../simulator/paced-clock.ts';
import { turn } from '../../simulator/wire/turn.ts';
import { START_WALL_MS } from './site.ts';

test('runs as many times faster as it is told, from zero, with the wall clock of its base', async () => {
  const base = new VirtualClock(START_WALL_MS, turn);
  await base.runUntil(1000);
  const paced = pacedClock(base, 60);
  expect(paced.monotonicMs()).toBe(0);
  const fired: number[] = [];
  paced.timer(120_000, () => fired.push(base.monotonicMs()));
  await base.runUntil(4000);
  expect(fired).toEqual([3000]);
  expect(paced.monotonicMs()).toBe(180_000);
  expect(paced.wall()).toEqual({ ms: START_WALL_MS + 1000 + 180_000, quality: 'synced' });
});

test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('refuses the speed %s', (speed) => {
  expect(() => pacedClock(new VirtualClock(0, turn), speed)).toThrow(RangeError);
});
