import type { Host } from '../host.ts';
import { type Journal, JournalError } from '../journal/journal.ts';
import { stampAt } from '../stamp.ts';

/** How far back orders without a result are looked for, in sequences: they stand where the journal ended, as each has one within seconds. */
const SPAN = 65_536;
const PAGE = 4_096;

/** An order that has no result. */
interface Unanswered {
  readonly output: string;
  /** What was about to be done is known: the output may have moved. */
  readonly hasBegun: boolean;
}

/**
 * Gives each order that a crash has left without a result the result `unknown`, so that whoever asked can be told. Nothing is
 * repeated: the start makes everything safe, which does not wait for this. What the disk refuses to read is said.
 */
export async function answerUnanswered(
  journal: Pick<Journal, 'read' | 'append' | 'lastSequence'>,
  { clock, bootId, log }: Pick<Host, 'clock' | 'bootId' | 'log'>,
): Promise<void> {
  try {
    for (const [order, { output, hasBegun }] of await unansweredOf(journal)) {
      const why = hasBegun ? 'while it was carried out: the output may have moved' : 'before it was carried out';
      const reason = `unknown: the gateway ended ${why}; it was made safe when the gateway started again`;
      log('warning', 'order-outcome-unknown', { order, output });
      await journal.append({ kind: 'result', order, output, done: false, reason, ...stampAt(clock, bootId) }, true);
    }
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    log('warning', 'orders-not-answered', { message: error.message });
  }
}

async function unansweredOf(journal: Pick<Journal, 'read' | 'lastSequence'>): Promise<ReadonlyMap<string, Unanswered>> {
  const found = new Map<string, Unanswered>();
  // What this process writes meanwhile is its own to answer.
  const { lastSequence } = journal;
  let from = Math.max(1, lastSequence - SPAN);
  while (from <= lastSequence) {
    const page = await journal.read(from, PAGE, 'events');
    for (const { sequence, record } of page) {
      if (sequence > lastSequence) return found;
      if (record.kind === 'order') found.set(record.id, { output: record.output, hasBegun: false });
      else if (record.kind === 'intent') found.set(record.order, { output: record.output, hasBegun: true });
      else if (record.kind === 'result') found.delete(record.order);
    }
    const last = page.at(-1);
    if (last === undefined) return found;
    from = last.sequence + 1;
  }
  return found;
}
