import { DiskError } from '../host.ts';
import { GAP_SENSORS_MAX, type JournalRecord, type RecordClass } from '../record.ts';
import { type Chains, hasRecords, lastSealed } from './chains.ts';
import { type Damage, JournalError, type SequenceRange, SLOTS_TOGETHER, type StoredRecord } from './journal.ts';
import type { Loss } from './loss.ts';
import { LEFT_ALONE_MARK, SEALED_MARK } from './marks.ts';
import { SequenceSet } from './sequence-set.ts';
import type { Slot } from './slot.ts';
import type { SlotRing } from './slot-ring.ts';

/** Records that are read at once to count them. */
const PAGE = 1_000;

/** Sequences that are missing between the frames of the slots, and between what is sealed and the first of them. */
export function holesIn(ring: SlotRing, chains: Chains, marks: ReadonlyMap<string, number>): SequenceRange[] {
  const existing = new SequenceSet();
  for (const { frame } of ring.frames) existing.add({ first: frame.firstSequence, last: frame.lastSequence });
  const [first, last] = [existing.ranges[0]?.first, existing.ranges.at(-1)?.last];
  if (first === undefined || last === undefined) return [];
  // While a sealing goes on one class is ahead of the others. While a slot is left alone the mark stays where it was.
  const isOld = !marks.has(SEALED_MARK) || marks.has(LEFT_ALONE_MARK);
  const sealed = Math.max(marks.get(SEALED_MARK) ?? 0, isOld ? lastSealed(chains) : 0);
  const isKnown = marks.has(SEALED_MARK) || sealed > 0;
  return existing.missing({ first: isKnown ? Math.min(first, sealed + 1) : first, last });
}

/** Where sealing was interrupted, some of what is missing in the slots is in block files. */
export async function withoutRecords(holes: readonly SequenceRange[], chains: Chains): Promise<SequenceRange[]> {
  const empty: SequenceRange[] = [];
  // What cannot be read now may be some of them.
  for (const hole of holes) if (!(await hasRecords(chains, hole).catch(perhaps))) empty.push(hole);
  return empty;
}

function perhaps(error: unknown): true {
  ignoreReadError(error);
  return true;
}

/** Sequences that are missing, and how many records that are: some may be in block files, whose slots went afterwards. */
export interface Hole extends SequenceRange {
  readonly count: number;
}

/** Only those of which anything is missing. */
export async function countLost(holes: readonly SequenceRange[], chains: Chains): Promise<Hole[]> {
  const lost: Hole[] = [];
  for (const { first, last } of holes) {
    const count = last - first + 1 - (await sealedCount(chains, { first, last }));
    if (count > 0) lost.push({ first, last, count });
  }
  return lost;
}

/** What the holes cost: with the times of their neighbours, and the sensors around them. */
export async function lossesOf(ring: SlotRing, holes: readonly Hole[], damage: readonly Damage[]): Promise<Loss[]> {
  const losses: Loss[] = [];
  for (const { count, ...hole } of holes) {
    const isDamage = damage.some(
      ({ missing }) => missing !== undefined && missing.first <= hole.first && hole.last <= missing.last,
    );
    losses.push({ ...(await lossAt(ring, hole)), cause: isDamage ? 'damaged' : 'gone', count });
  }
  return losses;
}

/**
 * What a range cost, as the slots around it tell. Of one that only a cursor or a mark speaks of nobody knows how many records
 * it was: they were delivered from memory and never written, or a slot was deleted, or the files are older copies; and some of
 * the sequences may have been left out.
 */
export async function lossAt(ring: SlotRing, { first, last }: SequenceRange): Promise<Loss> {
  const before = await commitWith(ring, first - 1);
  const after = await commitWith(ring, last + 1);
  const from = before.records.findLast(({ sequence }) => sequence < first)?.record;
  const to = after.records.find(({ sequence }) => sequence > last)?.record;
  // Those nearby first. What is measured less often only the slots around it know.
  const sensors = new Set([...before.records, ...after.records].flatMap(({ record }) => sensorOf(record)));
  for (const { slot } of [before, after]) for (const { series } of slot?.dictionary.all() ?? []) sensors.add(series.sensor);
  return {
    firstSequence: first,
    lastSequence: last,
    cause: 'gone',
    ...(sensors.size === 0 ? {} : { sensors: [...sensors].slice(0, GAP_SENSORS_MAX).sort() }),
    ...(from === undefined || from.wallQuality === 'none' ? {} : { fromWallMs: from.wallMs }),
    ...(to === undefined || to.wallQuality === 'none' ? {} : { toWallMs: to.wallMs }),
  };
}

/** What is gone from the slots without a bad page that tells of it. */
export function goneDamage(losses: readonly Loss[]): Damage[] {
  const gone = losses.filter(({ cause }) => cause === 'gone');
  return gone.map(({ firstSequence, lastSequence, count, sensors, fromWallMs, toWallMs }) => ({
    file: SLOTS_TOGETHER,
    offset: 0,
    sizeBytes: 0,
    kind: 'gone',
    missing: { first: firstSequence, last: lastSequence },
    ...(count === undefined ? {} : { count }),
    ...(sensors === undefined ? {} : { sensors }),
    ...(fromWallMs === undefined ? {} : { fromWallMs }),
    ...(toWallMs === undefined ? {} : { toWallMs }),
  }));
}

/** How many records of the range the block files hold, or those of one class. */
export async function sealedCount(chains: Chains, { first, last }: SequenceRange, only?: RecordClass): Promise<number> {
  let count = 0;
  for (const [recordClass, chain] of chains) {
    if (only !== undefined && recordClass !== only) continue;
    for (let from = first; from <= Math.min(last, chain.lastSequence); ) {
      const page = await chain.read(from, PAGE).catch(noRecords);
      count += page.filter(({ sequence }) => sequence <= last).length;
      from = (page.at(-1)?.sequence ?? last) + 1;
    }
  }
  return count;
}

/** What cannot be read now counts as not there: it is named once too often rather than never. */
export function noRecords(error: unknown): readonly StoredRecord[] {
  ignoreReadError(error);
  return [];
}

/** What cannot be read now does not keep the journal from opening. */
function ignoreReadError(error: unknown): void {
  if (!(error instanceof DiskError || error instanceof JournalError)) throw error;
}

function sensorOf(record: JournalRecord): string[] {
  return record.kind === 'observation' ? [record.sensor] : [];
}

interface Commit {
  readonly slot?: Slot;
  readonly records: readonly StoredRecord[];
}

/** The commit that holds a sequence. */
async function commitWith(ring: SlotRing, sequence: number): Promise<Commit> {
  const place = ring.frames.find(({ frame }) => frame.firstSequence <= sequence && sequence <= frame.lastSequence);
  if (place === undefined) return { records: [] };
  return { slot: place.slot, records: (await ring.reader.read(place.slot, place.frame))?.records ?? [] };
}
