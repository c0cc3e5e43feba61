import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SignalConfig } from '../../config/config.ts';
import { createRandom } from '../../simulator/random.ts';
import { createSignals, GRID_MS } from '../../simulator/signals.ts';
import { constant } from './site.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const ALL: Readonly<Record<string, SignalConfig>> = {
  steady: { type: 'constant', value: 5, noise: 0.5 },
  air: { type: 'wave', shape: 'day', mean: 18, swing: 6, noise: 0.1 },
  power: { type: 'wave', shape: 'household', mean: 420, swing: 900, noise: 25 },
  light: { type: 'wave', shape: 'daylight', mean: 0, swing: 42_000, noise: 0 },
  voltage: { type: 'walk', start: 231, step: 0.3, min: 222, max: 241 },
  soil: { type: 'sawtooth', high: 62, low: 24, periodMs: 36 * HOUR_MS, noise: 0 },
  door: { type: 'bursts', perDay: 6, minutes: 1, rate: 1 },
  energy: { type: 'integrate', reading: 'power', start: 1843.2 },
  current: { type: 'ratio', of: ['power', 'voltage'], scale: 1 },
  lamp: { type: 'follows', output: 'x.y', on: 12, off: 0.5 },
  flowed: { type: 'integrate', reading: 'lamp', start: 0 },
};
const UNITS = new Map([
  ['power', 'W'],
  ['energy', 'kWh'],
]);

function signals(simulate = ALL, seed = 1, localStartMs = 0, units: ReadonlyMap<string, string> = UNITS) {
  return createSignals({
    device: 'thing',
    simulate: new Map(Object.entries(simulate)),
    units,
    random: createRandom(seed),
    // On for every other hour.
    isOn: (output, atMs) => output === 'x.y' && Math.floor(atMs / HOUR_MS) % 2 === 1,
    localStartMs,
  });
}

function at(name: string, atMs: number, made = signals()): number {
  const signal = made.get(name);
  if (signal === undefined) throw new Error(name);
  return signal.at(atMs);
}

test.each(Object.keys(ALL))('%s shows the same at a moment in whatever order it is asked', (name) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 3 * DAY_MS }), { minLength: 1, maxLength: 20 }), (moments) => {
      const inOrder = signals();
      const backwards = signals();
      const forward = new Map([...moments].sort((a, b) => a - b).map((moment) => [moment, at(name, moment, inOrder)]));
      for (const moment of [...moments].sort((a, b) => b - a)) {
        expect(at(name, moment, backwards)).toBe(forward.get(moment));
      }
    }),
    { numRuns: 20 },
  );
});

test('one seed gives one world, and a reading more changes no other', () => {
  const before = Object.keys(ALL).map((name) => at(name, 12_345_678));
  const more = signals({ first: constant(1), ...ALL });
  expect(Object.keys(ALL).map((name) => at(name, 12_345_678, more))).toEqual(before);
  expect(at('voltage', 12_345_678, signals(ALL, 2))).not.toBe(at('voltage', 12_345_678));
});

test('noise stays within what is said', () => {
  const made = signals();
  for (let atMs = 0; atMs < 10_000; atMs += 7) expect(Math.abs(at('steady', atMs, made) - 5)).toBeLessThanOrEqual(0.5);
});

test('the day of the air is warmest at 15:00 and coldest at 3:00 local time', () => {
  const quiet = { air: { type: 'wave', shape: 'day', mean: 18, swing: 6, noise: 0 } } as const;
  expect(at('air', 15 * HOUR_MS, signals(quiet))).toBeCloseTo(24, 9);
  expect(at('air', 3 * HOUR_MS, signals(quiet))).toBeCloseTo(12, 9);
  expect(at('air', 13 * HOUR_MS, signals(quiet, 1, 2 * HOUR_MS))).toBeCloseTo(24, 9);
});

test('a household uses its mean over a day, most in the evening, and never less than nothing', () => {
  const made = signals({ power: { type: 'wave', shape: 'household', mean: 420, swing: 900, noise: 0 } });
  const hours = Array.from({ length: 24 * 60 }, (_, minute) => at('power', minute * 60_000, made));
  const mean = hours.reduce((sum, power) => sum + power, 0) / hours.length;
  expect(Math.abs(mean - 420)).toBeLessThan(5);
  expect(hours.indexOf(Math.max(...hours)) / 60).toBeCloseTo(21, 0);
  expect(Math.min(...hours)).toBeGreaterThan(0);
});

