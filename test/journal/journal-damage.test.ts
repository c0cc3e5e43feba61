import { createCipheriv } from 'node:crypto';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseBlockFileName } from '../../gateway/journal/block-file.ts';
import { walkBlocks } from '../../gateway/journal/block-walk.ts';
import { withFile } from '../../gateway/journal/disk-tools.ts';
import { type Journal, JournalError, type StoredRecord } from '../../gateway/journal/journal.ts';
import { scanSlot } from '../../gateway/journal/slot-scan.ts';
import { classOf, type Gap, type JournalRecord, RECORD_CLASSES, type RecordClass } from '../../gateway/record.ts';
import { TestClock } from '../support/test-clock.ts';
import { FOLDER, gapsOf, IS_DEEP, isSame, observation, open, readAll, seeded, WALL_MS } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const MIB = 1024 * 1024;
/** The whole of it in the deep run, a tenth otherwise. */
const JOURNAL_BYTES = IS_DEEP ? 64 * MIB : 6.4 * MIB;
const DAMAGE_BYTES = 4096;
const DAMAGES = IS_DEEP ? 200 : 16;
const PAGE_RECORDS = 20_000;
const OPTIONS = { maxSizeBytes: 4 * 64 * MIB };
const SENSORS = ['roof-temperature', 'hall-humidity', 'cellar-light', 'flat-energy'];

/** Records whose bytes cannot be compressed, so that not too many are needed: most bytes are events of `noiseBytes` of noise. */
function* records(seed: number, noiseBytes: number): Generator<JournalRecord> {
  const random = seeded(seed);
  // The seeded generator would need longer for 64 MiB of letters than the journal to keep them.
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16));
  for (let count = 1; ; count++) {
    const stamp = { boot: 'b1', monotonicMs: count * 100, wallMs: WALL_MS + count * 100, wallQuality: 'synced' } as const;
    if (count % 20 === 0) {
      const noise = cipher.update(Buffer.alloc(noiseBytes)).toString('base64');
      yield { kind: 'event', ...stamp, code: 'noise', fields: { noise } };
    } else {
      const sensor = SENSORS[count % SENSORS.length] as string;
      const readingKind = sensor === 'flat-energy' ? 'total' : 'gauge';
      yield observation(random() * 1e6, { ...stamp, sensor, channel: sensor, readingKind, uncalibrated: random() * 1e6 });
    }
  }
}

/** A frame of a slot or a block of a block file, and the sequences of the records that a reader gets from it. */
interface Home {
  readonly path: string;
  readonly from: number;
  readonly to: number;
  readonly sequences: readonly number[];
}

interface Built {
  readonly disk: ModelDisk;
  readonly written: ReadonlyMap<number, JournalRecord>;
  readonly homes: readonly Home[];
}

async function build(): Promise<Built> {
  const disk = new ModelDisk();
  const clock = new TestClock({ ms: WALL_MS, quality: 'synced' });
  const journal = await open(disk, { clock, ...OPTIONS });
  const written = new Map<number, JournalRecord>();
  const source = records(11, 11_000);
  while (journal.stats().sizeBytes < JOURNAL_BYTES) {
    const appends = [];
    for (let i = 0; i < 2_000; i++) {
      const record = source.next().value as JournalRecord;
      appends.push(journal.append(record).then((sequence) => written.set(sequence, record)));
    }
    await clock.run(Promise.all(appends));
  }
  await clock.run(journal.close());
  return { disk, written, homes: await homesOf(disk, written) };
}

/** In the block of its class that reaches over it, or, while it is not sealed, in the frame of a slot: so each record has one home. */
async function homesOf(disk: ModelDisk, written: ReadonlyMap<number, JournalRecord>): Promise<Home[]> {
  const homes: Home[] = [];
  const left = new Map(RECORD_CLASSES.map((each) => [each, new Set<number>()]));
  for (const [sequence, record] of written) left.get(classOf(record))?.add(sequence);
  const take = (recordClass: RecordClass, first: number, last: number) => {
    const sequences: number[] = [];
    for (let each = first; each <= last; each++) if (left.get(recordClass)?.delete(each)) sequences.push(each);
    return sequences;
  };
  for (const path of disk.paths) {
    const place = parseBlockFileName(path.slice(FOLDER.length + 1));
    if (place === undefined) continue;
    const ends = {
      name: path.slice(FOLDER.length + 1),
      firstSequence: place.firstSequence,
      coveredFrom: undefined,
      nextFirst: undefined,
    };
    const { blocks } = await withFile(disk, path, 'read', (file) => walkBlocks(file, disk.bytes(path).length, ends));
    for (const { offset, sizeBytes, firstSequence, lastSequence } of blocks)
      homes.push({ path, from: offset, to: offset + sizeBytes, sequences: take(place.recordClass, firstSequence, lastSequence) });
  }
  for (const path of disk.paths.filter((each) => each.startsWith(`${FOLDER}/slot-`))) {
    for (const { offset, sizeBytes, firstSequence, lastSequence } of scanSlot(disk.bytes(path), path.slice(FOLDER.length + 1))
      .frames) {
      const sequences = RECORD_CLASSES.flatMap((each) => take(each, firstSequence, lastSequence));
      homes.push({ path, from: offset, to: offset + sizeBytes, sequences });
    }
  }
  expect(homes.reduce((sum, { sequences }) => sum + sequences.length, 0)).toBe(written.size);
  return homes;
}

