import type { Clock } from '../../drivers/clock.ts';
import { DiskError, type Log } from '../host.ts';
import { classOf, type Event, type JournalRecord, RECORD_CLASSES, type RecordClass } from '../record.ts';
import { arrange } from './arrange.ts';
import { SEQUENCE_MAX } from './block-file.ts';
import { CheckedSeries } from './checked-series.ts';
import type { Deliveries } from './deliveries.ts';
import { codeOf } from './disk-tools.ts';
import { JournalError, type JournalFailing, type JournalSlow, type StoredRecord } from './journal.ts';
import { gapRecord, joinLosses, type Loss, LossTally, ownStamp } from './loss.ts';
import { recordBytesMax } from './record-codec.ts';
import type { Entry } from './slot-entry.ts';
import { SlowWatch } from './slow-watch.ts';

/** Records that wait in memory while the disk refuses or delays them: ten minutes of 200 sensors read every ten seconds, and half as much again. */
const JOURNAL_WAITING_MAX = 20_000;
/** A group of so many is closed before its interval is over. */
const GROUP_RECORDS_MAX = 2_000;
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 30_000;
/** Gap records of one group. */
const LOSSES_AT_ONCE_MAX = 256;
const NO_SEQUENCE = `the journal has used all its sequences, up to ${SEQUENCE_MAX}: move its folder away, and a new one is begun`;

interface Waiting extends Entry {
  /** 0 until its group is closed. */
  sequence: number;
  readonly resolve: (sequence: number) => void;
  readonly reject: (error: JournalError) => void;
}

/** What the queue writes to. */
export interface CommitTarget {
  /** Makes the first of these durable and returns how many. `onHanded` is called before the disk is given any. @throws DiskError */
  write(entries: readonly Entry[], onHanded: () => void): Promise<number>;
  /** Before records are written that could be read while they were only in memory. @throws DiskError, JournalError */
  beforeResuming(): Promise<void>;
  /** A durable gap record names the loss. */
  onNamed(loss: Loss): void;
  /** Who still has to get what is given up. */
  readonly deliveries: Pick<Deliveries, 'isDelivered' | 'settleCount' | 'skip'>;
}

export interface CommitOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly syncMs: number;
  /** Of the machine: the journal's own records are stamped with it. Without it, the boot of the last record is taken. */
  readonly boot?: string;
}

interface Failing {
  readonly code: string;
  readonly sinceMonotonicMs: number;
  readonly cancelRetry: () => void;
  readonly retryMs: number;
}

/**
 * Turns single appends into groups: one write and one fdatasync for all that arrived in the interval, one at a time, while
 * the next group gathers. A group gets its sequences when it is closed. When the disk fails, the group is written once more
 * elsewhere, with the same sequences; when that fails too, everything waits in memory, where it can be read, and is tried
 * again with back-off. So a sequence may stand in two places, but never with two contents.
 */
export class CommitQueue {
  readonly #options: CommitOptions;
  readonly #target: CommitTarget;
  #nextSequence: number;
  /** The group that gathers. */
  #gathering: Waiting[] = [];
  /** Groups that are closed, with their sequences, ascending. */
  #closed: Waiting[] = [];
  /** How many of these are on their way to the disk. */
  #writingCount = 0;
  #cancelTimer: (() => void) | undefined;
  #isExpiring = false;
  #running: Promise<void> | undefined;
  #failing: Failing | undefined;
  readonly #slowWatch: SlowWatch;
  #isClosed = false;
  #isResuming = false;
  /** Losses that no record names yet. */
  #losses: Loss[] = [];
  /** What is to be written down besides. */
  #notes: Pick<Event, 'code' | 'fields'>[] = [];
  #droppedCount = 0;
  /** How much was settled when nothing of what waits was delivered. */
  #fruitlessAt: number | undefined;
  /** The last sequence that may have been handed to the disk, by an earlier process too: what became of it nobody knows when that fails. */
  #attempted: number;
  /** What was given up in memory since the disk last took something. */
  #dropped = newTallies();
  /** What the journal's own records are stamped with; undefined until it is known. */
  #boot: string | undefined;
  readonly #checked = new CheckedSeries();

