import type { Clock } from '../../drivers/clock.ts';
import { DiskError, type Log } from '../host.ts';
import type { JournalRecord } from '../record.ts';
import { JournalError, type JournalStats, type SequenceRange } from './journal.ts';
import { encodeRecord } from './record-codec.ts';
import type { Loss, Retention } from './retention.ts';
import type { Pending, SegmentStore } from './segment-store.ts';
import { SequenceSet } from './sequence-set.ts';

/** Records that wait in memory while the disk refuses or delays them: ten minutes of 200 sensors read every ten seconds, and half as much again. */
export const JOURNAL_WAITING_MAX = 20_000;
/** Files that are deleted for one group. A disk that says it is full whatever is freed must not keep the program busy. */
const FREED_MAX = 8;
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 30_000;

interface Waiting extends Pending {
  readonly kind: JournalRecord['kind'];
  readonly resolve: (sequence: number) => void;
  readonly reject: (error: JournalError) => void;
}

interface Failing {
  readonly code: string;
  readonly sinceMonotonicMs: number;
  readonly cancelRetry: () => void;
  readonly retryMs: number;
}

/**
 * Turns single appends into groups: one write and one fdatasync for all that arrived in the interval, one group at a time.
 * When the disk fails, a group is written once more into a new file; when that fails too, everything waits in memory and is
 * tried again with back-off. A record keeps the sequence it got with `append`, whatever happens on the way: the same
 * sequence may then stand in two files, but never with two contents.
 */
export class CommitQueue {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #syncMs: number;
  readonly #store: SegmentStore;
  readonly #retention: Retention;
  #nextSequence: number;
  #waiting: Waiting[] = [];
  /** The interval of the waiting records is over. */
  #isDue = false;
  #cancelTimer: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #failing: Failing | undefined;
  #isClosed = false;
  /** Losses that no record names yet. */
  #losses: Loss[] = [];
  /** Sequences that were given up in memory. */
  #dropped = new SequenceSet();
  readonly #onDropped: (dropped: SequenceRange) => void;
  /** The journal's own records are stamped with the boot of the last record it was given: it has no other source. */
  #boot: string | undefined;

