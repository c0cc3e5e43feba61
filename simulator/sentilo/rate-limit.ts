const MS_PER_MINUTE = 60_000;
const MS_PER_HOUR = 3_600_000;
/** A minute's count is forgotten so long after its first request: the window less one bucket. */
const BUCKET_LIFE_MS = 59 * MS_PER_MINUTE;

/** What the limiter says about one request. */
export interface Allowance {
  readonly isAllowed: boolean;
  readonly remaining: number;
  /** Whole minutes until the oldest bucket is an hour old; 0 while requests are allowed. */
  readonly resetMinutes: number;
}

interface Bucket {
  readonly minute: number;
  readonly createdMs: number;
  count: number;
}

/**
 * The city's inbound limiter: a sliding window of an hour in buckets of a minute (sentilo.md §1.10). A refused request does
 * not count.
 */
export class RateLimit {
  /** Oldest first; at most 60. */
  #buckets: Bucket[] = [];

  /** Counts one request at `nowMs` against `quota` requests an hour (> 0). */
  take(nowMs: number, quota: number): Allowance {
    this.#buckets = this.#buckets.filter((bucket) => nowMs < bucket.createdMs + BUCKET_LIFE_MS);
    const usedCount = this.#buckets.reduce((sum, bucket) => sum + bucket.count, 0);
    if (usedCount >= quota) {
      const oldestMs = this.#buckets[0]?.createdMs ?? nowMs;
      const resetMinutes = Math.floor((oldestMs + MS_PER_HOUR - nowMs) / MS_PER_MINUTE);
      return { isAllowed: false, remaining: Math.max(0, quota - usedCount), resetMinutes };
    }
    this.#currentBucket(nowMs).count += 1;
    return { isAllowed: true, remaining: quota - usedCount - 1, resetMinutes: 0 };
  }

  #currentBucket(nowMs: number): Bucket {
    const minute = Math.floor(nowMs / MS_PER_MINUTE);
    const last = this.#buckets.at(-1);
    if (last?.minute === minute) return last;
    const bucket = { minute, createdMs: nowMs, count: 0 };
    this.#buckets.push(bucket);
    return bucket;
  }
}
