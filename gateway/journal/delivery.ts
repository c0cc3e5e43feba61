import { type Disk, DiskError } from '../host.ts';
import { CursorFile, readCursor } from './cursor-file.ts';
import { DELIVERY_RANGES_MAX, type Delivery, JournalError, type SequenceRange } from './journal.ts';
import { rangesOf, SequenceSet } from './sequence-set.ts';

/** The part of the journal that a delivery depends on. Sets are live: they change while the journal runs. */
export interface DeliverySource {
  /** Sequences at which there is nothing: damaged, evicted, never durable, or delivered elsewhere as a held record. */
  readonly holes: SequenceSet;
  /** Sequences that may stand in files which cannot be read now. */
  readonly unread: SequenceSet;
  /** Sequences of durable records that were there at opening. */
  readonly atOpening: SequenceSet;
  /** The low-water mark of this uplink that the newest commit carries; 0 when it carries none. */
  readonly lowWater: (uplink: string) => number;
  /** The generation of its state that the newest commit knows; 0 when it knows none. */
  readonly generation: (uplink: string) => number;
  /** The newest commits cannot be read now: they may know of a newer state, or be one. */
  readonly isNewestUnread: boolean;
  /** Up to here there is nothing to deliver, and nothing that cannot be read now. */
  readonly nothingTo: number;
  /** Whether the record is in memory only, because the disk refuses. */
  readonly isVolatile: (sequence: number) => boolean;
  /** Whether a sequence was merged into a window since the journal had that revision. */
  readonly isReplaced: (sequence: number, revision: number) => boolean;
  /** Makes durable what an earlier process left: what is sent must not be gone after a power cut. @throws DiskError */
  readonly settleRecords: () => Promise<void>;
}

/** A delivery, and what the journal alone does with it. */
export interface JournalDelivery extends Delivery {
  readonly uplink: string;
  /** Whether nothing of the range is left to deliver. */
  covers(range: SequenceRange): boolean;
  /** There is nothing to deliver in the range, and there never will be. */
  skip(range: SequenceRange): void;
  /** What is delivered without having been sent from here, as the old places of records that were appended again. */
  settled(ranges: readonly SequenceRange[]): void;
  /** Makes the state durable where none is: later the disk may be full. @throws JournalError */
  prepare(): Promise<void>;
  /** The range cannot be read now: it is passed by this process, and stays undelivered for one that can read it. */
  pass(range: SequenceRange): void;
  /** It can be read after all. */
  unpass(sequence: number): void;
  /** Increases with everything that is settled. */
  readonly settleCount: number;
  /** Whether it is being sent, or was by the process before, or is being appended again. */
  isInFlight(sequence: number): boolean;
  /** What a commit is to carry of it; to be called when the commit is durable. Acknowledging costs no write of its own then. */
  piggyback(): { readonly lowWater: number; readonly generation: number; readonly isDurable: () => void };
  close(): Promise<void>;
}

/**
 * How many ranges a delivery would have if `delivered` were settled now. When that is more than DELIVERY_RANGES_MAX, the
 * caller first appends the records between the lowest ranges again (`heldFrom`) and settles their old places too.
 */
export function rangeCountAfter(delivery: Pick<Delivery, 'lowWater' | 'ranges'>, delivered: readonly number[]): number {
  const set = new SequenceSet([{ first: 0, last: delivery.lowWater }, ...delivery.ranges, ...rangesOf(delivered)]);
  return set.ranges.length - 1;
}

/**
 * Opens the delivery state of an uplink in the file at `path`. A file that is missing or damaged beside records that are
 * older than this process means that anything may have been sent: everything undelivered is then unresolved. So it is when
 * a commit knows of a newer state, which went bad: what was delivered by then is, and the rest may have been sent.
 */
export async function openDelivery(
  disk: Disk,
  path: string,
  uplink: string,
  heldFrom: SequenceSet,
  source: DeliverySource,
): Promise<JournalDelivery> {
  const stored = await readCursor(disk, path);
  const state = typeof stored === 'object' ? stored : NO_STATE;
  const isNewest = state.generation >= source.generation(uplink) && !source.isNewestUnread;
  const isKnown = typeof stored === 'object' && isNewest;
  // The first range always begins at 0: its end is the low-water mark.
  const settled = new SequenceSet([{ first: 0, last: Math.max(state.lowWater, source.nothingTo) }, ...state.ranges]);
  settled.add({ first: 0, last: source.lowWater(uplink) });
  for (const range of [...heldFrom.ranges, ...source.holes.ranges]) settled.add(range);
  const inFlight = new SequenceSet(isKnown ? state.inFlight : [...source.atOpening.ranges, ...source.unread.ranges]);
  const unread = without(source.unread, settled);
  const file = new CursorFile(disk, path, state.generation);
  return makeDelivery({ uplink, file, hasFile: isKnown, settled, inFlight, unread }, source);
}

const NO_STATE = { generation: 0, lowWater: 0, ranges: [], inFlight: [] };

interface State {
  readonly uplink: string;
  readonly file: CursorFile;
  /** There is a file, and it can be believed. */
  readonly hasFile: boolean;
  readonly settled: SequenceSet;
  readonly inFlight: SequenceSet;
  readonly unread: SequenceSet;
}

/**
 * What cannot be read cannot be delivered: for this process `unread` is as good as settled. In the file it is not, nor is
 * what of it was in flight forgotten, so that whoever can read it goes on where the delivery stood.
 */
