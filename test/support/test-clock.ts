import type { Clock, WallTime } from '../../drivers/clock.ts';

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

/** A clock that only moves when the test says so. Timers of one moment run in the order in which they were set. */
export class TestClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<Timer>();
  readonly #wall: WallTime | undefined;

  /** Without a `wall`, asking for the wall time is an error: intervals and deadlines must not depend on it. */
  constructor(wall?: WallTime) {
    this.#wall = wall;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  wall(): WallTime {
    if (this.#wall === undefined) throw new Error('this code must not ask for the wall time');
    return { ...this.#wall, ms: this.#wall.ms + this.#nowMs };
  }

  timer(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How many timers are waiting: what has ended must leave none behind. */
  get timerCount(): number {
    return this.#timers.size;
  }

  /** Lets `ms` pass: runs what is due on the way, each at its own time, and everything that follows from it. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await drain();
    for (let next = this.#next(); next !== undefined && next.atMs <= untilMs; next = this.#next()) await this.#fire(next);
    this.#nowMs = untilMs;
  }

  /** Lets as much time pass as `work` needs, and settles as it does. Fails when `work` waits for something that is not a timer. */
  async run<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const finish = () => {
      settled = true;
    };
    work.then(finish, finish);
    await drain();
    while (!settled) {
      const next = this.#next();
      if (next === undefined) throw new Error('the work waits, and no timer is set that could wake it');
      await this.#fire(next);
    }
    return work;
  }

  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (next === undefined || timer.atMs < next.atMs) next = timer;
    return next;
  }

  async #fire(timer: Timer): Promise<void> {
    this.#timers.delete(timer);
    this.#nowMs = timer.atMs;
    timer.callback();
    await drain();
  }
}

/** A clock that goes on between two looks at it, by a nanosecond each, as a real one does. */
export class TickingClock extends TestClock {
  #lookCount = 0;

  override monotonicMs(): number {
    return super.monotonicMs() + 1e-6 * this.#lookCount++;
  }
}

/** Waits until no microtask is left. */
export function drain(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
