import type { Journal, StoredRecord } from '../gateway/journal/journal.ts';

/** Records around an old place that are read at once: what was held was held in a row. */
const PAGE = 256;

/**
 * Tells whether a record is the first of its copies that is still there. A reading that the city refused for now was
 * appended again, at a new place; whoever exports wants it once.
 */
export function heldFilter(journal: Pick<Journal, 'read'>): (stored: StoredRecord) => Promise<boolean> {
  let first = 0;
  let last = -1;
  let present: ReadonlySet<number> = new Set();
  return async ({ record }) => {
    const place = record.kind === 'observation' ? record.heldFrom : undefined;
    if (place === undefined) return true;
    if (place < first || place > last) {
      const page = await journal.read(place, PAGE);
      first = place;
      last = page.at(-1)?.sequence ?? place;
      present = new Set(page.map(({ sequence }) => sequence));
    }
    return !present.has(place);
  };
}
