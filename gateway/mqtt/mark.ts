import type { Clock } from '../../drivers/clock.ts';

/** As long as brokers usually wait until they write down what they have (Mosquitto's `autosave_interval`, and a minute). */
export const REMEMBERED_MS = 1_860_000;

/** Closer together its places are not kept: there may be hundreds in a second. */
const POINT_MS = 1_000;

interface Point {
  readonly sequence: number;
  readonly atMs: number;
}

/**
 * What a broker that has lost acknowledged messages is noticed by: how far the readings are is kept by the broker itself, as
 * one retained message, beside everything else that it keeps. A broker that comes back with an older one has come back with an
 * older everything.
 */
export class Mark {
  readonly #clock: Clock;
  /** Where it stood over the last half hour. */
  readonly #points: Point[] = [];
  #newest: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The broker has it: everything up to `sequence` came before. */
  stands(sequence: number): void {
    const atMs = this.#clock.monotonicMs();
    this.#newest = sequence;
    // The older of two that are near is the safer one.
    const isNear = atMs < (this.#points.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY) + POINT_MS;
    if (!isNear) this.#points.push({ sequence, atMs });
    while ((this.#points[1]?.atMs ?? atMs) < atMs - REMEMBERED_MS) this.#points.shift();
  }

  get newest(): number | undefined {
    return this.#newest;
  }

  /** Where it stood half an hour ago, or first of this process; Infinity when this process has not left one yet. */
  get oldest(): number {
    return this.#points[0]?.sequence ?? Number.POSITIVE_INFINITY;
  }
}

/** The text of a mark. */
export function markText(sequence: number): string {
  return JSON.stringify({ sequence });
}

/** Up to where the broker has everything, by the mark that it gave back; undefined for what no gateway has written. */
export function sequenceOfMark(text: string): number | undefined {
  const sequence = Number(/^\{"sequence":(\d{1,15})\}$/.exec(text)?.[1] ?? Number.NaN);
  return Number.isSafeInteger(sequence) ? sequence : undefined;
}
