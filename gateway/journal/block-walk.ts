import { Buffer } from 'node:buffer';
import { DiskError, type DiskFile } from '../host.ts';
import { type Block, blockOf, type Extent, unwrapBlock } from './block-file.ts';
import { decodeIndex, type FileIndex, indexBytes } from './block-index.ts';
import { decodeBlockSummary } from './columns.ts';
import {
  decodeFrame,
  FRAME_BYTES_MAX,
  FRAME_HEADER_BYTES,
  type Frame,
  findFrame,
  frameBytes,
  PAGE_BYTES,
  placesOf,
  toPage,
} from './frame.ts';
import type { Damage, SequenceRange } from './journal.ts';
import { Dictionary } from './series.ts';

/** How much of a file is in memory at once while it is walked; a longer frame is read whole. */
const WINDOW_BYTES = 262_144;
/** Where the epoch and the first and last sequence stand in a frame's header, for a look at one whose CRC is wrong. */
const HEADER = { epoch: 5, first: 10, last: 19, type: 32, length: 39, index: 3 } as const;
/** The disk may do it next time: such an error says nothing about the bytes. */
const PASSING_CODES = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EINTR', 'EAGAIN', 'EBADF']);

/** A part of a file that holds no right frame. Damage of what the slots hold as well has no `missing`. */
export type WalkDamage = Omit<Damage, 'file'> & { readonly fromWallMs?: number; readonly toWallMs?: number };

/** What a walk through a file found. */
export interface Walked {
  /** Of the file's first right frame; undefined when there is none. */
  readonly epoch: number | undefined;
  readonly blocks: readonly Block[];
  readonly dictionary: Dictionary;
  /** Its index, when it is right. */
  readonly index: FileIndex | undefined;
  /** The next extent may begin on the page from here on; what stands there was never promised. */
  readonly endBytes: number;
  readonly damage: readonly WalkDamage[];
  /** Sequences of frames that only a later release can read. */
  readonly later: SequenceRange | undefined;
}

/** Bytes of a file; pages that the disk refuses read as zeros. */
interface Bytes {
  readonly bytes: Uint8Array;
  /** Offsets in the file, inclusive. */
  readonly unreadable: readonly SequenceRange[];
}

/** Whether the error says that the disk does not give these bytes, and not that nothing can be read just now. */
export function isUnreadable(error: unknown): boolean {
  return error instanceof DiskError && !PASSING_CODES.has(error.code);
}

/** Reads what can be read: a bad page costs itself and not its neighbours. @throws DiskError that may pass */
async function readAround(file: DiskFile, start: number, length: number): Promise<Bytes> {
  try {
    return { bytes: await file.pread(start, length), unreadable: [] };
  } catch (error) {
    if (!isUnreadable(error)) throw error;
  }
  const bytes = new Uint8Array(length);
  const unreadable: SequenceRange[] = [];
  for (let at = start; at < start + length; ) {
    const next = Math.min(start + length, (Math.floor(at / PAGE_BYTES) + 1) * PAGE_BYTES);
    try {
      bytes.set(await file.pread(at, next - at), at - start);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      unreadable.push({ first: at, last: next - 1 });
    }
    at = next;
  }
  return { bytes, unreadable };
}

/**
 * Goes through a file frame by frame, without inflating, for the blocks of a file that has no right index. Bytes that are
 * no frame are skipped up to the next mark. `coveredFrom`: from this sequence on everything stands elsewhere too (in the
 * slots, or in the next file of the chain). When the damage lies before a block whose whole extent stands elsewhere, the
 * extent was perhaps never durable, and the walk ends before the damage.
 */
export async function walkBlocks(file: DiskFile, fileBytes: number, place: WalkPlace): Promise<Walked> {
  return await new Walk(file, fileBytes, place).run();
}

