import { basename } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Clock } from '../../drivers/clock.ts';
import { type Disk, DiskError, type DiskFile } from '../host.ts';
import type { Stamp } from '../record.ts';
import { decodeFrame, FRAME_BYTES_MAX, type Frame, findFrame, HEADER_BYTES } from './frame.ts';
import type { SequenceRange } from './journal.ts';
import { SequenceSet } from './sequence-set.ts';

/** How much of a file is in memory at once while it is read. */
const WINDOW_BYTES = 262_144;
/** A page that cannot be read costs the records that overlap it, not the file. */
const PAGE_BYTES = 4096;
/** One entry of a segment's index for this many records: a million records waiting cost about 64 KiB. */
const INDEX_EVERY = 256;

/** One file of the journal, as far as it is known to be durable and right. */
export interface Segment {
  readonly path: string;
  /** Goes into every frame; undefined for a file whose header is damaged and that has no frame either. */
  identity: number | undefined;
  /** From the file's name; `attempt` tells files apart that begin at the same sequence, because the disk failed under the first. */
  readonly firstSequence: number;
  readonly attempt: number;
  /** What it takes of the size cap. */
  sizeBytes: number;
  /** Frames up to here are durable and may be read. */
  readableBytes: number;
  /** The sequences of its records. */
  readonly sequences: SequenceSet;
  /** Every 256th record: where to begin reading. Ascending. */
  readonly index: { readonly sequence: number; readonly offset: number }[];
  /** Wall time of its newest record among those whose wall clock was right. */
  newestWallMs: number | undefined;
}

export function newSegment(path: string, place: SegmentPlace, identity: number | undefined): Segment {
  return {
    path,
    identity,
    ...place,
    sizeBytes: 0,
    readableBytes: HEADER_BYTES,
    sequences: new SequenceSet(),
    index: [],
    newestWallMs: undefined,
  };
}

/** Where a segment stands among the others: by first sequence, then by attempt. */
export interface SegmentPlace {
  readonly firstSequence: number;
  readonly attempt: number;
}

/** `000000000042.journal`, or `000000000042-1.journal` for the next file that begins at the same sequence. */
export function segmentName({ firstSequence, attempt }: SegmentPlace): string {
  return `${String(firstSequence).padStart(12, '0')}${attempt === 0 ? '' : `-${attempt}`}.journal`;
}

/** The place that a file name says, or undefined when it is not a segment's. */
export function parseSegmentName(name: string): SegmentPlace | undefined {
  const parts = /^(\d{12})(?:-([1-9]\d{0,5}))?\.journal$/.exec(name);
  return parts?.[1] === undefined ? undefined : { firstSequence: Number(parts[1]), attempt: Number(parts[2] ?? 0) };
}

export function comparePlaces(a: SegmentPlace, b: SegmentPlace): number {
  return a.firstSequence - b.firstSequence || a.attempt - b.attempt;
}

/** An identity that no other segment of this journal has, as far as the clocks can tell. */
export function newIdentity(path: string, clock: Clock): number {
  return crc32(`${basename(path)} ${clock.wall().ms} ${clock.monotonicMs()}`);
}

/** Takes note of a durable record of the segment. Records come in ascending order. */
export function noteRecord(segment: Segment, sequence: number, offset: number, stamp: Stamp): void {
  segment.sequences.add({ first: sequence, last: sequence });
  if (sequence >= (segment.index.at(-1)?.sequence ?? -INDEX_EVERY) + INDEX_EVERY) segment.index.push({ sequence, offset });
  if (stamp.wallQuality === 'synced' || stamp.wallQuality === 'holdover') {
    segment.newestWallMs = Math.max(segment.newestWallMs ?? stamp.wallMs, stamp.wallMs);
  }
}

/** Where to begin reading for `sequence`. */
export function offsetFor(segment: Segment, sequence: number): number {
  return segment.index.findLast((entry) => entry.sequence <= sequence)?.offset ?? HEADER_BYTES;
}

/** Bytes of a file that are no frame. `unreadable`: the disk would not even give them. */
export interface BadBytes {
  readonly offset: number;
  readonly sizeBytes: number;
  readonly unreadable: boolean;
  /** The last right sequence before and the first after it; undefined when there is none in this file. */
  readonly before: number | undefined;
  readonly after: number | undefined;
}

