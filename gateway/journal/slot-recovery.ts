import { join } from 'node:path';
import { type Disk, DiskError, type Log } from '../host.ts';
import { noBytes, withFile } from './disk-tools.ts';
import { foreignDamage, noFile } from './foreign.ts';
import { PAGE_BYTES } from './frame.ts';
import type { Damage, SequenceRange } from './journal.ts';
import { keepAside } from './quarantine.ts';
import { SequenceSet } from './sequence-set.ts';
import { isSlotName, newSlot, SLOT_LOOKED_MAX, type Slot } from './slot.ts';
import { type PageRun, scanSlot } from './slot-scan.ts';

/** A slot as it was found. */
export interface FoundSlot {
  readonly slot: Slot;
  readonly bad: readonly PageRun[];
  /** Behind its last right frame there are pages that could not be read. */
  readonly isEndHidden: boolean;
}

/** What the slots of a folder hold. */
export interface FoundSlots {
  readonly found: readonly FoundSlot[];
  /**
   * Names of slots that are left alone, because only a later release can read them, the disk gives nothing of them, or they
   * are none.
   */
  readonly foreign: readonly string[];
  /** Their sequences, as far as they are known, and their size. */
  readonly unread: SequenceSet;
  readonly foreignBytes: number;
  /** Names of slots of which nothing is known. */
  readonly closed: readonly string[];
  readonly damage: readonly Damage[];
  /** None of them has a higher one, nor perhaps those of which nothing is known. */
  readonly epoch: number;
}

/** Looks through all slots, one in memory at a time. */
export async function findSlots(disk: Disk, folder: string, names: readonly string[], slotBytes: number): Promise<FoundSlots> {
  const damage: Damage[] = [];
  const found: FoundSlot[] = [];
  const foreign: string[] = [];
  const unread = new SequenceSet();
  let foreignBytes = 0;
  let epoch = 0;
  const closed: string[] = [];
  for (const name of names.filter(isSlotName)) {
    const read = await readSlot(disk, folder, name);
    const isOther = read?.beyond !== undefined && read.scan.frames.length === 0;
    if (read?.beyond !== undefined) damage.push(foreignDamage(name, read.beyond, isOther ? 0 : SLOT_LOOKED_MAX));
    // Somebody else's: no record was ever in it.
    if (isOther) {
      foreign.push(name);
      continue;
    }
    // Not even one right frame: what the pages hold that cannot be read may be readable some day.
    if (read === undefined || (read.hiddenEnd > 0 && read.scan.frames.length === 0)) {
      damage.push({ file: name, offset: 0, sizeBytes: slotBytes, kind: 'unreadable' });
      foreign.push(name);
      foreignBytes += slotBytes;
      closed.push(name);
      continue;
    }
    const { scan, sizeBytes, hiddenEnd } = read;
    epoch = Math.max(epoch, scan.epoch);
    if (scan.isLater) {
      const holds = { first: scan.frames[0]?.firstSequence ?? 1, last: scan.frames.at(-1)?.lastSequence ?? 0 };
      damage.push({ file: name, offset: 0, sizeBytes, holds, kind: 'other-version' });
      unread.add(holds);
      foreign.push(name);
      foreignBytes += sizeBytes;
      continue;
    }
    const slot: Slot = { ...newSlot(name, sizeBytes), epoch: scan.epoch, frames: [...scan.frames], endBytes: scan.endBytes };
    slot.isLearned = scan.frames.length === 0;
    // A file of another size is read, and made anew once it is free.
    slot.isFinished = sizeBytes !== slotBytes;
    // A definition that stood in the bad pages would get another meaning: nothing more is written behind them.
    slot.hasUnreadable = hiddenEnd > 0;
    if (scan.bad.length > 0 || slot.hasUnreadable) slot.endBytes = slotBytes;
    found.push({ slot, bad: scan.bad, isEndHidden: hiddenEnd > (scan.frames.at(-1)?.offset ?? 0) });
  }
  if (closed.length > 0) epoch += UNREADABLE_EPOCHS;
  return { found, foreign, unread, foreignBytes, closed, damage, epoch };
}

/**
 * What a slot holds; pages that the disk does not give are zeros. Undefined when it cannot even be opened. `beyond`: that it
 * is no file, or goes on behind what a slot may have.
 */
