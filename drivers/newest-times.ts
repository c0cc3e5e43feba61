/** The newest that count unless told otherwise: the longest of a hundred is their p99. */
const COUNT_DEFAULT = 100;

/** The newest of many times, in no order, so many as are told to count. Milliseconds. */
export class NewestTimes {
  readonly all: number[] = [];
  readonly #countMax: number;
  #next = 0;
  #longestMs = 0;

  constructor(countMax = COUNT_DEFAULT) {
    this.#countMax = countMax;
  }

  add(timeMs: number): void {
    const ms = Math.max(0, timeMs);
    const isLongestOver = this.all[this.#next] === this.#longestMs;
    this.all[this.#next] = ms;
    this.#next = (this.#next + 1) % this.#countMax;
    this.#longestMs = isLongestOver ? Math.max(...this.all) : Math.max(this.#longestMs, ms);
  }

  /** 0 before the first. */
  get longestMs(): number {
    return this.#longestMs;
  }

  /** The time that `share` (0 to 1) of them did not exceed; undefined before the first. */
  percentile(share: number): number | undefined {
    const sorted = this.all.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  }
}
