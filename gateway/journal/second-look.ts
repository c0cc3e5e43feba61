import type { Clock } from '../../drivers/clock.ts';

/** What the disk refuses for so long is taken for lost. */
export const BELIEVED_AFTER_MS = 30_000;
/** A place that was not asked for all this time is asked for anew: it may have been read meanwhile. */
const FORGOTTEN_AFTER_MS = 600_000;
const PLACES_MAX = 20_000;

interface Refusal {
  readonly firstMs: number;
  lastMs: number;
}

/**
 * A card that comes loose, or a controller that is reset, refuses everything for some seconds and then gives it back. So what
 * cannot be read is not named as lost before it was refused for a while; whoever reads it has to ask again until then.
 */
export class SecondLook {
  readonly #clock: Clock;
  readonly #refusals = new Map<string, Refusal>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The disk refuses this place once more: whether it is lost. */
  isLost(place: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#refusals.get(place);
    if (known === undefined || nowMs - known.lastMs > FORGOTTEN_AFTER_MS) {
      if (this.#refusals.size >= PLACES_MAX) this.#refusals.clear();
      this.#refusals.set(place, { firstMs: nowMs, lastMs: nowMs });
      return false;
    }
    known.lastMs = nowMs;
    return nowMs - known.firstMs >= BELIEVED_AFTER_MS;
  }
}
