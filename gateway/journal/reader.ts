import { classOf, RECORD_CLASSES, type RecordClass } from '../record.ts';
import type { Chains } from './chains.ts';
import { matcherOf } from './history-query.ts';
import { type HistoryQuery, JournalError, type StoredRecord } from './journal.ts';
import { PageRoom } from './page-room.ts';
import { type UnreadFrame, unreadOf } from './sealing.ts';
import { type FramePlace, keyOf } from './slot.ts';
import type { SlotRing } from './slot-ring.ts';

/** What the reader reads from. */
export interface ReaderSource {
  readonly ring: SlotRing;
  readonly chains: Chains;
  /** Increases whenever records change their place: a reading that began before begins again. */
  readonly generation: () => number;
  /** Records that are in memory only; with a class those of it. */
  readonly volatile: (from: number, limit: number, recordClass: RecordClass | undefined) => readonly StoredRecord[];
  /** Late records that keep their places, ascending: no block file holds them although their class is sealed further. */
  readonly late: readonly StoredRecord[];
  readonly onUnread: (frame: UnreadFrame) => void;
  /** The disk refuses a frame: whether it is lost, or is to be asked for again later. */
  readonly isLost: (place: string) => boolean;
}

export interface Reader {
  read(from: number, limit: number, recordClass: RecordClass | undefined): Promise<readonly StoredRecord[]>;
  history(query: HistoryQuery): AsyncIterable<readonly StoredRecord[]>;
}

/**
 * Gives the records of all places in one order: the block files of the classes, the slots for what is not sealed yet, and
 * the memory for what the disk refused.
 */
export function makeReader(source: ReaderSource): Reader {
  return {
    async read(from, limit, recordClass) {
      return await readSettled(source, { from, limit, recordClass });
    },
    history: (query) => history(source, query),
  };
}

/** What is wanted. With `sensors` the observations of others may be left out. */
interface Wanted {
  readonly from: number;
  readonly limit: number;
  readonly recordClass?: RecordClass | undefined;
  readonly sensors?: ReadonlySet<string> | undefined;
}

async function readSettled(source: ReaderSource, wanted: Wanted): Promise<readonly StoredRecord[]> {
  for (;;) {
    const generation = source.generation();
    const records = await readOnce(source, wanted);
    if (generation === source.generation()) return records;
  }
}

async function readOnce(source: ReaderSource, wanted: Wanted): Promise<readonly StoredRecord[]> {
  const { from, limit, recordClass: only } = wanted;
  const { ring, chains, volatile, late } = source;
  // What is sealed from here on is looked for in both places: a reading must not fall between them.
  const sealed = new Map([...chains].map(([recordClass, { lastSequence }]) => [recordClass, lastSequence]));
  const parts: (readonly StoredRecord[])[] = [];
  // A part that is full may have more records behind its last one: what lies beyond belongs to another reading.
  let bound = Number.POSITIVE_INFINITY;
  const add = (part: readonly StoredRecord[], lastOfAll: number) => {
    const last = part.at(-1)?.sequence;
    if (last === undefined) return;
    parts.push(part);
    if (part.length >= limit || last < lastOfAll) bound = Math.min(bound, last);
  };
  for (const recordClass of only === undefined ? RECORD_CLASSES : [only]) {
    const chain = chains.get(recordClass);
    if (chain !== undefined && chain.lastSequence >= from) add(await chain.read(from, limit), sealed.get(recordClass) ?? 0);
  }
  const isMeant = ({ sequence, record }: StoredRecord) => sequence >= from && (only === undefined || classOf(record) === only);
  add(late.filter(isMeant).slice(0, limit), late.at(-1)?.sequence ?? 0);
  const frames = ring.frames.filter(({ frame }) => frame.lastSequence >= from && frame.firstSequence <= bound);
  const room = new PageRoom(limit);
  const inSlots = await readSlots(source, frames, wanted, sealed, room);
  add(inSlots, room.isFull ? Number.POSITIVE_INFINITY : 0);
  if (bound === Number.POSITIVE_INFINITY) add(volatile(from, limit, only), 0);
  return merge(parts, bound, limit);
}

