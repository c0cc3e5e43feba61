/** The newest that count: the longest of a hundred is their p99. */
const SAMPLES_MAX = 100;

/** The newest of many times, at most a hundred, in no order. Milliseconds. */
export class NewestTimes {
  readonly all: number[] = [];
  #next = 0;

  add(timeMs: number): void {
    this.all[this.#next] = Math.max(0, timeMs);
    this.#next = (this.#next + 1) % SAMPLES_MAX;
  }

  /** The time that `share` (0 to 1) of them did not exceed; NaN before the first. */
  percentile(share: number): number {
    const sorted = this.all.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  }
}
