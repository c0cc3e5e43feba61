import { expect, test } from 'vitest';
import { localOffsetMs } from '../../simulator/local-time.ts';
import { START_WALL_MS } from './site.ts';

test.each([
  ['Europe/Madrid', START_WALL_MS, 1],
  ['Europe/Madrid', START_WALL_MS + 120 * 86_400_000, 2],
  ['UTC', START_WALL_MS, 0],
  ['America/St_Johns', START_WALL_MS, -3.5],
])('%s at %d is ahead of UTC by %d hours', (timeZone, wallMs, hours) => {
  expect(localOffsetMs(timeZone, wallMs)).toBe(hours * 3_600_000);
});

test('refuses a time zone that does not exist', () => {
  expect(() => localOffsetMs('Mars/Olympus', START_WALL_MS)).toThrow(RangeError);
});
