// What a total may do, and when a value has stayed the same for too long: reasons that a person can read, and none a value in the city.

import fc from 'fast-check';
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

/** How often a counter began anew, where a sample after it proves that. */
function beginnings(samples: readonly number[]): number {
  return samples.slice(0, -1).filter((value, i) => value < (samples[i - 1] ?? 0)).length;
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

  // A rain gauge with a counter of seven bits (weewx-rtldavis), and others that begin anew at a power of two. Of a true step only
  // the first sample is doubted: what is counted is in the next.
  test.each([
    { says: 'begins anew', at: 128, samples: [126, 127, 1, 2], reasons: ['good', 'good', 'fell', 'good'], events: [[127, 1]] },
    { says: 'begins anew and stands', at: 128, samples: [127, 1, 1], reasons: ['good', 'fell', 'good'], events: [[127, 1]] },
    {
      says: 'begins anew, falling',
      at: 128,
      samples: [127, 2, 1, 2],
      reasons: ['good', 'fell', 'fell', 'good'],
      events: [[127, 1]],
    },
    { says: 'has one bad sample', at: 128, samples: [115, 49, 115], reasons: ['good', 'fell', 'good'], events: [] },
    { says: 'has a low one', at: 128, samples: [115, 10, 115, 116], reasons: ['good', 'fell', 'good', 'good'], events: [] },
    { says: 'has a lower one', at: 128, samples: [115, 3, 115], reasons: ['good', 'fell', 'good'], events: [] },
    { says: 'is in mm', at: 35.7632, samples: [32.131, 2.794, 32.131], reasons: ['good', 'fell', 'good'], events: [] },
    { says: 'has eight bits', at: 256, samples: [250, 3, 250], reasons: ['good', 'fell', 'good'], events: [] },
    { says: 'has sixteen bits', at: 65_536, samples: [65_000, 100, 65_000], reasons: ['good', 'fell', 'good'], events: [] },
    {
      says: 'has a low one and goes on',
      at: 128,
      samples: [115, 10, 117, 118],
      reasons: ['good', 'fell', 'good', 'good'],
      events: [],
    },
    {
      says: 'has a low one and nearly returns',
      at: 128,
      samples: [115, 10, 114, 115],
      reasons: ['good', 'fell', 'fell', 'good'],
      events: [],
    },
    {
      says: 'has a high one',
      at: 128,
      samples: [49, 115, 49, 50, 51],
      reasons: ['good', 'jump', 'good', 'good', 'good'],
      events: [],
    },
    {
      says: 'shows all ones',
      at: 65_536,
      samples: [100, 65_535, 101, 102],
      reasons: ['good', 'jump', 'good', 'good'],
      events: [],
    },
    { says: 'has gone on a lot', at: 128, samples: [10, 60, 60, 61], reasons: ['good', 'jump', 'good', 'good'], events: [] },
    // It was confirmed that it may do so between two samples: they are an hour apart, say.
    {
      says: 'goes on a lot again',
      at: 1_000,
      samples: [0, 300, 600, 880, 900],
      reasons: ['good', 'jump', 'good', 'good', 'good'],
      events: [],
    },
    {
      says: 'has gone on a lot once, and has a high one',
      at: 65_536,
      samples: [100, 50_000, 50_010, 50_020, 65_000, 50_030, 50_031, 50_032, 50_033],
      reasons: ['good', 'jump', 'good', 'good', 'jump', 'good', 'good', 'good', 'good'],
      events: [],
    },
    {
      says: 'begins anew and has a bad one then',
      at: 65_536,
      samples: [65_535, 1, 9_000, 2, 3],
      reasons: ['good', 'fell', 'fell', 'fell', 'good'],
      events: [[65_535, 2]],
    },
    {
      says: 'begins anew at once, in large steps',
      at: 1_000,
      samples: [800, 200, 600, 0, 400],
      reasons: ['good', 'fell', 'good', 'fell', 'good'],
      events: [
        [800, 200],
        [600, 0],
      ],
    },
    {
      says: 'is replaced, near its end',
      at: 100_000,
      samples: [90_000, 0, 60_000, 60_001],
      reasons: ['good', 'fell', 'fell', 'good'],
      events: [[90_000, 60_001, 'meter-replaced']],
    },
    {
      says: 'is replaced',
      at: 100_000,
      samples: [50_000, 0, 1, 2],
      reasons: ['good', 'fell', 'fell', 'good'],
      events: [[50_000, 2, 'meter-replaced']],
    },
  ])('whose counter $says is taken for that (gp-06): $samples', ({ at, samples, reasons, events }) => {
    const found = judged(samples, { rollover: at });
    expect(found.reasons).toEqual(reasons);
    expect(found.events).toEqual(
      events.map(([before, after, code = 'meter-rolled-over']) => [code, { channel: 'meter.energy', before, after }]),
    );
  });

  const RANGE = 65_536;

  test('that goes on steadily, by up to 45 % of its range, is never doubted for good, and each new beginning is told once', () => {
    const large = { start: fc.nat(RANGE - 1), step: fc.nat(Math.floor(0.45 * RANGE)) };
    fc.assert(
      fc.property(fc.record(large), ({ start, step }) => {
        const samples = Array.from({ length: 1_000 }, (_, i) => (start + i * step) % RANGE);
        const { reasons, events } = judged(samples, { rollover: RANGE });
        expect(reasons.filter((reason) => reason === 'good').length).toBeGreaterThanOrEqual(500);
        expect(events.map((event) => (event as [string])[0])).toEqual(Array(beginnings(samples)).fill('meter-rolled-over'));
      }),
      { numRuns: 500 },
    );
  });

  // What is higher by less than a sixteenth of the range cannot be told from one that counted more for once.
  test('that rises slowly and has a single bad sample doubts that one, and goes on with the second after it', () => {
    const run = {
      // Half of them begin anew on the way.
      start: fc.oneof(fc.nat(RANGE - 1), fc.integer({ min: RANGE - 3_000, max: RANGE - 1 })),
      rises: fc.array(fc.nat(65), { minLength: 100, maxLength: 100 }),
      at: fc.integer({ min: 1, max: 90 }),
      bad: fc.nat(RANGE - 1),
    };
    fc.assert(
      fc.property(fc.record(run), ({ start, rises, at, bad }) => {
        const truth: number[] = [];
        for (const rise of rises) truth.push(((truth.at(-1) ?? start) + rise) % RANGE);
        // The last one is itself doubted where it began anew.
        for (const last of truth.slice(Math.max(0, at - 2), at)) fc.pre(bad < last || bad > last + RANGE / 16);
        const { reasons, events } = judged(truth.with(at, bad), { rollover: RANGE });
        expect(reasons[at]).not.toBe('good');
        const later = truth.map((value, i) => (i < at + 2 || value >= (truth[i - 1] ?? 0) ? 'good' : 'fell'));
        expect(reasons.slice(at + 2)).toEqual(later.slice(at + 2));
        expect(events.map((event) => (event as [string])[0])).toEqual(Array(beginnings(truth)).fill('meter-rolled-over'));
      }),
      { numRuns: 2_000 },
    );
  });

  test('that begins anew has not made the step that its maximum is for, also where it is calibrated', () => {
    const over = { rollover: 10_000, maxStep: { by: 50, withinMs: 3_600_000 } };
    expect(judged([9_998, 9_999, 0, 1, 2, 100], over)).toEqual({
      reasons: ['good', 'good', 'fell', 'good', 'good', 'jump'],
      events: [['meter-rolled-over', { channel: 'meter.energy', before: 9_999, after: 0 }]],
    });
    const plausibility = openPlausibility('meter.energy', { ...BASE, ...over }, () => undefined);
    const reasons = [9_990, 20, 30, 70].map((raw, i) => plausibility.judge(raw / 2 + 3, raw, i * 1_000).reason ?? 'good');
    expect(reasons).toEqual(['good', 'fell', 'good', 'good']);
    expect(judged([500, 501, 4_000, 502], over).reasons).toEqual(['good', 'good', 'jump', 'good']);
  });

  test('tells nothing while what it shows is impossible', () => {
    const { reasons, events } = judged([127, 1, 200, 127], { rollover: 128, valid: [0, 128] });
    expect({ reasons, events }).toEqual({ reasons: ['good', 'fell', 'out-of-range', 'good'], events: [] });
  });

  test('that was higher before the gateway ended is doubted as at any other time', () => {
    expect(judged([0, 501], {}, 1_000, 500)).toEqual({ reasons: ['fell', 'good'], events: [] });
    expect(judged([0, 0, 0.1], {}, 1_000, 500)).toEqual({
      reasons: ['fell', 'fell', 'good'],
      events: [['meter-replaced', { channel: 'meter.energy', before: 500, after: 0.1 }]],
    });
    expect(judged([1, 1], { rollover: 128 }, 1_000, 127).reasons).toEqual(['fell', 'good']);
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
