import { describe, expect, it } from 'vitest';
import type { Damage } from '../../gateway/journal/journal.ts';
import type { Gap, Observation } from '../../gateway/record.ts';
import { drain, TestClock } from '../support/test-clock.ts';
import { FOLDER, gapsOf, observation, open, readAll, seeded, upTo, valuesOf, WALL_MS } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

/** Several block files of each class after a thousand readings. */
const SIZES = { slotBytes: 16_384, slotCount: 3, blockFileBytes: 8_192 };
const GROUP = 50;

/** Every fifth reading is a total, which stands in files of its own. Digits that no codec makes shorter. */
function reading(value: number): Observation {
  const isTotal = value % 5 === 0;
  const sensor = isTotal ? 'flat-energy' : 'roof-temperature';
  const readingKind = isTotal ? 'total' : 'gauge';
  return observation(value, { sensor, channel: sensor, readingKind, uncalibrated: seeded(value)() });
}

async function appendGroups(journal: Awaited<ReturnType<typeof open>>, from: number, to: number): Promise<void> {
  for (let value = from; value <= to; value += GROUP) {
    await Promise.all(upTo(Math.min(to, value + GROUP - 1), value).map((each) => journal.append(reading(each))));
  }
}

async function severalFiles(): Promise<ModelDisk> {
  const disk = new ModelDisk();
  const journal = await open(disk, SIZES);
  await appendGroups(journal, 1, 6_000);
  await journal.close();
  return disk;
}

function filesOf(disk: ModelDisk, recordClass: string): string[] {
  return disk.paths.filter((path) => path.startsWith(`${FOLDER}/${recordClass}-`) && path.endsWith('.blocks')).sort();
}

/** Values are sequences here as long as nothing else was appended. */
function lostOf(values: readonly unknown[], to = 6_000): number[] {
  const left = new Set(values);
  return upTo(to).filter((value) => !left.has(value));
}

