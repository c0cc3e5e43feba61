import { describe, expect, it } from 'vitest';
import { DiskError } from '../../gateway/host.ts';
import { TestClock } from '../support/test-clock.ts';
import { FOLDER, type OpenOptions, observation, open, seeded, upTo, WALL_MS } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

/** A `max_size` that no disk here has. */
const SIZES = { slotBytes: 65_536, slotCount: 4, blockFileBytes: 65_536, maxSizeBytes: 1e9 };

/** A journal with a reading every minute, so that a window has five; digits that nothing makes shorter. */
async function onDisk(capacityBytes?: number) {
  const disk = new ModelDisk(capacityBytes === undefined ? {} : { capacityBytes });
  const clock = new TestClock({ ms: WALL_MS, quality: 'synced' });
  const lines: NonNullable<OpenOptions['lines']> = [];
  const journal = await open(disk, { clock, lines, ...SIZES });
  const delivery = await journal.delivery('sentilo');
  await delivery.flush();
  const random = seeded(3);
  let appendedCount = 0;
  const append = async (count: number) => {
    for (const end = appendedCount + count; appendedCount < end; ) {
      const group = Array.from({ length: 500 }, () =>
        observation(++appendedCount, { value: random(), uncalibrated: random(), monotonicMs: appendedCount * 60_000 }),
      );
      for (const reading of group) journal.append(reading).catch(() => undefined);
      await clock.advance(1);
    }
  };
  const settleAll = async () => {
    delivery.settle([], upTo(journal.lastSequence, delivery.lowWater + 1));
    await delivery.flush();
  };
  const filesOf = (code: string) =>
    lines.flatMap((line) => (line.code === code ? [(line.fields as { readonly file: string }).file] : []));
  return { disk, journal, append, settleAll, filesOf, codes: () => new Set(lines.map(({ code }) => code)) };
}

describe('on a file system that is smaller than max_size', () => {
  it('what is oldest is thinned while there is room for the copy, and nothing is dropped as long as that makes room', async () => {
    const { journal, append, codes } = await onDisk(2 << 20);
    await append(180_000);
    expect(journal.stats().thinnedCount).toBeGreaterThan(20_000);
    expect(journal.stats().evictedUndeliveredCount).toBe(0);
    expect(codes()).toEqual(new Set(['journal-file-thinned']));
  });

  it('only what is thin is dropped, for the room that the next copy takes, and the disk is never full', async () => {
    const { journal, append, filesOf, codes } = await onDisk(1 << 20);
    await append(200_000);
    const thinned = new Set(filesOf('journal-file-thinned'));
    const deleted = filesOf('journal-file-deleted');
    expect(deleted.length).toBeGreaterThan(5);
    expect(deleted.filter((file) => !thinned.has(file))).toEqual([]);
    expect(journal.stats().evictedUndeliveredCount).toBeGreaterThan(0);
    expect(codes()).toEqual(new Set(['journal-file-thinned', 'journal-file-deleted']));
  });
});

describe('while others hold the room on the disk for a moment', () => {
  it.each([
    { room: 'some is left', leftBytes: 200_000, deletedCount: 0 },
    { room: 'nothing is left', leftBytes: 0, deletedCount: 1 },
  ])('$room: delivered history is thinned, and dropped only for the first copy', async ({ leftBytes, deletedCount }) => {
    const { disk, journal, append, settleAll, filesOf } = await onDisk();
    await append(200_000);
    await settleAll();
    disk.capacityBytes = disk.usedBytes + leftBytes;
    await append(40_000);
    expect(journal.isFailing).toBe(false);
    expect(filesOf('journal-file-thinned').length).toBeGreaterThan(5);
    expect(filesOf('journal-file-deleted')).toHaveLength(deletedCount);
    disk.capacityBytes = undefined;
    const thinnedCount = filesOf('journal-file-thinned').length;
    await append(20_000);
    expect(filesOf('journal-file-thinned')).toHaveLength(thinnedCount);
    expect(journal.stats().evictedUndeliveredCount).toBe(0);
  });

  it('and a copy finds none after all, nothing is dropped for it', async () => {
    const { disk, append, settleAll, codes } = await onDisk();
    await append(100_000);
    await settleAll();
    const leftBytes = 200_000;
    disk.capacityBytes = disk.usedBytes + leftBytes;
    let copyCount = 0;
    disk.fault = (operation, _count, path) => {
      const isOfCopy = path === `${FOLDER}/gauges-000000000001.blocks.new`;
      if (isOfCopy && operation === 'open') copyCount += 1;
      if (isOfCopy) disk.capacityBytes = disk.usedBytes + (operation === 'unlink' ? leftBytes : 0);
      return undefined;
    };
    await append(10_000);
    expect(copyCount).toBeGreaterThan(0);
    expect(codes()).toEqual(new Set());
  });

  it('and nobody knows how much there is, everything goes as before', async () => {
    const { disk, journal, append, codes } = await onDisk();
    disk.freeBytes = () => Promise.reject(new DiskError('EIO', 'statfs failed: EIO'));
    await append(20_000);
    expect(codes()).toEqual(new Set());
    expect(journal.stats().recordCount).toBe(20_000);
  });
});
