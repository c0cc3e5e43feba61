import { expect, test } from 'vitest';
import { localDay } from '../../drivers/local-day.ts';

// Days since 1970 of the dates that `TZ=… date -d @…` prints for these moments.
test.each([
  { zone: 'UTC', wallMs: 0, day: 0 },
  { zone: 'UTC', wallMs: -1, day: -1 },
  { zone: 'UTC', wallMs: 951_782_400_000, day: 11_016 },
  // 29 March 2026 has 23 hours in Madrid: it begins at 23:00 UTC and ends at 22:00 UTC.
  { zone: 'Europe/Madrid', wallMs: 1_774_738_799_999, day: 20_540 },
  { zone: 'Europe/Madrid', wallMs: 1_774_738_800_000, day: 20_541 },
  { zone: 'Europe/Madrid', wallMs: 1_774_821_599_999, day: 20_541 },
  { zone: 'Europe/Madrid', wallMs: 1_774_821_600_000, day: 20_542 },
  { zone: 'America/Lima', wallMs: 1_774_760_399_999, day: 20_540 },
  { zone: 'America/Lima', wallMs: 1_774_760_400_000, day: 20_541 },
])('$wallMs is on day $day in $zone', ({ zone, wallMs, day }) => {
  expect(localDay(zone, wallMs)).toBe(day);
});

test('does not know a time zone that does not exist', () => {
  expect(() => localDay('Europe/Atlantis', 0)).toThrow(RangeError);
});
