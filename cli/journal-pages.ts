import type { Journal, StoredRecord } from '../gateway/journal/journal.ts';
import type { RecordClass } from '../gateway/record.ts';

/** Records that are read at once at most. */
const PAGE = 1_000;

/** The journal's records from `from` on, a page at a time, so that never all of them are in memory. */
export async function* pagesFrom(
  journal: Pick<Journal, 'read'>,
  from: number,
  recordClass?: RecordClass,
): AsyncGenerator<readonly StoredRecord[]> {
  for (let next = from; ; ) {
    const page = await journal.read(next, PAGE, recordClass);
    const last = page.at(-1);
    if (last === undefined) return;
    yield page;
    next = last.sequence + 1;
  }
}

/** The events of a journal, oldest first: among them the time anchors and the gap records. */
export async function* eventsOf(journal: Pick<Journal, 'read'>): AsyncGenerator<StoredRecord> {
  for await (const page of pagesFrom(journal, 1, 'events')) yield* page;
}
