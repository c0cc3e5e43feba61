import { rangeCountAfter } from '../journal/delivery.ts';
import { DELIVERY_RANGES_MAX, type Delivery, type Journal, type SequenceRange, type StoredRecord } from '../journal/journal.ts';
import { rangesOf, SequenceSet } from '../journal/sequence-set.ts';
import { copyOf } from '../record.ts';
import type { Batch } from './batch.ts';
import { type Entry, isForCity, sequencesOf } from './entry.ts';

/** From this many ranges on stragglers are appended again, until few are left: the rest is room for batches in hand. */
const RANGES_HIGH = 24;
const RANGES_LOW = 16;
/** Records that are appended again, and sequences that are settled, in one step. */
const PAGE = 256;
const HOLE_PAGE = 10_000;

/** What the ledger needs of the journal. */
export type LedgerJournal = Pick<Journal, 'append' | 'read' | 'lastSequence' | 'revision'>;

/**
 * What is delivered, what is in hand, and the care that the delivery state stays within its ranges: it is the only one
 * who changes the delivery state. A sequence is free when it is neither delivered nor in hand; whoever takes it claims it
 * in the same synchronous step, so that two lanes and a move never hold the same record.
 */
export class Ledger {
  readonly #journal: LedgerJournal;
  readonly #delivery: Delivery;
  readonly #claimed = new Set<number>();
  /** What the process before had on its way and nobody has looked up yet. As ranges: it can be everything that waits. */
  readonly #unresolved: SequenceSet;
  /** What is done and could not be settled yet without breaking the state into too many ranges. Still claimed. */
  #pending: number[] = [];
  #isDirty = false;
  /** Called for every observation that has a new place. */
  readonly #onMove: (sensor: string, from: number, to: number) => void;

  constructor(journal: LedgerJournal, delivery: Delivery, onMove: (sensor: string, from: number, to: number) => void) {
    this.#journal = journal;
    this.#delivery = delivery;
    this.#onMove = onMove;
    this.#unresolved = new SequenceSet(delivery.unresolved);
  }

  get lowWater(): number {
    return this.#delivery.lowWater;
  }

