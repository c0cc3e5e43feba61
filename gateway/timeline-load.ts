import type { Journal } from './journal/journal.ts';
import { isCopy, type Timeline } from './timeline.ts';

/** Records at the end of the journal that tell how far the boot before has come. */
const TAIL = 500;
const PAGE = 500;

/**
 * Gives a timeline all events of a journal and, because a journal may be large, of the observations only the last ones.
 * `lastSequence` is where this process found the end: what it has appended since tells nothing of the boot before.
 */
export async function loadTimeline(timeline: Timeline, journal: Pick<Journal, 'read'>, lastSequence: number): Promise<void> {
  let tailFrom = await tailOf(journal, lastSequence);
  for (let from = 1; from < tailFrom; ) {
    const page = await journal.read(from, PAGE, 'events');
    for (const { sequence, record } of page) if (sequence < tailFrom) timeline.add(record);
    from = (page.at(-1)?.sequence ?? tailFrom) + 1;
  }
  for (;;) {
    const page = await journal.read(tailFrom, PAGE);
    for (const { record } of page) timeline.add(record);
    const last = page.at(-1);
    if (last === undefined) return;
    tailFrom = last.sequence + 1;
  }
}

/** Further back where the last records are lost or copies. */
async function tailOf(journal: Pick<Journal, 'read'>, lastSequence: number): Promise<number> {
  for (let length = TAIL; ; length *= 2) {
    const from = Math.max(1, lastSequence - length + 1);
    const page = await journal.read(from, PAGE);
    if (from === 1 || page.some(({ sequence, record }) => sequence <= lastSequence && !isCopy(record))) return from;
  }
}
