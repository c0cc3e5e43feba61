import type { NoFile } from '../host.ts';
import type { JournalRecord, RecordClass } from '../record.ts';

/** A record and its place. Sequences start at 1, strictly increase and are never used again. */
export interface StoredRecord {
  readonly sequence: number;
  readonly record: JournalRecord;
}

/** An inclusive range of sequences. */
export interface SequenceRange {
  readonly first: number;
  readonly last: number;
}

/** The `file` of damage of which only the slots together tell: nobody knows in which one it was. */
export const SLOTS_TOGETHER = 'slot-*';

/** Damage found at opening or while reading: what was lost, and where. */
export interface Damage {
  /** Name in the journal's folder, or SLOTS_TOGETHER. */
  readonly file: string;
  readonly offset: number;
  readonly sizeBytes: number;
  /** The sequences that are missing because of it; undefined when none are, as for a torn tail, which nobody was promised. */
  readonly missing?: SequenceRange;
  /** The class that a block file holds, and how many records are missing, of which sensors and of what time, as far as known. */
  readonly recordClass?: RecordClass;
  readonly count?: number;
  readonly sensors?: readonly string[];
  readonly fromWallMs?: number;
  readonly toWallMs?: number;
  /**
   * The sequences that a whole file which cannot be read may hold at most. They are there, so they are neither missing
   * nor delivered: they wait for whoever can read the file.
   */
  readonly holds?: SequenceRange;
  /**
   * `unreadable`: the disk gives an error for these bytes, or for the whole file. `other-version`: a file of a later release,
   * left as it is. `foreign`: from this offset on it is none of the journal's, and was not looked at. `gone`: what stood from this offset
   * on, or the whole file, was there and is not. So are, of the slots together, records that a journal opened read-only finds
   * missing without a bad page and without a gap record: a gateway writes one instead.
   */
  readonly kind: 'torn-tail' | 'damaged' | 'unreadable' | 'other-version' | 'foreign' | 'gone';
  /** Of a foreign one: what it is. */
  readonly what?: ForeignKind;
}

/**
 * What stands under the name of a journal's file, or in it behind all that a journal writes. `no-records`: a file that has no
 * right record of its own where there was none of the journal's, as one that somebody has copied or renamed.
 */
export type ForeignKind = NoFile | 'too-large' | 'no-records';

/** What the journal knows about itself. */
export interface JournalStats {
  /**
   * A record that stands in a slot and in a block file counts once, unless this process is sealing it: until its slot is let
   * go it counts twice. Records that cannot be read count until that is noticed.
   */
  readonly recordCount: number;
  readonly sizeBytes: number;
  readonly sizeBytesMax: number;
  /** Sequence of the oldest record, 0 when there is none. */
  readonly firstSequence: number;
  /** Sequence of the newest durable record, 0 when there is none. */
  readonly lastSequence: number;
  /** Damage found when this process opened it, and what went bad or was deleted since, as far as it was noticed. */
  readonly damage: readonly Damage[];
  /** Undelivered observations dropped for want of room on the disk or in memory, since this process started. */
  readonly evictedUndeliveredCount: number;
  /** Records, delivered or not, that were written over because the disk was full, since this process started. */
  readonly overwrittenCount: number;
  /** Observations that were merged into five-minute windows because of the size cap, since this process started. */
  readonly thinnedCount: number;
  /** What this process made the disk write, as handed to it: whole pages, and how often it was told to make them durable. */
  readonly wear: { readonly writtenBytes: number; readonly syncCount: number; readonly forMs: number };
  readonly files: readonly JournalFileStats[];
  /** Set while the disk refuses writes. */
  readonly failing?: JournalFailing;
  /** What the operating system said when what is new could last not be added to the history; undefined while it can. */
  readonly sealingFailure?: string;
  /** Set while the disk does not answer. */
  readonly slow?: JournalSlow;
}

/** The disk refuses writes: what is measured is kept in memory, and can be read and delivered from there. */
export interface JournalFailing {
  /** What the operating system said. */
  readonly code: string;
  readonly forMs: number;
  readonly waitingCount: number;
  /** Beyond this the oldest of the lowest class is given up, and named. */
  readonly waitingMax: number;
  /** Records from here on are in memory only, and were never handed to the disk. */
  readonly fromSequence: number;
}

/** The disk has not answered for so long that somebody should know: what is measured waits in memory. */
export interface JournalSlow {
  readonly forMs: number;
  readonly waitingCount: number;
}

/** What a file holds. */
export interface RecordSpan {
  readonly sizeBytes: number;
  readonly recordCount: number;
  /** 0 for a file without records. */
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** Wall times of its records, among those whose wall clock was set. */
  readonly fromWallMs?: number;
  readonly toWallMs?: number;
}