  constructor(options: CommitOptions, nextSequence: number, target: CommitTarget) {
    this.#options = options;
    this.#boot = options.boot;
    this.#nextSequence = nextSequence;
    this.#attempted = nextSequence - 1;
    this.#target = target;
    this.#slowWatch = new SlowWatch(options.clock, options.log);
  }

  get failing(): JournalFailing | undefined {
    if (this.#failing === undefined) return undefined;
    const { code, sinceMonotonicMs } = this.#failing;
    return {
      code,
      forMs: this.#options.clock.monotonicMs() - sinceMonotonicMs,
      waitingCount: this.#waitingCount,
      waitingMax: JOURNAL_WAITING_MAX,
      fromSequence: this.#attempted + 1,
    };
  }

  get slow(): JournalSlow | undefined {
    const { forMs } = this.#slowWatch;
    return forMs === undefined ? undefined : { forMs, waitingCount: this.#waitingCount };
  }

  /** Whether the record is nowhere but here, was never handed to the disk, and nothing is on its way to change that. */
  isVolatile(sequence: number): boolean {
    return this.#failing !== undefined && !this.#isResuming && sequence > this.#attempted;
  }

  /** The sequence after the last one that was given. */
  get nextSequence(): number {
    return this.#nextSequence;
  }

  /** While the disk refuses: the records from `from` on that have a sequence and are nowhere but here; with a class those of it. */
  volatile(from: number, limit: number, only: RecordClass | undefined): readonly StoredRecord[] {
    if (this.#failing === undefined) return [];
    const isMeant = ({ sequence, record }: Waiting) => sequence >= from && (only === undefined || classOf(record) === only);
    return this.#closed.filter(isMeant).slice(0, limit);
  }

  /** A gap record names the loss as soon as one can be written. */
  nameLoss(loss: Loss): void {
    this.#losses.push(loss);
  }

  /** An event record says so as soon as one can be written. */
  note(code: string, fields: Event['fields']): void {
    this.#notes.push({ code, fields });
  }

  /** Observations that were given up in memory and not delivered from there. */
  get droppedCount(): number {
    return this.#droppedCount;
  }

  append(record: JournalRecord, urgent: boolean): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw new JournalError('the journal is closed');
      if (!this.#hasSequence) throw new JournalError(NO_SEQUENCE);
      const tag = record.kind === 'observation' ? this.#checked.check(record) : undefined;
      const bytesMax = tag?.bytesMax ?? recordBytesMax(record);
      this.#boot = this.#options.boot ?? record.boot;
      this.#appendOwn();
      this.#gather({ sequence: 0, record, bytesMax, tag, resolve, reject }, urgent);
    });
  }

  /** Tries once more to write what waits, and rejects what cannot be written. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#failing?.cancelRetry();
    this.#closeGroup();
    this.#start();
    while (this.#running !== undefined) await this.#running;
    this.#failing?.cancelRetry();
    for (const record of this.#closed.splice(0))
      record.reject(new JournalError('the journal was closed while its disk refused to write; the record is lost'));
  }

  /** Whether there is a sequence for one record more. */
  get #hasSequence(): boolean {
    return this.#nextSequence + this.#gathering.length <= SEQUENCE_MAX;
  }

