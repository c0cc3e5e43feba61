// The parts of `barri journal` that need no files.

import { describe, expect, test } from 'vitest';
import { heldFilter } from '../../cli/journal-held.ts';
import { lossOfDamage } from '../../cli/journal-losses.ts';
import { openProgress } from '../../cli/journal-progress.ts';
import { chooseSensors } from '../../cli/journal-sensors.ts';
import type { TimeOf } from '../../cli/journal-time.ts';
import { wearOf } from '../../cli/journal-wear.ts';
import type { Gap } from '../../gateway/record.ts';
import { balcony, hall, journalOf } from './journal-kit.ts';

const timeOf: TimeOf = ({ wallMs }) => ({ wallMs });

describe('progress', () => {
  function progressOn(isTerminal: boolean) {
    let nowMs = 0;
    let said = '';
    const place = { isTerminal, nowMs: () => nowMs, write: (text: string) => (said += text) };
    const progress = openProgress('verifying', 1_000, place);
    return {
      at(ms: number, count: number) {
        nowMs = ms;
        progress.to(count);
      },
      end: () => progress.end(),
      said: () => said,
    };
  }

  test('says nothing where the work is over within a second', () => {
    const progress = progressOn(true);
    progress.at(900, 999);
    progress.end();
    expect(progress.said()).toBe('');
  });

  test('rewrites one line on a terminal, and clears it at the end', () => {
    const progress = progressOn(true);
    progress.at(10_000, 250);
    progress.at(10_050, 251);
    progress.at(20_000, 500);
    progress.end();
    expect(progress.said()).toMatch(
      /^\rverifying: 25 %, 250 of 1,000 records, 30 s left\rverifying: 50 %, 500 of 1,000 records, 20 s left\r +\r$/,
    );
  });

  test('writes a plain line every five seconds elsewhere', () => {
    const progress = progressOn(false);
    for (let ms = 0; ms <= 12_000; ms += 100) progress.at(ms, ms / 20);
    progress.end();
    expect(progress.said()).toBe(
      'verifying: 25 %, 250 of 1,000 records, 15 s left\nverifying: 50 %, 500 of 1,000 records, 10 s left\n',
    );
  });
});

describe('a sensor', () => {
  const journal = journalOf([hall(1), balcony(2), hall(3, { sensor: 'old-hall-temperature' })]);
  const noProgress = () => openProgress('', undefined, { isTerminal: false, nowMs: () => 0, write: () => {} });
  const choose = (...names: string[]) => chooseSensors(names, journal, undefined, noProgress);

  test('is found by its id', async () => {
    const choice = await choose('makers-hall-temperature');
    expect('sensors' in choice && choice.sensors).toEqual(new Set(['makers-hall-temperature']));
  });

  test('is found by device and reading, also where its id was another one before', async () => {
    const choice = await choose('hall.temperature');
    if (!('includes' in choice)) throw new Error('not found');
    expect([hall(1), balcony(2), hall(3, { sensor: 'old-hall-temperature' })].map(choice.includes)).toEqual([true, false, true]);
  });

  test('that nobody knows is named with those that are like it', async () => {
    expect(await choose('makers-hall-temperature', 'makers-hal-temprature')).toEqual({
      unknown: 'makers-hal-temprature',
      near: ['makers-hall-temperature'],
      otherCount: 0,
    });
    expect(await choose('fridge.door')).toMatchObject({
      unknown: 'fridge.door',
      near: expect.arrayContaining(['hall.temperature']),
    });
  });

  test('need not be named: then all are meant', async () => {
    const choice = await choose();
    expect('includes' in choice && choice.includes(hall(1))).toBe(true);
  });
});

test('of a reading that was appended again the first copy that is still there counts', async () => {
  const [first, held, twice, lone] = [hall(1), hall(1, { heldFrom: 1 }), hall(1, { heldFrom: 2 }), hall(9, { heldFrom: 900 })];
  const isFirst = heldFilter(journalOf([first, held, twice, lone]));
  const stored = [first, held, twice, lone].map((record, index) => ({ sequence: index + 1, record }));
  expect(await Promise.all(stored.map(isFirst))).toEqual([true, false, false, true]);
});

