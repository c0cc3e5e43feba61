import { Buffer } from 'node:buffer';
import { dirname, join } from 'node:path';
import type { Clock } from '../../drivers/clock.ts';
import { type Disk, DiskError, type DiskFile } from '../host.ts';
import type { Stamp } from '../record.ts';
import { encodeFrame, encodeHeader, FRAME_HEADER_BYTES, HEADER_BYTES } from './frame.ts';
import { type Damage, JournalError, type SequenceRange, type StoredRecord } from './journal.ts';
import { decodeRecord } from './record-codec.ts';
import {
  type BadBytes,
  newIdentity,
  newSegment,
  noteRecord,
  offsetFor,
  type Segment,
  scanFrames,
  segmentName,
  withFile,
  writeAll,
} from './segment.ts';
import { SequenceSet } from './sequence-set.ts';

const SEGMENT_BYTES_MAX = 4 * 1024 * 1024;
/** A whole is split into so many files at least, so that what is evicted at once is a small part of it. */
const SEGMENTS_MIN = 8;

/** A record on its way into a file. */
export interface Pending {
  readonly sequence: number;
  readonly payload: Uint8Array;
  readonly stamp: Stamp;
}

/** What went with an evicted file. */
export interface Evicted {
  readonly file: string;
  /** From the first to the last sequence that is gone; undefined when the file held no record. */
  readonly range: SequenceRange | undefined;
  readonly undeliveredCount: number;
}

/** Hears of records that were durable and are not there any more, once. `deleted`: the whole file is gone. */
export type OnLost = (lost: Damage & { readonly missing: SequenceRange }, cause: 'damaged' | 'deleted') => void;

/** Whether nothing of the range is left to deliver, by any uplink. */
export type IsDelivered = (range: SequenceRange) => boolean;

/** The journal's files. Writes come one at a time; reads may come at any time between. */
export class SegmentStore {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #maxSizeBytes: number;
  readonly #segmentBytesMax: number;
  readonly #foreignBytes: number;
  readonly #onLost: OnLost;
  /** Files that are being deleted by the journal itself. */
  readonly #removing = new Set<Segment>();
  #segments: Segment[];
  #writing: { readonly segment: Segment; readonly file: DiskFile } | undefined;
  #existing: SequenceSet;
  #recordCount: number;
  #lastSequence: number;

  constructor(
    disk: Disk,
    folder: string,
    clock: Clock,
    maxSizeBytes: number,
    { segments, foreignBytes }: { readonly segments: readonly Segment[]; readonly foreignBytes: number },
    onLost: OnLost,
  ) {
    this.#disk = disk;
    this.#folder = folder;
    this.#clock = clock;
    this.#maxSizeBytes = maxSizeBytes;
    this.#segmentBytesMax = Math.min(SEGMENT_BYTES_MAX, Math.floor(maxSizeBytes / SEGMENTS_MIN));
    this.#foreignBytes = foreignBytes;
    this.#onLost = onLost;
    this.#segments = [...segments];
    this.#existing = new SequenceSet(segments.flatMap((segment) => segment.sequences.ranges));
    this.#recordCount = this.#existing.count;
    this.#lastSequence = this.#existing.ranges.at(-1)?.last ?? 0;
  }

