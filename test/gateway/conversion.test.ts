import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { ChannelConfig, ConvertStep } from '../../config/config.ts';
import { conversionOf } from '../../gateway/conversion.ts';
import { unconverted } from '../../simulator/unconverted.ts';

const AIR_AND_WATER: ConvertStep = {
  points: [
    [2.8, 0],
    [1.2, 100],
  ],
};
const PERCENT: ConvertStep = { clamp: [0, 100] };

describe('a conversion', () => {
  it.each<[string, ConvertStep[], number, number]>([
    ['none', [], 7, 7],
    ['halfway between two points that fall', [AIR_AND_WATER], 2, 50],
    ['beyond the last point', [AIR_AND_WATER], 1, 112.5],
    ['within the ends', [AIR_AND_WATER, PERCENT], 1, 100],
    ['a line, then its ends', [{ scale: 10, offset: -3 }, { clamp: [0, 5] }], 0.1, 0],
    ['in the order it is written', [{ clamp: [0, 5] }, { scale: 10, offset: -3 }], 9, 47],
    [
      'between the second and the third point',
      [
        {
          points: [
            [0, 0],
            [1, 10],
            [3, 50],
          ],
        },
      ],
      2,
      30,
    ],
  ])('%s', (_, convert, raw, value) => {
    expect(conversionOf({ convert })(raw).value).toBeCloseTo(value, 9);
  });
});

describe('a calibration', () => {
  const points = {
    points: [
      [2.6, 0],
      [1.4, 100],
    ],
  } as const;

  it.each<[string, ConvertStep[], ChannelConfig['calibrate'], number, number]>([
    ['by points takes the place of the board’s points', [AIR_AND_WATER], points, 2, 50],
    ['by points keeps the steps around them', [{ scale: 2, offset: 0 }, AIR_AND_WATER, PERCENT], points, 1.4, 0],
    ['by points comes last where the board has none', [{ scale: 2, offset: 0 }], points, 1, 50],
    ['by points of a board without a conversion', [], points, 1.4, 100],
    ['by offset and scale comes after the board’s steps', [AIR_AND_WATER], { scale: 1, offset: 3 }, 2, 53],
    ['and before the ends that the board sets', [AIR_AND_WATER, PERCENT], { scale: 1, offset: 3 }, 1.2, 100],
  ])('%s', (_, convert, calibrate, raw, value) => {
    expect(conversionOf({ convert, ...(calibrate && { calibrate }) })(raw).value).toBeCloseTo(value, 9);
  });
});

test('what a simulated probe gives for a value is that value once it is converted', () => {
  const number = fc.double({ min: -100, max: 100, noNaN: true });
  const slope = fc.oneof(fc.double({ min: 0.01, max: 10, noNaN: true }), fc.double({ min: -10, max: -0.01, noNaN: true }));
  const rising = fc.uniqueArray(fc.integer({ min: -1000, max: 1000 }), { minLength: 2, maxLength: 5 });
  const points = fc
    .tuple(rising, rising, fc.boolean())
    .filter(([raws, values]) => raws.length === values.length)
    .map(([raws, values, falls]) => {
      const sorted = values.toSorted((a, b) => (falls ? b - a : a - b));
      return { points: raws.toSorted((a, b) => a - b).map((raw, index) => [raw, sorted[index] ?? 0] as const) };
    });
  const line = fc.record({ scale: slope, offset: number });
  fc.assert(
    fc.property(fc.array(fc.oneof(points, line), { maxLength: 3 }), number, (convert, value) => {
      const raw = unconverted(convert, value);
      // Steep lines one after the other leave little of the digits of a number.
      fc.pre(Math.abs(raw) < 1e6);
      expect(Math.abs(conversionOf({ convert })(raw).value - value)).toBeLessThan(1e-3);
    }),
  );
});

// A capacitive probe is 2.8 V in air and 1.2 V in water by its board: a free wire is 0 V, and one at the supply 3.3 V.
test.each([
  [2.8, 0, false],
  [3.1, 0, false],
  [0.9, 100, false],
  [0, 100, true],
  [3.3, 0, true],
])('%d V is %d %, and beyond what a probe can give: %s', (raw, value, isBeyond) => {
  const { value: found, isBeyond: isFound } = conversionOf({ convert: [AIR_AND_WATER, PERCENT] })(raw);
  expect(found).toBeCloseTo(value, 9);
  expect(isFound).toBe(isBeyond);
});
