import { describe, expect, it } from 'vitest';
import { PAGE_BYTES } from '../../gateway/journal/frame.ts';
import { JournalError, type StoredRecord } from '../../gateway/journal/journal.ts';
import type { Observation } from '../../gateway/record.ts';
import { TestClock } from '../support/test-clock.ts';
import {
  FOLDER,
  gapsOf,
  type OpenOptions,
  observation,
  open,
  readAll,
  seeded,
  storedValues,
  upTo,
  valuesOf,
  WALL_MS,
} from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const SIZES = { slotBytes: 65_536, slotCount: 3, blockFileBytes: 65_536 };
const SLOT = `${FOLDER}/slot-000`;

/** A closed journal with the values 1 to `count`, each in a commit of its own: each on a page of its own. */
async function journalOf(count: number): Promise<ModelDisk> {
  const disk = new ModelDisk();
  const journal = await open(disk, SIZES);
  for (const value of upTo(count)) await journal.append(observation(value));
  await journal.close();
  return disk;
}

/** Where the commit of a value begins. */
function at(value: number): number {
  return (value - 1) * PAGE_BYTES;
}

function noise(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const random = seeded(seed);
  return Uint8Array.from({ length }, () => Math.floor(random() * 256));
}

type Bytes = Uint8Array<ArrayBuffer>;

/** The slot was written up to value 8 before it happened. */
const STORIES: readonly {
  readonly story: string;
  readonly change: (bytes: Bytes) => Bytes | undefined;
  readonly left: number[];
  readonly missing?: { readonly firstSequence: number; readonly lastSequence?: number; readonly count?: number };
}[] = [
  { story: 'nothing happened', change: () => undefined, left: upTo(8) },
  { story: 'torn write: only the first sector of the last commit', change: (b) => b.fill(0, at(8) + 60, at(9)), left: upTo(7) },
  { story: 'torn write: the last commit without its first sector', change: (b) => b.fill(0, at(8), at(8) + 20), left: upTo(7) },
  { story: 'torn write: one byte is another', change: (b) => b.fill(0xff, at(8) + 50, at(8) + 51), left: upTo(7) },
  { story: 'torn write: nothing of the last three arrived', change: (b) => b.fill(0, at(6), at(9)), left: upTo(5) },
  { story: 'torn write: garbage arrived', change: (b) => void b.set(noise(3 * PAGE_BYTES), at(6)), left: upTo(5) },
  {
    story: 'a commit in the middle is gone',
    change: (b) => b.fill(0, at(5), at(6)),
    left: [1, 2, 3, 4, 6, 7, 8],
    missing: { firstSequence: 5, lastSequence: 5, count: 1 },
  },
  {
    story: 'a piece of several commits is overwritten',
    change: (b) => void b.set(noise(2 * PAGE_BYTES), at(4) + 9),
    left: [1, 2, 3, 7, 8],
    missing: { firstSequence: 4, lastSequence: 6, count: 3 },
  },
  {
    story: 'the first commit is damaged',
    change: (b) => b.fill(0xff, at(1), at(1) + 8),
    left: upTo(8, 2),
    missing: { firstSequence: 1, lastSequence: 1, count: 1 },
  },
  {
    story: 'a length points far beyond the file',
    change: (b) => b.fill(0xff, at(3) + 39, at(3) + 43),
    left: [1, 2, 4, 5, 6, 7, 8],
    missing: { firstSequence: 3, lastSequence: 3, count: 1 },
  },
  {
    story: 'a commit stands a second time where another belongs (misdirected write)',
    change: (b) => void b.set(b.slice(at(2), at(3)), at(5)),
    left: [1, 2, 3, 4, 6, 7, 8],
    missing: { firstSequence: 5, lastSequence: 5, count: 1 },
  },
  { story: 'the file is empty', change: () => new Uint8Array(0), left: [], missing: { firstSequence: 1 } },
  {
    story: 'the file ends in its second page',
    change: (b) => b.slice(0, at(2) + 20),
    left: [1],
    missing: { firstSequence: 2 },
  },
  { story: 'the file is all zeros', change: (b) => b.fill(0), left: [], missing: { firstSequence: 1 } },
  { story: 'the file is all noise', change: (b) => void b.set(noise(b.length)), left: [], missing: { firstSequence: 1 } },
];

