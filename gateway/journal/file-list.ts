import { join } from 'node:path';
import type { Disk } from '../host.ts';
import { RECORD_CLASSES, type RecordClass } from '../record.ts';
import { decodeCbor, encodeCbor } from './cbor.ts';
import { ignoreDiskError } from './disk-tools.ts';
import { isNamedBy, type LossPlace } from './named-losses.ts';
import { readTwoSlots, STATE_BYTES_MAX, TwoSlotFile } from './two-slot-file.ts';

/** The file in the journal's folder. */
export const LIST_FILE = 'files';
export const LIST_MAGIC = 'BJFI';
/** Numbers of one file in the list. */
const ITEMS = 4;
/** In the place of a count that is not known. */
const NO_COUNT = -1;

/** A block file that is not written any more. */
export interface ListedFile {
  /** As its name says. */
  readonly nameSequence: number;
  readonly attempt: number;
  readonly lastSequence: number;
  /** When it was listed. Undefined when it was thinned by then: how many readings its windows are is not known. */
  readonly recordCount: number | undefined;
}

/** A use of a slot, of which one commit at least was durable. */
export interface SlotUse {
  readonly slot: string;
  readonly epoch: number;
  /** Of the commit with which it was noted: its first one, or the first of a process that went on in it. */
  readonly firstSequence: number;
  /** Of the file. */
  readonly sizeBytes: number;
}

/**
 * Which block files there are besides the newest of each class, and which use of a slot was begun last. A file that somebody
 * deletes or empties between two runs leaves no trace of itself; the newest block file is missed because the commits say how
 * far each class is sealed, and a slot that is not the newest because the sequences in it are missing.
 */
export interface FileList {
  /** There was a list at opening, and none of the files had been left out for want of room. */
  readonly isWhole: boolean;
  /** What the list said at opening. */
  of(recordClass: RecordClass): readonly ListedFile[];
  /** The newest use of a slot, as the list said at opening. */
  readonly newestUse: SlotUse | undefined;
  /** Once more, as it is now: another process may be running. */
  again(): Promise<FileList>;
  /** A listed file is missing, or from this sequence on. It stays in the list until a gap record names what was in it. */
  missed(recordClass: RecordClass, file: ListedFile, from?: number): void;
  /** A durable gap record names this. */
  named(loss: LossPlace): void;
  /**
   * These are the files of the class from now on: to be called before one is deleted, and after one is made. A list that was
   * never written names none, so that it does not matter when the first one cannot be.
   * @throws DiskError; a file that is deleted all the same is taken for lost by the next opening
   */
  update(recordClass: RecordClass, files: readonly ListedFile[]): Promise<void>;
  /** This is the newest use from now on. @throws DiskError */
  uses(use: SlotUse): Promise<void>;
  /** Makes the file while there is room for it. */
  prepare(): Promise<void>;
  close(): Promise<void>;
}

export async function openFileList(disk: Disk, folder: string): Promise<FileList> {
  const path = join(folder, LIST_FILE);
  const stored = await readTwoSlots(disk, path, LIST_MAGIC);
  const listed = typeof stored === 'object' ? decodeList(stored.payload) : newList();
  const newestUse = typeof stored === 'object' ? decodeUse(stored.payload) : undefined;
  const file = new TwoSlotFile(disk, path, LIST_MAGIC, typeof stored === 'object' ? stored.generation : 0);
  const now = new Map(listed);
  let use = newestUse;
  let missed: { readonly recordClass: RecordClass; readonly file: ListedFile; readonly from: number }[] = [];
  let isPrepared = typeof stored === 'object';
  let writing: Promise<void> = Promise.resolve();
  const write = async () => {
    const all = newList();
    for (const each of RECORD_CLASSES) {
      const gone = missed.flatMap(({ recordClass, file: lost }) => (recordClass === each ? [lost] : []));
      all.set(
        each,
        [...gone, ...(now.get(each) ?? [])].sort((a, b) => a.nameSequence - b.nameSequence),
      );
    }
    await file.write(encodeList(all, use)).catch((error: unknown) => {
      if (file.mayBeThere) throw error;
      ignoreDiskError(error);
    });
    isPrepared = true;
  };
  const writeInTurn = async () => {
    const turn = writing.then(write);
    writing = turn.catch(() => undefined);
    await turn;
  };
  return {
    // What is left out is a sixteenth at a time.
    isWhole: typeof stored === 'object' && stored.payload.length < STATE_BYTES_MAX / 2,
    of: (recordClass) => listed.get(recordClass) ?? [],
    newestUse,
    again: () => openFileList(disk, folder),
    missed(recordClass, lost, from = lost.nameSequence) {
      missed.push({ recordClass, file: lost, from });
    },
    named(loss) {
      missed = missed.filter(
        ({ recordClass, file: { lastSequence }, from }) => !isNamedBy({ recordClass, firstSequence: from, lastSequence }, loss),
      );
    },
    async update(recordClass, files) {
      now.set(recordClass, files);
      await writeInTurn();
    },
    async uses(newest) {
      use = newest;
      await writeInTurn();
    },
    async prepare() {
      if (!isPrepared) await writeInTurn();
    },
    async close() {
      await writing;
      await file.close();
    },
  };
}

