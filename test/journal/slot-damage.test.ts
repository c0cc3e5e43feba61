import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeFrameInto, PAGE_BYTES, placesOf, toPage } from '../../gateway/journal/frame.ts';
import { type SlotScan, scanSlot } from '../../gateway/journal/slot-scan.ts';
import { drain } from '../support/test-clock.ts';
import { appendGroup, FOLDER, IS_DEEP, open as openJournal, readAll, seeded, valuesOf } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const SLOT_BYTES = 65_536;
const NAME = 'slot-000';
const OLD = 6;
const NEW = 7;
/** Payloads of the frames, in bytes. Those of the older use of the slot filled it; the newer ones end on page 11 of 16. */
const OLD_PAYLOADS = [9_000, 4_000, 100, 4_053, 4_054, 20_000, 3_000, 4_000];
const NEW_PAYLOADS = [600, 4_053, 4_054, 12_000, 10, 4_000, 5_000];

/**
 * A slot in its second use: what the newer frames have not reached yet is of the older use. Frames are written by the
 * journal's own code; that their bytes are those of the description is for the golden journal and its second reader to say.
 */
function usedTwice(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SLOT_BYTES);
  fill(bytes, OLD, 100, OLD_PAYLOADS);
  fill(bytes, NEW, 500, NEW_PAYLOADS);
  return bytes;
}

function fill(bytes: Uint8Array, epoch: number, fromSequence: number, payloads: readonly number[]): void {
  const random = seeded(epoch);
  let at = 0;
  let firstSequence = fromSequence;
  for (const length of payloads) {
    const payload = Uint8Array.from({ length }, () => Math.floor(random() * 256));
    const count = 1 + Math.floor(length / 20);
    const head = {
      epoch,
      firstSequence,
      lastSequence: firstSequence + count - 1,
      count,
      type: 'commit',
      hasTexts: false,
    } as const;
    const end = encodeFrameInto(bytes, at, head, payload, placesOf(NAME) + at);
    bytes.fill(0, end, toPage(end));
    at = toPage(end);
    firstSequence += count;
  }
}

describe('a slot of 64 KiB', () => {
  const bytes = usedTwice();
  let clean: SlotScan;
  beforeAll(() => {
    clean = scanSlot(bytes, NAME);
  });

  it('holds the frames of its newest use, and no older one', () => {
    expect(clean.epoch).toBe(NEW);
    expect(clean.frames).toHaveLength(NEW_PAYLOADS.length);
    expect(clean.frames.map(({ firstSequence }) => firstSequence)[0]).toBe(500);
  });

  /** What the damage at [from, to) must leave: all frames that it does not overlap, and no frame that was not there. */
  const isRight = (frames: SlotScan['frames'], from: number, to: number) => {
    const left = clean.frames.filter(({ offset, sizeBytes }) => to <= offset || from >= offset + sizeBytes);
    return (
      left.every((frame) => frames.some((each) => isSame(each, frame))) &&
      frames.every((each) => clean.frames.some((frame) => isSame(each, frame)))
    );
  };

  it('finds every frame that does not overlap what is overwritten, whatever it is overwritten with', () => {
    fc.assert(
      fc.property(
        fc.nat(SLOT_BYTES - 1),
        fc.integer({ min: 1, max: 3 * PAGE_BYTES }),
        fc.constantFrom('noise', 'zeros', 'stale'),
        fc.nat(),
        (at, length, kind, seed) => {
          const damaged = bytes.slice();
          const part = damaged.subarray(at, at + length);
          const random = seeded(seed);
          if (kind === 'zeros') part.fill(0);
          else if (kind === 'noise') for (let i = 0; i < part.length; i++) part[i] = Math.floor(random() * 256);
          else part.set(bytes.subarray(Math.floor(random() * SLOT_BYTES)).subarray(0, part.length));
          // What was overwritten with itself is not damaged.
          const from = damaged.findIndex((byte, i) => byte !== bytes[i]);
          const to = damaged.findLastIndex((byte, i) => byte !== bytes[i]) + 1;
          const { epoch, frames } = scanSlot(damaged, NAME);
          expect(isRight(epoch === NEW ? frames : [], from, to)).toBe(true);
        },
      ),
      { numRuns: IS_DEEP ? 2_000 : 200, seed: 1 },
    );
  });

  it('takes no frame for right that stands where it was not written', () => {
    for (const { offset, sizeBytes } of clean.frames) {
      const moved = new Uint8Array(SLOT_BYTES);
      const to = (offset + 5 * PAGE_BYTES) % (SLOT_BYTES - toPage(sizeBytes));
      moved.set(bytes.subarray(offset, offset + sizeBytes), to - (to % PAGE_BYTES));
      expect(scanSlot(moved, NAME).frames).toEqual([]);
    }
  });

  it('says where the next frame goes: behind every page that this use may have written', () => {
    const end = clean.endBytes;
    expect(end).toBeGreaterThanOrEqual(Math.max(...clean.frames.map(({ offset, sizeBytes }) => toPage(offset + sizeBytes))));
    const torn = bytes.slice();
    const last = clean.frames.at(-1) as (typeof clean.frames)[number];
    torn.fill(0xee, last.offset, last.offset + 512);
    expect(scanSlot(torn, NAME).endBytes).toBeGreaterThanOrEqual(toPage(last.offset + 1));
  });
});

