// What is about to be deleted undelivered is written to `losses` first, and named by a gap record afterwards. Whatever happens in
// between: what is gone is named, once, and what is there is not.

import { describe, expect, it } from 'vitest';
import { drain, TestClock } from '../support/test-clock.ts';
import { appendGroup, FOLDER, gapsOf, noisy, observation, open, readAll, seeded, untilEndOf, upTo, WALL_MS } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const SIZES = { slotBytes: 16_384, slotCount: 3, blockFileBytes: 16_384 };
/** Block files that one sealing fills. */
const SMALL = { ...SIZES, blockFileBytes: 4_096 };
const LOSSES = `${FOLDER}/losses`;

/** No two in one window of thinning: only deletion makes room. */
const sparse = (value: number) => observation(value, { monotonicMs: value * 400_000, uncalibrated: seeded(value)() });

function isBlockFile(path: string): boolean {
  return path.endsWith('.blocks');
}

type Stored = Awaited<ReturnType<typeof readAll>>;

/** How many observations stand where a gap record says that there is nothing. */
function presentCount(stored: Stored, { firstSequence, lastSequence }: { firstSequence: number; lastSequence: number }): number {
  const isIn = (sequence: number) => firstSequence <= sequence && sequence <= lastSequence;
  return stored.filter(({ sequence, record }) => record.kind === 'observation' && isIn(sequence)).length;
}

/** All that is stored once the first record of a new process is durable, and with it what names the losses. */
async function storedAfterOpening(disk: ModelDisk, options: Parameters<typeof open>[1] = {}): Promise<Stored> {
  const clock = new TestClock({ ms: WALL_MS, quality: 'synced' });
  const journal = await clock.run(open(disk, { ...SIZES, clock, ...options }));
  await clock.run(journal.append(noisy(1_000_000)));
  return await clock.run(readAll(journal, 5_000));
}

it('what was about to be deleted when the power failed, and is there, is not named as lost', async () => {
  const disk = new ModelDisk();
  const journal = await open(disk, { ...SIZES, maxSizeBytes: 150_000 });
  await (await journal.delivery('sentilo')).flush();
  const left: ModelDisk[] = [];
  disk.fault = (operation, _count, path) => {
    if (left.length === 0 && operation === 'unlink' && isBlockFile(path)) left.push(disk.fork());
    return left.length > 0 ? 'hang' : undefined;
  };
  for (let value = 1; left.length === 0; value += 20)
    await untilEndOf(appendGroup(journal, value, value + 19, sparse), () => left.length > 0);
  const cut = left[0] as ModelDisk;
  cut.crash(() => 0);
  const stored = await storedAfterOpening(cut);
  expect(stored.filter(({ record }) => record.kind === 'observation')[0]?.sequence).toBe(1);
  expect(gapsOf(stored)).toEqual([]);
});

it('what is deleted is named with the next record, although the folder could not be synced', async () => {
  const disk = new ModelDisk();
  const journal = await open(disk, { ...SIZES, maxSizeBytes: 150_000 });
  await (await journal.delivery('sentilo')).flush();
  let isDeleted = false;
  let hasFailed = false;
  disk.fault = (operation, _count, path) => {
    if (operation === 'unlink' && isBlockFile(path)) isDeleted = true;
    if (operation !== 'fsyncDir' || !isDeleted || hasFailed) return undefined;
    hasFailed = true;
    return 'EIO';
  };
  let value = 1;
  for (; !hasFailed; value += 20) await appendGroup(journal, value, value + 19, sparse);
  for (let turn = 0; turn < 5; turn++) await drain();
  await journal.append(sparse(value));
  const gaps = gapsOf(await readAll(journal, 1_000));
  expect(gaps).toMatchObject([{ firstSequence: 1, cause: 'size-cap' }]);
  // The record that names it is durable, and so is the deletion: it does not come back.
  disk.crash(() => 0);
  const stored = await storedAfterOpening(disk);
  expect(gapsOf(stored)).toEqual(gaps);
  expect(gaps.map((gap) => presentCount(stored, gap))).toEqual([0]);
});

