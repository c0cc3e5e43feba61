import { describe, expect, it } from 'vitest';
import { blockFileName, parseBlockFileName, SEQUENCE_MAX } from '../../gateway/journal/block-file.ts';
import { CursorFile } from '../../gateway/journal/cursor-file.ts';
import type { Journal } from '../../gateway/journal/journal.ts';
import { FOLDER, observation, open, readAll, seeded, storedValues, upTo } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const SIZES = { slotBytes: 16_384, slotCount: 4, blockFileBytes: 8_192 };

/** A journal whose sequences begin behind the low-water mark of a cursor. */
async function beginningAt(sequence: number): Promise<ModelDisk> {
  const disk = new ModelDisk();
  await disk.mkdir(FOLDER);
  const cursor = new CursorFile(disk, `${FOLDER}/other.cursor`, 0);
  await cursor.write({ lowWater: sequence, ranges: [], inFlight: [] });
  await cursor.close();
  return disk;
}

/** Digits that nothing makes shorter. Returns the values that were acknowledged, and what the others were rejected with. */
async function append(journal: Journal, count: number) {
  const acknowledged: number[] = [];
  const errors = new Set<string>();
  for (let from = 1; from <= count; from += 50) {
    const group = upTo(from + 49, from).map(async (value) => {
      await journal.append(observation(value, { uncalibrated: seeded(value)() }));
      acknowledged.push(value);
    });
    for (const result of await Promise.allSettled(group)) if (result.status === 'rejected') errors.add(String(result.reason));
  }
  return { acknowledged, errors: [...errors] };
}

describe.each([0x1_0000_0000 - 500, 1e12 - 500])('sequences around %d', (start) => {
  it('are found again, in slots and in block files', async () => {
    const disk = await beginningAt(start);
    const journal = await open(disk, SIZES);
    expect((await append(journal, 6_000)).errors).toEqual([]);
    const stored = await readAll(journal);
    expect(disk.paths.filter((path) => path.endsWith('.blocks')).length).toBeGreaterThan(2);
    disk.crash(() => 0);
    const again = await open(disk, SIZES);
    expect(again.stats().damage).toEqual([]);
    expect(await storedValues(again)).toEqual(upTo(6_000));
    expect(await readAll(again)).toEqual(stored);
  });

  it('are delivered, also without a delivery state', async () => {
    const disk = await beginningAt(start);
    const journal = await open(disk, SIZES);
    await append(journal, 1_000);
    await journal.close();
    await disk.unlink(`${FOLDER}/other.cursor`);
    await disk.fsyncDir(FOLDER);
    const again = await open(disk, SIZES);
    const sequences = (await readAll(again)).map(({ sequence }) => sequence);
    const delivery = await again.delivery('sentilo');
    expect(delivery.unresolved).toEqual([{ first: sequences[0], last: sequences.at(-1) }]);
    await delivery.begin(sequences.slice(0, 3));
    delivery.settle(sequences, sequences.slice(0, 500));
    await delivery.flush();
    disk.crash(() => 0);
    const third = await (await open(disk, SIZES)).delivery('sentilo');
    expect(third.lowWater).toBe(sequences[499]);
    expect(third.unresolved).toEqual([]);
  });
});

it('says that there are no more sequences, and keeps what has one', async () => {
  const disk = await beginningAt(SEQUENCE_MAX - 3_000);
  const journal = await open(disk, SIZES);
  const { acknowledged, errors } = await append(journal, 6_000);
  expect(acknowledged.length).toBeGreaterThan(2_900);
  expect(errors).toEqual([expect.stringContaining('the journal has used all its sequences')]);
  expect(journal.isFailing).toBe(false);
  expect(journal.lastSequence).toBe(SEQUENCE_MAX);
  await journal.close();
  const again = await open(disk, SIZES);
  expect(await storedValues(again)).toEqual(acknowledged);
  await expect(again.append(observation(7_000))).rejects.toThrow('move its folder away');
  await again.close();
});

it.each([42, 1e12 - 1, 1e12, SEQUENCE_MAX])('names a block file by its sequence, and reads it back: %d', (firstSequence) => {
  for (const attempt of [0, 1]) {
    const place = { recordClass: 'gauges', firstSequence, attempt } as const;
    expect(parseBlockFileName(blockFileName(place))).toEqual(place);
  }
});

it.each(['gauges-0000000000042.blocks', 'gauges-42.blocks', 'gauges-12345678901234567.blocks'])(
  'takes %s for none of its own',
  (name) => {
    expect(parseBlockFileName(name)).toBeUndefined();
  },
);