/** Of a journal that uses its slots again soon. */
const SIZES = { slotBytes: 16_384, slotCount: 3, blockFileBytes: 1 << 20 };

describe.each([1, 4])('use %i of a slot, of which no commit is right any more', (use) => {
  it.each([1, 2])('is said, although nothing beside it tells what is missing: %i commits', async (commits) => {
    const { disk, path } = await untilUse(use, commits);
    for (let page = 0; page < commits; page++) rot(disk, path, page);
    const { damage } = (await openJournal(disk, SIZES)).stats();
    expect(damage.map(({ file }) => `${FOLDER}/${file}`)).toContain(path);
  });

  it('does not come back, mixed with the next use, when the card gives a page back later', async () => {
    const { disk, path } = await untilUse(use, 2);
    rot(disk, path, 0);
    const repair = rot(disk, path, 1);
    const journal = await openJournal(disk, SIZES);
    let isUsed = false;
    disk.fault = (operation, _count, written) => {
      isUsed ||= operation === 'pwrite' && written === path;
      return undefined;
    };
    // The slot gets one commit of its next use, so that the second page still is as the last use left it.
    for (let value = 10_001; !isUsed; value += 20) await appendGroup(journal, value, value + 19);
    disk.crash(() => 0);
    const before = valuesOf(await readAll(await openJournal(disk.copy(), SIZES), 1_000));
    repair();
    expect(valuesOf(await readAll(await openJournal(disk, SIZES), 1_000))).toEqual(before);
  });
});

it('a slot whose present use the card refuses is not written over, and is read once the card gives it again', async () => {
  const { disk, path } = await untilUse(4, 2);
  const before = valuesOf(await readAll(await openJournal(disk.copy(), SIZES), 1_000));
  // Behind these stand right commits of the use before, all of which are sealed.
  for (const page of [0, 1]) disk.setUnreadable(path, page);
  const journal = await openJournal(disk, SIZES);
  for (let value = 10_001; value < 12_000; value += 20) await appendGroup(journal, value, value + 19);
  disk.crash(() => 0);
  for (const page of [0, 1]) disk.setUnreadable(path, page, false);
  const again = await openJournal(disk, SIZES);
  // What had been passed is appended again, and is there as soon as that is durable.
  await appendGroup(again, 12_001, 12_020);
  for (let turn = 0; turn < 50; turn++) await drain();
  const found = new Set(valuesOf(await readAll(again, 1_000)));
  expect(before.filter((value) => !found.has(value))).toEqual([]);
});

/** A journal whose newest slot is in that use and has so many commits; there is another slot with records. */
async function untilUse(use: number, commits: number): Promise<{ disk: ModelDisk; path: string }> {
  const disk = new ModelDisk();
  const journal = await openJournal(disk, SIZES);
  const uses = new Map<string, number>();
  let newest = '';
  let count = 0;
  disk.fault = (operation, _count, path) => {
    if (operation !== 'pwrite' || !path.includes('/slot-')) return undefined;
    if (path !== newest) {
      uses.set(path, (uses.get(path) ?? 0) + 1);
      count = 0;
    }
    newest = path;
    count += 1;
    return undefined;
  };
  for (let value = 1; value <= 100 || count !== commits || (uses.get(newest) ?? 0) < use; value += 20) {
    await appendGroup(journal, value, value + 19);
    for (let turn = 0; turn < 5; turn++) await drain();
  }
  disk.crash(() => 0);
  return { disk, path: newest };
}

/** Four bytes of the commit in that page change; returns what makes them right again. */
function rot(disk: ModelDisk, path: string, page: number): () => void {
  const at = page * PAGE_BYTES + 200;
  const bytes = disk.bytes(path).slice(at, at + 4);
  disk.damage(path, at, new Uint8Array(4).fill(0xee));
  return () => disk.damage(path, at, bytes);
}

function isSame(a: object, b: object): boolean {
  return Object.entries(a).every(([name, value]) => (b as Record<string, unknown>)[name] === value);
}
