import { describe, expect, it } from 'vitest';
import type { Journal } from '../../gateway/journal/journal.ts';
import { openJournal } from '../../gateway/journal/open-journal.ts';
import { TestClock } from '../support/test-clock.ts';
import { FOLDER, gapsOf, observation, readAll, seeded, storedValues, upTo, valuesOf, WALL_MS } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const MEBIBYTE = 1 << 20;
const clock = new TestClock({ ms: WALL_MS, quality: 'synced' });

/** With the sizes that fit. */
function openAt(disk: ModelDisk, maxSizeBytes: number): Promise<Journal> {
  return openJournal(disk, FOLDER, { clock, log: () => {}, syncMs: 0, maxSizeBytes, keepMs: 1e12 });
}

/** Digits that nothing makes shorter. */
async function append(journal: Journal, from: number, to: number): Promise<void> {
  for (let value = from; value <= to; value += 100)
    await clock.run(
      Promise.all(
        upTo(Math.min(value + 99, to), value).map((each) => journal.append(observation(each, { uncalibrated: seeded(each)() }))),
      ),
    );
}

const slotsOf = (disk: ModelDisk) => disk.paths.filter((path) => path.includes('/slot-'));
const sizesOf = (disk: ModelDisk) => [...new Set(slotsOf(disk).map((path) => disk.bytes(path).length))];
const realBytes = (disk: ModelDisk) =>
  disk.paths
    .filter((path) => path.includes('/slot-') || path.endsWith('.blocks'))
    .reduce((sum, path) => sum + disk.bytes(path).length, 0);

it('keeps the size of its slots when there is more room: it may be gone again when the first of them is made anew', async () => {
  const disk = new ModelDisk({ capacityBytes: 1_500_000 });
  const journal = await openAt(disk, 64 * MEBIBYTE);
  await append(journal, 1, 20);
  await journal.close();
  expect(sizesOf(disk)).toEqual([65_536]);
  disk.capacityBytes = 100 * MEBIBYTE;
  const again = await openAt(disk, 64 * MEBIBYTE);
  disk.capacityBytes = disk.usedBytes + 100_000;
  await append(again, 21, 8_000);
  expect(again.isFailing).toBe(false);
  expect(sizesOf(disk)).toEqual([65_536]);
  expect((await storedValues(again)).length + gapsOf(await readAll(again)).length).toBeGreaterThan(7_000);
});

it('does not take the size of a slot that was being made when the power failed', async () => {
  const disk = new ModelDisk();
  disk.put(`${FOLDER}/slot-000`, new Uint8Array(131_072));
  const journal = await openAt(disk, 64 * MEBIBYTE);
  await append(journal, 1, 20);
  expect(sizesOf(disk)).toEqual([MEBIBYTE]);
});

describe('max_size made smaller', () => {
  it('holds for the slots as well: they are deleted and made anew smaller, and are counted as they are', async () => {
    const disk = new ModelDisk();
    const large = await openAt(disk, 256 * MEBIBYTE);
    await append(large, 1, 3_000);
    await large.close();
    expect(slotsOf(disk)).toHaveLength(12);
    const small = await openAt(disk, 4 * MEBIBYTE);
    expect(small.stats().sizeBytes).toBe(realBytes(disk));
    await append(small, 3_001, 6_000);
    expect(small.stats().sizeBytes).toBe(realBytes(disk));
    expect(sizesOf(disk)).toEqual([262_144]);
    expect(slotsOf(disk)).toHaveLength(4);
    expect(await storedValues(small)).toEqual(upTo(6_000));
    await append(small, 6_001, 60_000);
    expect(small.stats().sizeBytes).toBe(realBytes(disk));
    expect(realBytes(disk)).toBeLessThanOrEqual(4 * MEBIBYTE);
  });

  it('costs no record, whenever the power fails meanwhile', async () => {
    const disk = new ModelDisk();
    const large = await openAt(disk, 256 * MEBIBYTE);
    await append(large, 1, 1_000);
    await large.close();
    const small = await openAt(disk, 4 * MEBIBYTE);
    const moments: { readonly disk: ModelDisk; readonly last: number }[] = [];
    let last = 1_000;
    let count = 0;
    disk.fault = (operation) => {
      if (operation === 'unlink' || operation === 'fsyncDir' || ++count % 40 === 0) moments.push({ disk: disk.fork(), last });
      return undefined;
    };
    for (; last < 1_200; last += 20) await append(small, last + 1, last + 20);
    expect(moments.length).toBeGreaterThan(20);
    for (const [seed, moment] of moments.entries()) {
      moment.disk.crash(seeded(seed));
      const journal = await openAt(moment.disk, 4 * MEBIBYTE);
      expect(valuesOf(await readAll(journal)).slice(0, moment.last)).toEqual(upTo(moment.last));
      await journal.close();
    }
  });

  it('is tried again where the disk refuses to delete', async () => {
    const disk = new ModelDisk();
    const large = await openAt(disk, 256 * MEBIBYTE);
    await append(large, 1, 100);
    await large.close();
    const small = await openAt(disk, 4 * MEBIBYTE);
    let refusedCount = 0;
    disk.fault = (operation) => (operation === 'unlink' && ++refusedCount % 2 === 0 ? 'EIO' : undefined);
    await append(small, 101, 5_000);
    expect(refusedCount).toBeGreaterThan(10);
    expect(slotsOf(disk)).toHaveLength(4);
    expect(await storedValues(small)).toEqual(upTo(5_000));
  });
});
