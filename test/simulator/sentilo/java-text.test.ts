import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatTimestamp } from '../../../simulator/sentilo/calendar.ts';
import {
  formatLocation,
  hashSetOrder,
  isLocation,
  isTimeZone,
  parseJavaInteger,
  parseTimestamp,
} from '../../../simulator/sentilo/java-text.ts';
import { EXAMPLE_MS } from './support.ts';

const BASE = '17/09/2012T12:34:45';
const HOUR_MS = 3_600_000;

describe('timestamps (sentilo.md §1.5.3)', () => {
  it.each([
    [BASE, EXAMPLE_MS],
    [`${BASE}+0000`, EXAMPLE_MS],
    [`${BASE}+0200`, EXAMPLE_MS - 2 * HOUR_MS],
    [`${BASE} +0200`, EXAMPLE_MS - 2 * HOUR_MS],
    [`${BASE}-0330`, EXAMPLE_MS + 3.5 * HOUR_MS],
    [`${BASE}UTC`, EXAMPLE_MS],
    [`${BASE}GMT`, EXAMPLE_MS],
    [`${BASE}utc`, EXAMPLE_MS],
    [`${BASE}GMT+02:00`, EXAMPLE_MS - 2 * HOUR_MS],
    // Fixed at one hour although it is summer: 11:34:45Z.
    [`${BASE}CET`, EXAMPLE_MS - HOUR_MS],
    [`${BASE}CEST`, EXAMPLE_MS - 2 * HOUR_MS],
    [`${BASE}EST`, EXAMPLE_MS + 5 * HOUR_MS],
    [`${BASE}PST`, EXAMPLE_MS + 8 * HOUR_MS],
    [`${BASE}+0000xyz`, EXAMPLE_MS],
    [` ${BASE}`, EXAMPLE_MS],
    [`${BASE} `, EXAMPLE_MS],
    ['1/1/2015T1:2:3', Date.UTC(2015, 0, 1, 1, 2, 3)],
    ['29/02/2024T23:59:59', Date.UTC(2024, 1, 29, 23, 59, 59)],
    ['17/09/12T12:34:45', -61_766_191_515_000],
    ['15/10/1582T00:00:00', Date.UTC(1582, 9, 15)],
  ])('reads %j', (text, ms) => {
    expect(parseTimestamp(text)).toBe(ms);
  });

  it.each([
    `${BASE}+02:00`,
    `${BASE}Z`,
    `${BASE}GMT+2`,
    `${BASE}Europe/Madrid`,
    `${BASE}.123`,
    `${BASE}.123+0000`,
    '2012-09-17T12:34:45Z',
    '17/09/2012 12:34:45',
    '1347885285000',
    '17/09/2012T12:34',
    '17/09/2012t12:34:45',
    '31/02/2012T00:00:00',
    '29/02/2023T00:00:00',
    '17/09/2012T24:00:00',
    '17/09/2012T12:34:60',
    '17/09/2012T12:60:00',
    '17/13/2012T12:00:00',
    '00/09/2012T12:00:00',
    '01/01/0T00:00:00',
    // Left out by the calendar reform.
    '10/10/1582T00:00:00',
  ])('refuses %j', (text) => {
    expect(parseTimestamp(text)).toBeUndefined();
  });

  it('writes every second of two thousand years as ISO 8601 has it, and reads it back', () => {
    const from = Date.UTC(1582, 9, 15) / 1000;
    fc.assert(
      fc.property(fc.integer({ min: from, max: Date.UTC(3600, 0, 1) / 1000 }), (second) => {
        const [date = '', time = ''] = new Date(second * 1000).toISOString().slice(0, 19).split('T');
        const written = `${date.split('-').reverse().join('/')}T${time}`;
        expect(formatTimestamp(second * 1000)).toBe(written);
        expect(parseTimestamp(written)).toBe(second * 1000);
      }),
    );
  });

  it('writes dates before the reform in the Julian calendar, as it reads them', () => {
    expect(formatTimestamp(-61_766_191_515_000)).toBe('17/09/0012T12:34:45');
    fc.assert(
      fc.property(fc.integer({ min: -62_135_700_000, max: Date.UTC(1582, 9, 15) / 1000 }), (second) => {
        expect(parseTimestamp(formatTimestamp(second * 1000))).toBe(second * 1000);
      }),
    );
  });
});

describe('locations (sentilo.md §1.5.4)', () => {
  it.each([
    '41.4036 2.2038',
    '-90 -180',
    '90 180',
    '41.39 2.17,41.40 2.18',
    '41.39 2.17, 41.40 2.18',
    '1e1 2',
    '41.39d 2f',
    '+41.39 +2.17',
    '',
    '   ',
    'null',
  ])('takes %j', (text) => {
    expect(isLocation(text)).toBe(true);
  });

  it.each([
    '41.39,2.17',
    '41.39  2.17',
    '41.39\t2.17',
    '41.39 2.17 10',
    'NaN NaN',
    'Infinity 0',
    '90.1 0',
    '0 180.1',
    '-90.5 0',
    'north east',
    '41.39',
    ',',
  ])('refuses %j', (text) => {
    expect(isLocation(text)).toBe(false);
  });

  it('takes no location at all', () => {
    expect(isLocation(null)).toBe(true);
  });
});

describe('a location that the catalogue gives back', () => {
  // java.lang.Double.toString: a digit behind the point at least, an exponent below 10^-3 and from 10^7 on (OpenJDK 17.0.15).
  it.each([
    ['2.1320120 41', '2.132012 41.0'],
    ['+1 -0', '1.0 -0.0'],
    ['0.001 0.0009', '0.001 9.0E-4'],
    ['1.25e-5 180', '1.25E-5 180.0'],
    ['41.39d 2f', '41.39 2.0'],
    ['1 2,3 4,', '1.0 2.0,3.0 4.0'],
    ['1 2 ', '1.0 2.0'],
    ['1 2, 3 4', undefined],
    [' 1 2', undefined],
  ])('is %j as %j', (text, written) => {
    expect(isLocation(text)).toBe(true);
    expect(formatLocation(text)).toBe(written);
  });
});

// Measured with TimeZone.getTimeZone of OpenJDK 17.0.15.
describe('time zones', () => {
  it.each(['CET', 'EST', 'PST', 'GMT', 'UTC', 'Europe/Madrid', 'America/Argentina/Buenos_Aires', 'GMT+1', 'GMT-03:30', '', '  '])(
    'takes %j',
    (text) => expect(isTimeZone(text)).toBe(true),
  );

  it.each(['europe/madrid', 'Europe/Barcelona', '+01:00', 'GMT+24', 'CEST', 'Madrid'])('refuses %j', (text) => {
    expect(isTimeZone(text)).toBe(false);
  });
});

describe('integers', () => {
  it.each([
    ['5', 5],
    ['+5', 5],
    ['-2', -2],
    ['007', 7],
    ['2147483647', 2_147_483_647],
    ['2147483648', undefined],
    ['5.0', undefined],
    [' 5', undefined],
    ['five', undefined],
    ['-', undefined],
  ])('reads %j as %j', (text, value) => {
    expect(parseJavaInteger(text)).toBe(value);
  });
});

describe('the order of a Java HashSet', () => {
  // String.hashCode: "a" 97, "b" 98, "Aa" and "BB" both 2112 (java.lang.String); 16 buckets: 1, 2, 0.
  it('is that of the hash buckets, and that of insertion within one', () => {
    expect(hashSetOrder(['b', 'a', 'BB', 'Aa'])).toEqual(['BB', 'Aa', 'a', 'b']);
  });
});
