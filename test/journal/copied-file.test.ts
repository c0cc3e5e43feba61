import { describe, expect, it } from 'vitest';
import type { Journal } from '../../gateway/journal/journal.ts';
import { FOLDER, gapsOf, observation, open, readAll, upTo, valuesOf } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const SIZES = { slotBytes: 16_384, slotCount: 3 };
const RECORD_COUNT = 6_000;
const GROUP = 50;

async function append(journal: Journal, from: number, to: number): Promise<void> {
  for (let value = from; value <= to; value += GROUP) {
    const values = upTo(Math.min(to, value + GROUP - 1), value);
    await Promise.all(values.map((each) => journal.append(observation(each))));
  }
}

/** The names of the block files, oldest first. */
function blockFiles(disk: ModelDisk): string[] {
  const names = disk.paths.map((path) => path.slice(FOLDER.length + 1));
  return names.filter((name) => name.endsWith('.blocks')).sort();
}

function nameOf(sequence: number): string {
  return `gauges-${String(sequence).padStart(12, '0')}.blocks`;
}

async function kept(blockFileBytes: number): Promise<ModelDisk> {
  const disk = new ModelDisk();
  const journal = await open(disk, { ...SIZES, blockFileBytes });
  await append(journal, 1, RECORD_COUNT);
  await journal.close();
  return disk;
}

describe.each([
  ['one file that is still written', 1 << 20],
  ['several files', 8_192],
])('of %s', (_what, blockFileBytes) => {
  const options = { ...SIZES, blockFileBytes };

  it.each([
    ['whose name lies within the first', 1_001],
    ['whose name lies within the newest', 5_001],
    ['whose name lies beyond all records', 1_000_000],
  ])('a copy %s costs no record and is named once', async (_where, sequence) => {
    const disk = await kept(blockFileBytes);
    const whole = await open(disk.copy(), options);
    const { recordCount } = whole.stats();
    await whole.close();
    const [first] = blockFiles(disk) as [string];
    const copy = disk.bytes(`${FOLDER}/${first}`).slice();
    disk.put(`${FOLDER}/${nameOf(sequence)}`, copy.slice());
    for (const isReadOnly of [true, false, false]) {
      const journal = await open(disk, { ...options, isReadOnly });
      expect(journal.stats()).toMatchObject({ damage: [{ file: nameOf(sequence), kind: 'foreign', what: 'no-records' }] });
      expect(journal.stats().damage).toHaveLength(1);
      expect(journal.stats().recordCount).toBe(recordCount);
      expect(valuesOf(await readAll(journal, 1_000))).toEqual(upTo(RECORD_COUNT));
      await journal.close();
    }
    const journal = await open(disk, options);
    await append(journal, RECORD_COUNT + 1, 2 * RECORD_COUNT);
    const stored = await readAll(journal, 1_000);
    expect(valuesOf(stored)).toEqual(upTo(2 * RECORD_COUNT));
    expect(gapsOf(stored)).toEqual([]);
    await journal.close();
    expect(disk.bytes(`${FOLDER}/${nameOf(sequence)}`)).toEqual(copy);
  });

  it.each([
    ['an empty file', 0],
    ['one full of zeros', 8_192],
    ['one of something else', 8_192],
  ])('%s whose name lies within another costs no record', async (what, sizeBytes) => {
    const disk = await kept(blockFileBytes);
    disk.put(`${FOLDER}/${nameOf(1_001)}`, new Uint8Array(sizeBytes).fill(what === 'one of something else' ? 7 : 0));
    const journal = await open(disk, options);
    expect(journal.stats().damage).toMatchObject([{ file: nameOf(1_001), kind: 'foreign', what: 'no-records' }]);
    expect(valuesOf(await readAll(journal, 1_000))).toEqual(upTo(RECORD_COUNT));
  });
});

it('a copy in the place of files that the journal has let go is named, and nothing is missing', async () => {
  const disk = new ModelDisk();
  const options = { ...SIZES, blockFileBytes: 8_192, maxSizeBytes: 100 * 1024 };
  const journal = await open(disk, options);
  const delivery = await journal.delivery('sentilo');
  for (let from = 1; from <= 40_000; from += 1_000) {
    await append(journal, from, from + 999);
    delivery.settle([], upTo(journal.lastSequence, delivery.lowWater + 1));
    await delivery.flush();
  }
  await journal.close();
  const newest = blockFiles(disk).findLast((name) => name.startsWith('gauges-')) as string;
  const lowest = Number(/[0-9]+/.exec(blockFiles(disk).find((name) => name.startsWith('gauges-')) as string));
  expect(lowest).toBeGreaterThan(1_000);
  const before = valuesOf(await readAll(await open(disk.copy(), options), 1_000));
  disk.put(`${FOLDER}/${nameOf(1)}`, disk.bytes(`${FOLDER}/${newest}`).slice());
  const again = await open(disk, options);
  expect(again.stats().damage).toMatchObject([{ file: nameOf(1) }]);
  expect(again.stats().damage[0]?.missing).toBeUndefined();
  expect(valuesOf(await readAll(again, 1_000))).toEqual(before);
});

it('a file that was renamed is named as gone under its own name, and is none under the other', async () => {
  const disk = await kept(8_192);
  const [, second] = blockFiles(disk) as [string, string];
  const bytes = disk.bytes(`${FOLDER}/${second}`).slice();
  await disk.unlink(`${FOLDER}/${second}`);
  await disk.fsyncDir(FOLDER);
  disk.put(`${FOLDER}/${nameOf(1_000_000)}`, bytes);
  const journal = await open(disk, { ...SIZES, blockFileBytes: 8_192 });
  expect(journal.stats().damage).toMatchObject([
    { file: nameOf(1_000_000), kind: 'foreign', what: 'no-records' },
    { file: second, kind: 'gone' },
  ]);
  const lost = RECORD_COUNT - valuesOf(await readAll(journal, 1_000)).length;
  await journal.append(observation(0));
  await journal.append(observation(0));
  expect(gapsOf(await readAll(journal, 1_000))).toMatchObject([{ count: lost }]);
});
