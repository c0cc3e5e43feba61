import { type Entry, isOneSecond } from './entry.ts';
import { Places } from './places.ts';

/** Deliveries that are forgotten together: of the newest ones at least so many are remembered, some minutes of a large site. */
const FORGOTTEN_AT_ONCE = 4_096;

/**
 * What the city is known to hold: the newest deliveries of this process. What is folded into one of them is in no danger
 * of being lost with it.
 */
export class Sent {
  #newest = new Places();
  /** Those before. They go all at once: to drop one for each that comes takes longer than everything else that is done with it. */
  #before = new Places();
  #newestCount = 0;

  /** Whether a delivered observation is of the same sensor and really of the same second. */
  readonly covers = (entry: Entry): boolean =>
    this.#newest.at(entry).some((one) => isOneSecond(one, entry)) ||
    this.#before.at(entry).some((one) => isOneSecond(one, entry));

  add(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const isEntry = (one: Entry) => one.sequence === entry.sequence;
      if (this.#newest.at(entry).some(isEntry) || this.#before.at(entry).some(isEntry)) continue;
      this.#newest.add(entry);
      this.#newestCount++;
    }
    if (this.#newestCount < FORGOTTEN_AT_ONCE) return;
    this.#before = this.#newest;
    this.#newest = new Places();
    this.#newestCount = 0;
  }

  /** The delivered observations that stand in the city at the same sensors and seconds as these, and are none of them. */
  besides(entries: readonly Entry[]): readonly Entry[] {
    const own = new Set(entries.map((entry) => entry.sequence));
    const others = entries.flatMap((entry) => this.#at(entry)).filter((one) => !own.has(one.sequence));
    return [...new Set(others)];
  }

  #at(entry: Entry): readonly Entry[] {
    return [...this.#before.at(entry), ...this.#newest.at(entry)];
  }
}
