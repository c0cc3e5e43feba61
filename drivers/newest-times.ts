/** The newest that count: the longest of a hundred is their p99. */
const SAMPLES_MAX = 100;

/** The newest of many times, at most a hundred, in no order. Milliseconds. */
export class NewestTimes {
  readonly all: number[] = [];
  #next = 0;
  #longestMs = 0;

  add(timeMs: number): void {
    const ms = Math.max(0, timeMs);
    const isLongestOver = this.all[this.#next] === this.#longestMs;
    this.all[this.#next] = ms;
    this.#next = (this.#next + 1) % SAMPLES_MAX;
    this.#longestMs = isLongestOver ? Math.max(...this.all) : Math.max(this.#longestMs, ms);
  }

  /** 0 before the first. */
  get longestMs(): number {
    return this.#longestMs;
  }

  /** The time that `share` (0 to 1) of them did not exceed; NaN before the first. */
  percentile(share: number): number {
    const sorted = this.all.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  }
}
