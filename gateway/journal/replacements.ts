import type { SequenceRange } from './journal.ts';

/** How many of the last replacements are remembered one by one; whoever read before the oldest of them has to read again. */
const REMEMBERED_MAX = 32;

/**
 * Which records were merged into windows, and when. A record that was read before must not be sent: its place may have been
 * given to the window. While a merge is under way nothing of its range may begin to be sent.
 */
export class Replacements {
  #revision = 0;
  #running: SequenceRange | undefined;
  #done: { readonly range: SequenceRange; readonly revision: number }[] = [];

  /** Increases with each merge. */
  get revision(): number {
    return this.#revision;
  }

  /** A merge begins; one at a time. The returned function ends it, whatever became of it. */
  begin(range: SequenceRange): () => void {
    this.#running = range;
    return () => {
      this.#running = undefined;
      this.#revision += 1;
      this.#done = [...this.#done, { range, revision: this.#revision }].slice(-REMEMBERED_MAX);
    };
  }

  /** Whether the record at `sequence` may not be what it was at `revision`. */
  has(sequence: number, revision: number): boolean {
    if (this.#running !== undefined && contains(this.#running, sequence)) return true;
    if (revision < this.#revision - REMEMBERED_MAX) return true;
    return this.#done.some((each) => each.revision > revision && contains(each.range, sequence));
  }
}

function contains({ first, last }: SequenceRange, sequence: number): boolean {
  return first <= sequence && sequence <= last;
}
