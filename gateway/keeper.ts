import type { Host } from './host.ts';
import type { Journal } from './journal/journal.ts';
import type { Event, Observation } from './record.ts';
import { stampAt } from './stamp.ts';
import type { Uplink } from './uplink/sentilo.ts';

/** Takes observations to the journal without ever making the measuring wait. */
export interface Keeper {
  /** Never throws: what the journal refuses is its to count. */
  keep(observations: readonly Observation[]): void;
  /** Writes down something that a person may want to know later. */
  note(code: string, fields: Event['fields']): void;
  /** Durable observations of this process. */
  readonly count: number;
  /** Monotonic time of the first of them. */
  readonly firstMs: number | undefined;
}

export function openKeeper(journal: Journal, uplinks: readonly Uplink[], host: Host): Keeper {
  let count = 0;
  let firstMs: number | undefined;
  let isLosing = false;
  const lost = (error: unknown) => {
    // The journal counts what it drops; one line at the first is enough here.
    if (!isLosing) host.log('error', 'journal-refused', { message: error instanceof Error ? error.message : String(error) });
    isLosing = true;
  };
  const notify = () => {
    for (const uplink of uplinks) uplink.notify();
  };
  const stored = () => {
    isLosing = false;
    count += 1;
    firstMs ??= host.clock.monotonicMs();
    notify();
  };
  return {
    get count() {
      return count;
    },
    get firstMs() {
      return firstMs;
    },
    keep: (observations) => {
      for (const observation of observations) journal.append(observation).then(stored, lost);
      // While the disk refuses, readings are delivered from memory, and no append resolves.
      if (journal.isFailing) notify();
    },
    note: (code, fields) => {
      journal.append({ kind: 'event', code, fields, ...stampAt(host.clock, host.bootId) }).then(() => {}, lost);
    },
  };
}