it('what is deleted is announced, also when the file for that is being made at the same moment', async () => {
  const disk = new ModelDisk();
  const before = await open(disk, { ...SMALL, maxSizeBytes: 64 << 20 });
  await (await before.delivery('sentilo')).flush();
  for (let value = 1; value <= 2_200; value += 40) await appendGroup(before, value, value + 39, sparse);
  await before.close();
  // Somebody deletes the file, and the disk refuses to make it again until the first sealing has begun.
  for (const path of [LOSSES, `${LOSSES}.new`]) await disk.unlink(path);
  const oldest = disk.paths.find(isBlockFile);
  let hasBegun = false;
  let isHeld = false;
  let isDeleting = false;
  const left: ModelDisk[] = [];
  disk.fault = async (operation, _count, path) => {
    if (left.length > 0) return 'hang';
    if (operation === 'rename' && path.includes('.blocks')) hasBegun = true;
    if (operation === 'pwrite' && path === `${LOSSES}.new`) {
      if (!hasBegun) return 'EIO';
      // A commit makes the file, without any loss in it, and is held up while the sealing is about to delete something.
      const isFirst = !isHeld;
      isHeld = true;
      for (let turn = 0; isFirst && !isDeleting && turn < 50_000; turn++) await undefined;
    }
    if (operation === 'unlink' && path === oldest) isDeleting = true;
    if (operation !== 'fsyncDir' || !isDeleting) return undefined;
    for (let turn = 0; turn < 1_000; turn++) await undefined;
    left.push(disk.copy());
    return 'hang';
  };
  const journal = await open(disk, { ...SMALL, maxSizeBytes: 60_000 });
  for (let value = 2_201; left.length === 0; value += 40)
    await untilEndOf(appendGroup(journal, value, value + 39, sparse), () => left.length > 0);
  const cut = left[0] as ModelDisk;
  expect(isHeld).toBe(true);
  expect(cut.paths).not.toContain(oldest);
  expect(gapsOf(await storedAfterOpening(cut, SMALL))).toMatchObject([{ firstSequence: 1, cause: 'size-cap' }]);
});

describe('a slot that was given up on a full disk, when the power fails before its gap record is durable', () => {
  /** What the disk was before each write and sync after the slot was given up. */
  async function momentsAfterGivingUp(): Promise<ModelDisk[]> {
    const clock = new TestClock({ ms: WALL_MS, quality: 'synced' });
    const disk = new ModelDisk();
    const lines: { level: 'debug' | 'info' | 'warning' | 'error'; code: string; fields: unknown }[] = [];
    const moments: ModelDisk[] = [];
    disk.fault = (operation, _count, path) => {
      const isChange = operation === 'pwrite' || operation === 'fdatasync';
      if (isChange && moments.length < 40 && lines.some(({ code }) => code === 'journal-slot-given-up'))
        moments.push(disk.fork());
      return operation === 'pwrite' && path.includes('.blocks') ? 'ENOSPC' : undefined;
    };
    const journal = await open(disk, { ...SIZES, clock, lines });
    await clock.run((await journal.delivery('sentilo')).flush());
    for (let value = 1; value <= 600; value += 20) {
      // Those that do not fit wait.
      for (const each of upTo(value + 19, value)) journal.append(noisy(each)).catch(() => undefined);
      await clock.advance(40_000);
    }
    return moments;
  }

  it('is named once, with no more than what is gone of it', async () => {
    const moments = await momentsAfterGivingUp();
    expect(moments.length).toBe(40);
    for (const [index, moment] of moments.entries()) {
      for (const kept of [0, 0.13]) {
        const left = moment.fork();
        left.crash(() => kept);
        const stored = await storedAfterOpening(left);
        const gaps = gapsOf(stored);
        const where = `moment ${index}, kept ${kept}`;
        const isTwice = gaps.some((gap, i) => gaps.slice(i + 1).some((other) => overlap(gap, other)));
        expect(isTwice, where).toBe(false);
        for (const gap of gaps) {
          const goneCount = gap.lastSequence - gap.firstSequence + 1 - presentCount(stored, gap);
          expect(gap.count, where).toBeLessThanOrEqual(goneCount);
        }
      }
    }
  });

  type Named = ReturnType<typeof gapsOf>[number];
  function overlap(a: Named, b: Named): boolean {
    return a.firstSequence <= b.lastSequence && b.firstSequence <= a.lastSequence;
  }
});