/** What comes over 4 KiB: noise, nothing, or an older copy of something else. */
function damageOf(disk: ModelDisk, path: string, random: () => number): { position: number; bytes: Uint8Array } {
  const content = disk.bytes(path);
  const position = Math.floor(random() * Math.max(1, content.length - DAMAGE_BYTES));
  const kind = Math.floor(random() * 3);
  const bytes = new Uint8Array(DAMAGE_BYTES);
  if (kind === 0) for (let i = 0; i < bytes.length; i++) bytes[i] = Math.floor(random() * 256);
  const from = Math.floor((random() * (content.length - DAMAGE_BYTES)) / DAMAGE_BYTES) * DAMAGE_BYTES;
  if (kind === 2) bytes.set(content.subarray(from, from + DAMAGE_BYTES));
  return { position, bytes };
}

/** A file of the journal, each with the weight of its size. */
function pickFile(disk: ModelDisk, random: () => number): string {
  const paths = disk.paths.filter((path) => path.startsWith(`${FOLDER}/`) && !path.endsWith('.cursor'));
  let left = random() * paths.reduce((sum, path) => sum + disk.bytes(path).length, 0);
  for (const path of paths) {
    left -= disk.bytes(path).length;
    if (left < 0) return path;
  }
  return paths[0] as string;
}

/** Whether a block file has a later one of its class: then it is complete, with an index at its end. */
function isFinished(disk: ModelDisk, path: string): boolean {
  const prefix = path.slice(0, path.lastIndexOf('-') + 1);
  return (
    path.endsWith('.blocks') && disk.paths.some((each) => each.startsWith(prefix) && each.endsWith('.blocks') && each > path)
  );
}

describe(`4 KiB of a journal of ${JOURNAL_BYTES / MIB} MiB are overwritten`, () => {
  let built: Built;
  beforeAll(async () => {
    built = await build();
  }, 300_000);

  it('and one that nothing happened to has no damage, although its slots were used many times', async () => {
    const clock = new TestClock({ ms: WALL_MS + 86_400_000, quality: 'synced' });
    const journal = await clock.run(open(built.disk.copy(), { clock, ...OPTIONS }));
    expect(await clock.run(readClasses(journal))).toHaveLength(built.written.size);
    expect(journal.stats().damage).toEqual([]);
  });

  // Case jo-04: deleting the file must not be the only way.
  it.each(Array.from({ length: DAMAGES }, (_, i) => i + 1))(
    'it starts, keeps all whose frame or block is not overlapped, names what is gone, and appends at once (seed %i)',
    async (seed) => {
      const { disk, written, homes } = built;
      const random = seeded(seed);
      const hit = disk.copy();
      const path = pickFile(hit, random);
      const { position, bytes } = damageOf(hit, path, random);
      hit.damage(path, position, bytes);

      const clock = new TestClock({ ms: WALL_MS + 86_400_000, quality: 'synced' });
      const journal = await clock.run(open(hit, { clock, ...OPTIONS }));
      const stored = await clock.run(readClasses(journal));
      const last = stored.reduce((highest, { sequence }) => Math.max(highest, sequence), 0);
      const probe = await clock.run(journal.append(observation(1, { monotonicMs: 0.5 }), true));
      expect(probe).toBeGreaterThan(last);
      expectUnchanged(stored, written);
      const place = { path, from: position, to: position + DAMAGE_BYTES };
      const present = new Set(stored.map((each) => each.sequence));
      const lost = expectKept(present, homes, place);
      const pieces = journal
        .stats()
        .damage.filter(
          ({ file, offset, sizeBytes }) => join(FOLDER, file) === path && offset < place.to && offset + sizeBytes > place.from,
        );
      for (const piece of journal.stats().damage) if (piece.missing !== undefined) expect(pieces).toContain(piece);
      if (lost.length === 0) return;
      expect(pieces.length).toBeGreaterThan(0);
      // Kept aside, or still where they are: the bad bytes are there for whoever can make something of them.
      const isAside = hit.paths.some((each) => each.startsWith(`${FOLDER}/damaged/`));
      const isInPlace = isDeepStrictEqual(hit.bytes(path).slice(position, place.to), bytes.slice(0));
      expect(isAside || isInPlace).toBe(true);
      // The very newest commit looks like one that was never finished: it was promised, but nobody can know.
      await clock.advance(5_000);
      const named = lost.filter((each) => each < probe);
      expectNamed(gapsOf(await clock.run(journal.read(last + 1, 1_000))), named, written, isFinished(disk, path));
    },
    120_000,
  );
});

