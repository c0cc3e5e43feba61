import type { Clock, WallTime } from '../drivers/clock.ts';
import { TimerHeap } from './timer-heap.ts';

/** More rounds than this without time moving on means that something sets a timer of zero again and again. */
const ROUNDS_PER_INSTANT_MAX = 100_000;

/**
 * Time that jumps from one timer to the next, so that a day passes in seconds. It starts at monotonic 0.
 *
 * Between two instants everything that the timers of the first one have woken must have come to rest; otherwise the
 * order of events would depend on how many `await`s stand in the code. The clock therefore calls `drain` after the
 * timers of an instant (see simulator/wire/turn.ts), again and again until nothing new is due at that instant.
 */
export class VirtualClock implements Clock {
  readonly #timers = new TimerHeap();
  readonly #drain: () => Promise<void>;
  readonly #startWallMs: number;
  #nowMs = 0;
  #wallStepMs = 0;
  #wallIsSet = true;
  #isRunning = false;

  /** @param startWallMs the wall clock at monotonic 0, milliseconds since 1970 */
  constructor(startWallMs: number, drain: () => Promise<void>) {
    this.#startWallMs = startWallMs;
    this.#drain = drain;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  /** A clock that was never set counts from 1970, as a Raspberry Pi without a clock chip and without a network does. */
  wall(): WallTime {
    const startMs = this.#wallIsSet ? this.#startWallMs + this.#wallStepMs : 0;
    return { ms: Math.floor(startMs + this.#nowMs), quality: this.#wallIsSet ? 'synced' : 'none' };
  }

  timer(delayMs: number, callback: () => void): () => void {
    if (!Number.isFinite(delayMs)) throw new RangeError(`a timer needs a finite delay in milliseconds, not ${delayMs}`);
    const timer = this.#timers.add(this.#nowMs + Math.max(0, delayMs), callback);
    return () => this.#timers.remove(timer);
  }

  /** Timers that have not fired yet. */
  get pendingCount(): number {
    return this.#timers.size;
  }

  /** Lets the wall clock jump; negative goes back. Monotonic time and timers do not notice. */
  stepWall(byMs: number): void {
    this.#wallStepMs += byMs;
  }

  /** Says whether the wall clock has been set at all. */
  setWallKnown(isSet: boolean): void {
    this.#wallIsSet = isSet;
  }

  /** The same time with a wall clock that is always right: what the rest of the world goes by. */
  ofTheWorld(): Clock {
    return {
      monotonicMs: () => this.#nowMs,
      wall: () => ({ ms: Math.floor(this.#startWallMs + this.#nowMs), quality: 'synced' }),
      timer: (delayMs, callback) => this.timer(delayMs, callback),
    };
  }

  /** Lets time pass until the monotonic time `untilMs`. What a timer's callback throws comes out here. */
  async runUntil(untilMs: number): Promise<void> {
    await this.#runWhile(() => {
      const next = this.#timers.first();
      return next !== undefined && next.atMs <= untilMs;
    });
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /**
   * Lets time pass until `promise` settles, and settles as it does.
   * @throws Error when nothing is left that could ever settle it
   */
  async run<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settle = () => {
      isSettled = true;
    };
    promise.then(settle, settle);
    await this.#runWhile(() => !isSettled && this.#timers.size > 0);
    if (!isSettled) throw new Error(`nothing is left to happen after ${this.#nowMs} ms, and what is waited for has not settled`);
    return promise;
  }

  async #runWhile(goesOn: () => boolean): Promise<void> {
    if (this.#isRunning) throw new Error('the clock is running already: only one caller can let time pass');
    this.#isRunning = true;
    try {
      await this.#drain();
      while (goesOn()) await this.#runInstant(this.#timers.first()?.atMs ?? this.#nowMs);
    } finally {
      this.#isRunning = false;
    }
  }

  /** Fires everything that is due at `atMs`, and what that makes due at the same instant. */
  async #runInstant(atMs: number): Promise<void> {
    this.#nowMs = Math.max(this.#nowMs, atMs);
    for (let round = 0; this.#isDue(); round += 1) {
      if (round >= ROUNDS_PER_INSTANT_MAX) {
        throw new Error(`time stands still at ${this.#nowMs} ms: a timer of zero is set again and again`);
      }
      this.#fireDue();
      await this.#drain();
    }
  }

  #fireDue(): void {
    // Only what was due when the round began: a timer set meanwhile waits until its instant has been drained.
    const limit = this.#timers.size;
    for (let fired = 0; fired < limit && this.#isDue(); fired += 1) {
      const timer = this.#timers.first();
      if (timer === undefined) return;
      this.#timers.remove(timer);
      timer.callback();
    }
  }

  #isDue(): boolean {
    const next = this.#timers.first();
    return next !== undefined && next.atMs <= this.#nowMs;
  }
}