describe('opening after damage', () => {
  it.each(STORIES)('$story', async ({ change, left, missing }) => {
    const disk = await journalOf(8);
    const bytes = disk.bytes(SLOT);
    disk.put(SLOT, change(bytes) ?? bytes);
    const journal = await open(disk, SIZES);
    expect(await storedValues(journal)).toEqual(left);
    // It appends at once, behind everything that was left, and a second opening finds both.
    const sequence = await journal.append(observation(100));
    expect(sequence).toBeGreaterThan(left.at(-1) ?? 0);
    await journal.close();
    const again = await open(disk, SIZES);
    const stored = await readAll(again);
    expect(valuesOf(stored)).toEqual([...left, 100]);
    if (missing !== undefined) expect(gapsOf(stored)).toEqual([expect.objectContaining(missing)]);
    // A gap is named once, not at every opening.
    await again.append(observation(101));
    expect(gapsOf(await readAll(again))).toHaveLength(missing === undefined ? 0 : 1);
  });

  it('4 KiB of noise at offset 8192 of the newest and of an old file cost only what overlaps them (jo-04)', async () => {
    const disk = new ModelDisk();
    const small = { slotBytes: 65_536, slotCount: 2, blockFileBytes: 65_536 };
    const journal = await open(disk, small);
    const random = seeded(8);
    for (let group = 0; group < 200; group++) {
      await Promise.all(upTo(60).map((each) => journal.append(observation(group * 60 + each, { uncalibrated: random() }))));
    }
    await journal.close();
    const files = disk.paths.filter((path) => disk.bytes(path).length >= 12_288 && !path.endsWith('.cursor'));
    const old = files.find((path) => path.endsWith('.blocks')) as string;
    const newest = files.find((path) => path.includes('slot-')) as string;
    for (const path of [old, newest]) disk.damage(path, 8192, noise(4096, path.length));

    const opened = await open(disk, small);
    const before = await readAll(opened);
    await opened.append(observation(20_000));
    const stored = await readAll(opened);
    expect(stored.length).toBeGreaterThan(1_000);
    const values = new Set(valuesOf(before));
    const lost = upTo(12_000).filter((value) => !values.has(value));
    expect(lost.length).toBeGreaterThan(0);
    const gaps = gapsOf(stored);
    for (const value of lost) {
      const gap = gaps.find(({ firstSequence, lastSequence }) => firstSequence <= value && value <= lastSequence);
      expect(gap, `${value} is named`).toBeDefined();
      expect(gap?.sensors).toContain(observation(1).sensor);
    }
    expect(gaps.reduce((sum, { count }) => sum + (count ?? 0), 0)).toBe(lost.length);
    for (const piece of opened.stats().damage) {
      expect([old, newest]).toContain(`${FOLDER}/${piece.file}`);
      expect(piece.offset).toBeLessThan(8192 + 4096);
      expect(piece.offset + piece.sizeBytes).toBeGreaterThan(8192);
    }
    // The bad bytes are kept aside.
    expect(disk.paths.filter((path) => path.includes('/damaged/')).length).toBeGreaterThanOrEqual(1);
  });

  it('names also the sensors that are measured less often than the commits around it tell', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk, SIZES);
    const nameOf = (value: number) => (value % 5 === 0 ? 'makers-meter-energy' : observation(0).sensor);
    for (const value of upTo(12)) await journal.append(observation(value, { sensor: nameOf(value) }));
    await journal.close();
    disk.damage(SLOT, 7 * 4_096, noise(4_096, 1));
    const again = await open(disk, SIZES);
    await again.append(observation(100));
    expect(gapsOf(await readAll(again))).toMatchObject([{ count: 1, sensors: [nameOf(1), nameOf(5)] }]);
  });

  it('is never empty when a record was left, wherever 512 bytes are destroyed', async () => {
    const disk = await journalOf(12);
    for (let from = 0; from < SIZES.slotBytes; from += 256) {
      const hit = disk.copy();
      hit.damage(SLOT, from, noise(512, from));
      const values = await storedValues(await open(hit, SIZES));
      expect(values.length).toBeGreaterThanOrEqual(12 - 2);
    }
  });

  it('loses only the records on a page that cannot be read, and keeps them for whoever can read it later', async () => {
    const disk = await journalOf(12);
    disk.setUnreadable(SLOT, 4);
    const journal = await open(disk, SIZES);
    expect(await storedValues(journal)).toEqual(upTo(12).filter((value) => value !== 5));
    expect(await journal.append(observation(13))).toBeGreaterThan(12);
  });

  it('never uses a sequence again that unreadable bytes may hold: they may be readable some day', async () => {
    const disk = await journalOf(8);
    disk.fault = (operation) => (operation === 'pread' ? 'EIO' : undefined);
    const blind = await open(disk, SIZES);
    expect(await blind.append(observation(100))).toBeGreaterThan(8);
    await blind.close();
    disk.fault = undefined;
    const values = await storedValues(await open(disk, SIZES));
    expect(values.at(-1)).toBe(100);
    expect(values).toEqual([...upTo(8), 100]);
  });

  it('names hundreds of damaged places in a bounded number of gap records, so that readings do not wait for them', async () => {
    const disk = new ModelDisk();
    const many = { slotBytes: 65_536, slotCount: 50 };
    disk.fault = (_operation, _count, path) => (path.includes('.blocks') ? 'EIO' : undefined);
    const journal = await open(disk, many);
    for (const value of upTo(700)) await journal.append(observation(value));
    await journal.close();
    disk.fault = undefined;
    const lost = upTo(699).filter((value) => value % 2 === 0);
    const pathOf = (value: number) => `${FOLDER}/slot-${String(Math.floor((value - 1) / 16)).padStart(3, '0')}`;
    for (const value of lost) disk.damage(pathOf(value), ((value - 1) % 16) * PAGE_BYTES, noise(PAGE_BYTES, value));
    const opened = await open(disk, many);
    await opened.append(observation(701));
    await opened.append(observation(702));
    const stored = await readAll(opened);
    expect(valuesOf(stored)).toEqual([...upTo(700).filter((value) => !lost.includes(value)), 701, 702]);
    const gaps = gapsOf(stored);
    expect(gaps.length).toBeLessThanOrEqual(256);
    expect(gaps.reduce((sum, { count }) => sum + (count ?? 0), 0)).toBe(lost.length);
    for (const value of lost)
      expect(gaps.some(({ firstSequence, lastSequence }) => firstSequence <= value && value <= lastSequence)).toBe(true);
  });

  it('ignores files that are not its own and leaves them alone', async () => {
    const disk = await journalOf(5);
    const foreign = ['notes.txt', 'slot-000.bak', 'slot-0', '1.blocks', 'gauges-1.blocks', '000000000001.journal'];
    for (const name of foreign) disk.put(`${FOLDER}/${name}`, noise(5000, name.length));
    const journal = await open(disk, SIZES);
    expect(await storedValues(journal)).toEqual(upTo(5));
    expect(journal.stats().damage).toEqual([]);
    await journal.append(observation(6));
    for (const name of foreign) expect(disk.bytes(`${FOLDER}/${name}`)).toEqual(noise(5000, name.length));
  });

  it.each(['slot-001', 'slot-000'])('takes a record that stands in two slots once (a copy over %s)', async (name) => {
    const disk = await journalOf(6);
    disk.put(`${FOLDER}/${name}`, disk.bytes(SLOT));
    const journal = await open(disk, SIZES);
    expect((await readAll(journal, 2)).map(({ sequence }) => sequence)).toEqual(upTo(6));
    expect(journal.stats().recordCount).toBe(6);
    expect(await journal.append(observation(7))).toBe(7);
  });
});