/** What `scanFrames` is told about a frame: go on, it is no record after all, or that was the last one wanted. */
export type Verdict = 'next' | 'bad' | 'stop';

/**
 * Calls `visit` for each frame between two offsets, in ascending order of sequence. Bytes that are no frame are skipped up to
 * the next place where a frame with the right magic, identity, CRC and a higher sequence begins. Memory is bounded by one window.
 * Returns the bytes that were skipped.
 */
export async function scanFrames(
  file: DiskFile,
  from: number,
  to: number,
  identity: number | undefined,
  visit: (frame: Frame, offset: number) => Verdict,
): Promise<BadBytes[]> {
  const bad: BadBytes[] = [];
  let window: Window = { start: from, bytes: new Uint8Array(0), unreadable: [] };
  const unreadable: SequenceRange[] = [];
  let position = from;
  let badFrom: number | undefined;
  let last: number | undefined;
  const closeBad = (after: number | undefined) => {
    if (badFrom === undefined) return;
    const end = position;
    const start = badFrom;
    const overlaps = unreadable.some((page) => page.first < end && page.last >= start);
    bad.push({ offset: start, sizeBytes: end - start, unreadable: overlaps, before: last, after });
    badFrom = undefined;
  };

  while (position < to) {
    const windowEnd = window.start + window.bytes.length;
    if (position + FRAME_BYTES_MAX > windowEnd && windowEnd < to) {
      window = await readWindow(file, position, Math.min(WINDOW_BYTES, to - position));
      unreadable.push(...window.unreadable);
      if (window.bytes.length < to - position && window.bytes.length < WINDOW_BYTES) to = position + window.bytes.length;
      if (window.bytes.length === 0) break;
    }
    const at = position - window.start;
    const frame = decodeFrame(window.bytes, at, position, identity);
    if (frame === undefined || frame.sequence <= (last ?? 0)) {
      badFrom ??= position;
      const next = findFrame(window.bytes, at + 1);
      const end = window.start + window.bytes.length;
      // A magic may begin in the last three bytes of the window.
      if (next !== undefined) position = window.start + next;
      else position = end >= to ? to : Math.max(position + 1, end - 3);
      continue;
    }
    const verdict = visit(frame, position);
    if (verdict === 'stop') return bad;
    if (verdict === 'bad') badFrom ??= position;
    else {
      closeBad(frame.sequence);
      last = frame.sequence;
      identity = frame.identity;
    }
    position += frame.sizeBytes;
  }
  closeBad(undefined);
  return bad;
}

interface Window {
  readonly start: number;
  readonly bytes: Uint8Array;
  /** Offsets, inclusive. */
  readonly unreadable: readonly SequenceRange[];
}

/** Pages that the disk refuses read as zeros, which are no frame. */
async function readWindow(file: DiskFile, start: number, length: number): Promise<Window> {
  try {
    return { start, bytes: await file.pread(start, length), unreadable: [] };
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
  }
  const bytes = new Uint8Array(length);
  const unreadable: SequenceRange[] = [];
  for (let at = start; at < start + length; ) {
    const next = Math.min(start + length, (Math.floor(at / PAGE_BYTES) + 1) * PAGE_BYTES);
    try {
      bytes.set(await file.pread(at, next - at), at - start);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      unreadable.push({ first: at, last: next - 1 });
    }
    at = next;
  }
  return { start, bytes, unreadable };
}

/** Opens a file for the time of `use`. */
export async function withFile<T>(
  disk: Disk,
  path: string,
  mode: 'read' | 'write' | 'create',
  use: (file: DiskFile) => Promise<T>,
): Promise<T> {
  const file = await disk.open(path, mode);
  try {
    return await use(file);
  } finally {
    // What was to be durable has been synced by `use`; closing cannot lose it.
    await file.close().catch(() => undefined);
  }
}

/** Writes all of the bytes, in as many steps as the disk wants. */
export async function writeAll(file: DiskFile, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const written = await file.pwrite(bytes.subarray(at), position + at);
    if (written === 0) throw new DiskError('EIO', 'the disk took no byte of a write');
    at += written;
  }
}
