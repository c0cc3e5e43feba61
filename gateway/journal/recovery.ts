import { type Disk, DiskError, type Log } from '../host.ts';
import { classOf, RECORD_CLASSES, type RecordClass } from '../record.ts';
import { type Chain, openChain } from './block-chain.ts';
import type { BlockDamage } from './block-file.ts';
import { type Chains, lastSealed } from './chains.ts';
import { uplinkOf } from './cursor-file.ts';
import { type FileList, openFileList, type SlotUse } from './file-list.ts';
import { type Hidden, type HiddenSlot, hiddenSlots } from './hidden-pages.ts';
import { countLost, goneDamage, holesIn, lossAt, lossesOf, noRecords, sealedCount, withoutRecords } from './holes.ts';
import { type Damage, JournalError, type SequenceRange, type StoredRecord } from './journal.ts';
import { type Copied, findCopied } from './late-records.ts';
import type { Loss } from './loss.ts';
import { highestOf, LEFT_ALONE_MARK, SEALED_MARK, sealedMarkOf } from './marks.ts';
import { type LossPlace, NamedLosses, rangeOf } from './named-losses.ts';
import { goOn, type Next } from './next-sequence.ts';
import { openPendingLosses, type PendingLosses } from './pending-losses.ts';
import { keepAside } from './quarantine.ts';
import { SequenceSet } from './sequence-set.ts';
import type { Slot } from './slot.ts';
import { epochOf, type FoundSlot, type FoundSlots, findSlots, slotDamage } from './slot-recovery.ts';
import { SlotRing, type SlotRingOptions } from './slot-ring.ts';
import { overlaps } from './slot-scan.ts';
import { stateDamage } from './state-files.ts';

export interface RecoveryOptions {
  readonly log: Log;
  readonly slotBytes: number;
  readonly slotCount: number;
  readonly blockFileBytes: number;
  readonly isReadOnly: boolean;
  readonly onBlockDamage: (damage: BlockDamage) => void;
  readonly isLost: (place: string) => boolean;
}

/** What stands in the folder. */
export interface Recovered {
  readonly ring: SlotRing;
  readonly chains: Chains;
  readonly damage: readonly Damage[];
  /** Between the records that are not sealed: nothing is there, of no class. */
  readonly holes: readonly SequenceRange[];
  /** What is missing and no gap record names yet. */
  readonly unnamed: readonly Loss[];
  readonly pending: PendingLosses;
  readonly list: FileList;
  /** Of the records that are there; 0 when there is none. */
  readonly lastSequence: number;
  /** Every sequence below may have been used. */
  readonly nextSequence: number;
  /** The newest commits cannot be read, and so it is not known what they say was delivered last. */
  readonly isNewestUnread: boolean;
  /** Up to here there is no record, and none that cannot be read now. */
  readonly nothingTo: number;
  /** What gap records name, what is missing in block files, and what may stand where nothing can be read now. */
  readonly spokenOf: SequenceSet;
  /** Places of records that were appended again: there is nothing left to deliver there. */
  readonly heldFrom: SequenceSet;
  /** Sequences that stand in slots which only a later release can read. */
  readonly unread: SequenceSet;
  /** Low-water marks by uplink, as the newest commit carries them, and up to where everything is sealed. */
  readonly marks: ReadonlyMap<string, number>;
  /** Names of the uplinks that have a cursor. */
  readonly uplinks: readonly string[];
  /** Bytes of slots that are left alone, because only a later release can read them or the disk does not give them. */
  readonly foreignBytes: number;
  /** What stands in pages that could not be read, of slots that otherwise could. */
  readonly hidden: Hidden | undefined;
  /** The places of its late records are passed. */
  readonly copied: Copied;
}