function newList(): Map<RecordClass, readonly ListedFile[]> {
  return new Map(RECORD_CLASSES.map((recordClass) => [recordClass, []]));
}

/**
 * An array with one for each class: for each file what its name adds to the last sequence of the file before, its attempt,
 * its last sequence from its name on, and the count of records. What does not fit a page is left out, the oldest first. Then
 * the newest use of a slot, or null: its name, epoch, first sequence, and size.
 */
function encodeList(files: ReadonlyMap<RecordClass, readonly ListedFile[]>, use: SlotUse | undefined): Uint8Array {
  const items = RECORD_CLASSES.map((recordClass) => {
    let before = 0;
    return (files.get(recordClass) ?? []).flatMap(({ nameSequence, attempt, lastSequence, recordCount }) => {
      const numbers = [nameSequence - before, attempt, lastSequence - nameSequence, recordCount ?? NO_COUNT];
      before = lastSequence;
      return numbers;
    });
  });
  const ofUse = use === undefined ? null : [use.slot, use.epoch, use.firstSequence, use.sizeBytes];
  const bytes = encodeCbor([...items, ofUse]);
  if (bytes.length <= STATE_BYTES_MAX) return bytes;
  const longest = [...files].sort(([, a], [, b]) => b.length - a.length)[0];
  if (longest === undefined) return bytes;
  const [recordClass, all] = longest;
  return encodeList(new Map([...files, [recordClass, all.slice(Math.ceil(all.length / 16))]]), use);
}

function decodeUse(payload: Uint8Array): SlotUse | undefined {
  const items = decodeCbor(payload);
  const item: unknown = Array.isArray(items) ? items[RECORD_CLASSES.length] : undefined;
  if (!Array.isArray(item)) return undefined;
  const [slot, epoch, firstSequence, sizeBytes] = item;
  const isRight = typeof slot === 'string' && [epoch, firstSequence, sizeBytes].every(Number.isSafeInteger);
  return isRight ? { slot, epoch, firstSequence, sizeBytes } : undefined;
}

function decodeList(payload: Uint8Array): Map<RecordClass, readonly ListedFile[]> {
  const items = decodeCbor(payload);
  const list = newList();
  if (!Array.isArray(items)) return list;
  for (const [at, recordClass] of RECORD_CLASSES.entries()) {
    const numbers: unknown = items[at];
    if (!Array.isArray(numbers) || !numbers.every(Number.isSafeInteger)) continue;
    const files: ListedFile[] = [];
    let before = 0;
    for (let i = 0; i + ITEMS <= numbers.length; i += ITEMS) {
      const [ahead, attempt, span, count] = numbers.slice(i, i + ITEMS) as [number, number, number, number];
      const nameSequence = before + ahead;
      before = nameSequence + span;
      files.push({ nameSequence, attempt, lastSequence: before, recordCount: count === NO_COUNT ? undefined : count });
    }
    list.set(recordClass, files);
  }
  return list;
}