async function readSlots(
  { ring, generation, onUnread, isLost }: ReaderSource,
  frames: readonly FramePlace[],
  { from, recordClass: only, sensors }: Wanted,
  sealed: ReadonlyMap<RecordClass, number>,
  room: PageRoom,
): Promise<readonly StoredRecord[]> {
  const started = generation();
  const records: StoredRecord[] = [];
  let last = from - 1;
  const sorted = frames.toSorted((a, b) => a.frame.firstSequence - b.frame.firstSequence);
  for await (const { slot, frame, decoded, isRefused } of ring.reader.readEach(sorted, sensors)) {
    if (generation() !== started) break;
    if (frame.lastSequence <= last) continue;
    if (isRefused && !isLost(keyOf({ slot, frame }))) {
      // The others wait together with it, and not one after the other.
      for await (const other of ring.reader.check(sorted)) if (other.isRefused) isLost(keyOf(other));
      throw new JournalError(`the journal cannot be read now: ${slot.name} at ${frame.offset}`);
    }
    if (decoded === undefined || decoded.unknownCount > 0) onUnread(unreadOf({ slot, frame }, decoded));
    const meant = (decoded?.records ?? []).filter(({ sequence, record }) => {
      const recordClass = classOf(record);
      return sequence > last && sequence > (sealed.get(recordClass) ?? 0) && (only === undefined || recordClass === only);
    });
    records.push(...room.take(meant));
    if (decoded !== undefined) last = Math.max(last, frame.lastSequence);
    if (room.isFull) break;
  }
  return records;
}

/** One ascending list of up to `limit`, each sequence once. */
function merge(parts: readonly (readonly StoredRecord[])[], bound: number, limit: number): readonly StoredRecord[] {
  const [only, another] = parts;
  if (another === undefined) return (only ?? []).slice(0, limit);
  const all = parts.flat().sort((a, b) => a.sequence - b.sequence);
  const merged: StoredRecord[] = [];
  for (const stored of all) {
    if (merged.length >= limit || stored.sequence > bound) break;
    if (merged.at(-1)?.sequence !== stored.sequence) merged.push(stored);
  }
  return merged;
}

/** Block files first, then what was not sealed when it began, wherever it stands by now. */
async function* history(source: ReaderSource, query: HistoryQuery): AsyncGenerator<readonly StoredRecord[]> {
  const { ring, chains, late } = source;
  const matches = matcherOf(query);
  const own = new Set(late.map(({ sequence }) => sequence));
  const sealed = new Map([...chains].map(([recordClass, { lastSequence }]) => [recordClass, lastSequence]));
  let from = Math.min(...ring.frames.map(({ frame }) => frame.firstSequence), Number.MAX_SAFE_INTEGER);
  // Only observations have a sensor.
  const classes: readonly RecordClass[] = query.sensors === undefined ? RECORD_CLASSES : ['gauges', 'counts'];
  for (const recordClass of classes) {
    const last = sealed.get(recordClass) ?? 0;
    for await (const block of chains.get(recordClass)?.history(query) ?? []) {
      const matching = block.filter(({ sequence }) => sequence <= last);
      if (matching.length > 0) yield matching;
    }
  }
  for (;;) {
    const page = await readSettled(source, { from, limit: HISTORY_PAGE, sensors: query.sensors });
    const last = page.at(-1);
    if (last === undefined) return;
    from = last.sequence + 1;
    const isLeft = ({ sequence, record }: StoredRecord) => sequence > (sealed.get(classOf(record)) ?? 0) || own.has(sequence);
    const matching = page.filter((stored) => isLeft(stored) && matches(stored));
    if (matching.length > 0) yield matching;
  }
}

/** Records of one page at most while the slots are looked through. */
const HISTORY_PAGE = 4_096;
