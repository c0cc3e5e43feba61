import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeFrameInto, PAGE_BYTES, placesOf, toPage } from '../../gateway/journal/frame.ts';
import { type SlotScan, scanSlot } from '../../gateway/journal/slot-scan.ts';
import { IS_DEEP, seeded } from './kit.ts';

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
    const head = { epoch, firstSequence, lastSequence: firstSequence + count - 1, count, type: 'commit' } as const;
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

function isSame(a: object, b: object): boolean {
  return Object.entries(a).every(([name, value]) => (b as Record<string, unknown>)[name] === value);
}