/** What is known about the sequences of a file before it is walked. */
export interface WalkPlace {
  readonly name: string;
  /** That in its name. */
  readonly firstSequence: number;
  readonly coveredFrom: number | undefined;
  /** Blocks from here on stand in the next file too, which was begun because the disk failed under them. */
  readonly nextFirst: number | undefined;
}

/** What a header says whose CRC is wrong. */
interface Hint {
  readonly isIndex: boolean;
  readonly sizeBytes: number;
  /** Its sequences, if they can be. */
  readonly range: SequenceRange | undefined;
}

/** One walk. What it has found so far, and the part of the file that is in memory. */
class Walk {
  readonly #file: DiskFile;
  readonly #fileBytes: number;
  readonly #places: number;
  readonly #firstSequence: number;
  readonly #coveredFrom: number;
  readonly #nextFirst: number;
  readonly #blocks: Block[] = [];
  readonly #dictionary = new Dictionary();
  readonly #damage: WalkDamage[] = [];
  readonly #unreadable: SequenceRange[] = [];
  #epoch: number | undefined;
  #index: FileIndex | undefined;
  #endBytes = 0;
  #later: SequenceRange | undefined;
  #lastExtent: Extent | undefined;
  #window = { start: 0, bytes: new Uint8Array(0) };
  /** Where the bytes began that are no frame. */
  #badFrom: number | undefined;
  /** What the header there says, and whether all that was skipped since is zero. */
  #hint: Hint | undefined;
  #isZero = true;
  #position = 0;

  constructor(file: DiskFile, fileBytes: number, { name, firstSequence, coveredFrom, nextFirst }: WalkPlace) {
    this.#file = file;
    this.#places = placesOf(name);
    this.#firstSequence = firstSequence;
    this.#fileBytes = fileBytes;
    this.#coveredFrom = coveredFrom ?? Number.POSITIVE_INFINITY;
    this.#nextFirst = nextFirst ?? Number.POSITIVE_INFINITY;
  }

  async run(): Promise<Walked> {
    while (this.#position < this.#fileBytes) {
      const frame = await this.#frameHere();
      const verdict = frame === undefined ? 'bad' : this.#take(frame);
      if (verdict === 'cut') return this.#result();
      if (verdict === 'bad') this.#skip();
      else this.#position += (frame as Frame).sizeBytes;
    }
    if (this.#badFrom !== undefined) this.#endBad(this.#badFrom);
    return this.#result();
  }

  #result(): Walked {
    return {
      epoch: this.#epoch,
      blocks: this.#blocks,
      dictionary: this.#dictionary,
      index: this.#index,
      later: this.#later,
      endBytes: this.#endBytes,
      damage: this.#damage,
    };
  }