it('damage that comes while it runs is named the first time it is met, and only then', async () => {
  const disk = await journalOf(12);
  const lines: NonNullable<OpenOptions['lines']> = [];
  const journal = await open(disk, { ...SIZES, lines });
  const delivery = await journal.delivery('sentilo');
  disk.damage(SLOT, at(7), noise(3 * PAGE_BYTES));
  const left = [...upTo(6), ...upTo(12, 10)];
  expect(await storedValues(journal)).toEqual(left);
  expect(await storedValues(journal)).toEqual(left);
  expect(journal.stats().recordCount).toBe(left.length);
  expect(lines.filter(({ code }) => code === 'journal-damage').length).toBeGreaterThanOrEqual(1);
  delivery.settle([], upTo(6));
  expect(delivery.lowWater).toBe(9);
  await journal.append(observation(21));
  await journal.append(observation(22));
  const named = gapsOf(await readAll(journal)).flatMap(({ firstSequence, lastSequence }) => upTo(lastSequence, firstSequence));
  expect(named).toEqual([7, 8, 9]);
  await journal.close();
});

describe.each([
  ['a slot', SLOT],
  ['a block file', `${FOLDER}/gauges-000000000001.blocks`],
] as const)('a page of %s that the disk refuses while it runs', (_where, path) => {
  /** A journal with records in slots and in block files, none of them in memory. */
  async function running() {
    const disk = await journalOf(12);
    const clock = new TestClock({ ms: WALL_MS, quality: 'synced' });
    const small = { slotBytes: 8 * PAGE_BYTES, slotCount: 3, blockFileBytes: 65_536 };
    const isSealed = path.endsWith('.blocks');
    if (isSealed) {
      const before = await open(disk, small);
      for (let value = 13; value <= 100; value++) await before.append(observation(value));
      await before.close();
    }
    const journal = await open(disk, { ...(isSealed ? small : SIZES), clock });
    return { disk, clock, journal, values: await storedValues(await open(disk.copy(), isSealed ? small : SIZES)) };
  }

  it('is asked for again: what is given a moment later was never lost', async () => {
    const { disk, clock, journal, values } = await running();
    disk.setUnreadable(path, 0);
    await expect(readAll(journal)).rejects.toThrow(JournalError);
    await clock.advance(10_000);
    await expect(readAll(journal)).rejects.toThrow(JournalError);
    disk.setUnreadable(path, 0, false);
    expect(await storedValues(journal)).toEqual(values);
    await clock.run(journal.append(observation(1_000)));
    await clock.run(journal.append(observation(1_001)));
    expect(gapsOf(await readAll(journal))).toEqual([]);
    expect(journal.stats().damage).toEqual([]);
    // An hour later the same page is refused once more: that is another story.
    await clock.advance(3_600_000);
    disk.setUnreadable(path, 0);
    await expect(readAll(journal)).rejects.toThrow(JournalError);
  });

  it('is named as lost when it is refused for half a minute, and what stands behind it is read', async () => {
    const { disk, clock, journal, values } = await running();
    disk.setUnreadable(path, 0);
    for (let second = 0; second < 30; second += 10) {
      await expect(readAll(journal)).rejects.toThrow(JournalError);
      await clock.advance(10_000);
    }
    const left = await storedValues(journal);
    expect(left.length).toBeLessThan(values.length);
    expect(left.length).toBeGreaterThan(0);
    await clock.run(journal.append(observation(1_000)));
    await clock.run(journal.append(observation(1_001)));
    const named = gapsOf(await readAll(journal)).reduce((sum, { count }) => sum + (count ?? 0), 0);
    expect(named).toBe(values.length - left.length);
  });
});

