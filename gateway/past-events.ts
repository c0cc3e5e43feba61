import type { Journal } from './journal/journal.ts';
import type { Event } from './record.ts';

const PAGE = 500;

/**
 * Gives `take` every event that earlier processes have left in the journal, in order. `lastSequence` is where this process found
 * the end.
 * @throws JournalError when they cannot be read now
 */
export async function pastEvents(
  journal: Pick<Journal, 'read'>,
  lastSequence: number,
  take: (event: Event) => void,
): Promise<void> {
  for (let from = 1; from <= lastSequence; ) {
    const page = await journal.read(from, PAGE, 'events');
    const last = page.at(-1);
    if (last === undefined) return;
    for (const { sequence, record } of page) if (record.kind === 'event' && sequence <= lastSequence) take(record);
    from = last.sequence + 1;
  }
}
