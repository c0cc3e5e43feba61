import { Buffer } from 'node:buffer';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { type Disk, DiskError, type DiskFile } from '../host.ts';
import { JournalError, type SequenceRange } from './journal.ts';
import { withFile, writeAll } from './segment.ts';

/*
 * A cursor file is two slots of one page. A state is written to the slot that does not hold the newest one, so that a torn
 * write costs the state that was not promised yet. Numbers are big-endian.
 *
 *   slot  0       4        8         10     12             14                16           24          32              4096
 *         | BJCU  | CRC-32 | version | zero | range count  | in-flight count | generation | low-water | entries | zeros |
 *
 * An entry is a range as gap (u32) and length (u32): how far it begins from the end of the one before (from the low-water
 * mark, for the first of either list), and how many sequences it holds.
 */
const SLOT_BYTES = 4096;
const SLOT_HEADER_BYTES = 32;
const ENTRY_BYTES = 8;
const VERSION = 1;
/** Ranges and in-flight ranges that fit a slot together. */
const ENTRIES_MAX = (SLOT_BYTES - SLOT_HEADER_BYTES) / ENTRY_BYTES;
const MAGIC = Buffer.from('BJCU', 'latin1');

/** What an uplink must know after a crash. Ranges are ascending, disjoint and above the low-water mark. */
export interface CursorState {
  readonly lowWater: number;
  readonly ranges: readonly SequenceRange[];
  readonly inFlight: readonly SequenceRange[];
}

interface Slot extends CursorState {
  readonly generation: number;
}

/** One uplink's cursor file. It is made with the first `write`. */
export class CursorFile {
  readonly #disk: Disk;
  readonly #path: string;
  #generation: number;
  /** Open while writes to it succeed. After a failure the file is never synced again: the next write makes a new one. */
  #file: DiskFile | undefined;
  #isUsable: boolean;

  constructor(disk: Disk, path: string, generation: number) {
    this.#disk = disk;
    this.#path = path;
    this.#generation = generation;
    this.#isUsable = generation > 0;
  }

  /**
   * Makes the state durable. Calls must not overlap.
   * @throws JournalError when the disk refuses, or when the state has too many ranges for a slot
   */
  async write(state: CursorState): Promise<void> {
    const slot = encodeSlot({ ...state, generation: this.#generation + 1 });
    try {
      if (this.#isUsable) await this.#overwrite(slot);
      else await this.#replace(slot);
      this.#generation++;
      this.#isUsable = true;
    } catch (error) {
      this.#isUsable = false;
      await this.close();
      if (!(error instanceof DiskError)) throw error;
      throw new JournalError(`the delivery state ${this.#path} cannot be written (${error.code}): nothing is sent until it can`, {
        cause: error,
      });
    }
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => undefined);
  }

  async #overwrite(slot: Uint8Array): Promise<void> {
    this.#file ??= await this.#disk.open(this.#path, 'write');
    await writeAll(this.#file, slot, ((this.#generation + 1) % 2) * SLOT_BYTES);
    await this.#file.fdatasync();
  }

  /** Writes a whole new file beside the old one and puts it in its place: a crash in between leaves one of the two. */
  async #replace(slot: Uint8Array): Promise<void> {
    const temporary = `${this.#path}.new`;
    const pages = new Uint8Array(2 * SLOT_BYTES);
    pages.set(slot, ((this.#generation + 1) % 2) * SLOT_BYTES);
    await this.#disk.mkdir(dirname(this.#path));
    // What a failed attempt left under this name is not written to again.
    if ((await this.#disk.size(temporary)) !== undefined) await this.#disk.unlink(temporary);
    await withFile(this.#disk, temporary, 'create', async (file) => {
      await writeAll(file, pages, 0);
      await file.fdatasync();
    });
    await this.#disk.rename(temporary, this.#path);
    await this.#disk.fsyncDir(dirname(this.#path));
  }
}

/** The newest state of a cursor file; `missing` when there is no file; `damaged` when neither slot can be believed. */
export async function readCursor(disk: Disk, path: string): Promise<Slot | 'missing' | 'damaged'> {
  const slots: (Slot | undefined)[] = [];
  try {
    await withFile(disk, path, 'read', async (file) => {
      // Each slot by itself: one unreadable page must not cost the other.
      for (const at of [0, SLOT_BYTES]) slots.push(decodeSlot(await file.pread(at, SLOT_BYTES).catch(noBytes)));
    });
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    return error.code === 'ENOENT' ? 'missing' : 'damaged';
  }
  return slots.flatMap((slot) => slot ?? []).sort((a, b) => b.generation - a.generation)[0] ?? 'damaged';
}

function noBytes(error: unknown): Uint8Array {
  if (error instanceof DiskError) return new Uint8Array(0);
  throw error;
}

function encodeSlot(slot: Slot): Uint8Array {
  if (slot.ranges.length + slot.inFlight.length > ENTRIES_MAX) {
    throw new JournalError(
      `a delivery state of ${slot.ranges.length} ranges and ${slot.inFlight.length} ranges in flight does not fit: send fewer at once`,
    );
  }
  const bytes = Buffer.alloc(SLOT_BYTES);
  MAGIC.copy(bytes);
  bytes.writeUInt16BE(VERSION, 8);
  bytes.writeUInt16BE(slot.ranges.length, 12);
  bytes.writeUInt16BE(slot.inFlight.length, 14);
  bytes.writeBigUInt64BE(BigInt(slot.generation), 16);
  bytes.writeBigUInt64BE(BigInt(slot.lowWater), 24);
  let at = SLOT_HEADER_BYTES;
  for (const list of [slot.ranges, slot.inFlight]) {
    let end = slot.lowWater;
    for (const range of list) {
      bytes.writeUInt32BE(range.first - end, at);
      bytes.writeUInt32BE(range.last - range.first + 1, at + 4);
      end = range.last;
      at += ENTRY_BYTES;
    }
  }
  bytes.writeUInt32BE(crc32(bytes.subarray(8)), 4);
  return bytes;
}

function decodeSlot(bytes: Uint8Array): Slot | undefined {
  const slot = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (slot.length < SLOT_BYTES || !slot.subarray(0, 4).equals(MAGIC) || slot.readUInt32BE(4) !== crc32(slot.subarray(8)))
    return undefined;
  if (slot.readUInt16BE(8) !== VERSION) return undefined;
  const rangeCount = slot.readUInt16BE(12);
  const inFlightCount = slot.readUInt16BE(14);
  if (rangeCount + inFlightCount > ENTRIES_MAX) return undefined;
  const lowWater = Number(slot.readBigUInt64BE(24));
  const list = (from: number, count: number) => {
    let end = lowWater;
    return Array.from({ length: count }, (_, i) => {
      const first = end + slot.readUInt32BE(SLOT_HEADER_BYTES + (from + i) * ENTRY_BYTES);
      end = first + slot.readUInt32BE(SLOT_HEADER_BYTES + (from + i) * ENTRY_BYTES + 4) - 1;
      return { first, last: end };
    });
  };
  return {
    generation: Number(slot.readBigUInt64BE(16)),
    lowWater,
    ranges: list(0, rangeCount),
    inFlight: list(rangeCount, inFlightCount),
  };
}
