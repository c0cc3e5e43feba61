import { RECORD_CLASSES } from '../record.ts';
import type { SequenceRange } from './journal.ts';
import type { Loss } from './loss.ts';
import { SequenceSet } from './sequence-set.ts';

/** What a loss is known by. */
export type LossPlace = Pick<Loss, 'firstSequence' | 'lastSequence' | 'recordClass'>;

/**
 * What gap records name. The records of one class lie between those of the others, so that the gap of a class spans many
 * that are there: it names those of its class only, and one without a class names all.
 */
export class NamedLosses {
  readonly #any = new SequenceSet();
  readonly #byClass = new Map(RECORD_CLASSES.map((recordClass) => [recordClass, new SequenceSet()]));

  add({ firstSequence, lastSequence, recordClass }: LossPlace): void {
    const range = rangeOf({ firstSequence, lastSequence });
    this.#any.add(range);
    for (const each of recordClass === undefined ? RECORD_CLASSES : [recordClass]) this.#byClass.get(each)?.add(range);
  }

  /** Ascending: what any of them spans. */
  get ranges(): readonly SequenceRange[] {
    return this.#any.ranges;
  }

  /** Whether all of the loss is named. Of which class it is may not be known: then it has to be named for each. */
  covers({ firstSequence, lastSequence, recordClass }: LossPlace): boolean {
    const range = rangeOf({ firstSequence, lastSequence });
    const classes = recordClass === undefined ? RECORD_CLASSES : [recordClass];
    return classes.every((each) => this.#byClass.get(each)?.covers(range));
  }

  /**
   * The parts of a hole between the slots that no gap spans, of whatever class. Nobody knows the class of what is missing
   * there; but each sequence belongs to one class only, and the gap that was written when it went missing says which.
   */
  missing(range: SequenceRange): SequenceRange[] {
    return this.#any.missing(range);
  }
}

/** Whether one gap alone names all of the loss. */
export function isNamedBy(loss: LossPlace, gap: LossPlace): boolean {
  const isSpanned = gap.firstSequence <= loss.firstSequence && loss.lastSequence <= gap.lastSequence;
  return isSpanned && (gap.recordClass === undefined || gap.recordClass === loss.recordClass);
}

/** The sequences of a loss. */
export function rangeOf({ firstSequence, lastSequence }: Pick<LossPlace, 'firstSequence' | 'lastSequence'>): SequenceRange {
  return { first: firstSequence, last: lastSequence };
}