/** Reads a journal's folder. Whatever is in it, the rest of the journal can begin with what this finds; README.md has the steps. */
export async function recover(disk: Disk, folder: string, options: RecoveryOptions): Promise<Recovered> {
  // Before the slots are listed: a gateway at work may make one meanwhile, and begin another use.
  const list = await openFileList(disk, folder);
  const names = await listFolder(disk, folder);
  const slots = await findSlots(disk, folder, names, options.slotBytes);
  let epoch = Math.max(slots.epoch, list.newestUse?.epoch ?? 0);
  const newEpoch = () => ++epoch;
  const ring = makeRing(disk, folder, slots, { ...options, foreign: slots.foreign, nextEpoch: newEpoch, onUse: list.uses });
  const marks = await ring.lowWaters();
  const hidden = hiddenSlots(slots.found);
  const alone = freeSealed(ring, slots.found, marks.get(SEALED_MARK) ?? 0, list.newestUse);
  const chains = await openChains(disk, folder, { names, newEpoch, list }, ring, marks, options);
  epoch = Math.max(epoch, epochOf(slots.found), ...[...chains.values()].map((chain) => chain.epochMax));
  const blockDamage = [...chains.values()].flatMap((chain) => chain.damage);
  // What a file holds that cannot be opened is neither missing nor delivered.
  for (const { holds } of blockDamage) if (holds !== undefined) slots.unread.add(holds);

  const pending = await openPendingLosses(disk, folder);
  const isAnythingMissing = blockDamage.length + holesIn(ring, chains, marks).length + pending.atOpening.length > 0;
  if (!options.isReadOnly) for (const bad of blockDamage) if (isDamaged(bad)) await keepAside(disk, folder, bad, options.log);
  const marked = await readMarked(ring, chains, isAnythingMissing);
  const missing = holesIn(ring, chains, marks);
  const isLeftAlone = slots.closed.length + hidden.length > 0;
  // What may stand where nothing can be read now.
  if (isLeftAlone) for (const range of missing) slots.unread.add(range);
  const holes = missing.flatMap((range) => slots.unread.missing(range));

  const announced = await stillLost(pending, marked.named, ring, chains);
  const told = new SequenceSet([...marked.named.ranges, ...announced.map(rangeOf)]);
  const lost = await countLost(untold(holes, told), chains);
  const ofSlots = await slotDamage(disk, folder, slots.found, lost, options);
  const ofHoles = await lossesOf(ring, lost, ofSlots);
  for (const loss of blockDamage.flatMap((each) => lossOf(each))) if (marked.named.covers(loss)) list.named(loss);
  const losses = [...ofHoles, ...(await lossesOfBlocks(ring, blockDamage, marked.named)), ...announced];

  const lastSequence = Math.max(lastSealed(chains), ...ring.frames.map(({ frame }) => frame.lastSequence));
  const spokenOf = new SequenceSet([...marked.named.ranges, ...slots.unread.ranges]);
  const highest = Math.max(lastSequence, spokenOf.ranges.at(-1)?.last ?? 0, highestOf(marks));
  const next = await goOn(slots, ring, chains, { use: list.newestUse, lastSequence, highest, left: alone });
  for (const range of next.room) slots.unread.add(range);
  for (const range of next.gone) spokenOf.add(range);
  const ofHidden = await hiddenOf(hidden, ring, chains, { missing, told, next, isKnown: slots.closed.length === 0 });
  // Whoever only looks does not come again.
  const unseen = options.isReadOnly ? (ofHidden?.losses ?? []) : [];
  const gone = goneDamage([...ofHoles, ...next.losses, ...unseen]);
  const damage = [...slots.damage, ...ofSlots, ...gone, ...blockDamage, ...(await stateDamage(disk, folder, names))];
  addDamaged(spokenOf, blockDamage);
  // What is missing may stand in the pages that cannot be read.
  if (next.hasUnreadable) spokenOf.add({ first: 1, last: next.nextSequence - 1 });
  const isForeign = blockDamage.length + slots.foreignBytes > 0;
  return {
    ring,
    chains,
    damage,
    holes: [...(await withoutRecords(holes, chains)), ...next.gone],
    unnamed: [...losses, ...next.losses],
    pending,
    list,
    lastSequence,
    nextSequence: next.nextSequence,
    isNewestUnread: next.isNewestUnread,
    nothingTo: isLeftAlone || isForeign ? 0 : firstOf(ring, chains, slots.unread, next.nextSequence) - 1,
    spokenOf,
    heldFrom: marked.heldFrom,
    unread: slots.unread,
    marks,
    uplinks: names.flatMap((name) => uplinkOf(name) ?? []),
    foreignBytes: slots.foreignBytes,
    hidden: ofHidden,
    copied: await findCopied(ring, chains, { isLeftAlone: marks.has(LEFT_ALONE_MARK), heldFrom: marked.heldFrom }),
  };
}