export async function readSlot(disk: Disk, folder: string, name: string) {
  try {
    return await withFile(disk, join(folder, name), 'read', async (file) => {
      const fileBytes = await file.size();
      const sizeBytes = Math.min(fileBytes, SLOT_LOOKED_MAX);
      const beyond = fileBytes > sizeBytes ? { what: 'too-large' as const, sizeBytes: fileBytes } : undefined;
      let hiddenEnd = 0;
      const bytes = await file.pread(0, sizeBytes).catch(async (error: unknown) => {
        if (!(error instanceof DiskError)) throw error;
        const whole = new Uint8Array(sizeBytes);
        for (let at = 0; at < sizeBytes; at += PAGE_BYTES) {
          const page = await file.pread(at, PAGE_BYTES).catch(noBytes);
          if (page.length === 0) hiddenEnd = at + PAGE_BYTES;
          whole.set(page, at);
        }
        return whole;
      });
      return { scan: scanSlot(bytes, name), sizeBytes, hiddenEnd, beyond };
    });
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    const beyond = noFile(error);
    return beyond && { scan: scanSlot(new Uint8Array(0), name), sizeBytes: 0, hiddenEnd: 0, beyond };
  }
}

/** Says which bytes of the slots are bad, where anything is missing because of them or may be, and keeps them aside. */
export async function slotDamage(
  disk: Disk,
  folder: string,
  found: readonly FoundSlot[],
  holes: readonly SequenceRange[],
  { log, isReadOnly }: { readonly log: Log; readonly isReadOnly: boolean },
): Promise<Damage[]> {
  const damage: Damage[] = [];
  const newest = Math.max(0, ...found.map(({ slot }) => slot.epoch));
  for (const { slot, bad } of found) {
    if (slot.hasUnreadable) damage.push({ file: slot.name, offset: 0, sizeBytes: slot.endBytes, kind: 'unreadable' });
    const framesEnd = slot.frames.at(-1)?.offset ?? 0;
    for (const run of bad) {
      const hole = holes.find((each) => mayHold(slot, run, each));
      // Old pages behind the frames of one slot are not what is missing at the beginning of the next.
      const isElsewhere = (each: SequenceRange) =>
        run.epoch !== slot.epoch && found.some((other) => other.bad.some((bad) => isOwn(other.slot, bad, each)));
      const missing = hole === undefined || isElsewhere(hole) ? undefined : hole;
      const isTail = slot.epoch === newest && run.offset > framesEnd && run.epoch === slot.epoch;
      const isLaterUse = isOfLaterUse(slot, run, newest);
      // Pages without consequence are what an old tear or an overwritten older frame left.
      if (missing === undefined && !isTail && !isLaterUse) continue;
      const place = { file: slot.name, offset: run.offset, sizeBytes: run.sizeBytes };
      damage.push(missing === undefined ? { ...place, kind: 'torn-tail' } : { ...place, missing, kind: 'damaged' });
      if (!isReadOnly) await keepAside(disk, folder, place, log);
    }
  }
  return damage;
}

/** Epochs that are left out for slots of which nothing is known: one of them may be the newest. */
const UNREADABLE_EPOCHS = 1_000;
/** Epochs that are believed of a page without a right frame: those of the slots that were begun after the newest one. */
const LATER_EPOCHS = 2 * UNREADABLE_EPOCHS;

/** Whether the slot was used once more, and not even one frame of that use is right: its older ones have no meaning then. */
function isOfLaterUse(slot: Slot, run: PageRun, newest: number): boolean {
  return slot.frames.length === 0 && run.epoch > slot.epoch && run.epoch <= newest + LATER_EPOCHS;
}

/** The highest epoch of any use of the slots, whether or not a frame of it is right. */
export function epochOf(found: readonly FoundSlot[]): number {
  const newest = Math.max(0, ...found.map(({ slot }) => slot.epoch));
  const later = found.flatMap(({ slot, bad }) => bad.filter((run) => isOfLaterUse(slot, run, newest)).map((run) => run.epoch));
  return Math.max(newest, ...later);
}

/** Whether what is missing may have stood in these pages, as far as the frames beside them tell. */
function mayHold({ frames }: Slot, run: PageRun, { first, last }: SequenceRange): boolean {
  const before = frames.findLast(({ offset }) => offset < run.offset)?.lastSequence;
  const after = frames.find(({ offset }) => offset > run.offset)?.firstSequence;
  return first === (before ?? first - 1) + 1 || last === (after ?? last + 1) - 1;
}

/** Whether it did: a header that is left says that they are of this use of the slot. */
function isOwn(slot: Slot, run: PageRun, hole: SequenceRange): boolean {
  return run.epoch === slot.epoch && mayHold(slot, run, hole);
}
