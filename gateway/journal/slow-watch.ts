import type { Clock } from '../../drivers/clock.ts';
import type { Log } from '../host.ts';

/** A card that tidies up may take this long for one commit without anybody having to know. */
const SLOW_MS = 5_000;
/** A card that is always slow is said so often. */
const SAID_AGAIN_MS = 3_600_000;

/** Notices a disk that does not answer. Nothing else depends on it. */
export class SlowWatch {
  readonly #clock: Clock;
  readonly #log: Log;
  #sinceMonotonicMs: number | undefined;
  #saidMonotonicMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** How long the disk has not answered, once that is long. */
  get forMs(): number | undefined {
    return this.#sinceMonotonicMs === undefined ? undefined : this.#clock.monotonicMs() - this.#sinceMonotonicMs;
  }

  /** Waits for what the disk does, and says when that takes very long. */
  async watch<T>(work: Promise<T>): Promise<T> {
    const sinceMonotonicMs = this.#clock.monotonicMs();
    const cancel = this.#clock.timer(SLOW_MS, () => {
      this.#sinceMonotonicMs = sinceMonotonicMs;
      if (sinceMonotonicMs - this.#saidMonotonicMs < SAID_AGAIN_MS) return;
      this.#saidMonotonicMs = sinceMonotonicMs;
      this.#log('warning', 'journal-slow', { forMs: SLOW_MS });
    });
    try {
      return await work;
    } finally {
      cancel();
      this.#sinceMonotonicMs = undefined;
    }
  }
}