function makeRing(disk: Disk, folder: string, { found }: FoundSlots, options: SlotRingOptions): SlotRing {
  const slots = found.map(({ slot }) => slot);
  return new SlotRing(disk, folder, slots, options);
}

/**
 * What is sealed was let go: these slots only have not been used again yet. One of which some pages cannot be read now may
 * have been, and one that was noted to be has been: it is left alone, and returned.
 */
function freeSealed(
  ring: SlotRing,
  found: readonly FoundSlot[],
  sealedThrough: number,
  use: SlotUse | undefined,
): readonly Slot[] {
  const left: Slot[] = [];
  for (const { slot } of found) {
    // What is there is older than what was noted.
    const isUsedAgain = slot.hasUnreadable && slot.name === use?.slot && slot.epoch < use.epoch;
    const isSealed = (slot.frames.at(-1)?.lastSequence ?? 0) <= sealedThrough;
    if (slot.frames.length === 0 || !(isSealed || isUsedAgain)) continue;
    if (slot.hasUnreadable) left.push(slot);
    ring.free(slot);
  }
  return left;
}

/** The first sequence that is there, or may be; `next` when there is none. */
function firstOf(ring: SlotRing, chains: Chains, unread: SequenceSet, next: number): number {
  const ofFiles = [...chains.values()].flatMap(({ files }) => files.map(({ firstSequence }) => firstSequence));
  const ofSlots = ring.frames.map(({ frame }) => frame.firstSequence);
  return Math.min(next, unread.ranges[0]?.first ?? next, ...ofSlots, ...ofFiles.filter((sequence) => sequence > 0));
}

function untold(ranges: readonly SequenceRange[], told: SequenceSet): SequenceRange[] {
  return ranges.flatMap((range) => told.missing(range));
}

/** What may stand in pages that could not be read. While a whole slot cannot be opened, nobody knows what is missing in which. */
async function hiddenOf(
  slots: readonly HiddenSlot[],
  ring: SlotRing,
  chains: Chains,
  { missing, told, next, isKnown }: { missing: readonly SequenceRange[]; told: SequenceSet; next: Next; isKnown: boolean },
): Promise<Hidden | undefined> {
  if (slots.length === 0) return undefined;
  const lost = isKnown ? await countLost(untold(missing, told), chains) : [];
  const losses = isKnown ? [...(await lossesOf(ring, lost, [])), ...next.hidden] : [];
  return { slots, ranges: [...missing, ...next.room], losses };
}

/** What the file itself does not tell, the records around it in the slots may. */
async function lossesOfBlocks(ring: SlotRing, damage: readonly BlockDamage[], named: NamedLosses): Promise<Loss[]> {
  const losses: Loss[] = [];
  for (const loss of damage.flatMap((each) => lossOf(each, named)))
    losses.push({ ...(await lossAt(ring, rangeOf(loss))), ...loss });
  return losses;
}

function addDamaged(spokenOf: SequenceSet, damage: readonly BlockDamage[]): void {
  for (const { missing, holds } of damage) for (const range of [missing, holds]) if (range !== undefined) spokenOf.add(range);
}

function isDamaged({ kind, sizeBytes }: Damage): boolean {
  return kind !== 'foreign' && sizeBytes > 0;
}

async function openChains(
  disk: Disk,
  folder: string,
  own: { readonly names: readonly string[]; readonly newEpoch: () => number; readonly list: FileList },
  ring: SlotRing,
  marks: ReadonlyMap<string, number>,
  { log, blockFileBytes, isReadOnly, onBlockDamage, isLost }: RecoveryOptions,
): Promise<Map<RecordClass, Chain>> {
  const slotsFrom = Math.min(...ring.frames.map(({ frame }) => frame.firstSequence));
  const chains = new Map<RecordClass, Chain>();
  for (const recordClass of RECORD_CLASSES) {
    const common = {
      ...own,
      log,
      fileBytesMax: blockFileBytes,
      isReadOnly,
      onDamage: onBlockDamage,
      isLost,
      onUnsettled: () => ring.unsettle(),
    };
    const from = Number.isFinite(slotsFrom) ? { slotsFrom } : {};
    const sealedThrough = marks.get(sealedMarkOf(recordClass)) ?? 0;
    chains.set(recordClass, await openChain(disk, folder, recordClass, { ...common, ...from, sealedThrough }));
  }
  return chains;
}

