import { join } from 'node:path';
import { type Disk, DiskError, type DiskFile, type Log } from '../host.ts';
import type { RecordClass } from '../record.ts';
import {
  BLOCK_FILE_LOOKED_MAX,
  type BlockDamage,
  type BlockFilePlace,
  blockFileName,
  compareBlockFiles,
  parseBlockFileName,
  totalsOf,
} from './block-file.ts';
import { readIndex } from './block-index.ts';
import type { BlockFile } from './block-reader.ts';
import { isUnreadable, type Walked, walkBlocks } from './block-walk.ts';
import { type Batches, BlockWriter } from './block-writer.ts';
import { type ChainEntry, newEntry, update } from './chain-entry.ts';
import { ChainFiles } from './chain-files.ts';
import { ignoreDiskError, writeAll } from './disk-tools.ts';
import type { FileList } from './file-list.ts';
import { foreignAt, foreignDamage, noFile } from './foreign.ts';
import { isListed, isNoFile } from './hollow-file.ts';
import type { HistoryQuery, StoredRecord } from './journal.ts';
import { noteMissing, sealedOnlyThrough } from './missing-files.ts';

/** Written once more in one piece. */
const REWRITE_BYTES = 65_536;

export interface ChainOptions {
  readonly log: Log;
  /** A file that has reached this size is finished with an index; the next block begins another. */
  readonly fileBytesMax: number;
  /** The listing of the folder. */
  readonly names: readonly string[];
  /** A number that no other file or use of a slot has had; u32. */
  readonly newEpoch: () => number;
  /**
   * The smallest sequence from which on the slots hold everything without a hole; undefined when they hold nothing. An
   * extent whose records all stand in the slots as well was perhaps never finished: from its first damage on it is cut off
   * (`torn-tail`), and `lastSequence` is that of what is left. Damage in an older extent is damage.
   */
  readonly slotsFrom?: number | undefined;
  /** The last sequence of the class that the newest commit knows to be sealed: what is missing up to there is lost, not torn. */
  readonly sealedThrough?: number;
  /** What is known of the files besides the newest; a file that it lists and that is not there, or not all of it, is damage. */
  readonly list?: FileList;
  /** Opens nothing for writing and changes nothing: for looking at the folder of a running gateway. Default false. */
  readonly isReadOnly?: boolean;
  /** Hears of each damage that is found after opening, once; what is found at opening is in `damage` only. */
  readonly onDamage?: (damage: BlockDamage) => void;
  /** A file was deleted or replaced, and the folder could not be synced. */
  readonly onUnsettled?: () => void;
  /** As in block-reader.ts. */
  readonly isLost?: (place: string) => boolean;
  /** Records of a block, 1 to BLOCK_RECORDS (the default): for tests. */
  readonly blockRecords?: number;
}

/** One file of a chain. The object stays the same as long as the file is there; what it says changes with it. */
export type ChainFile = Pick<
  BlockFile,
  | 'name'
  | 'sizeBytes'
  | 'recordCount'
  | 'firstSequence'
  | 'lastSequence'
  | 'fromWallMs'
  | 'toWallMs'
  | 'untimedCount'
  | 'isThinned'
  | 'isOpen'
>;

/**
 * The block files of one record class: sealed records in ascending order of their sequences. What changes files comes one
 * at a time, whoever calls; reading may come at any time between. All reject with a DiskError when the disk refuses.
 */
export interface Chain {
  readonly recordClass: RecordClass;
  /** Of the records that are there and durable; 0 when there is none. The last one never goes back while the chain is open. */
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly sizeBytes: number;
  readonly recordCount: number;
  /** The highest epoch of its files, 0 when there is none. */
  readonly epochMax: number;
  /** Oldest first. */
  readonly files: readonly ChainFile[];
  /** Each damage once: found at opening, and while reading since. */
  readonly damage: readonly BlockDamage[];
  /**
   * Writes the records block after block, one pwrite each, and resolves when all are durable. Records with a sequence up to
   * `lastSequence` are there already and left out, so that what failed may be appended again. After a failure the file is
   * never written or synced again; the next append begins a new one.
   */
  append(batches: Batches): Promise<void>;
  /**
   * Up to `limit` records with sequence ≥ `from`, ascending; fewer when they are large, but one at least when there is one.
   * @throws JournalError when a file cannot be opened, or a read fails for now
   */
  read(from: number, limit: number): Promise<readonly StoredRecord[]>;
  /** The records that match, block by block, ascending. With `sensors` only observations match. @throws JournalError as `read` */
  history(query: HistoryQuery): AsyncIterable<readonly StoredRecord[]>;
  /** Everything that a file holds, block by block: what thinning begins with. @throws JournalError as `read` */
  recordsOf(file: ChainFile): AsyncIterable<readonly StoredRecord[]>;
  /** Ends the open file with its index; the next append begins another. Nothing happens when no file is open. */
  finish(): Promise<void>;
  /** Deletes the file, durably; one that is open is given up first. */
  drop(file: ChainFile): Promise<void>;
  /** Puts these records in the place of the file's, durably, under the same name; one that is open is finished first. */
  replace(file: ChainFile, batches: Batches, options: { readonly isThinned: boolean }): Promise<void>;
  /** Closes what is open, without writing anything: what was appended is durable. */
  close(): Promise<void>;
}