  /** Sequences of all durable records. */
  get existing(): SequenceSet {
    return this.#existing;
  }
  get recordCount(): number {
    return this.#recordCount;
  }
  /** Also after the record itself is gone. */
  get lastSequence(): number {
    return this.#lastSequence;
  }
  get sizeBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.sizeBytes, this.#foreignBytes);
  }
  /** Whether another file would be more than the size cap allows. */
  get isFull(): boolean {
    return this.sizeBytes + this.#segmentBytesMax > this.#maxSizeBytes;
  }

  /** Whether the record goes into the file that is being written. Otherwise it begins a new one. */
  fits(record: Pending): boolean {
    const segment = this.#writing?.segment;
    if (segment === undefined) return false;
    // A file takes one record at least, however small files are to be.
    return (
      segment.readableBytes === HEADER_BYTES ||
      segment.readableBytes + FRAME_HEADER_BYTES + record.payload.length <= this.#segmentBytesMax
    );
  }

  /**
   * Makes as many of the records as one file takes durable, in order, and returns how many those were: at least one.
   * After a failure that file is never written or synced again, and none of these records counts as written.
   * @throws DiskError
   */
  async write(records: readonly Pending[]): Promise<number> {
    const first = records[0];
    if (first === undefined) return 0;
    await this.#noticeDeletion();
    if (!this.fits(first)) await this.#begin(first.sequence);
    const { segment, file } = this.#writing as { segment: Segment; file: DiskFile };
    const frames: { readonly record: Pending; readonly offset: number; readonly bytes: Uint8Array }[] = [];
    let end = segment.readableBytes;
    for (const record of records) {
      const bytes = encodeFrame(segment.identity as number, end, record.sequence, record.payload);
      if (frames.length > 0 && end + bytes.length > this.#segmentBytesMax) break;
      frames.push({ record, offset: end, bytes });
      end += bytes.length;
    }
    try {
      await writeAll(file, Buffer.concat(frames.map((frame) => frame.bytes)), segment.readableBytes);
      await file.fdatasync();
    } catch (error) {
      // What of it is on the disk nobody knows: the bytes count against the size, and recovery will look at them.
      segment.sizeBytes = end;
      await this.finish();
      throw error;
    }
    segment.readableBytes = end;
    segment.sizeBytes = end;
    for (const { record, offset } of frames) noteRecord(segment, record.sequence, offset, record.stamp);
    for (const { record } of frames) this.#existing.add({ first: record.sequence, last: record.sequence });
    this.#recordCount += frames.length;
    this.#lastSequence = frames.at(-1)?.record.sequence ?? this.#lastSequence;
    return frames.length;
  }

  /** Closes the file that is being written; the next record begins a new one. */
  async finish(): Promise<void> {
    const file = this.#writing?.file;
    this.#writing = undefined;
    // Everything acknowledged is synced already.
    await file?.close().catch(() => undefined);
  }

  /** Up to `limit` records from `from` on, each sequence once, ascending. */
  async read(from: number, limit: number): Promise<StoredRecord[]> {
    let found: StoredRecord[] = [];
    for (const segment of [...this.#segments]) {
      const ranges = segment.sequences.ranges;
      const lowest = ranges[0]?.first ?? Number.POSITIVE_INFINITY;
      if ((ranges.at(-1)?.last ?? 0) < from) continue;
      if (found.length >= limit && lowest > (found[limit - 1]?.sequence ?? 0)) continue;
      found.push(...(await this.#readSegment(segment, from, limit)));
      // After a failed sync the same record may stand in two files. The sort is stable: the first file's is kept.
      found.sort((a, b) => a.sequence - b.sequence);
      found = found.filter((record, i) => record.sequence !== found[i - 1]?.sequence).slice(0, limit);
    }
    return found;
  }

  /** Deletes the oldest file that is delivered; when there is none and `evenUndelivered`, the oldest. Undefined when there is none to delete. */
  async evict(isDelivered: IsDelivered, evenUndelivered: boolean): Promise<Evicted | undefined> {
    const candidates = this.#segments.filter((segment) => segment !== this.#writing?.segment);
    const delivered = candidates.find((segment) => segment.sequences.ranges.every(isDelivered));
    const segment = delivered ?? (evenUndelivered ? candidates[0] : undefined);
    return segment && (await this.#remove(segment, isDelivered));
  }

  /** Deletes one file whose newest record is older than `beforeWallMs`, if it is delivered. */
  async expire(isDelivered: IsDelivered, beforeWallMs: number): Promise<Evicted | undefined> {
    const segment = this.#segments.find(
      (candidate) =>
        candidate !== this.#writing?.segment &&
        (candidate.newestWallMs ?? Number.POSITIVE_INFINITY) < beforeWallMs &&
        candidate.sequences.ranges.every(isDelivered),
    );
    return segment && (await this.#remove(segment, isDelivered));
  }

  async #begin(firstSequence: number): Promise<void> {
    await this.finish();
    await this.#disk.mkdir(this.#folder);
    let attempt = 0;
    let path = join(this.#folder, segmentName({ firstSequence, attempt }));
    while ((await this.#disk.size(path)) !== undefined)
      path = join(this.#folder, segmentName({ firstSequence, attempt: ++attempt }));
    const segment = newSegment(path, { firstSequence, attempt }, newIdentity(path, this.#clock));
    const file = await this.#disk.open(path, 'create');
    try {
      await writeAll(file, encodeHeader({ identity: segment.identity as number, firstSequence }), 0);
      // The header itself is synced with the first records; frames can be read without it.
      // Without this the name, and with it the whole file, may be gone after a power cut.
      await this.#disk.fsyncDir(dirname(path));
    } catch (error) {
      await file.close().catch(() => undefined);
      // Best effort: an empty file that stays behind does no harm, and the next attempt has another name.
      await this.#disk.unlink(path).catch(() => undefined);
      throw error;
    }
    segment.sizeBytes = HEADER_BYTES;
    this.#segments.push(segment);
    this.#writing = { segment, file };
  }

  /** What is written to a file without a name is gone with the process, and no operation on it ever fails. */
  async #noticeDeletion(): Promise<void> {
    const path = this.#writing?.segment.path;
    if (path === undefined || (await this.#disk.size(path)) !== undefined) return;
    await this.finish();
    for (const segment of [...this.#segments])
      if ((await this.#disk.size(segment.path)) === undefined && !this.#removing.has(segment)) this.#loseFile(segment);
  }

  #loseFile(segment: Segment): void {
    if (!this.#segments.includes(segment)) return;
    this.#lose(segment, { first: 0, last: Number.MAX_SAFE_INTEGER }, 0, segment.sizeBytes, 'deleted');
    this.#segments = this.#segments.filter((other) => other !== segment);
  }

  /** Forgets the records of the segment in the range, and tells of those that stand in no other file. */
  #lose(segment: Segment, range: SequenceRange, offset: number, sizeBytes: number, cause: 'damaged' | 'deleted'): void {
    const gone = segment.sequences.copy();
    segment.sequences.remove(range);
    for (const kept of segment.sequences.ranges) gone.remove(kept);
    for (const other of this.#segments) for (const kept of other.sequences.ranges) gone.remove(kept);
    this.#existing = new SequenceSet(this.#segments.flatMap((other) => other.sequences.ranges));
    this.#recordCount = this.#existing.count;
    const place = { file: segmentName(segment), offset, sizeBytes, kind: 'damaged' } as const;
    for (const missing of gone.ranges) this.#onLost({ ...place, missing }, cause);
  }

  async #readSegment(segment: Segment, from: number, limit: number): Promise<StoredRecord[]> {
    const found: StoredRecord[] = [];
    // As they are now: more may be written while this is read.
    const { readableBytes } = segment;
    const newest = segment.sequences.ranges.at(-1)?.last ?? 0;
    try {
      const bad = await withFile(this.#disk, segment.path, 'read', (file) =>
        scanFrames(file, offsetFor(segment, from), readableBytes, segment.identity, (frame) => {
          if (frame.sequence < from) return 'next';
          const record = decodeRecord(frame.payload);
          if (record === undefined) return 'bad';
          found.push({ sequence: frame.sequence, record });
          return found.length >= limit ? 'stop' : 'next';
        }),
      );
      for (const piece of bad) {
        const hidden = hiddenBy(piece, from, newest);
        const { offset, sizeBytes } = piece;
        if (!segment.sequences.ranges.some(({ first, last }) => Math.max(first, hidden.first) <= Math.min(last, hidden.last)))
          continue;
        // What the disk gave at opening and does not give now it may give again: it is neither gone nor delivered.
        if (piece.unreadable) {
          const where = `${sizeBytes} bytes at ${offset}`;
          throw new JournalError(`the journal cannot be read: ${segment.path}: the disk does not give ${where}`);
        }
        this.#lose(segment, hidden, offset, sizeBytes, 'damaged');
      }
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      if (error.code !== 'ENOENT') {
        throw new JournalError(`the journal cannot be read: ${segment.path}: ${error.code}`, { cause: error });
      }
      // Evicted since the list was made, or deleted by someone: there is nothing to read. That the file which is being written
      // is gone is for the next write to notice, because one may be under way.
      if (!this.#removing.has(segment) && this.#writing?.segment !== segment) this.#loseFile(segment);
    }
    return found;
  }

  async #remove(segment: Segment, isDelivered: IsDelivered): Promise<Evicted> {
    const undelivered = segment.sequences.ranges.every(isDelivered) ? 0 : await this.#countUndelivered(segment, isDelivered);
    this.#removing.add(segment);
    try {
      await this.#disk.unlink(segment.path);
      await this.#disk.fsyncDir(dirname(segment.path));
    } catch (error) {
      if (!(error instanceof DiskError) || error.code !== 'ENOENT') throw error;
    } finally {
      this.#removing.delete(segment);
    }
    this.#segments = this.#segments.filter((other) => other !== segment);
    this.#existing = new SequenceSet(this.#segments.flatMap((other) => other.sequences.ranges));
    this.#recordCount = this.#existing.count;
    const ranges = segment.sequences.ranges;
    const [first, last] = [ranges[0]?.first, ranges.at(-1)?.last];
    const range = first === undefined || last === undefined ? undefined : { first, last };
    return { file: segmentName(segment), range, undeliveredCount: undelivered };
  }

  /** Only observations count: the rest is not for the city. A file that cannot be read counts whole. */
  async #countUndelivered(segment: Segment, isDelivered: IsDelivered): Promise<number> {
    let count = 0;
    try {
      await withFile(this.#disk, segment.path, 'read', (file) =>
        scanFrames(file, HEADER_BYTES, segment.readableBytes, segment.identity, (frame) => {
          const isObservation = decodeRecord(frame.payload)?.kind === 'observation';
          if (isObservation && !isDelivered({ first: frame.sequence, last: frame.sequence })) count++;
          return 'next';
        }),
      );
      return count;
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      return segment.sequences.count;
    }
  }
}

/** The sequences from `from` to `newest` that stood where these bytes are. */
function hiddenBy({ before, after = Number.POSITIVE_INFINITY }: BadBytes, from: number, newest: number): SequenceRange {
  return { first: before === undefined ? from : Math.max(from, before + 1), last: Math.min(newest, after - 1) };
}
