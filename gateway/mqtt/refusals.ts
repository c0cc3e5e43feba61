import type { Clock } from '../../drivers/clock.ts';
import { PACKET_TOO_LARGE, type TopicRefusedError } from './problem.ts';

/** What was learned of a length is tried out once more after this time: somebody may have raised the limit. */
const REMEMBERED_MS = 24 * 3_600_000;
/** About what a number takes with its id, time and unit. A broker that refuses that means something else than its length. */
const BLAMELESS_BYTES = 160;

/** What a broker has refused, over all its connections. */
export class Refusals {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #last: TopicRefusedError | undefined;
  #refusedBytes = Number.POSITIVE_INFINITY;
  #learnedMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** What the connection has refused and has taken nothing since: where it ends then, this is why. */
  get last(): TopicRefusedError | undefined {
    return this.#last;
  }

  /**
   * The longest payload that may be sent. A broker that does not tell its limit at the connection has one of payloads (Mosquitto's
   * `message_size_limit`), which shows only in what it refuses. Infinity while nothing is known.
   */
  get payloadBytesMax(): number {
    if (this.#clock.monotonicMs() - this.#learnedMs >= REMEMBERED_MS) this.#refusedBytes = Number.POSITIVE_INFINITY;
    return this.#refusedBytes - 1;
  }

  /** A new connection has refused nothing yet. */
  connected(): void {
    this.#last = undefined;
  }

  /** It took a message, or a subscription. */
  took(): void {
    this.#last = undefined;
  }

  /** It refused a message with so long a payload, or a subscription, which has none. */
  refused(error: TopicRefusedError, payloadBytes = 0): void {
    this.#last = error;
    if (error.reason !== PACKET_TOO_LARGE || payloadBytes < BLAMELESS_BYTES) return;
    this.#refusedBytes = Math.min(this.payloadBytesMax + 1, payloadBytes);
    this.#learnedMs = this.#clock.monotonicMs();
  }
}
