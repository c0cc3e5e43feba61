/** How many of the newest polls the figures are taken over: enough for a p99, small enough to sort when asked. */
const SAMPLES_MAX = 4096;

/** How late polls start, against their grid. */
export interface Lateness {
  add(lateMs: number): void;
  /** Of the newest polls: the value that `share` (0 to 1) of them do not exceed; undefined before the first. */
  percentile(share: number): number | undefined;
}

export function openLateness(): Lateness {
  const samples: number[] = [];
  let next = 0;
  return {
    add: (lateMs) => {
      samples[next] = lateMs;
      next = (next + 1) % SAMPLES_MAX;
    },
    percentile: (share) => {
      const sorted = samples.toSorted((a, b) => a - b);
      return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
    },
  };
}