/**
 * Opens the block files of one class: reads the index of each, walks those that have none, and removes what an interrupted
 * append or replacement left behind (`.new`). A file that cannot be opened is named as damage and is not in the chain.
 */
export async function openChain(disk: Disk, folder: string, recordClass: RecordClass, options: ChainOptions): Promise<Chain> {
  const places = options.names.flatMap((name) => parseBlockFileName(name) ?? []);
  const own = places.filter((place) => place.recordClass === recordClass).sort(compareBlockFiles);
  if (options.isReadOnly !== true) await removeUnfinished(disk, folder, recordClass, options.names);
  const found: Found = { disk, folder, options, entries: [], damage: [], hollow: [], epochMax: 0 };
  // From the newest on, since what the next file has counts only there: only a file of the journal is a next one.
  let next: BlockFilePlace | undefined;
  for (const place of own.toReversed()) if (await openFile(found, place, next)) next = place;
  for (const hollow of found.hollow) judge(found, hollow);
  const order = new Map(own.map((place, index) => [blockFileName(place), index]));
  found.entries.sort((a, b) => (order.get(a.name) ?? 0) - (order.get(b.name) ?? 0));
  found.damage.sort((a, b) => (order.get(a.file) ?? 0) - (order.get(b.file) ?? 0));
  await noteMissing(found, recordClass);
  return new ChainFiles(disk, folder, recordClass, found, options);
}

interface Found {
  readonly disk: Disk;
  readonly folder: string;
  readonly options: ChainOptions;
  readonly entries: ChainEntry[];
  readonly damage: BlockDamage[];
  readonly hollow: Hollow[];
  epochMax: number;
}

/** A file without a right frame. */
interface Hollow {
  readonly place: BlockFilePlace;
  readonly sizeBytes: number;
  readonly take: () => void;
}

/** Takes it for one of the journal's that lost everything, unless it cannot be. */
function judge({ entries, damage, options }: Found, { place, sizeBytes, take }: Hollow): void {
  const { list, sealedThrough = 0 } = options;
  if (!isNoFile(place, { entries, list, sealedThrough })) take();
  else {
    const foreign = foreignDamage(blockFileName(place), { what: 'no-records', sizeBytes });
    damage.push({ ...foreign, recordClass: place.recordClass });
  }
}

/** Best effort: what stays behind is in nobody's way. */
async function removeUnfinished(disk: Disk, folder: string, recordClass: RecordClass, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const isOwn = name.endsWith('.new') && parseBlockFileName(name.slice(0, -4))?.recordClass === recordClass;
    const path = join(folder, name);
    // What cannot have been made by an append is somebody's.
    const isLeft = isOwn && (await foreignAt(disk, path, BLOCK_FILE_LOOKED_MAX)) === undefined;
    if (isLeft) await disk.unlink(path).catch(ignoreDiskError);
  }
}

