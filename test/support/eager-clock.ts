import type { Clock, WallTime } from '../../drivers/clock.ts';

/** More waits than these in one life, and nothing comes to an end. */
const WAITS_MAX = 1_000;

/**
 * A clock that jumps to the end of every wait, for a test that makes a hundred thousand of them. Only for code that waits for
 * one thing at a time: a deadline beside it would come at once.
 */
export class EagerClock implements Clock {
  #nowMs = 0;
  #waitCount = 0;

  monotonicMs(): number {
    return this.#nowMs;
  }

  wall(): WallTime {
    throw new Error('this code must not ask for the wall time');
  }

  timer(delayMs: number, callback: () => void): () => void {
    this.#waitCount += 1;
    if (this.#waitCount > WAITS_MAX) throw new Error(`more than ${WAITS_MAX} waits: it hangs`);
    let isCancelled = false;
    queueMicrotask(() => {
      if (isCancelled) return;
      this.#nowMs += delayMs;
      callback();
    });
    return () => {
      isCancelled = true;
    };
  }
}
