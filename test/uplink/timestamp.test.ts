import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SECOND_MAX, timestamp } from '../../gateway/uplink/timestamp.ts';

describe('timestamp', () => {
  // The first is the example of Sentilo's documentation (reference §1.5.3).
  it.each([
    [1_347_885_285, '17/09/2012T12:34:45'],
    [0, '01/01/1970T00:00:00'],
    [951_782_399, '28/02/2000T23:59:59'],
    [951_782_400, '29/02/2000T00:00:00'],
    [4_107_542_400, '01/03/2100T00:00:00'],
    [SECOND_MAX, '31/12/9999T23:59:59'],
  ])('writes %d as %s', (second, text) => {
    expect(timestamp(second)).toBe(text);
  });

  it('agrees with the platform’s calendar on every second', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: SECOND_MAX }), (second) => {
        const [, year, month, day, time] = /^(\d+)-(\d+)-(\d+)T([\d:]+)/.exec(new Date(second * 1000).toISOString()) ?? [];
        expect(timestamp(second)).toBe(`${day}/${month}/${year}T${time}`);
      }),
    );
  });
});
