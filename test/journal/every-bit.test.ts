import { beforeAll, describe, expect, it } from 'vitest';
import { PAGE_BYTES } from '../../gateway/journal/frame.ts';
import type { Journal, StoredRecord } from '../../gateway/journal/journal.ts';
import { scanSlot } from '../../gateway/journal/slot-scan.ts';
import type { JournalRecord } from '../../gateway/record.ts';
import { FOLDER, gapsOf, IS_DEEP, isSame, observation, open, seeded, WALL_MS } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const SLOT_BYTES = 65_536;
const SLOT_BITS = SLOT_BYTES * 8;
const [SLOT_NAME, OTHER_NAME] = ['slot-000', 'slot-001'];
const SLOT = `${FOLDER}/${SLOT_NAME}`;
const OTHER_SLOT = `${FOLDER}/${OTHER_NAME}`;
/** As few and as small files as there can be: half a million openings look through all of them. */
const OPTIONS = { slotBytes: SLOT_BYTES, slotCount: 2, blockFileBytes: 65_536, maxSizeBytes: 1 << 24 };
/** Commits of one record each fill a page each: so many fill both slots, and are sealed with the next one. */
const FIRST_USE = 32;
/** The commits of the second use: observations, and the length of an event that is written with them. They end on page 14 of 16. */
const SECOND_USE = [
  { observations: 6, noise: 0 },
  { observations: 4, noise: 5_000 },
  { observations: 10, noise: 0 },
  { observations: 3, noise: 8_300 },
  { observations: 20, noise: 0 },
  { observations: 2, noise: 3_700 },
  { observations: 1, noise: 0 },
  { observations: 3, noise: 1_000 },
  { observations: 2, noise: 4_000 },
  { observations: 1, noise: 0 },
];
/** It does not fit the rest of the slot: the other one is used. */
const LATER = { observations: 2, noise: 8_300 };
/** The CBOR type of the CRC: the one byte of a frame that says nothing, and that the CRC leaves out. */
const SILENT_BYTE = 33;
/** More than everything that the journal holds. */
const READ_MAX = 1_000;

/** Which bits are flipped: each in the deep run. A step that is no multiple of eight comes by all bits of a byte. */
const FULL_EACH = IS_DEEP ? { step: 1, says: 'each' } : { step: 127, says: 'one of 127' };
const FILLED_EACH = IS_DEEP ? { step: 61, says: 'one of 61' } : { step: 797, says: 'one of 797' };
const PROBE = observation(1, { monotonicMs: 0.5 });

type Commit = (typeof SECOND_USE)[number];

/** A frame of the slot, and what stands in it. */
interface Frame {
  readonly from: number;
  readonly to: number;
  readonly sequences: readonly number[];
}

interface Built {
  readonly disk: ModelDisk;
  readonly written: ReadonlyMap<number, JournalRecord>;
  /** The frames of the slot's present use. */
  readonly frames: readonly Frame[];
}

/** A journal whose first slot is in its second use; behind its frames stand those of the first. */
async function build(commits: readonly Commit[]): Promise<Built> {
  const disk = new ModelDisk();
  const random = seeded(7);
  const journal = await open(disk, OPTIONS);
  const written = new Map<number, JournalRecord>();
  let count = 0;
  const write = async ({ observations, noise }: Commit) => {
    const records = Array.from({ length: observations }, (): JournalRecord => {
      count += 1;
      const sensor = ['roof', 'hall', 'cellar'][count % 3] as string;
      return observation(random() * 1_000, { monotonicMs: count, wallMs: WALL_MS + count, sensor, channel: `${sensor}.light` });
    });
    if (noise > 0) records.push(noiseEvent(++count, noise, random));
    await Promise.all(records.map((record) => journal.append(record).then((sequence) => written.set(sequence, record))));
  };
  for (let commit = 0; commit < FIRST_USE; commit++) await write({ observations: 1, noise: 0 });
  for (const commit of commits) await write(commit);
  await journal.close();
  const frames = scanSlot(disk.bytes(SLOT), SLOT_NAME).frames.map(({ offset, sizeBytes, firstSequence, lastSequence }) => ({
    from: offset,
    to: offset + sizeBytes,
    sequences: [...written.keys()].filter((sequence) => firstSequence <= sequence && sequence <= lastSequence),
  }));
  return { disk, written, frames };
}

/** An event of so many letters that nothing makes shorter. */
function noiseEvent(count: number, length: number, random: () => number): JournalRecord {
  const noise = Array.from({ length }, () => Math.floor(random() * 36).toString(36)).join('');
  const stamp = { boot: 'b1', monotonicMs: count, wallMs: WALL_MS + count, wallQuality: 'synced' } as const;
  return { kind: 'event', ...stamp, code: 'noise', fields: { noise } };
}

/** The same disk, with one bit of the slot flipped. */
function flipped({ disk }: Built, bytes: Uint8Array, bit: number): ModelDisk {
  const hit = disk.copy();
  const at = bit >> 3;
  hit.damage(SLOT, at, Uint8Array.of((bytes[at] as number) ^ (1 << (bit & 7))));
  return hit;
}

/** Why what is stored is not exactly what was written, but for these. */
function wrongIn(stored: readonly StoredRecord[], { written }: Built, lost: readonly number[]): string | undefined {
  let before = 0;
  for (const { sequence, record } of stored) {
    if (sequence <= before) return `${sequence} follows ${before}`;
    before = sequence;
    if (!isSame(record, written.get(sequence))) return `${sequence} is not as it was written: ${JSON.stringify(record)}`;
    if (lost.includes(sequence)) return `${sequence} is there although its frame is not right`;
  }
  const missing = written.size - lost.length - stored.length;
  return missing === 0 ? undefined : `${missing} records are missing that the flip does not overlap`;
}