/** False when nothing of the journal is in the file: then it is no next one. */
async function openFile(found: Found, place: BlockFilePlace, next: BlockFilePlace | undefined): Promise<boolean> {
  const { disk, folder, options } = found;
  const name = blockFileName(place);
  let sizeBytes = 0;
  try {
    const path = join(folder, name);
    const isWritable = next === undefined && options.isReadOnly !== true;
    const file = await openHandle(disk, path, isWritable);
    let read: 'kept' | 'read' | 'nothing' = 'read';
    try {
      sizeBytes = await file.size();
      read = await readFile(found, file, sizeBytes, place, next);
    } finally {
      if (read !== 'kept') await file.close().catch(ignoreDiskError);
    }
    return read !== 'nothing';
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    // Deleted since the folder was listed.
    if (error.code === 'ENOENT') return true;
    const foreign = noFile(error);
    if (foreign !== undefined) {
      found.damage.push({ ...foreignDamage(name, foreign), recordClass: place.recordClass });
      return false;
    }
    options.log('error', 'journal-file-unreadable', { file: name, error });
    const before = (next?.firstSequence ?? options.slotsFrom ?? place.firstSequence + 1) - 1;
    // The slots may begin before the end of what is sealed.
    const last = next === undefined ? Math.max(before, options.sealedThrough ?? 0) : before;
    const holds = last < place.firstSequence ? {} : { holds: { first: place.firstSequence, last } };
    found.damage.push({ file: name, recordClass: place.recordClass, offset: 0, sizeBytes, kind: 'unreadable', ...holds });
    return true;
  }
}

/** The newest file is appended to, if the disk allows it. */
async function openHandle(disk: Disk, path: string, isWritable: boolean): Promise<DiskFile> {
  if (!isWritable) return await disk.open(path, 'read');
  try {
    return await disk.open(path, 'write');
  } catch (error) {
    if (error instanceof DiskError && (error.code === 'ENOENT' || noFile(error) !== undefined)) throw error;
    return await disk.open(path, 'read');
  }
}

/** `kept`: the handle is needed for appending. `nothing`: of the journal is in the file. */
async function readFile(
  found: Found,
  file: DiskFile,
  sizeBytes: number,
  place: BlockFilePlace,
  next: BlockFilePlace | undefined,
): Promise<'kept' | 'read' | 'nothing'> {
  const { options, entries } = found;
  const isNewest = next === undefined;
  const entry = newEntry(blockFileName(place), place.firstSequence, undefined);
  const lookedBytes = Math.min(sizeBytes, BLOCK_FILE_LOOKED_MAX);
  const isLong = lookedBytes < sizeBytes;
  const index = isLong ? undefined : await readIndex(file, entry.name, sizeBytes).catch(nothingUnreadable);
  // What the disk failed under stands once more in the next file, and only there it was made durable.
  if (index !== undefined && index.totals.lastSequence < (next?.firstSequence ?? Number.POSITIVE_INFINITY)) {
    entries.push(entry);
    update(entry, index.totals, sizeBytes);
    entry.isThinned = index.isThinned;
    found.epochMax = Math.max(found.epochMax, index.epoch);
    return 'read';
  }
  const covered = [next?.firstSequence, options.slotsFrom].filter((sequence) => sequence !== undefined);
  const coveredFrom = covered.length === 0 ? undefined : Math.min(...covered);
  const walkTo = (nextFirst: number | undefined) =>
    walkBlocks(file, lookedBytes, { name: entry.name, firstSequence: place.firstSequence, coveredFrom, nextFirst });
  let walked = await walkTo(next?.firstSequence);
  if (!isLong && isRefused(walked) && awaitFile(found, entry, place, next, sizeBytes)) return 'read';
  const isHollow = walked.epoch === undefined && walked.later === undefined;
  const isOther = isLong && isHollow;
  if (isLong) {
    const beyond = foreignDamage(entry.name, { what: 'too-large', sizeBytes }, isOther ? 0 : lookedBytes);
    found.damage.push({ ...beyond, recordClass: place.recordClass });
  }
  if (isOther) return 'nothing';
  const take = () => takeWalked(found, entry, place, { walked, sizeBytes, lookedBytes, isNewest });
  if (isHollow && !isListed(options.list, place) && walked.damage.every(({ kind }) => kind !== 'unreadable')) {
    found.hollow.push({ place, sizeBytes, take });
    return 'nothing';
  }
  let mayAppend = false;
  if (isNewest && options.isReadOnly !== true) {
    mayAppend = !isLong && canAppend(walked, options.sealedThrough ?? 0);
    const endBytes = mayAppend ? Math.min(sizeBytes, walked.endBytes) : sizeBytes;
    // What stands in the slots too was perhaps never promised.
    const doubtful = walked.blocks.find(({ firstSequence }) => firstSequence >= (options.slotsFrom ?? Number.POSITIVE_INFINITY));
    const isDurable = await settle(file, { endBytes, from: doubtful?.offset ?? endBytes }, options.log, entry.name);
    // What perhaps is only seen, and not on the disk, stands in the slots as well.
    if (!isDurable) walked = { ...(await walkTo(options.slotsFrom)), damage: walked.damage };
    mayAppend &&= isDurable;
  }
  take();
  found.epochMax = Math.max(found.epochMax, walked.epoch ?? 0);
  if (!mayAppend || walked.epoch === undefined) return 'read';
  const { epoch, dictionary, blocks, endBytes } = walked;
  const writer = new BlockWriter(file, { name: entry.name, epoch, dictionary, blocks, endBytes });
  Object.assign(entry, { isOpen: true, writer, sizeBytes: endBytes });
  return 'kept';
}