function makeDelivery(state: State, source: DeliverySource): JournalDelivery {
  const { uplink, file, hasFile, settled, inFlight, unread } = state;
  for (const range of unread.ranges) settled.add(range);
  const unresolved = without(inFlight, settled).ranges;
  const held = new SequenceSet();
  // Without a file there is no state at all, and everything would have to be looked up.
  const version: Version = { now: 0, durable: hasFile ? 0 : -1, isWritten: false };
  const { write, ...writer } = openWriter(state, source, version);

  return {
    uplink,
    get lowWater() {
      return settled.ranges[0]?.last ?? 0;
    },
    get ranges() {
      return settled.ranges.slice(1);
    },
    unresolved,
    isDelivered: (sequence) => settled.has(sequence),
    isStale: (sequences, revision) => sequences.some((sequence) => source.isReplaced(sequence, revision)),
    covers: (range) => settled.covers(range),
    skip: (range) => settled.add(range),
    settled(ranges) {
      for (const range of ranges) {
        settled.add(range);
        unread.remove(range);
      }
      version.now += 1;
    },
    prepare: () => (version.durable < 0 ? write() : writer.settle()),
    pass: (range) => {
      for (const part of settled.missing(range)) unread.add(part);
      settled.add(range);
    },
    unpass: (sequence) => {
      if (unread.has(sequence)) for (const set of [unread, settled]) set.remove({ first: sequence, last: sequence });
    },
    get settleCount() {
      return version.now;
    },
    isInFlight: (sequence) => inFlight.has(sequence) || held.has(sequence),
    hold(sequences) {
      for (const range of rangesOf(sequences)) held.add(range);
    },
    async begin(sequences) {
      const before = inFlight.copy();
      for (const range of rangesOf(sequences)) inFlight.add(range);
      version.now += 1;
      // What is in memory only is gone after a crash, and cannot be sent again: nothing has to be known about it then.
      if (sequences.length > 0 && sequences.every(source.isVolatile)) return;
      try {
        await write();
      } catch (error) {
        // Nothing may be sent. Were they left in the list, the next state could not say what was really in flight.
        for (const range of rangesOf(sequences)) for (const added of before.missing(range)) inFlight.remove(added);
        throw error;
      }
    },
    settle(sequences, delivered) {
      checkRoom(settled, delivered);
      for (const range of rangesOf(delivered)) settled.add(range);
      for (const range of rangesOf(sequences)) {
        inFlight.remove(range);
        held.remove(range);
      }
      version.now += 1;
    },
    async flush() {
      if (version.durable < version.now) await write();
    },
    piggyback() {
      const carried = version.now;
      const stored = without(settled, unread);
      const isWhole = stored.ranges.length <= 1 && without(inFlight, settled).ranges.length === 0;
      const isDurable = () => {
        // A low-water mark is all there is to know only while nothing stands above it.
        if (isWhole && version.durable >= 0) version.durable = Math.max(version.durable, carried);
      };
      return {
        lowWater: stored.ranges[0]?.last ?? 0,
        generation: version.isWritten ? file.generation : source.generation(uplink),
        isDurable,
      };
    },
    async close() {
      await writer.idle();
      await file.close();
    },
  };
}

/** @throws JournalError when so many ranges have no room in the file */
function checkRoom(settled: SequenceSet, delivered: readonly number[]): void {
  const after = settled.copy();
  for (const range of rangesOf(delivered)) after.add(range);
  const countAfter = after.ranges.length - 1;
  if (countAfter <= DELIVERY_RANGES_MAX || countAfter <= settled.ranges.length - 1) return;
  throw new JournalError(
    `a delivery can hold ${DELIVERY_RANGES_MAX} ranges, not ${countAfter}: append the stragglers again first`,
  );
}

/** Every change of a delivery has a number; what is durable is known by it. */
interface Version {
  now: number;
  durable: number;
  /** By this process, or settled by it: what one before has written may not be durable. */
  isWritten: boolean;
}

/** One write at a time; each takes the state as it is when its turn comes, so that a later one never carries an older state. */
function openWriter({ file, settled, inFlight, unread }: State, source: DeliverySource, version: Version) {
  let writing: Promise<void> = Promise.resolve();
  const inTurn = (work: () => Promise<void>) => {
    const turn = writing.then(work);
    writing = turn.catch(() => undefined);
    return turn;
  };
  let isSettled = false;
  return {
    idle: () => writing,
    write: () =>
      inTurn(async () => {
        const written = version.now;
        await source.settleRecords().catch(asJournalError);
        await file.write(stateOf(without(settled, unread), inFlight, source.holes));
        version.durable = Math.max(version.durable, written);
        version.isWritten = true;
      }),
    /** Makes durable what the process before wrote, so that commits can say which state is the newest. Tried once. */
    settle: async () => {
      if (isSettled || version.isWritten) return;
      isSettled = true;
      await inTurn(async () => {
        version.isWritten ||= await file.settle();
      });
    },
  };
}

function asJournalError(error: unknown): never {
  if (!(error instanceof DiskError)) throw error;
  throw new JournalError(`what was found in the journal cannot be made durable (${error.code}): nothing is sent until it can`, {
    cause: error,
  });
}

/** What goes into the file: ranges that are nothing but holes are found again at the next opening and need no room there. */
function stateOf(settled: SequenceSet, inFlight: SequenceSet, holes: SequenceSet) {
  const [lowest, ...ranges] = settled.ranges;
  const sending = without(inFlight, settled).ranges;
  return { lowWater: lowest?.last ?? 0, ranges: ranges.filter((range) => !holes.covers(range)), inFlight: sending };
}

function without(set: SequenceSet, taken: SequenceSet): SequenceSet {
  const rest = set.copy();
  for (const range of taken.ranges) rest.remove(range);
  return rest;
}
