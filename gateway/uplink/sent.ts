import { type Entry, isOneSecond, placeOf } from './entry.ts';

/** Deliveries that are remembered: some minutes of a large site. */
const SENT_MAX = 8_192;

/**
 * What the city is known to hold: the newest deliveries of this process. What is folded into one of them is in no danger
 * of being lost with it.
 */
export class Sent {
  /** By sensor and second. Two of them share one when the wall clock was set back in between. */
  readonly #entries = new Map<string, readonly Entry[]>();
  #count = 0;

  /** Whether a delivered observation is of the same sensor and really of the same second. */
  readonly covers = (entry: Entry): boolean => this.#at(entry).some((one) => isOneSecond(one, entry));

  add(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const place = placeOf(entry);
      const known = this.#entries.get(place) ?? [];
      if (known.some((one) => one.sequence === entry.sequence)) continue;
      // To the end, where what is new stands; nearly always nothing is there yet.
      if (known.length > 0) this.#entries.delete(place);
      this.#entries.set(place, [...known, entry]);
      this.#count++;
    }
    for (const [key, oldest] of this.#entries) {
      if (this.#count <= SENT_MAX) return;
      this.#entries.delete(key);
      this.#count -= oldest.length;
    }
  }

  /** The delivered observations that stand in the city at the same sensors and seconds as these, and are none of them. */
  besides(entries: readonly Entry[]): readonly Entry[] {
    const own = new Set(entries.map((entry) => entry.sequence));
    const places = new Map(entries.map((entry) => [placeOf(entry), entry]));
    return [...places.values()].flatMap((entry) => this.#at(entry)).filter((one) => !own.has(one.sequence));
  }

  #at(entry: Entry): readonly Entry[] {
    return this.#entries.get(placeOf(entry)) ?? [];
  }
}
