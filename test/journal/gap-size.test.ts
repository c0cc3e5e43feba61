import { describe, expect, it, test } from 'vitest';
import type { Journal } from '../../gateway/journal/journal.ts';
import { gapRecord } from '../../gateway/journal/loss.ts';
import { openPendingLosses } from '../../gateway/journal/pending-losses.ts';
import { RECORD_BYTES_MAX, recordBytesMax } from '../../gateway/journal/record-codec.ts';
import { GAP_SENSORS_MAX, type Observation } from '../../gateway/record.ts';
import { drain, TestClock } from '../support/test-clock.ts';
import { FOLDER, gapsOf, type OpenOptions, observation, open, readAll, upTo, WALL_MS } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const clock = () => new TestClock({ ms: WALL_MS, quality: 'synced' });
const LOSS = { firstSequence: 1, lastSequence: 100, cause: 'waiting-full', count: 100 };

/** Ids of so many letters that differ only in their ends. */
function sensorsOf(letterCount: number, letter = 's'): string[] {
  return upTo(GAP_SENSORS_MAX).map((number) => `${letter.repeat(letterCount)}${number}`);
}

test.each([1, 20, 120, 125, 260, 5_000])(
  'a gap record fits however long the ids of its sensors are: %i letters',
  (letterCount) => {
    for (const letter of ['s', '€']) {
      const sensors = sensorsOf(letterCount, letter);
      const record = gapRecord({ ...LOSS, sensors }, 'b1', clock());
      expect(recordBytesMax(record)).toBeLessThanOrEqual(RECORD_BYTES_MAX);
      expect(record).toMatchObject(LOSS);
      if (letterCount <= 20) expect(record.sensors).toEqual(sensors);
      else if (letterCount < 5_000) expect(record.sensors?.length).toBeGreaterThan(5);
    }
  },
);

it('announces a loss however long the ids of its sensors are', async () => {
  const disk = new ModelDisk();
  const pending = await openPendingLosses(disk, FOLDER);
  for (const letterCount of [1, 260, 2_000]) await pending.announce([{ ...LOSS, sensors: sensorsOf(letterCount) }]);
  disk.crash(() => 0);
  expect((await openPendingLosses(disk, FOLDER)).atOpening).toMatchObject([LOSS, LOSS, LOSS]);
});

/** Lets the disk fail until readings are given up, and work again. */
async function giveUpSome(journal: Journal, disk: ModelDisk, ownClock: TestClock, of: (value: number) => Observation) {
  disk.fault = (operation) => (operation === 'pwrite' || operation === 'fdatasync' ? 'EIO' : undefined);
  let rejectedCount = 0;
  const reject = () => {
    rejectedCount += 1;
  };
  for (const value of upTo(21_000)) {
    journal.append(of(value)).catch(reject);
    if (value % 500 === 0) await drain();
  }
  disk.fault = undefined;
  await ownClock.advance(60_000);
  return rejectedCount;
}

describe('a loss of sensors with long ids', () => {
  it('is named, and the journal goes on', async () => {
    const disk = new ModelDisk();
    const ownClock = clock();
    const journal = await open(disk, { slotBytes: 1 << 20, slotCount: 4, clock: ownClock });
    const ids = sensorsOf(260);
    const rejectedCount = await giveUpSome(journal, disk, ownClock, (value) =>
      observation(value, { sensor: ids[value % 64] ?? '' }),
    );
    expect(rejectedCount).toBeGreaterThan(500);
    expect(journal.isFailing).toBe(false);
    await ownClock.run(journal.append(observation(30_000)));
    const gaps = gapsOf(await ownClock.run(readAll(journal, 5_000)));
    expect(gaps.reduce((sum, { count = 0 }) => sum + count, 0)).toBe(rejectedCount);
  });

  it('that no record has room for is said in the log, and stops nobody', async () => {
    const disk = new ModelDisk();
    const ownClock = clock();
    const lines: NonNullable<OpenOptions['lines']> = [];
    const journal = await open(disk, { slotBytes: 1 << 20, slotCount: 4, clock: ownClock, lines });
    const ids = sensorsOf(260);
    // The records that the journal writes itself are stamped with it.
    const boot = '€'.repeat(4_500);
    const of = (value: number) => observation(value, { boot, sensor: ids[value % 64] ?? '' });
    expect(await giveUpSome(journal, disk, ownClock, of)).toBeGreaterThan(500);
    expect(journal.isFailing).toBe(false);
    expect(lines.filter(({ code }) => code === 'journal-own-record-refused')).toMatchObject([{ fields: { kind: 'gap' } }]);
    await ownClock.run(journal.append(of(30_000)));
  });
});
