import type { SequenceRange } from './journal.ts';

/**
 * A set of sequences, kept as ascending, disjoint ranges that do not touch. Deliveries, the records of a file and the
 * holes between them are all such sets: long runs with few interruptions, so that a million sequences take a few bytes.
 */
export class SequenceSet {
  #ranges: SequenceRange[] = [];

  constructor(ranges: Iterable<SequenceRange> = []) {
    for (const range of ranges) this.add(range);
  }

  /** Ascending, disjoint, not touching. A later change makes a new array, so that the caller may keep this one. */
  get ranges(): readonly SequenceRange[] {
    return this.#ranges;
  }

  /** How many sequences the set holds. */
  get count(): number {
    return this.#ranges.reduce((sum, range) => sum + range.last - range.first + 1, 0);
  }

  /** Nothing happens for a range that ends before it begins. */
  add(range: SequenceRange): void {
    if (range.last < range.first) return;
    // Everything from `begin` to before `end` overlaps or touches the range and is joined with it.
    const begin = this.#search(range.first - 1);
    const next = this.#search(range.last + 2);
    const end = (this.#ranges[next]?.first ?? Number.POSITIVE_INFINITY) <= range.last + 1 ? next + 1 : next;
    const first = end > begin ? Math.min(range.first, this.#ranges[begin]?.first ?? range.first) : range.first;
    const last = end > begin ? Math.max(range.last, this.#ranges[end - 1]?.last ?? range.last) : range.last;
    this.#ranges = this.#ranges.toSpliced(begin, end - begin, { first, last });
  }

  remove(range: SequenceRange): void {
    if (range.last < range.first) return;
    this.#ranges = this.#ranges.flatMap((held) => {
      if (held.last < range.first || held.first > range.last) return [held];
      const before = { first: held.first, last: range.first - 1 };
      const after = { first: range.last + 1, last: held.last };
      return [before, after].filter((part) => part.first <= part.last);
    });
  }

  has(sequence: number): boolean {
    return this.covers({ first: sequence, last: sequence });
  }

  /** Whether every sequence of the range is in the set. */
  covers(range: SequenceRange): boolean {
    const held = this.#ranges[this.#search(range.first)];
    return held !== undefined && held.first <= range.first && range.last <= held.last;
  }

  /** The parts of `range` that are not in the set, ascending. */
  missing(range: SequenceRange): SequenceRange[] {
    const gaps: SequenceRange[] = [];
    let next = range.first;
    for (let i = this.#search(range.first); i < this.#ranges.length; i++) {
      const held = this.#ranges[i] as SequenceRange;
      if (held.first > range.last) break;
      if (held.first > next) gaps.push({ first: next, last: held.first - 1 });
      next = held.last + 1;
    }
    if (next <= range.last) gaps.push({ first: next, last: range.last });
    return gaps;
  }

  copy(): SequenceSet {
    const copy = new SequenceSet();
    copy.#ranges = this.#ranges;
    return copy;
  }

  /** Place of the first range that ends at or after `sequence`. */
  #search(sequence: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranges[middle] as SequenceRange).last < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The sequences of an ascending or unordered list as ranges. */
export function rangesOf(sequences: Iterable<number>): readonly SequenceRange[] {
  // Runs are joined first: a batch of thousands in a row is one range, and costs no more than it must.
  const runs: { first: number; last: number }[] = [];
  for (const sequence of sequences) {
    const run = runs.at(-1);
    if (run !== undefined && sequence === run.last + 1) run.last = sequence;
    else runs.push({ first: sequence, last: sequence });
  }
  return new SequenceSet(runs).ranges;
}