function expectNamed(gaps: readonly Gap[], lost: readonly Observation[], sequenceOf: ReadonlyMap<number, number>): void {
  for (const { value, sensor, wallMs } of lost) {
    const sequence = sequenceOf.get(value as number) ?? 0;
    const gap = gaps.find(({ firstSequence, lastSequence }) => firstSequence <= sequence && sequence <= lastSequence);
    expect(gap, `${String(value)} is named`).toBeDefined();
    expect(gap?.sensors).toContain(sensor);
    expect(gap?.fromWallMs ?? 0).toBeLessThanOrEqual(wallMs + GROUP);
    expect(gap?.toWallMs ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(wallMs - GROUP);
  }
  expect(gaps.reduce((sum, { count }) => sum + (count ?? 0), 0)).toBe(lost.length);
}

async function remove(disk: ModelDisk, path: string): Promise<void> {
  await disk.unlink(path);
  await disk.fsyncDir(FOLDER);
}

type Change = (disk: ModelDisk, path: string) => void | Promise<void>;
const CHANGES: readonly (readonly [says: string, change: Change, kind: Damage['kind']])[] = [
  ['deleted', remove, 'gone'],
  ['emptied', (disk, path) => disk.put(path, new Uint8Array(0)), 'gone'],
  ['filled with zeros', (disk, path) => disk.put(path, new Uint8Array(disk.bytes(path).length)), 'damaged'],
  ['cut off after its first page', (disk, path) => disk.put(path, disk.bytes(path).slice(0, 4096)), 'damaged'],
];

describe.each(CHANGES)('a whole block file that somebody has %s between two runs', (_says, change, kind) => {
  it.each([
    ['the oldest', 'gauges', 0],
    ['one in the middle', 'gauges', 2],
    ['one of totals', 'counts', 1],
  ])('is named, with sensors, times and count, and everything else is there: %s', async (_which, recordClass, at) => {
    const disk = await severalFiles();
    const before = await readAll(await open(disk.copy(), SIZES));
    const sequenceOf = new Map(
      before.flatMap(({ sequence, record }) => ('value' in record ? [[record.value as number, sequence]] : [])),
    );
    const files = filesOf(disk, recordClass);
    expect(files.length).toBeGreaterThan(3);
    const path = files[at] as string;
    await change(disk, path);

    const journal = await open(disk, SIZES);
    const values = valuesOf(await readAll(journal));
    const lost = lostOf(values);
    expect(lost.length).toBeGreaterThan(50);
    expect(journal.stats().damage).toMatchObject([{ file: path.slice(FOLDER.length + 1), kind }]);
    await journal.append(reading(6_001));
    await journal.append(reading(6_002));
    expectNamed(gapsOf(await readAll(journal)), lost.map(reading), sequenceOf);
    await journal.close();

    // Named once, however often it is opened.
    const again = await open(disk, SIZES);
    await appendGroups(again, 7_001, 10_000);
    expect(gapsOf(await readAll(again))).toHaveLength(1);
    await again.close();
    const third = await open(disk, SIZES);
    expect(third.stats().damage).toEqual([]);
    await third.close();
  });
});

it('names a file that was deleted however the power fails before the gap record is written', async () => {
  const whole = await severalFiles();
  const path = filesOf(whole, 'gauges')[1] as string;
  const first = Number(/(\d+)\.blocks$/.exec(path)?.[1]);
  await remove(whole, path);
  for (let seed = 1; seed <= 40; seed++) {
    const disk = whole.fork();
    const journal = await open(disk, SIZES);
    const random = seeded(seed);
    let left = Math.floor(random() * 60);
    disk.fault = () => (left-- > 0 ? undefined : 'EIO');
    void appendGroups(journal, 6_001, 6_400).catch(() => undefined);
    for (let turn = 0; turn < 400; turn++) await Promise.resolve();
    // A copy: the process of before goes on on its own disk.
    const cut = disk.fork();
    cut.crash(random);
    const next = await open(cut, SIZES);
    await next.append(reading(7_000));
    await next.append(reading(7_001));
    const gaps = gapsOf(await readAll(next));
    expect(gaps, `seed ${seed}`).toHaveLength(1);
    expect(gaps[0]?.firstSequence).toBeLessThanOrEqual(first);
    expect(gaps[0]?.lastSequence).toBeGreaterThanOrEqual(first);
    await next.close();
  }
});

describe('while the list of the files cannot be written', () => {
  /** Readings that are delivered, until there is no room and nothing can be deleted. */
  async function untilFull(disk: ModelDisk, clock: TestClock) {
    const journal = await open(disk, { ...SIZES, maxSizeBytes: 200 * 1024, clock });
    const delivery = await journal.delivery('sentilo');
    const isDeleted: string[] = [];
    const isRefused: string[] = [];
    disk.fault = (operation, _count, path) => {
      if (operation === 'unlink' && path.endsWith('.blocks')) isDeleted.push(path);
      if (operation !== 'fdatasync' || !/\/files(\.new)?$/.test(path) || filesOf(disk, 'gauges').length < 3) return undefined;
      isRefused.push(path);
      return 'EIO';
    };
    for (let value = 1; value <= 20_000 && !journal.isFailing; value += GROUP) {
      const group = Promise.allSettled(upTo(value + GROUP - 1, value).map((each) => journal.append(reading(each))));
      await Promise.race([group, drain()]);
      for (let turn = 0; turn < 20 && !journal.isFailing; turn++) await drain();
      delivery.settle([], upTo(journal.lastSequence, delivery.lowWater + 1));
      await delivery.flush();
    }
    return { journal, isDeleted, isRefused };
  }

  it('nothing that it names is deleted: the next opening would take it for lost', async () => {
    const disk = new ModelDisk();
    const { isDeleted, isRefused } = await untilFull(disk, new TestClock({ ms: WALL_MS, quality: 'synced' }));
    expect(isRefused.length).toBeGreaterThan(5);
    expect(isDeleted).toEqual([]);
    disk.crash(() => 0);
    const next = await open(disk, SIZES);
    // What was delivered from memory and never written is gone.
    expect(next.stats().damage.filter(({ file }) => file.endsWith('.blocks'))).toEqual([]);
  });

  it('the journal waits in memory, and deletes once it can', async () => {
    const disk = new ModelDisk();
    const clock = new TestClock({ ms: WALL_MS, quality: 'synced' });
    const { journal, isDeleted } = await untilFull(disk, clock);
    expect(journal.isFailing).toBe(true);
    const refused = disk.fault;
    disk.fault = (operation, count, path) => (operation === 'fdatasync' ? undefined : refused?.(operation, count, path));
    await clock.advance(60_000);
    expect(journal.isFailing).toBe(false);
    expect(isDeleted.length).toBeGreaterThan(0);
    await clock.run(journal.append(reading(30_000)));
    disk.crash(() => 0);
    expect((await open(disk, SIZES)).stats().damage).toEqual([]);
  });
});

it('deletes files although there was never room for the list of them', async () => {
  const disk = new ModelDisk();
  const journal = await open(disk, { ...SIZES, maxSizeBytes: 120 * 1024 });
  const isDeleted: string[] = [];
  disk.fault = (operation, _count, path) => {
    if (operation === 'unlink' && path.endsWith('.blocks')) isDeleted.push(path);
    return operation === 'pwrite' && /\/files(\.new)?$/.test(path) ? 'ENOSPC' : undefined;
  };
  await appendGroups(journal, 1, 10_000);
  expect(isDeleted.length).toBeGreaterThan(0);
});

it('takes nothing for deleted that the journal itself has let go: delivered, for its age, or at the size limit', async () => {
  const disk = new ModelDisk();
  const small = { ...SIZES, maxSizeBytes: 160 * 1024 };
  const journal = await open(disk, small);
  const delivery = await journal.delivery('sentilo');
  for (let from = 1; from <= 12_000; from += 1_000) {
    await appendGroups(journal, from, from + 999);
    delivery.settle([], upTo(from + 999, from));
    await delivery.flush();
    const again = await open(disk.copy(), { ...small, isReadOnly: true });
    expect(again.stats().damage).toEqual([]);
    await again.close();
  }
  await journal.close();
  const next = await open(disk, small);
  expect(next.stats().damage).toEqual([]);
  expect(next.stats().firstSequence).toBeGreaterThan(1);
  expect(gapsOf(await readAll(next))).toEqual([]);
});

it('lists as many files as fit its page, and takes none for lost that it does not list', async () => {
  const disk = new ModelDisk();
  const tiny = { slotBytes: 16_384, slotCount: 3, blockFileBytes: 4_096, maxSizeBytes: 64 * 1024 * 1024 };
  const journal = await open(disk, tiny);
  for (let from = 1; filesOf(disk, 'gauges').length < 500; from += 2_000) await appendGroups(journal, from, from + 1_999);
  await journal.close();
  const clean = await open(disk.copy(), tiny);
  expect(clean.stats().damage).toEqual([]);
  await clean.close();
  const files = filesOf(disk, 'gauges');
  const newer = files.at(-10) as string;
  await remove(disk, newer);
  const next = await open(disk, tiny);
  expect(next.stats().damage).toMatchObject([{ file: newer.slice(FOLDER.length + 1) }]);
});

it('all slots are deleted, or only the block files copied: said, and no sequence is given again', async () => {
  const disk = await severalFiles();
  for (const path of disk.paths) if (path.includes('/slot-') || path.endsWith('.cursor')) await remove(disk, path);
  const looked = await open(disk.copy(), { ...SIZES, isReadOnly: true });
  expect(looked.stats().damage).toMatchObject([{ file: 'slot-*', kind: 'gone' }]);
  const journal = await open(disk, SIZES);
  await journal.append(reading(7_000));
  const sequence = await journal.append(reading(7_001));
  expect(sequence).toBeGreaterThan(6_000);
  const gaps = gapsOf(await readAll(journal, 1_000));
  expect(gaps).toMatchObject([{ cause: 'gone' }]);
  expect(gaps[0]).not.toHaveProperty('count');
});