  /** The right frame of this file at the position, if there is one. The window holds all of it then. */
  async #frameHere(): Promise<Frame | undefined> {
    await this.#need(FRAME_HEADER_BYTES);
    const sizeBytes = frameBytes(this.#window.bytes, this.#position - this.#window.start);
    if (sizeBytes === undefined || this.#position + sizeBytes > this.#fileBytes) return undefined;
    await this.#need(sizeBytes);
    const frame = decodeFrame(this.#window.bytes, this.#position - this.#window.start, this.#places + this.#position);
    return frame !== undefined && frame.epoch === (this.#epoch ?? frame.epoch) ? frame : undefined;
  }

  async #need(sizeBytes: number): Promise<void> {
    const end = this.#window.start + this.#window.bytes.length;
    if (this.#position + sizeBytes <= end || end >= this.#fileBytes) return;
    const length = Math.min(Math.max(WINDOW_BYTES, sizeBytes), this.#fileBytes - this.#position);
    const { bytes, unreadable } = await readAround(this.#file, this.#position, length);
    this.#unreadable.push(...unreadable);
    // A file that has become shorter meanwhile reads as zeros, which are no frame.
    const whole = bytes.length === length ? bytes : Buffer.concat([bytes, new Uint8Array(length - bytes.length)]);
    this.#window = { start: this.#position, bytes: whole as Uint8Array<ArrayBuffer> };
  }

  #take(frame: Frame): 'taken' | 'bad' | 'cut' {
    if (frame.type === 'index') {
      const index = decodeIndex(frame.payload, frame.epoch, this.#position);
      if (index === undefined) return 'bad';
      if (this.#badFrom !== undefined) this.#hole(this.#badFrom, this.#position, index.totals.lastSequence + 1);
      this.#badFrom = undefined;
      this.#index = index;
      this.#epoch = frame.epoch;
      this.#endBytes = this.#position + frame.sizeBytes;
      return 'taken';
    }
    if (frame.type === 'later') {
      this.#later = { first: this.#later?.first ?? frame.firstSequence, last: frame.lastSequence };
      this.#endBytes = this.#position + frame.sizeBytes;
      return 'taken';
    }
    if (frame.type !== 'block' || frame.firstSequence <= this.#lastSequence) return 'bad';
    const wrapped = unwrapBlock(frame.payload);
    const summary = wrapped === undefined ? undefined : decodeBlockSummary(wrapped.body);
    if (wrapped === undefined || summary === undefined) return 'bad';
    const { extent } = wrapped;
    this.#epoch = frame.epoch;
    if (frame.firstSequence >= this.#nextFirst) return this.#cut(this.#badFrom ?? this.#position, extent.offset, extent);
    if (this.#badFrom !== undefined) {
      if (extent.firstSequence >= this.#coveredFrom) return this.#cut(this.#badFrom, extent.offset, extent);
      this.#hole(this.#badFrom, this.#position, frame.firstSequence, summary.fromWallMs);
      this.#badFrom = undefined;
    }
    this.#dictionary.learn(summary.definitions, { offset: this.#position, end: this.#position + frame.sizeBytes });
    this.#blocks.push(blockOf(this.#position, frame.sizeBytes, summary, this.#blocks.at(-1)));
    this.#endBytes = this.#position + frame.sizeBytes;
    this.#lastExtent = extent;
    return 'taken';
  }

  /** Only zeros up to the next page are no damage: the next extent begins there. */
  #skip(): void {
    const at = this.#position - this.#window.start;
    if (this.#badFrom === undefined) {
      const page = toPage(this.#position);
      const padding = this.#window.bytes.subarray(at, page - this.#window.start);
      if (page > this.#position && isZero(padding)) {
        this.#position = page;
        return;
      }
      this.#badFrom = this.#position;
      this.#hint = this.#hintAt(at);
      this.#isZero = true;
    }
    const next = findFrame(this.#window.bytes, at + 1);
    const end = this.#window.start + this.#window.bytes.length;
    // A mark may begin in the last three bytes of the window.
    if (next !== undefined) this.#position = this.#window.start + next;
    else this.#position = end >= this.#fileBytes ? this.#fileBytes : Math.max(this.#position + 1, end - 3);
    this.#isZero &&= isZero(this.#window.bytes.subarray(at, this.#position - this.#window.start));
  }

  get #lastSequence(): number {
    return this.#blocks.at(-1)?.lastSequence ?? this.#firstSequence - 1;
  }

  /** Everything from the extent on is torn. What lies before it belonged to extents that were durable, and is damage. */
  #cut(badFrom: number, extentOffset: number, extent: Extent): 'cut' {
    const oldEnd = Math.min(this.#position, extentOffset);
    if (oldEnd > badFrom && oldEnd > toPage(this.#endBytes)) {
      this.#hole(badFrom, oldEnd, extent.firstSequence);
      this.#endBytes = oldEnd;
    }
    this.#add({ offset: this.#endBytes, sizeBytes: this.#fileBytes - this.#endBytes, kind: 'torn-tail' });
    return 'cut';
  }

  /** Damage between two places of which the second begins with sequence `next`. */
  #hole(offset: number, end: number, next: number, toWallMs?: number, first = this.#lastSequence + 1): void {
    const missing = { first, last: next - 1 };
    const before = this.#blocks.at(-1)?.toWallMs;
    this.#add({
      offset,
      sizeBytes: end - offset,
      kind: this.#kind(offset, end),
      ...(missing.last < missing.first ? {} : { missing }),
      ...(before === undefined ? {} : { fromWallMs: before }),
      ...(toWallMs === undefined ? {} : { toWallMs }),
    });
  }

  #kind(offset: number, end: number): Damage['kind'] {
    return this.#unreadable.some(({ first, last }) => first < end && last >= offset) ? 'unreadable' : 'damaged';
  }

  /** Nothing right follows: it is an extent that was torn, or an index or blocks that went bad. */
  #endBad(badFrom: number): void {
    const kind = this.#kind(badFrom, this.#fileBytes);
    // Zeros are the length that a file got before its bytes.
    if (kind === 'damaged' && this.#isZero) return;
    const sizeBytes = this.#fileBytes - badFrom;
    const indexFrom = this.#fileBytes - (indexBytes(this.#window.bytes) ?? -1);
    const isIndex = this.#hint?.isIndex === true || indexFrom === badFrom;
    const range = this.#hint?.range;
    const isMidExtent = badFrom < toPage(this.#endBytes);
    const extentFirst = isMidExtent ? this.#lastExtent?.firstSequence : range?.first;
    // An index was never promised, and of the newest file it may have been on its way; all blocks before it are durable.
    const isNewest = !Number.isFinite(this.#nextFirst);
    if (isIndex && isNewest && kind === 'damaged') {
      this.#add({ offset: badFrom, sizeBytes, kind: 'torn-tail' });
      return;
    }
    const isTorn =
      extentFirst === undefined ? indexFrom < badFrom || indexFrom > this.#fileBytes : extentFirst >= this.#coveredFrom;
    if (isIndex || isTorn) {
      this.#add({ offset: badFrom, sizeBytes, kind: kind === 'damaged' && isTorn && !isIndex ? 'torn-tail' : kind });
      if (isIndex) this.#endBytes = this.#fileBytes;
      return;
    }
    // A header whose CRC is wrong may say too high a number.
    const first = this.#lastSequence + 1;
    const dataEnd = indexFrom > badFrom && indexFrom < this.#fileBytes ? indexFrom : this.#fileBytes;
    const isAll = range !== undefined && toPage(badFrom + (this.#hint?.sizeBytes ?? 0)) >= dataEnd;
    // Where nothing says how far it goes, it goes no further than what stands elsewhere.
    const last = isAll || !Number.isFinite(this.#coveredFrom) ? (range?.last ?? first) : this.#coveredFrom - 1;
    this.#hole(badFrom, this.#fileBytes, Math.max(first, last) + 1, undefined, first);
    this.#endBytes = this.#fileBytes;
  }

  /** Of the header at this place of the window. */
  #hintAt(at: number): Hint | undefined {
    if (at + FRAME_HEADER_BYTES > this.#window.bytes.length) return undefined;
    const view = Buffer.from(this.#window.bytes.buffer, this.#window.bytes.byteOffset + at, FRAME_HEADER_BYTES);
    if (view.readUInt32BE(HEADER.epoch) !== this.#epoch) return undefined;
    const [first, last] = [Number(view.readBigUInt64BE(HEADER.first)), Number(view.readBigUInt64BE(HEADER.last))];
    const isPossible =
      Number.isSafeInteger(first) && first > this.#lastSequence && last >= first && last - first <= FRAME_BYTES_MAX;
    return {
      isIndex: view[HEADER.type] === HEADER.index,
      sizeBytes: FRAME_HEADER_BYTES + view.readUInt32BE(HEADER.length),
      range: isPossible ? { first, last } : undefined,
    };
  }

  #add(damage: WalkDamage): void {
    if (damage.sizeBytes > 0) this.#damage.push(damage);
  }
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
