import { join } from 'node:path';
import { type Disk, DiskError, type DiskFile, type Log } from '../host.ts';
import type { TimeAnchor } from '../record.ts';
import { decodeHeader, FRAME_HEADER_BYTES, HEADER_BYTES } from './frame.ts';
import { type Damage, JournalError, type SequenceRange } from './journal.ts';
import { decodeRecord } from './record-codec.ts';
import {
  type BadBytes,
  comparePlaces,
  newSegment,
  noteRecord,
  parseSegmentName,
  type Segment,
  type SegmentPlace,
  scanFrames,
  segmentName,
  withFile,
  writeAll,
} from './segment.ts';
import { SequenceSet } from './sequence-set.ts';

/** Damaged bytes are kept for whoever wants to look at them: so many pieces, each up to so long. */
const DAMAGED_PIECES_MAX = 16;
const DAMAGED_PIECE_BYTES_MAX = 262_144;

/** What stands in the folder. */
export interface Recovered {
  /** In order of their places. */
  readonly segments: readonly Segment[];
  readonly damage: readonly Damage[];
  /** Sequences that are missing and that no gap record names yet, with the cause. */
  readonly unnamed: readonly { readonly range: SequenceRange; readonly cause: string }[];
  /** Every sequence below may have been used. */
  readonly nextSequence: number;
  /** Places of records that were appended again: there is nothing left to deliver there. */
  readonly heldFrom: SequenceSet;
  /** Sequences that may stand in files which cannot be read. */
  readonly unread: SequenceSet;
  /** The first time anchor of each boot that has one. */
  readonly anchors: Map<string, TimeAnchor>;
  /** Names of the uplinks that have a cursor. */
  readonly uplinks: readonly string[];
  /** Bytes of files that cannot be read: they count against the size cap and are never deleted. */
  readonly foreignBytes: number;
}

interface Findings {
  readonly segments: Segment[];
  readonly bad: { readonly segment: Segment; readonly bytes: BadBytes }[];
  readonly damage: Damage[];
  readonly heldFrom: SequenceSet;
  readonly unread: SequenceSet;
  readonly anchors: Map<string, TimeAnchor>;
  /** What gap records name. */
  readonly named: SequenceSet;
  nextSequence: number;
  foreignBytes: number;
}

/**
 * Reads the journal's folder: every record whose frame is right is found, whatever else the files hold. What is behind the
 * last right frame of a file is kept aside and cut off. A second run, also one after a crash of the first, finds the same.
 * @throws JournalError only when the folder's list cannot be read: what is in it is then unknown, and nothing may be written over it
 */
export async function recover(disk: Disk, folder: string, log: Log): Promise<Recovered> {
  const names = await listFolder(disk, folder);
  const found: Findings = {
    segments: [],
    bad: [],
    damage: [],
    heldFrom: new SequenceSet(),
    unread: new SequenceSet(),
    anchors: new Map(),
    named: new SequenceSet(),
    nextSequence: 1,
    foreignBytes: 0,
  };
  const places = names.flatMap((name) => parseSegmentName(name) ?? []).sort(comparePlaces);
  for (const place of places) {
    const segment = newSegment(join(folder, segmentName(place)), place, undefined);
    try {
      const isRead = await readSegment(disk, segment, found);
      // However the records of another version look, each takes a byte at least.
      if (!isRead) leaveAlone(segment, 'other-version', 1, places, found);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      // Another boot or another user may be able to open it.
      segment.sizeBytes = (await disk.size(segment.path).catch(() => undefined)) ?? 0;
      leaveAlone(segment, 'unreadable', FRAME_HEADER_BYTES, places, found);
      log('warning', 'journal-file-unreadable', { file: segmentName(segment), errno: error.code });
    }
  }
  const existing = new SequenceSet(found.segments.flatMap((segment) => segment.sequences.ranges));
  for (const range of existing.ranges) found.unread.remove(range);
  found.nextSequence = Math.max(
    found.nextSequence,
    (existing.ranges.at(-1)?.last ?? 0) + 1,
    (found.named.ranges.at(-1)?.last ?? 0) + 1,
  );
  for (const { segment, bytes } of found.bad) await noteDamage(disk, folder, segment, bytes, existing, found, log);
  return {
    segments: await withoutEmptyFiles(disk, found.segments),
    damage: found.damage,
    unnamed: unnamedGaps(existing, found),
    nextSequence: found.nextSequence,
    heldFrom: found.heldFrom,
    unread: found.unread,
    anchors: found.anchors,
    uplinks: names.flatMap((name) => /^(.+)\.cursor$/.exec(name)?.[1] ?? []),
    foreignBytes: found.foreignBytes,
  };
}

