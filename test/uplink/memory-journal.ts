import {
  DELIVERY_RANGES_MAX,
  type Delivery,
  type Journal,
  JournalError,
  type SequenceRange,
  type StoredRecord,
} from '../../gateway/journal/journal.ts';
import { rangesOf, SequenceSet } from '../../gateway/journal/sequence-set.ts';
import { classOf, type Event, type JournalRecord, type RecordClass } from '../../gateway/record.ts';

/** What survives a crash of the in-memory journal. */
interface Cursor {
  readonly settled: readonly SequenceRange[];
  readonly sending: readonly number[];
}

/** A journal in memory that keeps to the interface: `crashed` gives what another process would find after a crash now. */
export class MemoryJournal implements Journal {
  readonly records: JournalRecord[];
  readonly gone = new Set<number>();
  /** Set to make the disk fail. */
  failing = false;
  /** What the disk takes for each operation. */
  pause: () => Promise<void> = () => Promise.resolve();
  /** The wait of a record that is not urgent for the end of the sync interval. */
  interval: () => Promise<void> = () => Promise.resolve();
  /** How long a write of the delivery state takes to answer once it is durable. */
  afterWrite: () => Promise<void> = () => Promise.resolve();
  /** Records that a page has at most, however many are asked for: as where they are large. */
  pageMax = Number.POSITIVE_INFINITY;
  revision = 0;
  readonly isFailing = false;
  /** Sequences that were merged into windows, and the revision that came of it. */
  readonly merged = new Map<number, number>();
  beginCount = 0;
  flushCount = 0;
  rangesSeenMax = 0;
  #cursor: Cursor;

  constructor(records: readonly JournalRecord[] = [], cursor: Cursor = { settled: [], sending: [] }) {
    this.records = [...records];
    this.#cursor = cursor;
  }

  async append(record: JournalRecord, urgent = false): Promise<number> {
    if (!urgent) await this.interval();
    await this.pause();
    this.#check();
    return this.records.push(record);
  }

  async read(from: number, limit: number, recordClass?: RecordClass): Promise<readonly StoredRecord[]> {
    await this.pause();
    this.#check();
    const page: StoredRecord[] = [];
    const max = Math.min(limit, this.pageMax);
    for (let sequence = Math.max(1, from); sequence <= this.records.length && page.length < max; sequence++) {
      const record = this.records[sequence - 1];
      const isWanted = record !== undefined && (recordClass === undefined || classOf(record) === recordClass);
      if (isWanted && !this.gone.has(sequence)) page.push({ sequence, record });
    }
    return page;
  }

  /** Nothing here asks for it. */
  history(): never {
    throw new Error('this journal has no history');
  }

  async delivery(): Promise<Delivery> {
    const settled = new SequenceSet([{ first: 0, last: 0 }, ...this.#cursor.settled]);
    for (const record of this.records) {
      if (record.kind === 'observation' && record.heldFrom !== undefined) {
        settled.add({ first: record.heldFrom, last: record.heldFrom });
      }
    }
    const sending = new Set(this.#cursor.sending.filter((sequence) => !settled.has(sequence)));
    const write = async () => {
      await this.pause();
      this.#check();
      this.#cursor = { settled: settled.ranges, sending: [...sending] };
      await this.afterWrite();
    };
    const journal = this;
    return {
      get lowWater() {
        return settled.ranges[0]?.last ?? 0;
      },
      get ranges() {
        return settled.ranges.slice(1);
      },
      isDelivered: (sequence) => settled.has(sequence),
      isStale: (sequences, revision) => sequences.some((sequence) => (journal.merged.get(sequence) ?? 0) > revision),
      unresolved: rangesOf([...sending]),
      async begin(sequences) {
        for (const sequence of sequences) sending.add(sequence);
        journal.beginCount++;
        await write();
      },
      hold: () => undefined,
      settle(sequences, delivered) {
        const after = settled.copy();
        for (const range of rangesOf(delivered)) after.add(range);
        const isMore = after.ranges.length > settled.ranges.length;
        if (isMore) journal.rangesSeenMax = Math.max(journal.rangesSeenMax, after.ranges.length - 1);
        if (isMore && after.ranges.length - 1 > DELIVERY_RANGES_MAX) throw new JournalError('too many ranges');
        for (const range of rangesOf(delivered)) settled.add(range);
        for (const sequence of sequences) sending.delete(sequence);
      },
      async flush() {
        journal.flushCount++;
        await write();
      },
    };
  }

  stats() {
    const sizes = { recordCount: this.records.length, sizeBytes: 0, sizeBytesMax: 1, firstSequence: 1 };
    const counts = { damage: [], evictedUndeliveredCount: 0, overwrittenCount: 0, thinnedCount: 0, files: [] };
    return { ...sizes, ...counts, lastSequence: this.records.length, wear: { writtenBytes: 0, syncCount: 0, forMs: 0 } };
  }

  async close(): Promise<void> {}

  /** The journal as the next process finds it. */
  crashed(): MemoryJournal {
    const next = new MemoryJournal(this.records, this.#cursor);
    next.pause = this.pause;
    next.interval = this.interval;
    next.revision = this.revision;
    next.pageMax = this.pageMax;
    for (const sequence of this.gone) next.gone.add(sequence);
    return next;
  }

  get lastSequence(): number {
    return this.records.length;
  }

  get events(): Event[] {
    return this.records.filter((record) => record.kind === 'event');
  }

  #check(): void {
    if (this.failing) throw new JournalError('disk full: ENOSPC');
  }
}
