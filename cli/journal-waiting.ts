import type { Delivery, Journal } from '../gateway/journal/journal.ts';
import type { JournalRecord } from '../gateway/record.ts';

/** Records that are read at once. */
const PAGE = 1_000;

/** What one uplink has not delivered. */
export interface Waiting {
  readonly count: number;
  /** The oldest record that waits. */
  readonly oldest?: JournalRecord;
}

/** Counts the records that wait for the city; `onProgress` gets the number of records looked at. */
export async function countWaiting(
  journal: Pick<Journal, 'read' | 'stats'>,
  delivery: Delivery,
  onProgress: (count: number) => void = () => {},
): Promise<Waiting> {
  const { lastSequence } = journal.stats();
  let count = 0;
  let looked = 0;
  let oldest: JournalRecord | undefined;
  for (let from = delivery.lowWater + 1; from <= lastSequence; ) {
    const page = await journal.read(from, PAGE);
    for (const { sequence, record } of page) {
      if (!isForCity(record) || delivery.isDelivered(sequence)) continue;
      oldest ??= record;
      count += 1;
    }
    looked += page.length;
    onProgress(looked);
    from = (page.at(-1)?.sequence ?? lastSequence) + 1;
  }
  return { count, ...(oldest === undefined ? {} : { oldest }) };
}

function isForCity(record: JournalRecord): boolean {
  return record.kind === 'observation' && record.publish;
}
