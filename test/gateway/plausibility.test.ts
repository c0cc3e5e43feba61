// What a total may do, and when a value has stayed the same for too long: reasons that a person can read, and none a value in the city.

import { describe, expect, test } from 'vitest';
import type { ChannelConfig } from '../../config/config.ts';
import { openPlausibility } from '../../gateway/plausibility.ts';

const BASE = { reading: 'energy', unit: 'kWh', kind: 'total' } as Partial<ChannelConfig> as ChannelConfig;

/** Judges samples a second apart: the reason of each, or `good`, and the events. */
function judged(samples: readonly number[], over: Partial<ChannelConfig> = {}, everyMs = 1_000, lastTotal?: number) {
  const events: unknown[] = [];
  const note = (code: string, fields: unknown) => events.push([code, fields]);
  const plausibility = openPlausibility('meter.energy', { ...BASE, ...over }, note, lastTotal);
  const reasons = samples.map((value, i) => plausibility.judge(value, value, i * everyMs).reason ?? 'good');
  return { reasons, events };
}

describe('a total', () => {
  test.each([
    // Growatt and Tasmota owners: one sample goes back, and a consumer counted a meter reset.
    { says: 'by a tenth (mb-26)', samples: [20292.8, 20292.7, 20292.8, 20292.9], reasons: ['good', 'fell', 'good', 'good'] },
    { says: 'to something else (mb-26)', samples: [6.9, 6.8, 6.9], reasons: ['good', 'fell', 'good'] },
    { says: 'to a bad sample, twice', samples: [500, 14.21, 0, 501], reasons: ['good', 'fell', 'fell', 'good'] },
  ])('that falls for a moment $says is doubted then, and nothing is said of a new meter', ({ samples, reasons }) => {
    expect(judged(samples)).toEqual({ reasons, events: [] });
  });

  test('that stays low for three samples is a new meter, which is told once', () => {
    expect(judged([20292.9, 0, 0, 0.1, 0.2, 0.3])).toEqual({
      reasons: ['good', 'fell', 'fell', 'good', 'good', 'good'],
      events: [['meter-replaced', { channel: 'meter.energy', before: 20292.9, after: 0.1 }]],
    });
  });

  // A rain gauge with a counter of seven bits (weewx-rtldavis).
  test.each([
    { says: 'begins anew', samples: [126, 127, 1, 2], reasons: ['good', 'good', 'good', 'good'], events: [[127, 1]] },
    { says: 'has one bad sample', samples: [115, 49, 115], reasons: ['good', 'fell', 'good'], events: [] },
  ])('whose counter $says is taken for that (gp-06)', ({ samples, reasons, events }) => {
    const found = judged(samples, { rollover: 128 });
    expect(found.reasons).toEqual(reasons);
    expect(found.events).toEqual(
      events.map(([before, after]) => ['meter-rolled-over', { channel: 'meter.energy', before, after }]),
    );
  });

  test('that was higher before the gateway ended is doubted as at any other time', () => {
    expect(judged([0, 501], {}, 1_000, 500)).toEqual({ reasons: ['fell', 'good'], events: [] });
    expect(judged([0, 0, 0.1], {}, 1_000, 500)).toEqual({
      reasons: ['fell', 'fell', 'good'],
      events: [['meter-replaced', { channel: 'meter.energy', before: 500, after: 0.1 }]],
    });
    expect(judged([1], { rollover: 128 }, 1_000, 127).reasons).toEqual(['good']);
    expect(judged([0], { resets: 'daily' }, 1_000, 12).reasons).toEqual(['good']);
  });

  test('that begins anew each day may fall', () => {
    expect(judged([12, 0, 1], { resets: 'daily' }).reasons).toEqual(['good', 'good', 'good']);
  });
});

test('a gauge may fall', () => {
  expect(judged([230, 229, 10], { kind: 'gauge' }).reasons).toEqual(['good', 'good', 'good']);
});

test('a value that stays the same for too long is doubted until it changes', () => {
  const samples = [21.31, 21.32, 21.32, 21.32, 21.32, 21.33, 21.33];
  const { reasons } = judged(samples, { kind: 'gauge', flatAfterMs: 30_000 }, 10_000);
  expect(reasons).toEqual(['good', 'good', 'good', 'good', 'flat', 'good', 'good']);
});

test('is not asked of what is not said to change', () => {
  expect(judged(Array(1_000).fill(0), { kind: 'gauge' }, 3_600_000).reasons).not.toContain('flat');
});