/** Why the frame that is lost is not the one that a gap record names, with its times. */
function misnamed(after: readonly StoredRecord[], { written }: Built, lost: readonly number[]): string | undefined {
  const [gap, ...more] = gapsOf(after);
  const [first, last] = [lost[0], lost.at(-1)];
  if (first === undefined || last === undefined) return gap && `nothing is gone, but there is ${JSON.stringify(gap)}`;
  if (gap === undefined) return `nothing names ${first} to ${last}`;
  if (more.length > 0) return `${first} to ${last} has more than one gap record`;
  const { fromWallMs = 0, toWallMs = Number.POSITIVE_INFINITY, firstSequence, lastSequence, count } = gap;
  const [firstMs, lastMs] = [first, last].map((sequence) => (written.get(sequence) as JournalRecord).wallMs) as [number, number];
  const isRight = firstSequence === first && lastSequence === last && count === lost.length;
  // From its neighbours; observations of one commit are in the order of their sensors.
  const isInTime = fromWallMs <= firstMs && toWallMs >= lastMs;
  return isRight && isInTime ? undefined : `${first} to ${last} is not what is named: ${JSON.stringify(gap)}`;
}

/** All records, in one step. */
async function readEverything(journal: Journal): Promise<readonly StoredRecord[]> {
  const stored = await journal.read(1, READ_MAX);
  if (stored.length >= READ_MAX) throw new Error('there are more records than one reading gives');
  return stored;
}

/** The frame that a bit stands in; undefined in padding and in what an older use left. */
function frameWith(frames: readonly Frame[], bit: number): Frame | undefined {
  const at = bit >> 3;
  return frames.find(({ from, to }) => from <= at && at < to && at !== from + SILENT_BYTE);
}

describe('a journal of which one bit is flipped in a slot that is full', () => {
  let built: Built;
  let bytes: Uint8Array;
  beforeAll(async () => {
    built = await build([...SECOND_USE, LATER]);
    bytes = built.disk.bytes(SLOT);
  });

  it('is one whose slot was used twice: right frames, padding, and frames of the first use', () => {
    const { frames } = built;
    expect(frames.length).toBe(SECOND_USE.length);
    const end = Math.max(...frames.map(({ to }) => to));
    expect(end).toBeLessThan(SLOT_BYTES - PAGE_BYTES);
    // Alone, what stands behind them is right frames of an older use.
    const older = scanSlot(
      bytes.map((byte, at) => (at < end ? 0 : byte)),
      SLOT_NAME,
    );
    expect(older.frames.length).toBeGreaterThanOrEqual(2);
    expect(older.epoch).toBeLessThan(scanSlot(bytes, SLOT_NAME).epoch);
    expect(scanSlot(built.disk.bytes(OTHER_SLOT), OTHER_NAME).frames.length).toBe(1);
  });

  it(`gives everything by value but the frame that is hit, names that, and appends, for ${FULL_EACH.says} of the ${SLOT_BITS} bits`, async () => {
    for (let bit = 0; bit < SLOT_BITS; bit += FULL_EACH.step) {
      const lost = frameWith(built.frames, bit)?.sequences ?? [];
      const journal = await open(flipped(built, bytes, bit), OPTIONS);
      const stored = await readEverything(journal);
      const probe = await journal.append(PROBE);
      const after = await journal.read((stored.at(-1)?.sequence ?? 0) + 1, READ_MAX);
      const { damage } = journal.stats();
      const isFound = damage.length === Math.min(1, lost.length) && damage.every(({ missing }) => missing?.first === lost[0]);
      const isKept = after.some(({ sequence, record }) => sequence === probe && isSame(record, PROBE));
      const wrong = wrongIn(stored, built, lost) ?? misnamed(after, built, lost);
      if (wrong !== undefined || !isKept || !isFound) expect.fail(`bit ${bit}: ${wrong} ${JSON.stringify({ after, damage })}`);
    }
  }, 1_800_000);
});

describe('a journal of which one bit is flipped in the slot that is being filled', () => {
  it(`goes on behind it, and the next opening finds all that too, for ${FILLED_EACH.says} of the ${SLOT_BITS} bits`, async () => {
    const built = await build(SECOND_USE);
    const bytes = built.disk.bytes(SLOT);
    const newest = built.frames.at(-1);
    for (let bit = 0; bit < SLOT_BITS; bit += FILLED_EACH.step) {
      const hit = frameWith(built.frames, bit);
      const lost = hit?.sequences ?? [];
      const disk = flipped(built, bytes, bit);
      const journal = await open(disk, OPTIONS);
      const stored = await readEverything(journal);
      const last = stored.at(-1)?.sequence ?? 0;
      const probe = await journal.append(PROBE);
      const after = await journal.read(last + 1, READ_MAX);
      const again = await readEverything(await open(disk, OPTIONS));
      // The newest commit looks like one that was never finished: nobody can know that it was promised.
      const named = hit === newest ? [] : lost;
      const isKept = probe > last && isSame(again, [...stored, ...after]);
      const wrong = wrongIn(stored, built, lost) ?? misnamed(after, built, named);
      if (wrong !== undefined || !isKept) expect.fail(`bit ${bit}: ${wrong} ${JSON.stringify({ probe, after })}`);
    }
  }, 1_800_000);
});