async function listFolder(disk: Disk, folder: string): Promise<string[]> {
  try {
    return await disk.readDir(folder);
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    // A folder that is not there is made when the first record is written; that may fail and be tried again.
    if (error.code === 'ENOENT') return [];
    throw new JournalError(
      `the journal's folder ${folder} cannot be listed (${error.code}): check the card and the owner of the folder`,
      {
        cause: error,
      },
    );
  }
}

/** False for a file of another version. */
async function readSegment(disk: Disk, segment: Segment, found: Findings): Promise<boolean> {
  return await withFile(disk, segment.path, 'read', async (file) => {
    segment.sizeBytes = await file.size();
    const header = await readHeader(file);
    if (header === 'other-version') return false;
    segment.identity = header === 'damaged' ? undefined : header.identity;
    found.nextSequence = Math.max(found.nextSequence, segment.firstSequence);
    const bad = await scanFrames(file, HEADER_BYTES, segment.sizeBytes, segment.identity, (frame, offset) => {
      const record = decodeRecord(frame.payload);
      if (record === undefined) return 'bad';
      segment.identity = frame.identity;
      segment.readableBytes = offset + frame.sizeBytes;
      noteRecord(segment, frame.sequence, offset, record);
      if (record.kind === 'anchor' && !found.anchors.has(record.boot)) found.anchors.set(record.boot, record);
      if (record.kind === 'gap') found.named.add({ first: record.firstSequence, last: record.lastSequence });
      if (record.kind === 'observation' && record.heldFrom !== undefined) {
        found.heldFrom.add({ first: record.heldFrom, last: record.heldFrom });
      }
      return 'next';
    });
    if (header === 'damaged' && segment.sizeBytes > 0) {
      const sizeBytes = Math.min(HEADER_BYTES, segment.sizeBytes);
      found.damage.push({
        file: segmentName(segment),
        offset: 0,
        sizeBytes,
        kind: segment.sequences.count > 0 ? 'damaged' : 'torn-tail',
      });
    }
    found.segments.push(segment);
    found.bad.push(...bad.map((bytes) => ({ segment, bytes })));
    return true;
  });
}

/** The header is not needed to read the frames, so that an unreadable one is only a damaged one. */
async function readHeader(file: DiskFile): Promise<ReturnType<typeof decodeHeader>> {
  try {
    return decodeHeader(await file.pread(0, HEADER_BYTES));
  } catch (error) {
    if (error instanceof DiskError) return 'damaged';
    throw error;
  }
}

/**
 * A file that cannot be read stays where it is. Its records are there for whoever can read it: their sequences are not
 * missing, and are never used again.
 */
function leaveAlone(
  { firstSequence, attempt, sizeBytes }: Segment,
  kind: 'other-version' | 'unreadable',
  recordBytesMin: number,
  places: readonly SegmentPlace[],
  found: Findings,
): void {
  const end = firstSequence + Math.ceil(sizeBytes / recordBytesMin);
  const next = places.find((place) => place.firstSequence > firstSequence)?.firstSequence ?? end;
  const holds = { first: firstSequence, last: Math.min(next, end) - 1 };
  found.nextSequence = Math.max(found.nextSequence, end);
  found.foreignBytes += sizeBytes;
  found.unread.add(holds);
  const file = segmentName({ firstSequence, attempt });
  found.damage.push({ file, offset: 0, sizeBytes, ...(sizeBytes > 0 ? { holds } : {}), kind });
}