/** One file of the journal, for people. */
export interface JournalFileStats extends RecordSpan {
  /** Name in the journal's folder. */
  readonly file: string;
  readonly kind: 'slot' | 'block';
  /** Of a block file. */
  readonly recordClass?: RecordClass;
  /** Its observations were merged into windows of five minutes. */
  readonly isThinned?: boolean;
}

/** Which records to look through: all conditions together. Times are the stamps' own wall times, in milliseconds since 1970. */
export interface HistoryQuery {
  readonly sensors?: ReadonlySet<string>;
  readonly fromWallMs?: number;
  /** Exclusive. */
  readonly toWallMs?: number;
  /** Records stamped without a time (`wallQuality: 'none'`) are left out when there is a time range, unless this is set. */
  readonly withUntimed?: boolean;
}

/** The journal: the only queue, and everything durable goes through it. */
export interface Journal {
  /**
   * Appends a record and resolves with its sequence once it is durable. Calls are grouped: one write and one fdatasync
   * for everything that arrived in the sync interval; `urgent` ends the interval at once. Records become durable in the
   * order of the calls; within one group sequences are given sensor by sensor.
   * @throws JournalError when the record can no longer be made durable
   */
  append(record: JournalRecord, urgent?: boolean): Promise<number>;
  /**
   * Up to `limit` records with sequence ≥ `from`, in order; only those of one class when it is given, which is cheap where
   * that class is rare. Damaged and dropped ones are left out. While the disk refuses writes, those that wait in memory are among them.
   * A page holds as many as may be in memory at once, so that fewer than `limit` do not mean that there are no more: only an
   * empty page does.
   * @throws JournalError when a file cannot be opened for another reason than that it is gone, or the disk refuses for now
   */
  read(from: number, limit: number, recordClass?: RecordClass): Promise<readonly StoredRecord[]>;
  /**
   * The records of some sensors and of some time, block by block, in the order of the files: per sensor that of their
   * sequences. Reads only the blocks that can hold them. What is appended meanwhile may be missing, what is dropped may too.
   */
  history(query: HistoryQuery): AsyncIterable<readonly StoredRecord[]>;
  /** Increases whenever records that can be read are replaced by the windows they were merged into. */
  readonly revision: number;
  /** Sequence of the newest record that can be read, 0 when there is none: of the newest durable one unless the disk refuses. */
  readonly lastSequence: number;
  /** The disk refuses writes; `stats().failing` has more. */
  readonly isFailing: boolean;
  /** Opens the delivery state of one uplink, by its name (`sentilo`). */
  delivery(uplink: string): Promise<Delivery>;
  stats(): JournalStats;
  /** Makes everything appended so far durable, then closes. */
  close(): Promise<void>;
}

/**
 * What one uplink has delivered: everything up to a low-water mark, and at most 32 ranges above it. Besides, what it is
 * sending right now, so that after a crash exactly those are looked up in the city before anything is sent again.
 */
export interface Delivery {
  /** Every sequence ≤ this is delivered (or dropped, refused for good, or never meant for this uplink). */
  readonly lowWater: number;
  /** Ranges above the mark, ascending, disjoint, not touching. */
  readonly ranges: readonly SequenceRange[];
  isDelivered(sequence: number): boolean;
  /**
   * Whether one of these was merged into a window since the journal had that revision: then it is not what was read.
   * To be asked in the same turn as `begin` or `hold`.
   */
  isStale(sequences: readonly number[], revision: number): boolean;
  /** Sequences whose sending had begun and whose outcome this process did not see: of the process before, at opening. */
  readonly unresolved: readonly SequenceRange[];
  /**
   * Records durably that these are about to be sent, together with every settlement so far. Resolves before anything may be sent.
   * @throws JournalError when the disk refuses: then nothing may be sent
   */
  begin(sequences: readonly number[]): Promise<void>;
  /**
   * These are being appended again: until they are settled none of them is merged into a window. Nothing of it is durable,
   * since the copies say so (`heldFrom`).
   */
  hold(sequences: readonly number[]): void;
  /**
   * Ends the sending or holding of `sequences`, of which `delivered` need not be sent again. Kept in memory; durable with the next
   * `begin` or `flush` (a crash before that only means that they are looked up once more).
   * @throws JournalError when that would need more than DELIVERY_RANGES_MAX ranges; nothing has changed then. Ask
   *   `rangeCountAfter` (delivery.ts) before, append the stragglers again (`heldFrom`), and settle their old places too.
   */
  settle(sequences: readonly number[], delivered: readonly number[]): void;
  /** Makes the settlements durable. */
  flush(): Promise<void>;
}

/** The most ranges a delivery state holds; a caller that would need more appends the stragglers again (`heldFrom`). */
export const DELIVERY_RANGES_MAX = 32;

/** The journal's disk failed. The message says what, where and what the operating system said. */
export class JournalError extends Error {
  override readonly name = 'JournalError';
}
