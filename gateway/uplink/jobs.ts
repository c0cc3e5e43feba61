import type { Clock } from '../../drivers/clock.ts';
import type { Batch } from './batch.ts';

/** A batch whose outcome is unknown: the city is asked sensor by sensor what it holds of it. */
export interface LookUp {
  readonly batch: Batch;
  /** Sensors that are still to be asked about. */
  readonly unasked: readonly string[];
  /** Sequences that the city is known to hold. */
  readonly found: ReadonlySet<number>;
  readonly notBeforeMs: number;
  /** Failed questions in a row. */
  readonly attempt: number;
}

/**
 * Batches in hand before new ones are begun: each is one gap in the delivery state, which holds few, and a restart looks
 * all of them up. A lane that would begin another one waits.
 */
const JOBS_MAX = 8;

/** What the backlog lane has to finish before it takes new records: batches to look up, and batches to send again. */
export class Jobs {
  readonly #clock: Clock;
  readonly #lookUps: LookUp[] = [];
  readonly #resends: Batch[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get lookUpCount(): number {
    return this.#lookUps.length;
  }

  get isEmpty(): boolean {
    return this.#lookUps.length + this.#resends.length === 0;
  }

  get isFull(): boolean {
    return this.#lookUps.length + this.#resends.length >= JOBS_MAX;
  }

  /** Takes the first batch whose look-up is due; its holder puts it back or finishes it. */
  takeLookUp(): LookUp | undefined {
    const now = this.#clock.monotonicMs();
    const index = this.#lookUps.findIndex((job) => job.notBeforeMs <= now);
    return index < 0 ? undefined : this.#lookUps.splice(index, 1)[0];
  }

  takeResend(): Batch | undefined {
    return this.#resends.shift();
  }

  /** Milliseconds until a look-up is due; Infinity when there is none. */
  remainingMs(): number {
    const dueMs = Math.min(...this.#lookUps.map((job) => job.notBeforeMs));
    return Math.max(0, dueMs - this.#clock.monotonicMs());
  }

  lookUp(batch: Batch, afterMs: number): void {
    const unasked = [...new Set(batch.entries.map((entry) => entry.sensor))];
    const notBeforeMs = this.#clock.monotonicMs() + Math.max(0, afterMs);
    this.#lookUps.push({ batch, unasked, found: new Set(), notBeforeMs, attempt: 0 });
  }

  /** A look-up that goes on: next sensor, or the same one later. In front, so that a batch is finished before the next. */
  goOn(job: LookUp): void {
    this.#lookUps.unshift(job);
  }

  /** In front of the others, in this order: what is cut from one batch stays one gap. */
  resend(...batches: readonly Batch[]): void {
    this.#resends.unshift(...batches);
  }
}