  /** Sequences up to the newest that are not settled. */
  get waitingCount(): number {
    const above = this.#delivery.ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
    return Math.max(0, this.#journal.lastSequence - this.#delivery.lowWater - above);
  }

  readonly isFree = (sequence: number): boolean =>
    !this.#claimed.has(sequence) && !this.#delivery.isDelivered(sequence) && !this.#unresolved.has(sequence);

  /** First sequence from `from` on that is not delivered. */
  firstUndelivered(from: number): number {
    const start = Math.max(from, this.#delivery.lowWater + 1);
    const range = this.#delivery.ranges.find(({ first, last }) => first <= start && start <= last);
    return range === undefined ? start : range.last + 1;
  }

  /** The lowest unresolved sequences: at most `max` of them, all within `span`. They are not free until they are forgotten. */
  peekUnresolved(max: number, span: number): readonly number[] {
    const first = this.#unresolved.ranges[0]?.first;
    if (first === undefined) return [];
    return count(first, first + span - 1)
      .filter((sequence) => this.#unresolved.has(sequence))
      .slice(0, max);
  }

  forgetUnresolved(sequences: readonly number[]): void {
    for (const range of rangesOf(sequences)) this.#unresolved.remove(range);
  }

  claim({ entries, covered }: Pick<Batch, 'entries' | 'covered'>): void {
    for (const { sequence } of [...entries, ...covered]) this.#claimed.add(sequence);
  }

  unclaim({ entries, covered }: Pick<Batch, 'entries' | 'covered'>): void {
    for (const { sequence } of [...entries, ...covered]) this.#claimed.delete(sequence);
  }

  /** Whether a batch is not what the journal holds any more. To be asked in the same turn as `begin`. */
  isStale({ entries, revision }: Batch): boolean {
    return this.#delivery.isStale(sequencesOf(entries), revision);
  }

  /** Resolves before anything may be sent. */
  async begin(entries: readonly Entry[]): Promise<void> {
    await this.#write(() => this.#delivery.begin(sequencesOf(entries)));
  }

  /** Certainly nothing of it was stored. The batch stays claimed. */
  giveUp(entries: readonly Entry[]): void {
    this.#delivery.settle(sequencesOf(entries), []);
    this.#isDirty = true;
  }

  /**
   * Whether something that is done waits for what lies between it: no more may then be taken from the backlog, because two
   * interleaved batches are settled together or not at all.
   */
  get isCrowded(): boolean {
    return this.#pending.length > 0;
  }

  /** Ends a batch: what it covers and the `delivered` of its entries are done, the others are free again. */
  finish(batch: Pick<Batch, 'entries' | 'covered'>, delivered: readonly number[]): void {
    const done = [...delivered, ...batch.covered.map((one) => one.sequence)];
    const isDone = new Set(done);
    const free = sequencesOf(batch.entries).filter((sequence) => !isDone.has(sequence));
    this.#delivery.settle(free, []);
    for (const sequence of free) this.#claimed.delete(sequence);
    this.#settleOrKeep(done);
  }

  /** There are no records in this range any more. */
  settleHole({ first, last }: SequenceRange): void {
    for (let from = first; from <= last; from += HOLE_PAGE) {
      const sequences = count(from, Math.min(last, from + HOLE_PAGE - 1)).filter(this.isFree);
      for (const sequence of sequences) this.#claimed.add(sequence);
      this.#settleOrKeep(sequences);
    }
  }

  /**
   * What has to be appended again because the state would fall into too many ranges: the smallest gaps, as many as needed,
   * and with them all of about the size of the largest. So runs grow in steps of many at once, like the levels of a merge
   * sort, and each record is moved a few times at most, however many are held for however long.
   */
  stragglers(): readonly SequenceRange[] {
    const gaps = this.#gapsAfterPending();
    if (gaps.length <= RANGES_HIGH) return [];
    const chosen: SequenceRange[] = [];
    let largest = 0;
    for (const gap of gaps.toSorted((a, b) => sizeOf(a) - sizeOf(b))) {
      if (gaps.length - chosen.length <= RANGES_LOW && sizeOf(gap) > 2 * largest) break;
      if (this.#isInHand(gap)) continue;
      chosen.push(gap);
      largest = sizeOf(gap);
    }
    return chosen;
  }

  /**
   * Appends the stragglers again, all at once, so that the disk is waited for once and not for each of them. Still it may take
   * long, so it is no business of whoever delivers what is new. Calls must not overlap. False when some of them are being
   * merged into windows at the moment and stay where they are until that is done.
   * @throws JournalError
   */
  async makeRoom(stragglers: readonly SequenceRange[]): Promise<boolean> {
    const results = await Promise.allSettled(stragglers.map((gap) => this.#move(gap)));
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
    return results.every((result) => result.status === 'fulfilled' && result.value);
  }

  /** Makes durable what is settled, when it is not yet. */
  async flush(): Promise<void> {
    if (this.#isDirty) await this.#write(() => this.#delivery.flush());
  }

  /** What is settled while the disk is at work may have come too late for this write: it makes the ledger dirty again. */
  async #write(work: () => Promise<void>): Promise<void> {
    const wasDirty = this.#isDirty;
    this.#isDirty = false;
    try {
      await work();
    } catch (error) {
      this.#isDirty ||= wasDirty;
      throw error;
    }
  }

  /** What would lie undelivered between the ranges if what is done were settled too. There are as many ranges as gaps. */
  #gapsAfterPending(): readonly SequenceRange[] {
    const after = new SequenceSet([{ first: 1, last: this.#delivery.lowWater }, ...this.#delivery.ranges]);
    for (const range of rangesOf(this.#pending)) after.add(range);
    return after.missing({ first: 1, last: after.ranges.at(-1)?.last ?? 0 });
  }

  /** A crash in the middle of a move can leave more ranges than the journal lets us make; they may only become fewer then. */
  #fits(done: readonly number[]): boolean {
    return rangeCountAfter(this.#delivery, done) <= Math.max(DELIVERY_RANGES_MAX, this.#delivery.ranges.length);
  }

  /** Settles as much as there is room for, and keeps the rest in hand until there is. */
  #settleOrKeep(done: readonly number[]): void {
    if (this.#fits([...this.#pending, ...done])) this.#settle([...this.#pending.splice(0), ...done]);
    else if (this.#fits(done)) this.#settle(done);
    else this.#pending.push(...done);
  }

  #settle(done: readonly number[]): void {
    this.#delivery.settle(done, done);
    for (const sequence of done) this.#claimed.delete(sequence);
    this.#isDirty = true;
  }

  #isInHand({ first, last }: SequenceRange): boolean {
    const [rest] = this.#unresolved.missing({ first, last });
    if (rest?.first !== first || rest.last !== last) return true;
    for (const sequence of this.#claimed)
      if (first <= sequence && sequence <= last && !this.#delivery.isDelivered(sequence)) return true;
    return false;
  }

  /**
   * Appends the observations of a gap at the end; after a crash the journal settles the old place of every durable copy
   * itself. What comes into hand while the page is read stays where it is. What was copied must not go into a window as well,
   * so nothing is merged from here on. False when something was merged since it was read, or is being merged.
   */
  async #move(gap: SequenceRange): Promise<boolean> {
    for (let from = gap.first; from <= gap.last; ) {
      const { revision } = this.#journal;
      const page = await this.#journal.read(from, PAGE);
      const last = Math.min(gap.last, page.at(-1)?.sequence ?? gap.last);
      const places = new Set(count(from, last).filter(this.isFree));
      if (this.#delivery.isStale([...places], revision)) return false;
      for (const sequence of places) this.#claimed.add(sequence);
      this.#delivery.hold([...places]);
      const waiting = page.filter(({ sequence, record }) => places.has(sequence) && isForCity(record));
      const failure = await this.#copy(waiting, places);
      this.#settleOrKeep([...places]);
      if (failure !== undefined) throw failure.reason;
      from = last + 1;
    }
    return true;
  }

  /** What could not be copied stays where it is and is taken out of `places`; the first failure is returned. */
  async #copy(waiting: readonly StoredRecord[], places: Set<number>): Promise<PromiseRejectedResult | undefined> {
    const copies = waiting.map(async ({ sequence, record }) => {
      if (record.kind !== 'observation') return;
      const to = await this.#journal.append(copyOf(record, sequence), true);
      this.#onMove(record.sensor, sequence, to);
    });
    const results = await Promise.allSettled(copies);
    for (const [index, result] of results.entries()) {
      const sequence = waiting[index]?.sequence;
      if (result.status === 'fulfilled' || sequence === undefined) continue;
      places.delete(sequence);
      this.#delivery.settle([sequence], []);
      this.#claimed.delete(sequence);
    }
    return results.find((result) => result.status === 'rejected');
  }
}

function sizeOf({ first, last }: SequenceRange): number {
  return last - first + 1;
}

function count(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}
