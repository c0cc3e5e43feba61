import type { Clock } from '../drivers/clock.ts';

/** Somebody who is to be woken. */
export interface Sleeper {
  /** Must not throw. */
  wake(): void;
}

/** Those who sleep until one moment, in the order in which they lay down. */
interface Moment {
  readonly sleepers: Sleeper[];
  readonly cancelTimer: () => void;
}

/**
 * Wakes many at moments of the monotonic clock, with one timer for all who sleep until the same one: a schedule costs for
 * how often it wakes the machine, and not for how many.
 */
export class Moments {
  readonly clock: Clock;
  readonly #moments = new Map<number, Moment>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Wakes `sleeper` once at the monotonic time `atMs`, or as soon as possible when that has passed; never within this call. */
  add(atMs: number, sleeper: Sleeper): void {
    const moment = this.#moments.get(atMs) ?? this.#begin(atMs);
    moment.sleepers.push(sleeper);
  }

  /** Takes a sleeper back. False when it does not sleep until `atMs`, because that has come: it was woken or is about to be. */
  remove(atMs: number, sleeper: Sleeper): boolean {
    const moment = this.#moments.get(atMs);
    const place = moment?.sleepers.indexOf(sleeper) ?? -1;
    if (moment === undefined || place < 0) return false;
    moment.sleepers.splice(place, 1);
    if (moment.sleepers.length === 0) {
      this.#moments.delete(atMs);
      moment.cancelTimer();
    }
    return true;
  }

  #begin(atMs: number): Moment {
    const sleepers: Sleeper[] = [];
    const cancelTimer = this.clock.timer(Math.max(0, atMs - this.clock.monotonicMs()), () => {
      // One who lies down until a moment that has come gets a timer of his own.
      this.#moments.delete(atMs);
      for (const sleeper of sleepers) sleeper.wake();
    });
    const moment = { sleepers, cancelTimer };
    this.#moments.set(atMs, moment);
    return moment;
  }
}
