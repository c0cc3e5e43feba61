import type { Clock } from '../../drivers/clock.ts';
import type { Patience } from './answer.ts';
import { backOffMs, TRANSPORT_PACE } from './back-off.ts';
import type { Batch } from './batch.ts';
import type { Entry } from './entry.ts';

/** A batch whose outcome is unknown: the city is asked sensor by sensor what it holds of it. */
export interface LookUp {
  readonly batch: Batch;
  /** What is still to be asked about: each question is about some entries of one sensor. */
  readonly unasked: readonly (readonly Entry[])[];
  /** Sequences that the city is known to hold. */
  readonly found: ReadonlySet<number>;
  readonly notBeforeMs: number;
  /** When it is looked up once more if something is missing by then: monotonic milliseconds, ascending. */
  readonly laterMs: readonly number[];
  /** Failed questions in a row. */
  readonly attempt: number;
  /** Whether a question about it was answered. */
  readonly wasAnswered?: boolean;
}

/**
 * Batches in hand before the backlog lane begins a new one: each is at least one gap in the delivery state, which holds
 * few, and a restart looks all of them up.
 */
const JOBS_MAX = 8;
/**
 * Batches to look up before the fresh lane waits too. They only wait, for a slow city to make up its mind or for one that
 * does not let itself be asked, and what is new can be delivered meanwhile. This many bound the memory.
 */
const LOOK_UPS_MAX = 64;
/** Questions in a row without an answer that are a matter of their batches; with one more it is the city that does not answer. */
const UNANSWERED_MAX = 2;