/** What damage of a block file cost, unless it is only in doubt or a gap record names it already. */
export function lossOf(damage: BlockDamage, named?: NamedLosses): Loss[] {
  const { missing, recordClass, count, fromWallMs, toWallMs, sensors } = damage;
  if (missing === undefined) return [];
  const place: LossPlace = { firstSequence: missing.first, lastSequence: missing.last, recordClass };
  if (named?.covers(place) === true) return [];
  const known = Object.entries({ count, fromWallMs, toWallMs, sensors }).filter(([, value]) => value !== undefined);
  const told: Partial<Loss> = Object.fromEntries(known);
  return [{ ...place, cause: damage.kind === 'gone' ? 'gone' : 'damaged', ...told }];
}

async function listFolder(disk: Disk, folder: string): Promise<string[]> {
  try {
    return await disk.readDir(folder);
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    // A folder that is not there is made when the first record is written; that may fail and be tried again.
    if (error.code === 'ENOENT') return [];
    const why = `the journal's folder ${folder} cannot be listed (${error.code}): check the card and the owner of the folder`;
    throw new JournalError(why, { cause: error });
  }
}

/** What was about to be lost when the process ended, is lost, and no gap record names yet. The rest is forgotten. */
async function stillLost(pending: PendingLosses, named: NamedLosses, ring: SlotRing, chains: Chains): Promise<Loss[]> {
  const losses: Loss[] = [];
  for (const loss of pending.atOpening) {
    if (named.covers(loss)) continue;
    const presentCount = await countPresent(loss, ring, chains);
    // A file goes as a whole; of a slot that was given up some may have been written over.
    const isThere = presentCount > 0 && (loss.recordClass !== undefined || presentCount >= (loss.count ?? 0));
    if (isThere) pending.named(loss);
    else losses.push(presentCount === 0 || loss.count === undefined ? loss : { ...loss, count: loss.count - presentCount });
  }
  return losses;
}

/** How many records of the loss are there, in slots or block files. */
async function countPresent(loss: Loss, ring: SlotRing, chains: Chains): Promise<number> {
  const range = rangeOf(loss);
  let count = await sealedCount(chains, range, loss.recordClass);
  for await (const { decoded } of ring.reader.readEach(ring.frames.filter(({ frame }) => overlaps(frame, range)))) {
    for (const { sequence, record } of decoded?.records ?? []) {
      const recordClass = classOf(record);
      const isOfClass = loss.recordClass === undefined || loss.recordClass === recordClass;
      const isSealed = sequence <= (chains.get(recordClass)?.lastSequence ?? 0);
      if (isOfClass && !isSealed && range.first <= sequence && sequence <= range.last) count += 1;
    }
  }
  return count;
}

/** What gap records name, and the old places of records that were appended again. The rare frames that hold any are marked. */
async function readMarked(ring: SlotRing, chains: Chains, isAnythingMissing: boolean) {
  const named = new NamedLosses();
  const heldFrom = new SequenceSet();
  const note = ({ record }: StoredRecord) => {
    if (record.kind === 'gap') named.add(record);
    if (record.kind === 'observation' && record.heldFrom !== undefined)
      heldFrom.add({ first: record.heldFrom, last: record.heldFrom });
  };
  for await (const { decoded } of ring.reader.readEach(ring.frames.filter(({ frame }) => frame.isMarked)))
    for (const stored of decoded?.records ?? []) note(stored);
  // Sealed gap records matter only where something is missing.
  const events = chains.get('events');
  for (let from = 1; isAnythingMissing && events !== undefined; ) {
    const page = await events.read(from, 1_000).catch(noRecords);
    const last = page.at(-1);
    if (last === undefined) break;
    for (const stored of page) note(stored);
    from = last.sequence + 1;
  }
  return { named, heldFrom };
}