/** Everything, class by class: the small records of one page would each time bring the large ones of all later pages with them. */
async function readClasses(journal: Journal): Promise<StoredRecord[]> {
  const all: StoredRecord[][] = [];
  for (const recordClass of RECORD_CLASSES) {
    for (let from = 1; ; ) {
      const page = await journal.read(from, PAGE_RECORDS, recordClass);
      const last = page.at(-1);
      if (last === undefined) break;
      all.push([...page]);
      from = last.sequence + 1;
    }
  }
  return all.flat();
}

/** What the damage does not overlap is there, and it costs two blocks or frames at most. Returns what is gone. */
function expectKept(
  present: ReadonlySet<number>,
  homes: readonly Home[],
  place: { readonly path: string; readonly from: number; readonly to: number },
): number[] {
  const lost: number[] = [];
  let brokenCount = 0;
  for (const { path, from, to, sequences } of homes) {
    const gone = sequences.filter((each) => !present.has(each));
    if (gone.length === 0) continue;
    const isHit = path === place.path && from < place.to && place.from < to;
    if (!isHit) expect.fail(`${gone.length} records from ${gone[0]} on are gone, and ${path} ${from} to ${to} is not overlapped`);
    brokenCount += 1;
    lost.push(...gone);
  }
  expect(brokenCount).toBeLessThanOrEqual(2);
  return lost.sort((a, b) => a - b);
}

/** No record is there that was not written, or not as it was written. */
function expectUnchanged(stored: readonly StoredRecord[], written: ReadonlyMap<number, JournalRecord>): void {
  const wrong = stored.filter(({ sequence, record }) => record.kind !== 'gap' && !isSame(record, written.get(sequence)));
  expect(wrong.slice(0, 3)).toEqual([]);
}

/** Records of one commit are in the order of their sensors: the time between two neighbours may be that of a whole commit off. */
const COMMIT_MS = 2_000 * 100;

/**
 * Every lost record is in a gap that says when it was: between its neighbours. `isIndexed`: the file is finished, and its
 * index still knows which sensors and how many.
 */
function expectNamed(
  gaps: readonly Gap[],
  lost: readonly number[],
  written: ReadonlyMap<number, JournalRecord>,
  isIndexed: boolean,
): void {
  for (const sequence of lost) {
    const record = written.get(sequence) as JournalRecord;
    const gap = gaps.find(
      ({ firstSequence, lastSequence, recordClass }) =>
        firstSequence <= sequence && sequence <= lastSequence && (recordClass === undefined || recordClass === classOf(record)),
    );
    if (gap === undefined) expect.fail(`${sequence} is gone and in no gap`);
    const { fromWallMs = 0, toWallMs = Number.POSITIVE_INFINITY, sensors } = gap;
    const isInTime = fromWallMs - COMMIT_MS <= record.wallMs && record.wallMs <= toWallMs + COMMIT_MS;
    const mayBeUnknown = !isIndexed && sensors === undefined;
    const isOfSensor = record.kind !== 'observation' || mayBeUnknown || sensors?.includes(record.sensor) === true;
    if (!isInTime || !isOfSensor) expect.fail(`${sequence} of ${record.wallMs} is not named by ${JSON.stringify(gap)}`);
  }
  if (isIndexed) expect(gaps.reduce((sum, gap) => sum + (gap.count ?? 0), 0)).toBe(lost.length);
}