interface WalkedFile {
  readonly walked: Walked;
  readonly sizeBytes: number;
  readonly lookedBytes: number;
  readonly isNewest: boolean;
}

/** Takes a file into the chain that has been walked, and its damage. */
function takeWalked(
  { options, entries, damage: all }: Found,
  entry: ChainEntry,
  { recordClass }: BlockFilePlace,
  { walked, sizeBytes, lookedBytes, isNewest }: WalkedFile,
): void {
  entries.push(entry);
  update(entry, totalsOf(walked.blocks), walked.endBytes);
  // What was not looked at takes none of the journal's room: it would have all the rest deleted.
  entry.sizeBytes = lookedBytes;
  if (walked.index !== undefined) entry.isThinned = walked.index.isThinned;
  const file = entry.name;
  const isShort = isNewest && entry.lastSequence < sealedOnlyThrough(options);
  if (walked.later !== undefined)
    all.push({ file, recordClass, offset: 0, sizeBytes, kind: 'other-version', holds: walked.later });
  for (const damage of walked.damage) {
    if (isShort && damage.missing === undefined) continue;
    // A block may stand there later.
    if (damage.kind !== 'torn-tail') entry.named.add(damage.offset);
    all.push({ file, recordClass, ...damage });
  }
}

function isRefused({ damage }: Walked): boolean {
  return damage.some(({ kind }) => kind === 'unreadable');
}

/**
 * A file that the disk refuses in part may be given whole a moment later: it stands for what it is known to have held, and
 * whoever reads it asks for it again. False when nothing is known, or when nobody will.
 */
function awaitFile(
  { options, entries }: Found,
  entry: ChainEntry,
  { recordClass, firstSequence, attempt }: BlockFilePlace,
  next: BlockFilePlace | undefined,
  sizeBytes: number,
): boolean {
  const listed = options.list?.of(recordClass).find((each) => each.nameSequence === firstSequence && each.attempt === attempt);
  const lastSequence = listed?.lastSequence ?? (next === undefined ? (options.sealedThrough ?? 0) : next.firstSequence - 1);
  if (options.isReadOnly === true || lastSequence < firstSequence) return false;
  const recordCount = listed?.recordCount ?? 1;
  const times = { fromWallMs: undefined, toWallMs: undefined, untimedCount: recordCount };
  update(entry, { recordCount, firstSequence, lastSequence, ...times }, sizeBytes);
  entries.push(entry);
  return true;
}

function nothingUnreadable(error: unknown): undefined {
  if (!isUnreadable(error)) throw error;
  return undefined;
}

/** Whether the next extent can follow what the file holds. */
function canAppend({ blocks, index, later, damage }: Walked, sealedThrough: number): boolean {
  const isShort = (blocks.at(-1)?.lastSequence ?? 0) < sealedThrough;
  return (
    blocks.length > 0 &&
    index === undefined &&
    later === undefined &&
    !isShort &&
    damage.every(({ kind }) => kind === 'torn-tail')
  );
}

/**
 * What is in the file may have been written by a process that was killed before it could sync, or whose sync failed; it
 * counts as durable from now on. After a sync that failed only what is written once more becomes so. What was torn goes, so
 * that nothing old stands behind the next extent. False when the disk refuses: then nobody knows what of it is durable.
 */
async function settle(file: DiskFile, place: { endBytes: number; from: number }, log: Log, name: string): Promise<boolean> {
  const { endBytes, from } = place;
  try {
    if (endBytes < (await file.size())) await file.truncate(endBytes);
    for (let at = from; at < endBytes; at += REWRITE_BYTES)
      await writeAll(file, await file.pread(at, Math.min(REWRITE_BYTES, endBytes - at)), at);
    await file.fdatasync();
    return true;
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    log('warning', 'journal-block-file-given-up', { file: name, error });
    return false;
  }
}