  constructor(
    options: { readonly clock: Clock; readonly log: Log; readonly syncMs: number },
    store: SegmentStore,
    retention: Retention,
    nextSequence: number,
    onDropped: (dropped: SequenceRange) => void,
  ) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#syncMs = options.syncMs;
    this.#store = store;
    this.#retention = retention;
    this.#nextSequence = nextSequence;
    this.#onDropped = onDropped;
  }

  get failing(): JournalStats['failing'] {
    if (this.#failing === undefined) return undefined;
    const { code, sinceMonotonicMs } = this.#failing;
    return { code, forMs: this.#clock.monotonicMs() - sinceMonotonicMs, waitingCount: this.#waiting.length };
  }

  /** A gap record names the loss as soon as one can be written. */
  nameLoss(loss: Loss): void {
    this.#losses.push(loss);
  }

  async append(record: JournalRecord, urgent: boolean): Promise<number> {
    if (this.#isClosed) throw new JournalError('the journal is closed');
    const payload = encodeRecord(record);
    this.#boot = record.boot;
    this.#appendGaps();
    return await this.#enqueue(record, payload, urgent);
  }

  /** Tries once more to write what waits, and rejects what cannot be written. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#failing?.cancelRetry();
    this.#isDue = true;
    this.#start();
    while (this.#running !== undefined) await this.#running;
    this.#cancelTimer?.();
    this.#failing?.cancelRetry();
    const lost = this.#waiting;
    this.#waiting = [];
    for (const record of lost)
      record.reject(new JournalError('the journal was closed while its disk refused to write; the record is lost'));
    await this.#store.finish();
  }

  #enqueue(record: JournalRecord, payload: Uint8Array, urgent: boolean): Promise<number> {
    const promise = new Promise<number>((resolve, reject) => {
      this.#waiting.push({ sequence: this.#nextSequence++, payload, stamp: record, kind: record.kind, resolve, reject });
    });
    this.#trim();
    if (urgent || this.#syncMs === 0) this.#expire();
    else if (!this.#isDue) this.#cancelTimer ??= this.#clock.timer(this.#syncMs, () => this.#expire());
    return promise;
  }

  #expire(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#isDue = true;
    if (this.#failing === undefined) this.#start();
  }

  #start(): void {
    if (this.#running !== undefined || this.#waiting.length === 0) return;
    this.#running = this.#run();
  }

  /** What arrives while a group is being written forms the next one. Ends when nothing is due, or when the disk fails. */
  async #run(): Promise<void> {
    try {
      while (this.#isDue && this.#waiting.length > 0) {
        this.#isDue = false;
        this.#cancelTimer?.();
        this.#cancelTimer = undefined;
        const group = this.#waiting;
        this.#waiting = [];
        const failure = await this.#commit(group);
        if (failure !== undefined) return this.#fail(failure.error, failure.rest);
        this.#recover();
      }
    } finally {
      // In the same turn as the last look at the queue: an append in between would wait for nobody.
      this.#running = undefined;
    }
  }

  /** Undefined when all of the group is durable; otherwise the last error and the records that are not. */
  async #commit(group: readonly Waiting[]): Promise<{ error: DiskError; rest: readonly Waiting[] } | undefined> {
    let rest = group;
    let hasFailed = false;
    let freedCount = 0;
    for (let next = rest[0]; next !== undefined; next = rest[0]) {
      try {
        await this.#retention.makeRoom(next);
        const count = await this.#store.write(rest);
        for (const record of rest.slice(0, count)) record.resolve(record.sequence);
        rest = rest.slice(count);
        hasFailed = false;
      } catch (error) {
        if (!(error instanceof DiskError)) throw error;
        // The first failure costs nothing but a new file; only a disk that is full twice makes older data go.
        const mayFree = hasFailed && error.code === 'ENOSPC' && freedCount < FREED_MAX;
        const isFreed = mayFree && (await this.#retention.freeDisk(rest.length + this.#waiting.length >= JOURNAL_WAITING_MAX));
        if (hasFailed && !isFreed) return { error, rest };
        if (isFreed) freedCount += 1;
        hasFailed = true;
      }
    }
    return undefined;
  }

  #fail(error: DiskError, rest: readonly Waiting[]): void {
    this.#waiting = [...rest, ...this.#waiting];
    const retryMs = Math.min(RETRY_MAX_MS, this.#failing === undefined ? RETRY_FIRST_MS : this.#failing.retryMs * 2);
    if (this.#failing === undefined) {
      this.#log('error', 'journal-failing', { errno: error.code, message: error.message, waitingMax: JOURNAL_WAITING_MAX });
    }
    this.#failing = {
      code: error.code,
      sinceMonotonicMs: this.#failing?.sinceMonotonicMs ?? this.#clock.monotonicMs(),
      retryMs,
      cancelRetry: this.#clock.timer(retryMs, () => {
        this.#isDue = true;
        this.#start();
      }),
    };
    this.#trim();
  }

  /** The disk took a group. */
  #recover(): void {
    this.#retention.diskHasRoom();
    if (this.#failing !== undefined) {
      const failedMs = this.#clock.monotonicMs() - this.#failing.sinceMonotonicMs;
      this.#log('info', 'journal-writing-again', { errno: this.#failing.code, failedMs, droppedCount: this.#dropped.count });
      this.#failing = undefined;
    }
    for (const range of this.#dropped.ranges) this.#losses.push({ range, cause: 'waiting-full' });
    this.#dropped = new SequenceSet();
    if (!this.#isClosed) this.#appendGaps();
  }

  /** Keeps the number of waiting records bounded: the oldest observation goes first, as the newest tell more. */
  #trim(): void {
    while (this.#waiting.length > JOURNAL_WAITING_MAX) {
      const oldest = this.#waiting.findIndex((record) => record.kind === 'observation');
      const [dropped] = this.#waiting.splice(Math.max(0, oldest), 1);
      if (dropped === undefined) return;
      const range = { first: dropped.sequence, last: dropped.sequence };
      this.#dropped.add(range);
      this.#onDropped(range);
      const why = `${JOURNAL_WAITING_MAX} newer ones wait for a disk that does not write`;
      dropped.reject(new JournalError(`record ${dropped.sequence} is given up: ${why}; check the card`));
    }
  }

  #appendGaps(): void {
    if (this.#failing !== undefined || this.#boot === undefined) return;
    const losses = this.#losses;
    this.#losses = [];
    const wall = this.#clock.wall();
    for (const loss of losses) {
      const record: JournalRecord = {
        kind: 'gap',
        boot: this.#boot,
        monotonicMs: this.#clock.monotonicMs(),
        wallMs: wall.ms,
        wallQuality: wall.quality,
        firstSequence: loss.range.first,
        lastSequence: loss.range.last,
        cause: loss.cause,
      };
      // Should it be given up itself, the loss is named later.
      this.#enqueue(record, encodeRecord(record), false).catch(() => this.#losses.push(loss));
    }
  }
}
