import { Buffer } from 'node:buffer';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { type Disk, DiskError, type DiskFile } from '../host.ts';
import { ignoreDiskError, noBytes, withFile, writeAll } from './disk-tools.ts';
import { clearName } from './foreign.ts';
import { SpareFile } from './spare-file.ts';

/*
 * A small state that is replaced as a whole: two slots of one page. A state is written to the slot that does not hold the
 * newest one, so that a torn write costs the state that was not promised yet. Both pages exist from the beginning, and so do
 * those of the file that replaces it after a failure, so that a full disk is no obstacle. Numbers are big-endian.
 *
 *   slot  0       4        8         10       12       16           24                              4096
 *         | magic | CRC-32 | version | zero   | length | generation | payload of `length` bytes | zeros |
 */
const SLOT_BYTES = 4096;
const HEADER_BYTES = 24;
const VERSION = 1;

/** Both slots. */
export const STATE_FILE_BYTES = 2 * SLOT_BYTES;
/** The longest state. */
export const STATE_BYTES_MAX = SLOT_BYTES - HEADER_BYTES;

/** The newest state of a file that can be believed. */
export interface StoredState {
  readonly generation: number;
  readonly payload: Uint8Array;
}

/** One such file. It is made with the first `write`. `magic`: four letters that tell what kind of state it is. */
export class TwoSlotFile {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #magic: string;
  /** What takes its place after a failure. */
  readonly #spare: SpareFile;
  #generation: number;
  /** Open while writes to it succeed. After a failure the file is never synced again: the next write makes a new one. */
  #file: DiskFile | undefined;
  #isUsable: boolean;
  #mayBeThere: boolean;

  constructor(disk: Disk, path: string, magic: string, generation: number) {
    this.#disk = disk;
    this.#path = path;
    this.#magic = magic;
    this.#spare = new SpareFile(disk, `${path}.new`, STATE_FILE_BYTES);
    this.#generation = generation;
    this.#isUsable = generation > 0;
    this.#mayBeThere = generation > 0;
  }

  /** False when the next process certainly finds no state. */
  get mayBeThere(): boolean {
    return this.#mayBeThere;
  }

  /** Of the newest state that is durable. */
  get generation(): number {
    return this.#generation;
  }

  /** Makes the state durable. Calls must not overlap. @throws DiskError */
  async write(payload: Uint8Array): Promise<void> {
    const generation = this.#generation + 1;
    const slot = encodeSlot(this.#magic, { generation, payload });
    try {
      if (this.#isUsable) await this.#overwrite(slot, generation);
      else await this.#replace(slot, generation);
      this.#generation = generation;
      this.#isUsable = true;
    } catch (error) {
      this.#isUsable = false;
      await this.close();
      throw error;
    }
    await this.#spare.prepare();
  }

  /** Makes durable what a process that was killed may have left unsynced; false when the disk refuses. */
  async settle(): Promise<boolean> {
    if (!this.#isUsable) return false;
    try {
      await this.#settled();
      return true;
    } catch (error) {
      ignoreDiskError(error);
      this.#isUsable = false;
      await this.close();
      return false;
    }
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(ignoreDiskError);
  }

  async #overwrite(slot: Uint8Array, generation: number): Promise<void> {
    const file = await this.#settled();
    await writeAll(file, slot, (generation % 2) * SLOT_BYTES);
    await file.fdatasync();
  }

  /** The open file. Were the newest state lost together with the next one, which is written to the other page, there would be none. */
  async #settled(): Promise<DiskFile> {
    if (this.#file === undefined) {
      this.#file = await this.#disk.open(this.#path, 'write');
      await this.#file.fdatasync();
    }
    return this.#file;
  }

  /** Writes a whole new file beside the old one and puts it in its place: a crash in between leaves one of the two. */
  async #replace(slot: Uint8Array, generation: number): Promise<void> {
    const pages = new Uint8Array(STATE_FILE_BYTES);
    pages.set(slot, (generation % 2) * SLOT_BYTES);
    await this.#disk.mkdir(dirname(this.#path));
    await this.#spare.fill(pages);
    await clearName(this.#disk, this.#path, STATE_FILE_BYTES);
    this.#mayBeThere = true;
    await this.#disk.rename(this.#spare.path, this.#path);
    this.#spare.taken();
    await this.#disk.fsyncDir(dirname(this.#path));
  }
}

/** The newest state of a file; `missing` when there is no file; `damaged` when neither slot can be believed. */
export async function readTwoSlots(disk: Disk, path: string, magic: string): Promise<StoredState | 'missing' | 'damaged'> {
  const slots: (StoredState | undefined)[] = [];
  try {
    await withFile(disk, path, 'read', async (file) => {
      // Each slot by itself: one unreadable page must not cost the other.
      for (const at of [0, SLOT_BYTES]) slots.push(decodeSlot(await file.pread(at, SLOT_BYTES).catch(noBytes), magic));
    });
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    return error.code === 'ENOENT' ? 'missing' : 'damaged';
  }
  return slots.flatMap((slot) => slot ?? []).sort((a, b) => b.generation - a.generation)[0] ?? 'damaged';
}

function encodeSlot(magic: string, { generation, payload }: StoredState): Uint8Array {
  if (payload.length > STATE_BYTES_MAX) throw new Error(`a state of ${payload.length} bytes does not fit its page`);
  const bytes = Buffer.alloc(SLOT_BYTES);
  bytes.write(magic, 0, 4, 'latin1');
  bytes.writeUInt16BE(VERSION, 8);
  bytes.writeUInt32BE(payload.length, 12);
  bytes.writeBigUInt64BE(BigInt(generation), 16);
  bytes.set(payload, HEADER_BYTES);
  bytes.writeUInt32BE(crc32(bytes.subarray(8)), 4);
  return bytes;
}

function decodeSlot(bytes: Uint8Array, magic: string): StoredState | undefined {
  const slot = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (slot.length < SLOT_BYTES || slot.toString('latin1', 0, 4) !== magic) return undefined;
  if (slot.readUInt32BE(4) !== crc32(slot.subarray(8)) || slot.readUInt16BE(8) !== VERSION) return undefined;
  const length = slot.readUInt32BE(12);
  if (length > STATE_BYTES_MAX) return undefined;
  return { generation: Number(slot.readBigUInt64BE(16)), payload: slot.subarray(HEADER_BYTES, HEADER_BYTES + length) };
}