  get #waitingCount(): number {
    return this.#gathering.length + this.#closed.length;
  }

  #gather(waiting: Waiting, urgent: boolean): void {
    this.#gathering.push(waiting);
    if (this.#waitingCount > JOURNAL_WAITING_MAX) this.#trim();
    if (urgent || this.#options.syncMs === 0 || this.#gathering.length >= GROUP_RECORDS_MAX) this.#expireSoon();
    else this.#cancelTimer ??= this.#options.clock.timer(this.#options.syncMs, () => this.#expire());
  }

  /** Whatever is appended in the same turn is one group. */
  #expireSoon(): void {
    if (this.#isExpiring) return;
    this.#isExpiring = true;
    queueMicrotask(() => {
      this.#isExpiring = false;
      this.#expire();
    });
  }

  /** The interval is over. What has come meanwhile waits for the group before, and becomes one with it if that has not begun. */
  #expire(): void {
    const isWriting = this.#running !== undefined && this.#failing === undefined;
    if (isWriting) this.#stopTimer();
    else this.#closeGroup();
    if (this.#failing === undefined) this.#start();
  }

  #closeGroup(): void {
    this.#stopTimer();
    const group = arrange(this.#gathering);
    this.#gathering = [];
    for (let i = 0; i < group.length; i++) (group[i] as Waiting).sequence = this.#nextSequence++;
    this.#closed = this.#closed.length === 0 ? group : this.#closed.concat(group);
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #start(): void {
    if (this.#running !== undefined || this.#closed.length === 0) return;
    this.#running = this.#run();
  }

  /** Ends when nothing is due, or when the disk fails. */
  async #run(): Promise<void> {
    try {
      if (this.#failing !== undefined) {
        // From here on what begins to be sent has to be known after a crash: it may be written by then.
        this.#isResuming = true;
        await this.#slowWatch.watch(this.#target.beforeResuming());
      }
      while (this.#closed.length > 0) {
        await this.#commit();
        this.#resumed();
        // An interval that ended during the write has no timer any more: its group is due now.
        if (this.#cancelTimer === undefined) this.#closeGroup();
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isResuming = false;
      // In the same turn as the last look at the queue: an append in between would wait for nobody.
      this.#running = undefined;
    }
  }

  /** Makes what is closed durable, in as many writes as it takes. A failure may be that of one file: it is tried once more. */
  async #commit(): Promise<void> {
    const end = this.#nextSequence;
    let hasFailed = false;
    while (this.#closed[0] !== undefined && this.#closed[0].sequence < end) {
      try {
        const isAll = (this.#closed.at(-1)?.sequence ?? end) < end;
        const group = isAll ? this.#closed.slice() : this.#closed.filter(({ sequence }) => sequence < end);
        this.#writingCount = group.length;
        const onHanded = () => {
          this.#attempted = end - 1;
        };
        const count = await this.#slowWatch.watch(this.#target.write(group, onHanded));
        for (const { resolve, sequence } of this.#closed.splice(0, count)) resolve(sequence);
        hasFailed = false;
      } catch (error) {
        if (hasFailed || !(error instanceof DiskError)) throw error;
        hasFailed = true;
      } finally {
        this.#writingCount = 0;
      }
    }
  }

  #fail(error: unknown): void {
    if (!(error instanceof DiskError || error instanceof JournalError)) throw error;
    const { clock, log } = this.#options;
    const code = codeOf(error);
    const retryMs = Math.min(RETRY_MAX_MS, this.#failing === undefined ? RETRY_FIRST_MS : this.#failing.retryMs * 2);
    if (this.#failing === undefined) {
      log('error', 'journal-failing', { errno: code, message: error.message, waitingMax: JOURNAL_WAITING_MAX });
    }
    this.#failing = {
      code,
      sinceMonotonicMs: this.#failing?.sinceMonotonicMs ?? clock.monotonicMs(),
      retryMs,
      cancelRetry: clock.timer(retryMs, () => {
        this.#closeGroup();
        this.#start();
      }),
    };
    this.#closeGroup();
    this.#trim();
    if (this.#isClosed) this.#failing.cancelRetry();
  }

  /** The disk took a group. */
  #resumed(): void {
    if (this.#failing !== undefined) {
      const { clock, log } = this.#options;
      const failedMs = clock.monotonicMs() - this.#failing.sinceMonotonicMs;
      const droppedCount = [...this.#dropped.values()].reduce((sum, { count }) => sum + count, 0);
      log('info', 'journal-writing-again', { errno: this.#failing.code, failedMs, droppedCount });
      this.#failing.cancelRetry();
      this.#failing = undefined;
    }
    for (const { loss } of this.#dropped.values()) if (loss !== undefined) this.#losses.push(loss);
    this.#dropped = newTallies();
    if (!this.#isClosed) this.#appendOwn();
  }

  /** Keeps the number of waiting records bounded: the oldest that is delivered goes first, then the oldest of the lowest class. */
  #trim(): void {
    while (this.#waitingCount > JOURNAL_WAITING_MAX) {
      this.#closeGroup();
      const delivered = this.#oldestDelivered();
      const at = delivered >= 0 ? delivered : RECORD_CLASSES.map((each) => this.#oldest(each)).find((index) => index >= 0);
      // All that waits is on its way.
      if (at === undefined) return;
      const [dropped] = this.#closed.splice(at, 1);
      if (dropped === undefined) return;
      const { sequence, record } = dropped;
      this.#dropped.get(classOf(record))?.add(dropped);
      const { deliveries } = this.#target;
      if (record.kind === 'observation' && !deliveries.isDelivered(sequence)) this.#droppedCount += 1;
      deliveries.skip({ first: sequence, last: sequence });
      const why = `${JOURNAL_WAITING_MAX} newer ones wait for a disk that does not write`;
      dropped.reject(new JournalError(`record ${sequence} is given up: ${why}; check the card`));
    }
  }

  /**
   * Place of the oldest record that is delivered, of any class but events; -1 when there is none. What is appended is not
   * delivered, so after a fruitless look another is worth nothing until something is settled.
   */
  #oldestDelivered(): number {
    const { deliveries } = this.#target;
    if (this.#fruitlessAt === deliveries.settleCount) return -1;
    const isMeant = ({ record, sequence }: Waiting) => classOf(record) !== 'events' && deliveries.isDelivered(sequence);
    const found = this.#closed.findIndex((waiting, index) => index >= this.#writingCount && isMeant(waiting));
    if (found < 0) this.#fruitlessAt = deliveries.settleCount;
    return found;
  }

  /** Place of the oldest record of a class that is not on its way; -1 when there is none. */
  #oldest(recordClass: RecordClass): number {
    return this.#closed.findIndex(({ record }, index) => index >= this.#writingCount && classOf(record) === recordClass);
  }

  #appendOwn(): void {
    if (this.#failing !== undefined || this.#boot === undefined) return;
    const boot = this.#boot;
    for (const loss of joinLosses(this.#losses.splice(0), LOSSES_AT_ONCE_MAX)) {
      // Should it be given up itself, the loss is named later.
      const reject = () => this.#losses.push(loss);
      this.#gatherOwn(gapRecord(loss, boot, this.#options.clock), () => this.#target.onNamed(loss), reject);
    }
    for (const { code, fields } of this.#notes.splice(0)) {
      const stamp = ownStamp(boot, this.#options.clock);
      this.#gatherOwn({ kind: 'event', ...stamp, code, fields });
    }
  }

  #gatherOwn(record: JournalRecord, resolve = () => {}, reject = () => {}): void {
    let bytesMax: number;
    try {
      if (!this.#hasSequence) throw new JournalError(NO_SEQUENCE);
      bytesMax = recordBytesMax(record);
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      // Whoever appends or waits here has done nothing wrong. What was announced is tried again by the next opening.
      this.#options.log('error', 'journal-own-record-refused', { kind: record.kind, message: error.message });
      return;
    }
    this.#gather({ sequence: 0, record, bytesMax, tag: undefined, resolve, reject }, false);
  }
}

function newTallies(): ReadonlyMap<RecordClass, LossTally> {
  return new Map(RECORD_CLASSES.map((recordClass) => [recordClass, new LossTally('waiting-full', recordClass)]));
}
