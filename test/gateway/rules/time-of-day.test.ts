// Times of day of a time zone. The moments stand here as the zones' own announcements say them (IANA tzdata 2026): in Madrid
// clocks go from 2:00 to 3:00 on 29 March 2026 at 01:00 UTC and back from 3:00 to 2:00 on 25 October at 01:00 UTC.

import { describe, expect, it } from 'vitest';
import { localDay } from '../../../drivers/local-day.ts';
import { momentOf } from '../../../gateway/rules/time-of-day.ts';

const DAY_MS = 86_400_000;
const dayOf = (date: string) => Date.parse(`${date}T00:00:00Z`) / DAY_MS;
const at = (zone: string, date: string, time: string) => new Date(momentOf(zone, dayOf(date), time)).toISOString();

describe('a time of day', () => {
  it.each([
    ['in winter', 'Europe/Madrid', '2026-01-15', '06:30', '2026-01-15T05:30:00.000Z'],
    ['in summer', 'Europe/Madrid', '2026-07-15', '06:30', '2026-07-15T04:30:00.000Z'],
    ['before summer time begins', 'Europe/Madrid', '2026-03-29', '01:59', '2026-03-29T00:59:00.000Z'],
    ['left out: its first minute', 'Europe/Madrid', '2026-03-29', '02:00', '2026-03-29T01:00:00.000Z'],
    ['left out: its middle', 'Europe/Madrid', '2026-03-29', '02:30', '2026-03-29T01:00:00.000Z'],
    ['left out: its last minute', 'Europe/Madrid', '2026-03-29', '02:59', '2026-03-29T01:00:00.000Z'],
    ['after summer time has begun', 'Europe/Madrid', '2026-03-29', '03:00', '2026-03-29T01:00:00.000Z'],
    ['later on that day', 'Europe/Madrid', '2026-03-29', '06:30', '2026-03-29T04:30:00.000Z'],
    ['the last minute of that day', 'Europe/Madrid', '2026-03-29', '23:59', '2026-03-29T21:59:00.000Z'],
    ['before summer time ends', 'Europe/Madrid', '2026-10-25', '01:59', '2026-10-24T23:59:00.000Z'],
    ['twice: its first minute', 'Europe/Madrid', '2026-10-25', '02:00', '2026-10-25T00:00:00.000Z'],
    ['twice: its middle', 'Europe/Madrid', '2026-10-25', '02:30', '2026-10-25T00:30:00.000Z'],
    ['twice: its last minute', 'Europe/Madrid', '2026-10-25', '02:59', '2026-10-25T00:59:00.000Z'],
    ['after summer time has ended', 'Europe/Madrid', '2026-10-25', '03:00', '2026-10-25T02:00:00.000Z'],
    ['midnight of that day', 'Europe/Madrid', '2026-10-25', '00:00', '2026-10-24T22:00:00.000Z'],
    // Santiago de Chile: from 24:00 on 5 September 2026 it is 1:00 on the 6th, and from 24:00 on 4 April it is 23:00 again.
    ['left out at midnight in the south', 'America/Santiago', '2026-09-06', '00:30', '2026-09-06T04:00:00.000Z'],
    ['after that', 'America/Santiago', '2026-09-06', '01:00', '2026-09-06T04:00:00.000Z'],
    ['twice before midnight in the south', 'America/Santiago', '2026-04-04', '23:30', '2026-04-05T02:30:00.000Z'],
    ['the day after that', 'America/Santiago', '2026-04-05', '00:30', '2026-04-05T04:30:00.000Z'],
    // Sydney: 4 October 2026 from 2:00 to 3:00, 5 April from 3:00 to 2:00.
    ['left out in Sydney', 'Australia/Sydney', '2026-10-04', '02:30', '2026-10-03T16:00:00.000Z'],
    ['twice in Sydney', 'Australia/Sydney', '2026-04-05', '02:30', '2026-04-04T15:30:00.000Z'],
    // Lord Howe changes by half an hour: 4 October 2026 from 2:00 to 2:30, 5 April from 2:00 to 1:30.
    ['left out by half an hour', 'Australia/Lord_Howe', '2026-10-04', '02:15', '2026-10-03T15:30:00.000Z'],
    ['not left out by half an hour', 'Australia/Lord_Howe', '2026-10-04', '02:45', '2026-10-03T15:45:00.000Z'],
    ['twice by half an hour', 'Australia/Lord_Howe', '2026-04-05', '01:45', '2026-04-04T14:45:00.000Z'],
    ['after the half hour', 'Australia/Lord_Howe', '2026-04-05', '02:00', '2026-04-04T15:30:00.000Z'],
    ['in a zone without summer time', 'UTC', '2026-03-29', '02:30', '2026-03-29T02:30:00.000Z'],
    ['fourteen hours ahead', 'Pacific/Kiritimati', '2026-03-29', '00:00', '2026-03-28T10:00:00.000Z'],
  ])('%s: %s %s %s', (_what, zone, date, time, expected) => {
    expect(at(zone, date, time)).toBe(expected);
  });

  it.each(['Europe/Madrid', 'America/Santiago', 'Australia/Lord_Howe', 'Africa/Casablanca'])(
    'comes once on each day of three years in %s, in the order of the days',
    (zone) => {
      const first = dayOf('2025-01-01');
      for (const time of ['00:00', '01:45', '02:30', '23:30']) {
        const moments = Array.from({ length: 3 * 365 }, (_, index) => momentOf(zone, first + index, time));
        for (const [index, moment] of moments.entries()) {
          const beforeMs = moments[index - 1];
          if (beforeMs === undefined) continue;
          expect(moment - beforeMs).toBeGreaterThanOrEqual(23 * 3_600_000);
          expect(moment - beforeMs).toBeLessThanOrEqual(25 * 3_600_000);
          expect(localDay(zone, moment)).toBe(first + index);
        }
      }
    },
  );
});
