import type { JournalRecord, TimeAnchor } from '../record.ts';

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

/** Damage found at opening or while reading: what was lost, and where. */
export interface Damage {
  /** Name in the journal's folder. */
  readonly file: string;
  readonly offset: number;
  readonly sizeBytes: number;
  /** The sequences that are missing because of it; undefined when none are, as for a torn tail, which nobody was promised. */
  readonly missing?: SequenceRange;
  /**
   * The sequences that a whole file which cannot be read may hold at most. They are there, so they are neither missing
   * nor delivered: they wait for whoever can read the file.
   */
  readonly holds?: SequenceRange;
  /** `unreadable`: the disk gives an error for these bytes, or for the whole file. `other-version`: a file of a later release, left as it is. */
  readonly kind: 'torn-tail' | 'damaged' | 'unreadable' | 'other-version';
}

/** What the journal knows about itself. */
export interface JournalStats {
  readonly recordCount: number;
  readonly sizeBytes: number;
  readonly sizeBytesMax: number;
  /** Sequence of the oldest record, 0 when there is none. */
  readonly firstSequence: number;
  /** Sequence of the newest durable record, 0 when there is none. */
  readonly lastSequence: number;
  /** Damage found when this process opened it, and what went bad or was deleted since, as far as it was noticed. */
  readonly damage: readonly Damage[];
  /** Undelivered observations dropped because of the size cap, since this process started. */
  readonly evictedUndeliveredCount: number;
  /** Set while the disk refuses writes. */
  readonly failing?: { readonly code: string; readonly forMs: number; readonly waitingCount: number };
}

/**
 * The journal: the only queue, and everything durable goes through it. (This interface stays; what is behind it is
 * replaced by the journal issue.)
 */
export interface Journal {
  /**
   * Appends a record and resolves with its sequence once it is durable. Calls are grouped: one write and one fdatasync
   * for everything that arrived in the sync interval; `urgent` ends the interval at once. Records become durable in the
   * order of the calls.
   * @throws JournalError when the record can no longer be made durable
   */
  append(record: JournalRecord, urgent?: boolean): Promise<number>;
  /**
   * Up to `limit` durable records with sequence ≥ `from`, in order. Damaged and dropped ones are left out.
   * @throws JournalError when a file cannot be opened for another reason than that it is gone
   */
  read(from: number, limit: number): Promise<readonly StoredRecord[]>;
  /** The time anchor of a boot: the first durable one, so that it stays the same for good. Undefined when there is none. */
  anchorOf(boot: string): TimeAnchor | undefined;
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
  /** Sequences whose sending had begun and whose outcome this process did not see: of the process before, at opening. */
  readonly unresolved: readonly number[];
  /**
   * Records durably that these are about to be sent, together with every settlement so far. Resolves before anything may be sent.
   * @throws JournalError when the disk refuses: then nothing may be sent
   */
  begin(sequences: readonly number[]): Promise<void>;
  /**
   * Ends the sending of `sequences`, of which `delivered` need not be sent again. Kept in memory; durable with the next
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