/** What the backlog lane has to finish before it takes new records: batches to look up, and batches to send again. */
export class Jobs {
  readonly #clock: Clock;
  readonly #lookUps: LookUp[] = [];
  readonly #resends: Batch[] = [];
  /** Those that wait for the others. */
  readonly #last: Batch[] = [];
  /** Questions in a row, about whatever batch, that the city did not answer, and until when it is not asked again. */
  #unansweredCount = 0;
  #askAgainMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get lookUpCount(): number {
    return this.#lookUps.length;
  }

  /** Whether something of this sensor may be in the city and is not known to be. */
  isInDoubt(sensor: string): boolean {
    return this.#lookUps.some(({ batch }) => batch.entries.some((entry) => entry.sensor === sensor));
  }

  get isFull(): boolean {
    return this.#lookUps.length + this.#resends.length + this.#last.length >= JOBS_MAX;
  }

  /** Whether there is no room for a batch of a suspect: the backlog of all others needs half of it. */
  get isFullForSuspects(): boolean {
    return this.isFull || this.#lookUps.filter(({ batch }) => batch.suspect !== undefined).length >= JOBS_MAX / 2;
  }

  /** Whether there is no room for what the fresh lane may leave here either. */
  get isFullForFresh(): boolean {
    return this.#resends.length + this.#last.length >= JOBS_MAX || this.#lookUps.length >= LOOK_UPS_MAX;
  }

  /** Takes the first batch whose look-up is due; its holder puts it back or finishes it. */
  takeLookUp(): LookUp | undefined {
    const now = this.#clock.monotonicMs();
    if (now < this.#askAgainMs) return undefined;
    const index = this.#lookUps.findIndex((job) => job.notBeforeMs <= now);
    return index < 0 ? undefined : this.#lookUps.splice(index, 1)[0];
  }

  takeResend(): Batch | undefined {
    return this.#resends.shift();
  }

  /** One that is to come after everything else. */
  takeLast(): Batch | undefined {
    return this.#last.shift();
  }

  /** Milliseconds until a look-up is due; Infinity when there is none. */
  remainingMs(): number {
    const dueMs = Math.min(...this.#lookUps.map((job) => job.notBeforeMs));
    return Math.max(0, Math.max(dueMs, this.#askAgainMs) - this.#clock.monotonicMs());
  }

  /** The city answered a question. */
  answered(): void {
    this.#unansweredCount = 0;
  }

  /** It did not. When it answers none, many batches in doubt must not make many questions of one outage: it is not asked for a while. */
  unanswered(random: number): void {
    this.#unansweredCount++;
    const attempt = this.#unansweredCount - UNANSWERED_MAX;
    if (attempt > 0) this.#askAgainMs = this.#clock.monotonicMs() + backOffMs(TRANSPORT_PACE, attempt, random);
  }

  /**
   * A question that something on the way refuses is asked again after this time, behind those about other batches. Unless the batch is
   * of a suspect, nothing else is asked before that, as each question would be refused. Then it is about another sensor, whose name may pass.
   */
  refused(job: LookUp, waitMs: number): void {
    const notBeforeMs = this.#clock.monotonicMs() + waitMs;
    if (job.batch.suspect === undefined) this.#askAgainMs = notBeforeMs;
    const unasked = [...job.unasked.slice(1), ...job.unasked.slice(0, 1)];
    const laterMs = job.laterMs.filter((atMs) => atMs > notBeforeMs);
    this.#lookUps.push({ ...job, unasked, notBeforeMs, laterMs, attempt: job.attempt + 1 });
  }

  /** Looks the batch up at each of these times after `sinceMs` (monotonic) until all of it is found. Those past count as one. */
  lookUp(batch: Batch, patience: Patience, sinceMs = this.#clock.monotonicMs()): void {
    const now = this.#clock.monotonicMs();
    const laterMs = patience.map((afterMs) => sinceMs + afterMs).filter((atMs) => atMs > now);
    const notBeforeMs = patience.length > laterMs.length ? now : (laterMs.shift() ?? now);
    this.#lookUps.push({ batch, unasked: bySensor(batch.entries), found: new Set(), notBeforeMs, laterMs, attempt: 0 });
  }

  /** Everybody was asked about and something is missing: begins again later. False when that was the last time. */
  lookUpLater(job: LookUp): boolean {
    const [notBeforeMs, ...laterMs] = job.laterMs;
    if (notBeforeMs === undefined) return false;
    const unasked = bySensor(job.batch.entries.filter(({ sequence }) => !job.found.has(sequence)));
    this.#lookUps.push({ ...job, unasked, notBeforeMs, laterMs, attempt: 0 });
    return true;
  }

  /** A look-up that goes on: next sensor, or the same one later. In front, so that a batch is finished before the next. */
  goOn(job: LookUp): void {
    this.#lookUps.unshift(job);
  }

  /** In front of the others, in this order: what is cut from one batch stays one gap. */
  resend(...batches: readonly Batch[]): void {
    this.#resends.unshift(...batches);
  }

  /** Behind the others, which are to show whether they fail too. False when so many wait that the fresh lane would have to. */
  resendLast(batch: Batch): boolean {
    // Half of the room: what comes before them needs the rest.
    if (this.#last.length + 1 >= JOBS_MAX / 2) return false;
    this.#last.push(batch);
    return true;
  }
}

function bySensor(entries: readonly Entry[]): (readonly Entry[])[] {
  const sensors = [...new Set(entries.map((entry) => entry.sensor))];
  return sensors.map((sensor) => entries.filter((entry) => entry.sensor === sensor));
}

/**
 * Entries of one sensor in two parts, cut where the time between them is longest: that is where the city has most that is none of
 * theirs. Entries of one second stay together. They must be of two seconds at least.
 */
export function parted(entries: readonly Entry[]): readonly (readonly Entry[])[] {
  const seconds = [...new Set(entries.map(({ second }) => second))].sort((a, b) => a - b);
  const cuts = seconds.slice(1).map((second, index) => {
    return { second, lengthS: second - (seconds[index] ?? second), fromMiddle: Math.abs(index - seconds.length / 2 + 1) };
  });
  const [cut] = cuts.sort((a, b) => b.lengthS - a.lengthS || a.fromMiddle - b.fromMiddle);
  if (cut === undefined) throw new Error('entries of one second have no parts');
  return [entries.filter(({ second }) => second < cut.second), entries.filter(({ second }) => second >= cut.second)];
}
