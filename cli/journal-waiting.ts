import type { Delivery, Journal } from '../gateway/journal/journal.ts';
import type { JournalRecord } from '../gateway/record.ts';
import { pagesFrom } from './journal-pages.ts';

/** What one uplink has not delivered. */
export interface Waiting {
  readonly count: number;
  /** The oldest record that waits. */
  readonly oldest?: JournalRecord;
}

/** Counts the records that wait for the city; `onProgress` gets the number of records looked at. */
export async function countWaiting(
  journal: Pick<Journal, 'read'>,
  delivery: Pick<Delivery, 'lowWater' | 'isDelivered'>,
  onProgress: (count: number) => void = () => {},
): Promise<Waiting> {
  let count = 0;
  let looked = 0;
  let oldest: JournalRecord | undefined;
  for await (const page of pagesFrom(journal, delivery.lowWater + 1)) {
    for (const { sequence, record } of page) {
      if (!isForCity(record) || delivery.isDelivered(sequence)) continue;
      oldest ??= record;
      count += 1;
    }
    looked += page.length;
    onProgress(looked);
  }
  return { count, ...(oldest === undefined ? {} : { oldest }) };
}

function isForCity(record: JournalRecord): boolean {
  return record.kind === 'observation' && record.publish;
}
