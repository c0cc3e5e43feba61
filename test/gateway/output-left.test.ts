// How long an output may be on at most, as a board that has a time-out of its own is told with each order: never less than the
// gateway itself gives it.

import { expect, test } from 'vitest';
import { BusError } from '../../drivers/errors.ts';
import { type Running, shortened } from '../../gateway/outputs/running.ts';
import { oneValve } from './one-output.ts';

const SECOND_MS = 1_000;
const ON = { output: 'valve.open', on: true, source: 'local', by: 'test' } as const;
const OFF = { ...ON, on: false } as const;

/** A valve that takes every order at once; `told` is what its hardware was asked away from safe, and when. */
async function valve(limits: string) {
  const told: { atMs: number; leftMs: number | undefined }[] = [];
  const offMs: number[] = [];
  const { clock, outputs } = await oneValve(limits, (time) => async (_output, on, _isInTime, leftMs) => {
    if (on) told.push({ atMs: time.monotonicMs(), leftMs: leftMs?.() });
    else offMs.push(time.monotonicMs());
    return undefined;
  });
  return { clock, outputs, told, offMs };
}

test.each<[string, string, number | undefined, number]>([
  ['max_on', 'max_on: 10min', undefined, 600_000],
  ['its own time', 'max_on: 10min', 30_000, 30_000],
  ['max_on, where its own time is longer', 'max_on: 10min', 900_000, 600_000],
  ['its own time, where it may be on for ever', 'max_on: unlimited', 30_000, 30_000],
  ['for ever', 'max_on: unlimited', undefined, Number.POSITIVE_INFINITY],
])('an order is told with %s', async (_, limits, forMs, leftMs) => {
  const { outputs, told } = await valve(limits);
  await outputs.order({ ...ON, ...(forMs !== undefined && { forMs }) });
  expect(told).toEqual([{ atMs: 0, leftMs }]);
  outputs.stop();
});

test('an order while it is on is told with what is left of max_on, and with its own time from then on', async () => {
  const { clock, outputs, told, offMs } = await valve('max_on: 100s');
  await outputs.order({ ...ON, forMs: 20 * SECOND_MS });
  await clock.advance(15 * SECOND_MS);
  await outputs.order({ ...ON, forMs: 30 * SECOND_MS });
  await clock.advance(15 * SECOND_MS);
  await outputs.order(ON);
  await clock.advance(200 * SECOND_MS);
  expect(told).toEqual([
    { atMs: 0, leftMs: 20_000 },
    { atMs: 15_000, leftMs: 30_000 },
    { atMs: 30_000, leftMs: 70_000 },
  ]);
  expect(offMs).toEqual([100_000]);
  outputs.stop();
});

test('it is told anew after it was off, also where that was not yet known when the order came', async () => {
  const told: number[] = [];
  const ends: (() => void)[] = [];
  const { clock, outputs } = await oneValve('max_on: 100s', (time) => async (_output, on, _isInTime, leftMs) => {
    if (on) told.push(leftMs?.() ?? Number.NaN);
    else if (time.monotonicMs() < 90_000) await new Promise<void>((resolve) => ends.push(resolve));
    return undefined;
  });
  await outputs.order(ON);
  await clock.advance(60 * SECOND_MS);
  const off = outputs.order(OFF);
  await clock.advance(SECOND_MS);
  const on = outputs.order(ON);
  await clock.advance(SECOND_MS);
  ends[0]?.();
  await Promise.all([off, on]);
  expect(told).toEqual([100_000, 100_000]);
  outputs.stop();
});

test('it is told with what is left since it went on where being switched off has failed', async () => {
  const told: number[] = [];
  let isOffRefused = false;
  const { clock, outputs } = await oneValve('max_on: 100s', () => async (_output, on, _isInTime, leftMs) => {
    if (on) told.push(leftMs?.() ?? Number.NaN);
    return !on && isOffRefused ? new BusError('timeout', 'no answer') : undefined;
  });
  await outputs.order(ON);
  await clock.advance(60 * SECOND_MS);
  isOffRefused = true;
  expect(await outputs.order(OFF)).toMatchObject({ done: false, reason: 'failed' });
  await outputs.order(ON);
  expect(told).toEqual([100_000, 40_000]);
  outputs.stop();
});

test('it is told with what is left when it is sent, and not again where it is not', async () => {
  const told: number[] = [];
  let isBusy = false;
  const { clock, outputs } = await oneValve('max_on: 100s', (time) => async (_output, on, isInTime = () => true, leftMs) => {
    if (isBusy) await new Promise<void>((resolve) => time.timer(5 * SECOND_MS, resolve));
    if (!isInTime()) return new BusError('expired', 'too old');
    if (on) told.push(leftMs?.() ?? Number.NaN);
    return undefined;
  });
  await outputs.order(ON);
  isBusy = true;
  const late = outputs.order({ ...ON, forMs: 60 * SECOND_MS, untilMs: 3 * SECOND_MS });
  await clock.advance(20 * SECOND_MS);
  expect(await late).toMatchObject({ done: false, reason: 'expired' });
  const last = outputs.order({ ...ON, forMs: 60 * SECOND_MS });
  await clock.advance(20 * SECOND_MS);
  expect((await last).done).toBe(true);
  expect(told).toEqual([100_000, 55_000]);
  outputs.stop();
});

test('an order that its output goes back from before it has begun is told that it lasts no time', () => {
  expect(shortened({ backAtMs: 97_000 } as Running, 100_000, 30_000)).toEqual({ onlyForMs: 0 });
});
