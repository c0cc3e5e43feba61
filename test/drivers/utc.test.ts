import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isoTime } from '../../drivers/utc.ts';

test('writes every moment from year 0 to 9999 as the platform does', () => {
  const moments = fc.integer({ min: Date.UTC(1, 0, 1), max: Date.UTC(9999, 11, 31) });
  fc.assert(
    fc.property(moments, (ms) => isoTime(ms) === new Date(ms).toISOString()),
    { numRuns: 5000 },
  );
});

test.each([0, 951_782_400_000, 1_709_164_800_000, 1_798_761_599_999, -1])('writes %d ms as the platform does', (ms) => {
  expect(isoTime(ms)).toBe(new Date(ms).toISOString());
});
