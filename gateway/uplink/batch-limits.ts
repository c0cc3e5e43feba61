import type { Clock } from '../../drivers/clock.ts';
import type { Entry } from './entry.ts';
import { publishBody } from './request.ts';

/** What was learned is tried out once more after this time: an operator may have raised the limit. */
const REMEMBERED_MS = 24 * 3_600_000;
/** No observation is to blame for being too long in a request that is shorter than this: then the limit itself is wrong. */
const BLAMELESS_BYTES = 256;
/** Of the city's own words; the limit is what a request may just have (Sentilo reference §1.4). */
const LIMIT_WORDS = /Request payload size \(\d+ bytes\) exceeds the limit \((\d+) bytes\)/;

/** How large a request with readings may be: as configured until the city has refused one, and then as it has told. */
export class BatchLimits {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #configuredMax: number;
  #entriesMax: number;
  #bytesMax = Number.POSITIVE_INFINITY;
  #learnedMs = 0;

  constructor(clock: Pick<Clock, 'monotonicMs'>, entriesMax: number) {
    this.#clock = clock;
    this.#configuredMax = entriesMax;
    this.#entriesMax = entriesMax;
  }

  /** The most observations of one request. */
  get entriesMax(): number {
    this.#forgetOld();
    return this.#entriesMax;
  }

  /** The longest body of a request; Infinity while nothing is known of a limit. */
  get bytesMax(): number {
    this.#forgetOld();
    return this.#bytesMax;
  }

  /** Whether the city is known to refuse these in one request. */
  isTooLarge(entries: readonly Entry[]): boolean {
    return entries.length > 1 && this.bytesMax < Number.POSITIVE_INFINITY && publishBody(entries).length > this.bytesMax;
  }

  /** The city refused these as too large in these words. Without a number in them half as many are tried. */
  refused(entries: readonly Entry[], words: string): void {
    const bytesMax = Number(LIMIT_WORDS.exec(words)?.[1] ?? Number.POSITIVE_INFINITY);
    if (bytesMax < publishBody(entries).length) this.#bytesMax = Math.max(bytesMax, BLAMELESS_BYTES);
    else this.#entriesMax = Math.max(1, Math.min(this.#entriesMax, entries.length >> 1));
    this.#learnedMs = this.#clock.monotonicMs();
  }

  #forgetOld(): void {
    if (this.#clock.monotonicMs() - this.#learnedMs < REMEMBERED_MS) return;
    this.#entriesMax = this.#configuredMax;
    this.#bytesMax = Number.POSITIVE_INFINITY;
  }
}

/** Whether a single observation can be what makes its request too large. */
export function isBlamed(entries: readonly Entry[]): boolean {
  return entries.length > 1 || publishBody(entries).length > BLAMELESS_BYTES;
}
