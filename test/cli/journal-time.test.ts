import { expect, test } from 'vitest';
import { isoText, minuteText, parseMoment, timesOf } from '../../cli/journal-time.ts';
import type { JournalRecord } from '../../gateway/record.ts';
import { hall, journalOf } from './journal-kit.ts';

const NOW_MS = Date.parse('2026-11-26T10:00:00Z');

// What each text means is told by Date.parse for the form of ECMA-262, which is that of ISO 8601 in full.
test.each([
  ['2026-11-25', '2026-11-25T00:00:00Z'],
  ['2026-11-25T14:30', '2026-11-25T14:30:00Z'],
  ['2026-11-25 14:30', '2026-11-25T14:30:00Z'],
  ['2026-11-25T14:30:05', '2026-11-25T14:30:05Z'],
  ['2026-11-25T14:30:05.25Z', '2026-11-25T14:30:05.250Z'],
  ['2026-11-25T14:30:05,25z', '2026-11-25T14:30:05.250Z'],
  ['2026-11-25T14:30+01:00', '2026-11-25T13:30:00Z'],
  ['2026-11-25T14:30-0330', '2026-11-25T18:00:00Z'],
  ['2026-11-25T14:30+01', '2026-11-25T13:30:00Z'],
  ['2026-11-25+01:00', '2026-11-24T23:00:00Z'],
  ['2028-02-29', '2028-02-29T00:00:00Z'],
  ['2d', '2026-11-24T10:00:00Z'],
  ['1h30min', '2026-11-26T08:30:00Z'],
])('%s is a time, in UTC unless it has a zone', (written, meant) => {
  expect(parseMoment(written, NOW_MS, 'from')).toBe(Date.parse(meant));
});

test.each([
  ['2026-11-25', '2026-11-26T00:00:00Z'],
  ['2026-11-25+01:00', '2026-11-25T23:00:00Z'],
  ['2026-11-25T14:30', '2026-11-25T14:30:00Z'],
  ['2d', '2026-11-24T10:00:00Z'],
])('a day at the end of a range is in it, any other time is its end: %s', (written, meant) => {
  expect(parseMoment(written, NOW_MS, 'to')).toBe(Date.parse(meant));
});

test.each([
  '',
  'yesterday',
  '25/11/2026',
  '2026-11-25T',
  '2026-02-30',
  '2026-13-01',
  '2027-02-29',
  '2026-11-25T24:00',
  '2026-11-25T14:60',
  '2026-11-25T14:30:60',
  '2026-11-25T14:30+15:00',
  '14:30',
  '2',
  '900d',
])('%j is no time', (written) => {
  expect(parseMoment(written, NOW_MS, 'from')).toBeUndefined();
});

test('times are written in UTC', () => {
  expect(isoText(Date.parse('2026-11-25T14:30:05.250+01:00'))).toBe('2026-11-25T13:30:05.250Z');
  expect(minuteText(Date.parse('2026-11-25T14:30:05.250+01:00'))).toBe('2026-11-25 13:30');
  expect(isoText(Number.MAX_SAFE_INTEGER)).toBe('');
});

const started = { kind: 'event', code: 'gateway-started', boot: 'b1', monotonicMs: 1_000, wallMs: 1_000, fields: {} } as const;
const anchor = {
  kind: 'anchor',
  boot: 'b1',
  monotonicMs: 61_000,
  wallMs: Date.parse('2026-11-25T12:00:00Z'),
  wallQuality: 'synced',
  source: 'system-clock',
  errorMs: 500,
} as const;

test('a reading from before the clock was set has the time that the boot got later', async () => {
  const records: JournalRecord[] = [
    { ...started, wallQuality: 'none' },
    hall(0, { monotonicMs: 31_000, wallMs: 31_000, wallQuality: 'none' }),
    anchor,
  ];
  const { timeOf } = await timesOf(journalOf(records));
  // Half a minute before the anchor.
  expect(timeOf(records[1] ?? anchor)).toEqual({ wallMs: Date.parse('2026-11-25T11:59:30Z') });
});

test('a reading of a boot whose clock was never set has no time', async () => {
  const reading = hall(0, { monotonicMs: 31_000, wallMs: 31_000, wallQuality: 'none' });
  const { timeOf } = await timesOf(journalOf([{ ...started, wallQuality: 'none' }, reading]));
  expect(timeOf(reading)).toEqual({ why: 'clock-not-set' });
});

test('how wrong stamps may be is known from those that were set right', async () => {
  const wrong = Date.parse('2026-11-22T11:59:00Z');
  const { correctedMsMax } = await timesOf(journalOf([{ ...started, wallMs: wrong, wallQuality: 'floor' }, anchor]));
  // Three days.
  expect(await correctedMsMax()).toBe(3 * 86_400_000);
});