/** Each sensor has its own numbers and unit: a reading that gets another's definition is told at once. */
function ofSensor(sensor: string, value: number): Observation {
  return observation(value, { sensor, channel: sensor, unit: `unit of ${sensor}` });
}

async function appendEach(journal: Awaited<ReturnType<typeof open>>, records: readonly Observation[]): Promise<void> {
  for (const record of records) await journal.append(record);
}

function observationsIn(stored: readonly StoredRecord[]): Observation[] {
  return stored.flatMap(({ record }) => (record.kind === 'observation' ? [record] : []));
}

describe('what a sensor is stands in a frame that is lost', () => {
  const before = upTo(8).map((value) => ofSensor('attic', value));
  const after = upTo(44, 9).map((value) => ofSensor('boiler', value));

  it.each([
    ['read from its slot', true],
    ['sealed before anybody reads them', false],
  ])('then no other sensor gets its readings, and those are named that nobody can tell any more: %s', async (_when, isRead) => {
    const disk = new ModelDisk();
    const small = { slotBytes: 16 * PAGE_BYTES, slotCount: 2, blockFileBytes: 65_536 };
    const journal = await open(disk, small);
    await appendEach(journal, before);
    await journal.close();
    disk.damage(SLOT, 0, noise(3 * PAGE_BYTES));
    const again = await open(disk, small);
    await again.append(after[0] as Observation);
    if (isRead) expect(observationsIn(await readAll(again))).toEqual(after.slice(0, 1));
    await appendEach(again, isRead ? after.slice(1, 3) : after.slice(1));
    expect(disk.paths.some((path) => path.endsWith('.blocks'))).toBe(!isRead);
    const stored = await readAll(again);
    expect(observationsIn(stored)).toEqual(isRead ? after.slice(0, 3) : after);
    const gaps = gapsOf(stored);
    for (const value of upTo(8))
      expect(gaps.some(({ firstSequence, lastSequence }) => firstSequence <= value && value <= lastSequence)).toBe(true);
    expect(gaps.reduce((sum, { count = 0 }) => sum + count, 0)).toBe(8);
  });

  it('and one that the disk refuses only for a moment takes nothing from anybody', async () => {
    const disk = new ModelDisk();
    const clock = new TestClock({ ms: WALL_MS, quality: 'synced' });
    const journal = await open(disk, SIZES);
    await appendEach(journal, before);
    await journal.close();
    const again = await open(disk, { ...SIZES, clock });
    disk.fault = (operation, _count, path) => (operation === 'pread' && path === SLOT ? 'EIO' : undefined);
    await clock.run(appendEach(again, after.slice(0, 2)));
    disk.fault = undefined;
    await clock.run(appendEach(again, after.slice(2)));
    const all = [...before, ...after];
    expect(observationsIn(await readAll(again))).toEqual(all);
    await clock.run(again.close());
    const last = await open(disk, SIZES);
    expect(observationsIn(await readAll(last))).toEqual(all);
    expect(last.stats().damage).toEqual([]);
  });
});

it('a write that a confused card put into another file, at the same place, is none: it costs only what it covers', async () => {
  const disk = new ModelDisk();
  disk.fault = (_operation, _count, path) => (path.includes('.blocks') ? 'EIO' : undefined);
  const journal = await open(disk, { slotBytes: 16 * PAGE_BYTES, slotCount: 5 });
  await appendEach(
    journal,
    upTo(40).map((value) => observation(value)),
  );
  await journal.close();
  disk.fault = undefined;
  const other = disk.bytes(`${FOLDER}/slot-001`);
  disk.damage(SLOT, 5 * PAGE_BYTES, other.slice(5 * PAGE_BYTES, 6 * PAGE_BYTES));
  const again = await open(disk, { slotBytes: 16 * PAGE_BYTES, slotCount: 5 });
  expect(await storedValues(again)).toEqual(upTo(40).filter((value) => value !== 6));
  await again.append(observation(41));
  await again.append(observation(42));
  expect(gapsOf(await readAll(again))).toEqual([expect.objectContaining({ firstSequence: 6, lastSequence: 6, count: 1 })]);
});
