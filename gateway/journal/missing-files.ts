import { join } from 'node:path';
import type { Disk } from '../host.ts';
import { GAP_SENSORS_MAX, type RecordClass } from '../record.ts';
import { type BlockDamage, blockFileName } from './block-file.ts';
import { readIndex } from './block-index.ts';
import type { BlockFile } from './block-reader.ts';
import { ignoreDiskError, withFile } from './disk-tools.ts';
import type { FileList, ListedFile } from './file-list.ts';
import type { SequenceRange } from './journal.ts';

/** How far a class is sealed, and from where on the slots hold it; as in block-chain.ts. */
interface Sealed {
  readonly sealedThrough?: number;
  readonly slotsFrom?: number | undefined;
}

/** What opening the files of one class found. */
interface Found {
  readonly disk: Disk;
  readonly folder: string;
  readonly options: Sealed & { readonly list?: FileList; readonly isReadOnly?: boolean };
  readonly entries: readonly BlockFile[];
  readonly damage: BlockDamage[];
}

/** Adds to `damage` what was sealed once and is not there: whole files, or their ends. */
export async function noteMissing(found: Found, recordClass: RecordClass): Promise<void> {
  await noteListed(found, recordClass);
  noteShort(found, recordClass);
}

/** Files that were there and are not, or are shorter than they were. */
async function noteListed({ disk, folder, options, entries, damage }: Found, recordClass: RecordClass): Promise<void> {
  const { list, isReadOnly } = options;
  if (list === undefined) return;
  for (const listed of list.of(recordClass)) {
    const file = blockFileName({ recordClass, firstSequence: listed.nameSequence, attempt: listed.attempt });
    const entry = entries.find(({ name }) => name === file);
    const ofFile = damage.filter((each) => each.file === file && each.kind !== 'foreign');
    const known = Math.max(0, entry?.lastSequence ?? 0, ...ofFile.map(({ missing, holds }) => (missing ?? holds)?.last ?? 0));
    // What cannot be read now is not missing.
    if (entry === undefined && ofFile.length > 0) list.missed(recordClass, listed);
    if (known >= listed.lastSequence || listed.recordCount === 0) continue;
    // A gateway at work may have let it go since the folder was listed.
    if (isReadOnly === true && entry === undefined && !(await isStillListed(list, recordClass, listed))) continue;
    const missing = { first: Math.max(known + 1, listed.nameSequence), last: listed.lastSequence };
    list.missed(recordClass, listed, missing.first);
    const isCounted = ofFile.length === 0 && listed.recordCount !== undefined && entry?.isThinned !== true;
    const count = isCounted ? { count: Math.max(1, listed.recordCount - (entry?.recordCount ?? 0)) } : {};
    const around = await neighboursOf(disk, folder, entries, missing);
    damage.push({ file, recordClass, ...restOf(entry), missing, ...count, ...around });
  }
}

async function isStillListed(list: FileList, recordClass: RecordClass, { nameSequence, attempt }: ListedFile): Promise<boolean> {
  const now = (await list.again()).of(recordClass);
  return now.some((each) => each.nameSequence === nameSequence && each.attempt === attempt);
}

/** What the files before and after tell of what stood between them: when that was, and which sensors there are. */
async function neighboursOf(disk: Disk, folder: string, entries: readonly BlockFile[], { first, last }: SequenceRange) {
  const before = entries.findLast(({ recordCount, lastSequence }) => recordCount > 0 && lastSequence < first);
  const after = entries.find(({ recordCount, firstSequence }) => recordCount > 0 && firstSequence > last);
  const sensors = new Set<string>();
  for (const entry of [before, after]) {
    if (entry === undefined) continue;
    const definitions = await definitionsOf(disk, folder, entry.name).catch(ignoreDiskError);
    for (const { series } of definitions ?? []) if (sensors.size < GAP_SENSORS_MAX) sensors.add(series.sensor);
  }
  return {
    ...(before?.toWallMs === undefined ? {} : { fromWallMs: before.toWallMs }),
    ...(after?.fromWallMs === undefined ? {} : { toWallMs: after.fromWallMs }),
    ...(sensors.size === 0 ? {} : { sensors: [...sensors].sort() }),
  };
}

/** What was sealed and is not there: the end of the newest file went bad, or the file is gone. */
function noteShort({ entries, damage, options }: Found, recordClass: RecordClass): void {
  const newest = entries.at(-1);
  const known = Math.max(
    0,
    ...entries.map(({ lastSequence }) => lastSequence),
    ...damage.map(({ missing, holds }) => (missing ?? holds)?.last ?? 0),
  );
  const last = sealedOnlyThrough(options);
  if (known >= last) return;
  const missing = { first: known + 1, last };
  // Nobody knows what it was called.
  const file = newest?.name ?? `${recordClass}-*.blocks`;
  const before = newest?.toWallMs === undefined ? {} : { fromWallMs: newest.toWallMs };
  damage.push({ file, recordClass, ...restOf(newest), missing, ...before });
}

/** Up to here everything of the class that was sealed can only be in block files; what came next still stands in the slots. */
export function sealedOnlyThrough({ sealedThrough = 0, slotsFrom }: Sealed): number {
  return slotsFrom === undefined ? sealedThrough : Math.min(sealedThrough, slotsFrom - 1);
}

/** Where the records of a file end, although there were more. */
function restOf(entry: BlockFile | undefined): Pick<BlockDamage, 'offset' | 'sizeBytes' | 'kind'> {
  const { sizeBytes = 0, endBytes: offset = 0 } = entry ?? {};
  return { offset, sizeBytes: Math.max(0, sizeBytes - offset), kind: sizeBytes > offset ? 'damaged' : 'gone' };
}

/** The definitions in a file's index; undefined when it has none. */
async function definitionsOf(disk: Disk, folder: string, name: string) {
  return await withFile(disk, join(folder, name), 'read', async (file) => {
    return (await readIndex(file, name, await file.size()))?.details()?.definitions;
  });
}
