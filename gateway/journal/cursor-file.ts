import { Buffer } from 'node:buffer';
import { type Disk, DiskError } from '../host.ts';
import { JournalError, type SequenceRange } from './journal.ts';
import { SequenceSet } from './sequence-set.ts';
import { readTwoSlots, STATE_BYTES_MAX, TwoSlotFile } from './two-slot-file.ts';

/*
 * The state of a cursor file (two-slot-file.ts). Numbers are big-endian.
 *
 *   0           8             10                12
 *   | low-water | range count | in-flight count | entries |
 *
 * An entry is a range as gap (u32) and length (u32): how far it begins from the end of the one before (from the low-water
 * mark, for the first of either list), and how many sequences it holds.
 */
export const CURSOR_MAGIC = 'BJCU';
const HEAD_BYTES = 12;
const ENTRY_BYTES = 8;
/** Ranges and in-flight ranges that fit together. */
const ENTRIES_MAX = Math.floor((STATE_BYTES_MAX - HEAD_BYTES) / ENTRY_BYTES);
/** Delivered ranges that are kept as such when there are too many. */
const RANGES_KEPT = 64;
/** A gap or a length that does not fit 32 bits: nothing that a journal of this size can hold. */
const STEP_MAX = 0xffff_ffff;

/** The name of an uplink's cursor file: `sentilo.cursor`. */
export function cursorName(uplink: string): string {
  return `${uplink}.cursor`;
}

/** The uplink whose cursor file has this name; undefined when it is none: uplinks have names of a-z, 0-9 and hyphens. */
export function uplinkOf(name: string): string | undefined {
  return /^([a-z0-9][a-z0-9-]*)\.cursor$/.exec(name)?.[1];
}

/** What an uplink must know after a crash. Ranges are ascending, disjoint and above the low-water mark. */
export interface CursorState {
  readonly lowWater: number;
  readonly ranges: readonly SequenceRange[];
  readonly inFlight: readonly SequenceRange[];
}

/** One uplink's cursor file. It is made with the first `write`. */
export class CursorFile {
  readonly #path: string;
  readonly #file: TwoSlotFile;

  constructor(disk: Disk, path: string, generation: number) {
    this.#path = path;
    this.#file = new TwoSlotFile(disk, path, CURSOR_MAGIC, generation);
  }

  /** Of the newest state that is durable. */
  get generation(): number {
    return this.#file.generation;
  }

  /**
   * Makes the state durable. Calls must not overlap. What does not fit is written as being in flight, in larger ranges: it is
   * looked up after a crash, which costs time and is never wrong.
   * @throws JournalError when the disk refuses
   */
  async write(state: CursorState): Promise<void> {
    const payload = encodeState(fitting(state));
    try {
      await this.#file.write(payload);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      const why = `the delivery state ${this.#path} cannot be written (${error.code}): nothing is sent until it can`;
      throw new JournalError(why, { cause: error });
    }
  }

  /** Makes durable what an earlier process wrote; false when the disk refuses. */
  async settle(): Promise<boolean> {
    return await this.#file.settle();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** The newest state of a cursor file; `missing` when there is no file; `damaged` when neither slot can be believed. */
export async function readCursor(
  disk: Disk,
  path: string,
): Promise<(CursorState & { readonly generation: number }) | 'missing' | 'damaged'> {
  const stored = await readTwoSlots(disk, path, CURSOR_MAGIC);
  if (typeof stored === 'string') return stored;
  const state = decodeState(stored.payload);
  return state === undefined ? 'damaged' : { ...state, generation: stored.generation };
}

/** A state that fits a page and never says of anything that it is delivered, or was never sent, when the given one does not. */
function fitting({ lowWater, ranges, inFlight }: CursorState): CursorState {
  if (ranges.length + inFlight.length <= ENTRIES_MAX) return { lowWater, ranges, inFlight };
  const kept = ranges.slice(0, RANGES_KEPT);
  const rest = new SequenceSet([...inFlight, ...ranges.slice(RANGES_KEPT)]).ranges;
  // The largest gaps stay.
  const gaps = rest.slice(1).map((range, i) => range.first - (rest[i] as SequenceRange).last);
  const smallest = gaps.toSorted((a, b) => b - a)[ENTRIES_MAX - RANGES_KEPT - 1] ?? 0;
  const joined: SequenceRange[] = [];
  for (const [i, range] of rest.entries()) {
    const before = joined.at(-1);
    if (before !== undefined && (gaps[i - 1] ?? 0) <= smallest)
      joined[joined.length - 1] = { first: before.first, last: range.last };
    else joined.push(range);
  }
  return { lowWater, ranges: kept, inFlight: joined };
}

function encodeState({ lowWater, ranges, inFlight }: CursorState): Uint8Array {
  const bytes = Buffer.alloc(HEAD_BYTES + (ranges.length + inFlight.length) * ENTRY_BYTES);
  bytes.writeBigUInt64BE(BigInt(lowWater), 0);
  bytes.writeUInt16BE(ranges.length, 8);
  bytes.writeUInt16BE(inFlight.length, 10);
  let at = HEAD_BYTES;
  for (const list of [ranges, inFlight]) {
    let end = lowWater;
    for (const range of list) {
      const [gap, length] = [range.first - end, range.last - range.first + 1];
      if (gap > STEP_MAX || length > STEP_MAX) throw new JournalError('a delivery state reaches further than a cursor can say');
      bytes.writeUInt32BE(gap, at);
      bytes.writeUInt32BE(length, at + 4);
      end = range.last;
      at += ENTRY_BYTES;
    }
  }
  return bytes;
}

function decodeState(payload: Uint8Array): CursorState | undefined {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (bytes.length < HEAD_BYTES) return undefined;
  const rangeCount = bytes.readUInt16BE(8);
  const inFlightCount = bytes.readUInt16BE(10);
  if (bytes.length !== HEAD_BYTES + (rangeCount + inFlightCount) * ENTRY_BYTES) return undefined;
  const lowWater = Number(bytes.readBigUInt64BE(0));
  const list = (from: number, count: number) => {
    let end = lowWater;
    return Array.from({ length: count }, (_, i) => {
      const at = HEAD_BYTES + (from + i) * ENTRY_BYTES;
      const first = end + bytes.readUInt32BE(at);
      end = first + bytes.readUInt32BE(at + 4) - 1;
      return { first, last: end };
    });
  };
  return { lowWater, ranges: list(0, rangeCount), inFlight: list(rangeCount, inFlightCount) };
}
