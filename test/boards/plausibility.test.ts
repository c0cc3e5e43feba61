// What the boards of the library say of their products decides which values are doubted: counters that begin anew, chips that
// froze, amounts that no sky gives. The figures are those of the data sheets and standards that the board files name.

import { describe, expect, test } from 'vitest';
import type { ChannelConfig } from '../../config/config.ts';
import { openPlausibility } from '../../gateway/plausibility.ts';
import { HEAD, loadText } from '../config/site-files.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** How each board is plugged in where this matters. */
const PLACES: Readonly<Record<string, string>> = {
  'pzem-016': 'meters',
  'dsmr-p1': 'pm',
  'dsmr2-p1': 'pm',
  bme280: 'i2c1',
  bmp280: 'i2c1',
  'rain-gauge': 'gpio.pin11',
};

async function channelOf(board: string, reading: string): Promise<ChannelConfig> {
  const device = `devices:\n  one:\n    board: ${board}@1\n    via: ${PLACES[board]}\n    readings: { ${reading}: { enabled: true } }\n`;
  const { config } = await loadText(`${HEAD}${device}`);
  const channel = config?.devices.get('one')?.channels.find((each) => each.reading === reading);
  if (channel === undefined) throw new Error(`${board} has no reading ${reading}`);
  return channel;
}

/** Judges values that come every `everyMs`: why each is doubted, or `good`, and the codes of the events. */
async function judged(board: string, reading: string, values: readonly number[], everyMs = MINUTE_MS) {
  const events: string[] = [];
  const plausibility = openPlausibility('one', await channelOf(board, reading), (code) => events.push(code));
  const reasons = values.map((value, index) => plausibility.judge(value, value, index * everyMs).reason ?? 'good');
  return { reasons, events };
}

describe('a total that has reached the end of its digits', () => {
  test.each([
    { board: 'pzem-016', reading: 'energy_in', last: 9_999_940, first: 20 },
    { board: 'dsmr-p1', reading: 'energy_imported_t1', last: 999_999.998, first: 0.011 },
    { board: 'dsmr-p1', reading: 'energy_exported', last: 999_999.998, first: 0.011 },
    { board: 'dsmr-p1', reading: 'gas', last: 99_999.9, first: 0.2 },
    { board: 'dsmr-p1', reading: 'water', last: 99_999.9, first: 0.2 },
    { board: 'dsmr2-p1', reading: 'energy_imported_t2', last: 99_999.99, first: 0.01 },
    { board: 'dsmr2-p1', reading: 'gas', last: 99_999.9, first: 0.2 },
  ])('begins anew, which the next sample proves: $reading of $board', async ({ board, reading, last, first }) => {
    const { reasons, events } = await judged(board, reading, [last, first, first]);
    expect(reasons).toEqual(['good', 'fell', 'good']);
    expect(events).toEqual(['meter-rolled-over']);
  });
});

describe('a chip whose noise is larger than its steps', () => {
  test.each([
    ['bme280', 'pressure', 1013.25],
    ['bme280', 'temperature', 21.31],
    ['bmp280', 'pressure', 1013.25],
    ['bmp280', 'temperature', 21.31],
  ])('has frozen when it shows the same for a day: %s, %s', async (board, reading, value) => {
    const day = await judged(board, reading, Array(DAY_MS / MINUTE_MS + 1).fill(value));
    expect(day.reasons.indexOf('flat')).toBe(DAY_MS / MINUTE_MS);
    // As steady as it can be: it moves to the next step and back, once an hour.
    const steady = Array.from({ length: 7 * 24 * 60 }, (_, minute) => value + (Math.floor(minute / 60) % 2) * 0.005);
    expect((await judged(board, reading, steady)).reasons).not.toContain('flat');
  });

  test('may be read once in six hours', async () => {
    const values = [1013.25, 1013.25, 1013.28, 1013.28, 1013.25];
    expect((await judged('bme280', 'pressure', values, DAY_MS / 4)).reasons).toEqual(Array(5).fill('good'));
  });
});

describe('rain', () => {
  test('may not fall for a year', async () => {
    const { reasons } = await judged('rain-gauge', 'rain', Array(365).fill(0), DAY_MS);
    expect(new Set(reasons)).toEqual(new Set(['good']));
  });

  test.each(['rain', 'rain_today'])('of more than has ever fallen in 24 hours is doubted: %s', async (reading) => {
    expect((await judged('rain-gauge', reading, [1825, 1825.3])).reasons).toEqual(['good', 'out-of-range']);
  });
});
