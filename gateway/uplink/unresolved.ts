import type { Journal, StoredRecord } from '../journal/journal.ts';
import type { Batch, Covered } from './batch.ts';
import { type Entry, fateOf, type TimeOf } from './entry.ts';
import type { Ledger } from './ledger.ts';

/** Observations of one look-up. */
const BATCH_MAX = 100;
/** Sequences further apart were never in one batch; also what is read to make one. */
const SPAN_MAX = 500;

/**
 * Takes the next batch that the process before had on its way, for looking up, together with the records in between that
 * only need settling. Undefined when there is none left. They are taken one by one, because a lost delivery state makes
 * everything that waits unresolved.
 */
export async function takeUnresolved(
  journal: Pick<Journal, 'read' | 'revision'>,
  ledger: Ledger,
  timeOf: TimeOf,
): Promise<Batch | undefined> {
  const all = ledger.peekUnresolved(BATCH_MAX, SPAN_MAX);
  const first = all[0];
  const last = all.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const { revision } = journal;
  const page = await journal.read(first, SPAN_MAX);
  // Of what lies behind a page that was full, nobody knows yet whether it is there.
  const readTo = Math.min(last, page.at(-1)?.sequence ?? last);
  const sequences = all.filter((sequence) => sequence <= readTo);
  const span = page.filter((stored) => stored.sequence <= readTo);
  const batch = unresolvedBatch(span, sequences, ledger.isFree, timeOf, revision);
  ledger.claim(batch);
  ledger.forgetUnresolved(sequences);
  return batch;
}

function unresolvedBatch(
  span: readonly StoredRecord[],
  sequences: readonly number[],
  isFree: (sequence: number) => boolean,
  timeOf: TimeOf,
  revision: number,
): Batch {
  const entries: Entry[] = [];
  // What has no record any more is as good as settled.
  const covered = new Map(sequences.map((sequence): [number, Covered] => [sequence, { sequence, why: 'pass' }]));
  for (const { sequence, record } of span) {
    const fate = fateOf(sequence, record, timeOf);
    if (fate.kind === 'send' && covered.delete(sequence)) entries.push(fate.entry);
    else if (fate.kind === 'pass' && isFree(sequence)) covered.set(sequence, { sequence, why: 'pass' });
    // Of the whole backlog, when the delivery state was lost: it was never on its way, and is no different from the rest.
    else if (fate.kind !== 'pass') covered.delete(sequence);
  }
  return { entries, covered: [...covered.values()], revision };
}
