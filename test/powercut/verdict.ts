import type { Range } from './witness.ts';

/** What became of acknowledged records after a power cut. */
export interface Verdict {
  readonly foundCount: number;
  /** Deleted or thinned for the size limit. */
  readonly droppedCount: number;
  /** Sequences at which nothing is. */
  readonly lost: readonly number[];
  /** Sequences at which another record is. */
  readonly changed: readonly number[];
}

/**
 * Compares the digests of what was acknowledged with those of what is there, both by sequence. `dropped`: where the journal
 * had announced to delete or to thin; what was acknowledged there may be gone, or be a window of five minutes.
 */
export function judge(
  acknowledged: ReadonlyMap<number, string>,
  held: ReadonlyMap<number, string>,
  dropped: readonly Range[],
): Verdict {
  const lost: number[] = [];
  const changed: number[] = [];
  let foundCount = 0;
  let droppedCount = 0;
  const isDropped = (sequence: number) => dropped.some(([first, last]) => first <= sequence && sequence <= last);
  for (const [sequence, digest] of acknowledged) {
    const found = held.get(sequence);
    if (found === digest) foundCount += 1;
    else if (isDropped(sequence)) droppedCount += 1;
    else if (found === undefined) lost.push(sequence);
    else changed.push(sequence);
  }
  return { foundCount, droppedCount, lost, changed };
}
