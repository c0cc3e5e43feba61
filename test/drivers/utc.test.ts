import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isoTime, utcMs, utcTime } from '../../drivers/utc.ts';

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

test('reckons every moment from year 0 to 9999 as the platform does, and back', () => {
  const moments = fc.integer({ min: Date.UTC(1, 0, 1), max: Date.UTC(9999, 11, 31) });
  fc.assert(
    fc.property(moments, (ms) => utcMs(utcTime(ms)) === ms),
    { numRuns: 5000 },
  );
  expect(utcMs({ year: 2024, month: 2, day: 29, hour: 23, minute: 59, second: 59, millisecond: 7 })).toBe(
    Date.UTC(2024, 1, 29, 23, 59, 59, 7),
  );
});

test.each([
  [2023, 2, 29, 0, 0, 0],
  [2024, 13, 1, 0, 0, 0],
  [2024, 0, 1, 0, 0, 0],
  [2024, 4, 31, 0, 0, 0],
  [2024, 4, 30, 24, 0, 0],
  [2024, 4, 30, 23, 59, 60],
])('has no moment for %d-%d-%d %d:%d:%d', (year, month, day, hour, minute, second) => {
  expect(utcMs({ year, month, day, hour, minute, second, millisecond: 0 })).toBeUndefined();
});
