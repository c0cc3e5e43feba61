import type { Delivery, Journal } from '../journal/journal.ts';
import type { UplinkTime } from '../timekeeper.ts';

/** Since when something waits for an uplink. */
export interface Oldest {
  /** Wall time of the oldest record that waits, as of the last `refresh`; undefined when nothing waits or its time is not known. */
  readonly wallMs: number | undefined;
  /** Reads it anew when it is another one. @throws JournalError */
  refresh(): Promise<void>;
}

/** @param waiting how much waits, and the newest before which nothing does */
export function oldestWaiting(
  journal: Pick<Journal, 'read'>,
  waiting: Pick<Delivery, 'lowWater'> & { readonly waitingCount: number },
  { timeOf }: Pick<UplinkTime, 'timeOf'>,
): Oldest {
  let sequence = 0;
  let wallMs: number | undefined;
  return {
    get wallMs() {
      return wallMs;
    },
    async refresh(): Promise<void> {
      // What comes next has not waited since then.
      if (waiting.waitingCount === 0) wallMs = undefined;
      if (waiting.waitingCount === 0 || (sequence === waiting.lowWater + 1 && wallMs !== undefined)) return;
      sequence = waiting.lowWater + 1;
      const [stored] = await journal.read(sequence, 1);
      const time = stored && timeOf(stored.record);
      wallMs = time?.kind === 'known' ? time.ms : undefined;
    },
  };
}
