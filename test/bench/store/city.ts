import type { Written } from './outage-run.ts';

const BYTE_BITS = 8;

/** Readings that arrived together. */
export interface Sent extends Written {
  /** Their sequences, as inclusive ranges. */
  readonly sent: readonly (readonly [first: number, last: number])[];
}

/** The city's side of an outage: knows every reading that has arrived. */
export interface City {
  take(sent: Sent): void;
  /** Whether the record of this sequence has arrived. */
  readonly has: (sequence: number) => boolean;
  readonly count: number;
  /** In hundredths. */
  readonly sum: number;
  /** Records that arrived although they had arrived before. */
  readonly repeatedCount: number;
}

export function openCity(sequenceMax: number): City {
  const arrived = new Uint8Array(Math.ceil((sequenceMax + 1) / BYTE_BITS));
  const totals = { count: 0, sum: 0, repeatedCount: 0 };
  const has = (sequence: number) => (((arrived[sequence >> 3] as number) >> (sequence & 7)) & 1) === 1;
  return {
    has,
    get count() {
      return totals.count;
    },
    get sum() {
      return totals.sum;
    },
    get repeatedCount() {
      return totals.repeatedCount;
    },
    take: ({ sent, count, sum }) => {
      totals.count += count;
      totals.sum += sum;
      for (const [first, last] of sent) {
        if (last > sequenceMax) throw new RangeError(`sequence ${last} arrived, which is more than twice the readings written`);
        for (let sequence = first; sequence <= last; sequence++) {
          if (has(sequence)) totals.repeatedCount += 1;
          arrived[sequence >> 3] = (arrived[sequence >> 3] as number) | (1 << (sequence & 7));
        }
      }
    },
  };
}