test('daylight is nothing at night and its peak at noon', () => {
  expect(at('light', 2 * HOUR_MS)).toBe(0);
  expect(at('light', 12 * HOUR_MS)).toBeCloseTo(42_000, 6);
});

test('a walk starts where it is told, stays within its limits and moves at most a step at a time', () => {
  const made = signals({ voltage: { type: 'walk', start: 223, step: 1, min: 222, max: 225 } });
  expect(at('voltage', 0, made)).toBe(223);
  for (let atMs = 0; atMs < DAY_MS; atMs += GRID_MS) {
    const now = at('voltage', atMs, made);
    expect(now).toBeGreaterThanOrEqual(222);
    expect(now).toBeLessThanOrEqual(225);
    expect(Math.abs(at('voltage', atMs + GRID_MS, made) - now)).toBeLessThanOrEqual(1 + 1e-12);
  }
});

test('a sawtooth falls from high to low and starts again', () => {
  expect(at('soil', 0)).toBe(62);
  expect(at('soil', 18 * HOUR_MS)).toBeCloseTo(43, 9);
  expect(at('soil', 36 * HOUR_MS)).toBe(62);
});

test('bursts come as often and as long as is said, and name each of their edges', () => {
  const door = signals().get('door');
  let edges = 0;
  let onMs = 0;
  for (let atMs = 0; atMs < 10 * DAY_MS; ) {
    const nextMs = door?.nextChangeMs(atMs) ?? Number.NaN;
    expect(nextMs).toBeGreaterThan(atMs);
    expect(door?.at(nextMs - 1)).toBe(door?.at(atMs));
    if (door?.at(atMs) === 1) onMs += nextMs - atMs;
    if (nextMs < 10 * DAY_MS && door?.at(nextMs) !== door?.at(atMs)) edges += 1;
    atMs = nextMs;
  }
  expect(edges).toBe(2 * 6 * 10);
  expect(onMs).toBe(6 * 10 * 60_000);
});

test('an integral is the energy of the power', () => {
  const made = signals({ power: constant(1000), energy: { type: 'integrate', reading: 'power', start: 10 } });
  expect(at('energy', 0, made)).toBe(10);
  expect(at('energy', 90 * 60_000, made)).toBeCloseTo(11.5, 9);
  expect(at('energy', 1234, made)).toBeCloseTo(10 + 1234 / HOUR_MS, 12);
});

test('an integral that resets daily begins again at local midnight', () => {
  const simulate = {
    rain: { type: 'bursts', perDay: 1, minutes: 60, rate: 6 },
    rain_today: { type: 'integrate', reading: 'rain', start: 0, resets: 'daily' },
  } as const;
  const units = new Map([
    ['rain', 'mm/h'],
    ['rain_today', 'mm'],
  ]);
  const made = signals(simulate, 3, 22 * HOUR_MS, units);
  expect(at('rain_today', 2 * HOUR_MS, made)).toBe(0);
  const peaks = [0, 1, 2, 3].map((day) => at('rain_today', 2 * HOUR_MS + (day + 1) * DAY_MS - 1, made));
  expect(peaks.reduce((sum, peak) => sum + peak, 0)).toBeLessThanOrEqual(5 * 6 + 1e-6);
  for (const peak of peaks) expect(peak).toBeLessThanOrEqual(2 * 6 + 1e-6);
});

test('a ratio divides, and divides nothing by nothing to nothing', () => {
  expect(at('current', 5_000_000)).toBe(at('power', 5_000_000) / at('voltage', 5_000_000));
  const idle = signals({ a: constant(3), b: constant(0), c: { type: 'ratio', of: ['a', 'b'], scale: 1 } });
  expect(at('c', 1, idle)).toBe(0);
});

test('a missing, a circular and an impossible source are refused', () => {
  expect(() => signals({ a: { type: 'ratio', of: ['a', 'b'], scale: 1 } })).toThrow(/made from itself/);
  expect(() => signals({ a: { type: 'integrate', reading: 'gone', start: 0 } })).toThrow(/thing\.gone/);
  const units = new Map([
    ['a', 'degC'],
    ['b', 'kWh'],
  ]);
  expect(() => signals({ a: constant(1), b: { type: 'integrate', reading: 'a', start: 0 } }, 1, 0, units)).toThrow(/degC/);
});
