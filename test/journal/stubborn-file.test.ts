// One file that the disk refuses to open or to delete, for good: everything else goes on.

import { expect, it } from 'vitest';
import { TestClock } from '../support/test-clock.ts';
import { FOLDER, gapsOf, observation, open, readAll, seeded, upTo, valuesOf, WALL_MS } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const SIZES = { slotBytes: 16_384, slotCount: 3, blockFileBytes: 16_384 };
const reading = (value: number) => observation(value, { value, uncalibrated: seeded(value)() });

/** A journal at its limit; `append` lets a second pass for each forty readings. */
async function atLimit(maxSizeBytes: number) {
  const disk = new ModelDisk();
  const clock = new TestClock({ ms: WALL_MS, quality: 'synced' });
  const journal = await open(disk, { clock, ...SIZES, maxSizeBytes });
  const outcomes = { acknowledged: 0, rejected: 0 };
  const count = (outcome: keyof typeof outcomes) => () => {
    outcomes[outcome] += 1;
  };
  const append = async (from: number, to: number) => {
    for (let value = from; value <= to; value += 40) {
      for (const each of upTo(value + 39, value)) journal.append(reading(each)).then(count('acknowledged'), count('rejected'));
      await clock.advance(1_000);
    }
  };
  return { disk, clock, journal, outcomes, append };
}

const blockFiles = (disk: ModelDisk) => disk.paths.filter((path) => path.endsWith('.blocks'));

it.each(['open', 'unlink'])(
  '%s of the oldest block file is refused: the journal keeps its size, and takes every reading',
  async (refused) => {
    const { disk, clock, journal, outcomes, append } = await atLimit(256 * 1024);
    await journal.delivery('sentilo');
    await append(1, 4_000);
    const [oldest] = blockFiles(disk);
    disk.fault = (operation, _count, path) => (operation === refused && path === oldest ? 'EIO' : undefined);
    await append(4_001, 24_000);
    await clock.advance(120_000);
    expect(journal.isFailing).toBe(false);
    expect(outcomes).toEqual({ acknowledged: 24_000, rejected: 0 });
    expect(journal.stats().sizeBytes).toBeLessThanOrEqual(256 * 1024);
    // All that is not there any more is named, what was lost after the last commit with the next.
    disk.fault = undefined;
    await append(24_001, 24_080);
    const stored = await clock.run(readAll(journal, 5_000));
    const named = gapsOf(stored);
    const kept = stored.flatMap(({ record }) => (record.kind === 'observation' ? (record.window?.count ?? 1) : []));
    const lostCount = 24_080 - kept.reduce((sum, each) => sum + each, 0);
    expect(lostCount).toBeGreaterThan(0);
    expect(named.reduce((sum, { count = 0 }) => sum + count, 0)).toBeGreaterThanOrEqual(lostCount);
  },
  60_000,
);

it('a delivered file cannot be deleted on a full disk: others go, and nothing that is not delivered', async () => {
  const { disk, journal, append } = await atLimit(64 << 20);
  const delivery = await journal.delivery('sentilo');
  await append(1, 8_000);
  delivery.settle([], upTo(journal.lastSequence));
  await delivery.flush();
  const before = blockFiles(disk);
  disk.capacityBytes = disk.usedBytes;
  disk.fault = (operation, _count, path) => (operation === 'unlink' && path === before[0] ? 'EIO' : undefined);
  await append(8_001, 11_000);
  expect(journal.isFailing).toBe(false);
  expect(journal.stats()).toMatchObject({ evictedUndeliveredCount: 0, overwrittenCount: 0 });
  expect(blockFiles(disk)).toContain(before[0]);
  expect(blockFiles(disk)).not.toContain(before[1]);
  const values = new Set(valuesOf(await readAll(journal, 5_000)));
  expect(upTo(11_000, 8_001).filter((value) => !values.has(value))).toEqual([]);
});

it('a slot that failed cannot be deleted: there is one too many, and never more', async () => {
  const { disk, outcomes, append } = await atLimit(512 * 1024);
  const slots = () => disk.paths.filter((path) => path.includes('/slot-')).length;
  await append(1, 40);
  let hasFailed = false;
  disk.fault = (operation, _count, path) => {
    if (path !== `${FOLDER}/slot-000`) return undefined;
    if (operation === 'unlink') return 'EIO';
    if (operation !== 'fdatasync' || hasFailed) return undefined;
    hasFailed = true;
    return 'EIO';
  };
  await append(41, 8_000);
  expect(hasFailed).toBe(true);
  expect(slots()).toBeLessThanOrEqual(4);
  expect(outcomes).toEqual({ acknowledged: 8_000, rejected: 0 });
});