/** Names bad bytes, keeps them aside, and cuts them off when nothing right follows in the file. */
async function noteDamage(
  disk: Disk,
  folder: string,
  segment: Segment,
  bytes: BadBytes,
  existing: SequenceSet,
  found: Findings,
  log: Log,
): Promise<void> {
  const before = bytes.before ?? segment.firstSequence - 1;
  const after =
    bytes.after ?? existing.ranges.flatMap((range) => (range.last > before ? Math.max(range.first, before + 1) : []))[0];
  const holes = after === undefined ? [] : existing.missing({ first: before + 1, last: after - 1 });
  const lacking = holes.flatMap((range) => found.unread.missing(range));
  const [first, last] = [lacking[0]?.first, lacking.at(-1)?.last];
  const isTail = bytes.after === undefined;
  const place = { file: segmentName(segment), offset: bytes.offset, sizeBytes: bytes.sizeBytes };
  if (first !== undefined && last !== undefined)
    found.damage.push({ ...place, missing: { first, last }, kind: bytes.unreadable ? 'unreadable' : 'damaged' });
  else found.damage.push({ ...place, kind: bytes.unreadable ? 'unreadable' : isTail ? 'torn-tail' : 'damaged' });

  if (isTail) {
    // These bytes may hold records that nobody can read today. A sequence must never name two contents, not even when the card gives them back some day.
    found.nextSequence = Math.max(found.nextSequence, before + 1 + Math.floor(bytes.sizeBytes / FRAME_HEADER_BYTES));
  }
  if (bytes.unreadable) return;
  try {
    const isKept = await keepAside(disk, folder, segment, bytes);
    if (isTail && isKept) await cutTail(disk, segment, bytes.offset);
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    log('warning', 'journal-damage-not-set-aside', { file: place.file, offset: place.offset, errno: error.code });
  }
}

/** Copies bad bytes into `damaged/`. False when there is no room for them. */
async function keepAside(disk: Disk, folder: string, segment: Segment, bad: BadBytes): Promise<boolean> {
  if (bad.sizeBytes > DAMAGED_PIECE_BYTES_MAX) return false;
  const bytes = await withFile(disk, segment.path, 'read', (file) => file.pread(bad.offset, bad.sizeBytes));
  // A file that grew without its bytes before a power cut: nothing to keep.
  if (bytes.every((byte) => byte === 0)) return true;
  const aside = join(folder, 'damaged');
  await disk.mkdir(aside);
  const name = `${segmentName(segment)}-${bad.offset}`;
  const kept = await disk.readDir(aside);
  if (kept.includes(name)) return true;
  if (kept.length >= DAMAGED_PIECES_MAX) return false;
  await withFile(disk, join(aside, name), 'create', async (file) => {
    await writeAll(file, bytes, 0);
    await file.fdatasync();
  });
  await disk.fsyncDir(aside);
  return true;
}

async function cutTail(disk: Disk, segment: Segment, offset: number): Promise<void> {
  await withFile(disk, segment.path, 'write', async (file) => {
    await file.truncate(offset);
    await file.fdatasync();
  });
  segment.sizeBytes = offset;
}

/** Files that a power cut left before their first record: a thousand brown-outs must not leave a thousand files. */
async function withoutEmptyFiles(disk: Disk, segments: readonly Segment[]): Promise<Segment[]> {
  const kept: Segment[] = [];
  for (const segment of segments) {
    const isEmpty = segment.sequences.count === 0 && segment.sizeBytes <= HEADER_BYTES;
    // One that cannot be deleted now is deleted another time.
    const isGone =
      isEmpty &&
      (await disk.unlink(segment.path).then(
        () => true,
        () => false,
      ));
    if (!isGone) kept.push(segment);
  }
  return kept;
}

/** Holes between the records, and between the last one and what comes next, that no gap record names. */
function unnamedGaps(existing: SequenceSet, found: Findings): Recovered['unnamed'] {
  // The oldest file's name says where it began; what is older was let go on purpose.
  const first = found.segments[0]?.firstSequence;
  if (first === undefined) return [];
  const newest = existing.ranges.at(-1)?.last ?? 0;
  return existing
    .missing({ first, last: found.nextSequence - 1 })
    .flatMap((hole) => found.named.missing(hole))
    .flatMap((hole) => found.unread.missing(hole))
    .map((range) => ({ range, cause: range.first > newest ? 'torn-tail' : causeOf(range, found.damage) }));
}

function causeOf(range: SequenceRange, damage: readonly Damage[]): string {
  const isDamage = damage.some(
    ({ missing }) => missing !== undefined && missing.first <= range.first && range.last <= missing.last,
  );
  return isDamage ? 'damaged' : 'file-missing';
}