describe('what damage cost', () => {
  const damage = { file: 'slot-000', offset: 4096, sizeBytes: 4096, kind: 'damaged', missing: { first: 2, last: 3 } } as const;

  test('is told by the gap record that names it', async () => {
    const gap: Gap = {
      ...{ kind: 'gap', boot: 'b1', monotonicMs: 0, wallMs: 0, wallQuality: 'synced', cause: 'damaged' },
      ...{ firstSequence: 2, lastSequence: 3, count: 2, sensors: ['makers-hall-temperature'], fromWallMs: 5, toWallMs: 7 },
    };
    expect(await lossOfDamage(damage, [gap], journalOf([]), timeOf)).toEqual({
      ...{ cause: 'damaged', firstSequence: 2, lastSequence: 3, count: 2, isExact: true },
      ...{ sensors: ['makers-hall-temperature'], fromWallMs: 5, toWallMs: 7 },
    });
  });

  test('is bounded by the records around it where no gap record names it', async () => {
    const journal = journalOf([hall(1), hall(2), balcony(3), balcony(4)]);
    const read = journal.read.bind(journal);
    const isGone = (sequence: number) => sequence === 2 || sequence === 3;
    const damaged = {
      ...journal,
      read: async (from: number, limit: number) => (await read(from, limit)).filter(({ sequence }) => !isGone(sequence)),
    };
    expect(await lossOfDamage(damage, [], damaged, timeOf)).toEqual({
      ...{ cause: 'damaged', firstSequence: 2, lastSequence: 3, count: 2, isExact: false },
      ...{
        sensors: ['makers-balcony-humidity', 'makers-hall-temperature'],
        fromWallMs: hall(1).wallMs,
        toWallMs: hall(4).wallMs,
      },
      perSensor: [
        { sensor: 'makers-balcony-humidity', toWallMs: hall(4).wallMs },
        { sensor: 'makers-hall-temperature', fromWallMs: hall(1).wallMs },
      ],
    });
  });

  test('begins before it ends, also where the clock was set back meanwhile', async () => {
    const journal = journalOf([hall(60), hall(2), balcony(3), hall(4)]);
    const read = journal.read.bind(journal);
    const damaged = {
      ...journal,
      read: async (from: number, limit: number) =>
        (await read(from, limit)).filter(({ sequence }) => sequence !== 2 && sequence !== 3),
    };
    const times = { fromWallMs: hall(4).wallMs, toWallMs: hall(60).wallMs };
    expect(await lossOfDamage(damage, [], damaged, timeOf)).toMatchObject({
      ...times,
      perSensor: [{ sensor: 'makers-hall-temperature', ...times }],
    });
    const told = { ...damage, count: 2, sensors: [], fromWallMs: times.toWallMs, toWallMs: times.fromWallMs };
    expect(await lossOfDamage(told, [], journalOf([]), timeOf)).toMatchObject(times);
  });

  test('is nothing where no record is missing', async () => {
    const { missing: _missing, ...harmless } = damage;
    expect(await lossOfDamage(harmless, [], journalOf([]), timeOf)).toBeUndefined();
  });
});

test('wear is what was counted, for a day', () => {
  const wear = wearOf({ writtenBytes: 1_000_000, syncCount: 500, forMs: 43_200_000 }, 5_000);
  // Half a day was counted. 32 GB a thousand times are 32 TB: 16 million days of 2 MB.
  expect(wear).toMatchObject({ bytesPerDay: 2_000_000, syncsPerDay: 1_000, isRough: false, syncMs: 5_000 });
  expect(wear.cardYears).toBeCloseTo(16_000_000 / 365.25, 3);
  expect(wearOf({ writtenBytes: 0, syncCount: 0, forMs: 0 }).isRough).toBe(true);
});