describe('a small journal with slots, blocks and a cursor', () => {
  const SMALL = { slotBytes: 16_384, slotCount: 3, blockFileBytes: 16_384, maxSizeBytes: 4 * MIB };
  const clock = new TestClock({ ms: WALL_MS, quality: 'synced' });

  async function small(): Promise<{ disk: ModelDisk; written: Map<number, JournalRecord> }> {
    const disk = new ModelDisk();
    const journal = await open(disk, { clock, ...SMALL });
    const written = new Map<number, JournalRecord>();
    const source = records(3, 4_800);
    for (let group = 0; group < 12; group++) {
      const appends = Array.from({ length: 40 }, () => {
        const record = source.next().value as JournalRecord;
        return journal.append(record).then((sequence) => written.set(sequence, record));
      });
      await clock.run(Promise.all(appends));
    }
    const delivery = await journal.delivery('sentilo');
    await clock.run(delivery.begin([1, 2, 3]));
    delivery.settle([1, 2, 3], [1, 2, 3]);
    await clock.run(journal.close());
    return { disk, written };
  }

  it(`never gives a wrong record, and names what is gone, whatever bit of it is flipped (${IS_DEEP ? 10_000 : 1_000} of them)`, async () => {
    const { disk, written } = await small();
    const random = seeded(21);
    for (let flip = 0; flip < (IS_DEEP ? 10_000 : 1_000); flip++) {
      const hit = disk.copy();
      const path = hit.paths[Math.floor(random() * hit.paths.length)] as string;
      const at = Math.floor(random() * hit.bytes(path).length);
      const before = hit.bytes(path)[at] as number;
      hit.damage(path, at, Uint8Array.of(before ^ (1 << Math.floor(random() * 8))));
      const journal = await clock.run(open(hit, { clock, ...SMALL }));
      const stored = await clock.run(readAll(journal, 1_000));
      const probe = await clock.run(journal.append(observation(1, { monotonicMs: 0.5 }), true));
      expectUnchanged(stored, written);
      const present = new Set(stored.map(({ sequence }) => sequence));
      // The newest commit may pass for one that was never finished.
      const lost = [...written.keys()].filter((sequence) => !present.has(sequence) && sequence < probe);
      if (lost.length === 0) continue;
      await clock.advance(5_000);
      const gaps = gapsOf(await clock.run(readAll(journal, 1_000)));
      const isNamed = (sequence: number) =>
        gaps.some(({ firstSequence, lastSequence }) => firstSequence <= sequence && sequence <= lastSequence);
      expect(
        lost.filter((sequence) => !isNamed(sequence)),
        `${path} ${at}`,
      ).toEqual([]);
    }
  }, 300_000);

  /** What the disk refuses is asked for again for half a minute before it is given up. */
  async function readPatiently(journal: Journal): Promise<StoredRecord[]> {
    for (let attempt = 0; attempt < 10; attempt++) {
      try {
        return await readAll(journal, 1_000);
      } catch (error) {
        if (!(error instanceof JournalError)) throw error;
        await clock.advance(10_000);
      }
    }
    return await readAll(journal, 1_000);
  }

  it('loses only what is on a page that cannot be read, whichever it is', async () => {
    const { disk, written } = await small();
    for (const path of disk.paths) {
      for (let page = 0; page * 4096 < disk.bytes(path).length; page++) {
        const hit = disk.copy();
        hit.setUnreadable(path, page);
        const journal = await clock.run(open(hit, { clock, ...SMALL }));
        const stored = await readPatiently(journal);
        expectUnchanged(stored, written);
        expect(await clock.run(journal.append(observation(1, { monotonicMs: 0.5 }), true))).toBeGreaterThan(written.size);
        expect(stored.length, `${path} ${page}`).toBeGreaterThan(written.size / 3);
      }
    }
  }, 60_000);

  it('opens empty, and never gives a sequence away again that a state of delivery knows, when everything else is noise', async () => {
    const { disk, written } = await small();
    const random = seeded(5);
    for (const path of disk.paths) {
      if (path.endsWith('.cursor')) continue;
      disk.damage(
        path,
        0,
        disk.bytes(path).map(() => Math.floor(random() * 256)),
      );
    }
    const journal = await clock.run(open(disk, { clock, ...SMALL }));
    expect((await readAll(journal)).filter(({ record }) => record.kind !== 'gap')).toEqual([]);
    expect(journal.stats().damage.length).toBeGreaterThan(0);
    expect(await clock.run(journal.append(observation(1), true))).toBeGreaterThan(3);
    expect(written.size).toBe(480);
  });
});
