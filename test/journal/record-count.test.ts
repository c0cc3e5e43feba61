import { expect, it } from 'vitest';
import { FOLDER, gapsOf, observation, open, readAll, seeded, upTo, valuesOf } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const SIZES = { slotBytes: 16_384, slotCount: 4 };
const GROUP = 50;

/** Appends gauges and totals in turns, in groups. */
async function fill(disk: ModelDisk, groups: number): Promise<void> {
  const journal = await open(disk, SIZES);
  for (let group = 0; group < groups; group++) {
    const values = upTo((group + 1) * GROUP, group * GROUP + 1);
    const readings = values.map((value) =>
      observation(value, {
        sensor: value % 5 === 0 ? 'flat-energy' : 'roof-temperature',
        readingKind: value % 5 === 0 ? 'total' : 'gauge',
      }),
    );
    await Promise.all(readings.map((reading) => journal.append(reading)));
  }
  await journal.close();
}

async function expectCounted(disk: ModelDisk): Promise<number> {
  const journal = await open(disk, { ...SIZES, isReadOnly: true });
  const { recordCount, files } = journal.stats();
  const stored = await readAll(journal, 1_000);
  expect(recordCount).toBe(stored.length);
  await journal.close();
  return files.reduce((sum, file) => sum + file.recordCount, 0) - recordCount;
}

it('counts records once that stand in slots and in block files, because the slot is gone that says what is sealed', async () => {
  let copies = 0;
  for (let groups = 4; groups <= 40; groups++) {
    const disk = new ModelDisk();
    await fill(disk, groups);
    expect(await expectCounted(disk)).toBeGreaterThanOrEqual(0);
    const journal = await open(disk.copy(), SIZES);
    const slots = journal.stats().files.filter(({ kind }) => kind === 'slot');
    await journal.close();
    const newest = slots.reduce((a, b) => (a.lastSequence > b.lastSequence ? a : b));
    await disk.unlink(`${FOLDER}/${newest.file}`);
    copies += await expectCounted(disk);
  }
  expect(copies).toBeGreaterThan(1_000);
});

it('counts records once wherever the power fails while they are sealed, class by class', async () => {
  let copies = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const disk = new ModelDisk();
    const random = seeded(seed);
    let left = Math.floor(random() * 40);
    let isSealing = false;
    disk.fault = (operation, _count, path) => {
      isSealing ||= operation === 'open' && path.endsWith('.blocks.new');
      return isSealing && left-- <= 0 ? 'hang' : undefined;
    };
    void fill(disk, 24);
    for (let turn = 0; turn < 3_000; turn++) await new Promise((resolve) => setImmediate(resolve));
    disk.fault = undefined;
    disk.crash(random);
    copies += await expectCounted(disk);
  }
  expect(copies).toBeGreaterThan(1_000);
});

it('opens whatever block is damaged that it reads for what stands in slots too, and loses nothing that stands there', async () => {
  const sizes = { slotBytes: 32_768, slotCount: 4, blockFileBytes: 4_096 };
  const disk = new ModelDisk();
  const journal = await open(disk, sizes);
  for (let from = 1; from <= 1_800; from += GROUP)
    await Promise.all(
      upTo(from + GROUP - 1, from).map((value) => journal.append(observation(value, { uncalibrated: seeded(value)() }))),
    );
  const { files } = journal.stats();
  await journal.close();
  const newestSlot = files.filter(({ kind }) => kind === 'slot').reduce((a, b) => (a.lastSequence > b.lastSequence ? a : b));
  await disk.unlink(`${FOLDER}/${newestSlot.file}`);
  const looked = await open(disk.copy(), { ...sizes, isReadOnly: true });
  const before = valuesOf(await readAll(looked, 1_000));
  const newestBlocks = looked.stats().files.findLast(({ kind }) => kind === 'block');
  expect(before).toHaveLength(newestBlocks?.lastSequence ?? 0);
  disk.damage(`${FOLDER}/${newestBlocks?.file}`, 600, Uint8Array.of(1, 2, 3));
  const again = await open(disk, sizes);
  expect(again.stats().damage).toMatchObject([{ file: newestBlocks?.file, kind: 'damaged' }, { kind: 'gone' }]);
  await again.append(observation(0));
  await again.append(observation(0));
  const stored = await readAll(again, 1_000);
  expect(gapsOf(stored).length).toBeGreaterThan(0);
  expect(new Set(valuesOf(stored))).toEqual(new Set([...before, 0]));
});
