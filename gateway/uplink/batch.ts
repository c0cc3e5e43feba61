import type { StoredRecord } from '../journal/journal.ts';
import type { Observation } from '../record.ts';
import { type Entry, fateOf, isOneSecond, type TimeOf } from './entry.ts';
import { Places } from './places.ts';
import { bodyRoom } from './request.ts';
import type { CityProblem } from './status.ts';

/** A sequence that needs no sending of its own, and why. It is settled together with the batch around it. */
export type Covered =
  | { readonly sequence: number; readonly why: 'pass' | 'folded' | 'stored' }
  | { readonly sequence: number; readonly why: 'invalid'; readonly reason: string; readonly observation: Observation };

/**
 * What is sent in one request, and the sequences in between that are done with it. They are settled at once, because
 * settling every second one of a run on its own would break the delivery state into more ranges than it can hold.
 */
export interface Batch {
  /** Ascending by sequence; no two of one sensor and really of one second. */
  readonly entries: readonly Entry[];
  readonly covered: readonly Covered[];
  /** Of the journal, when the entries were read: what it has merged into windows since is not to be sent. */
  readonly revision: number;
  readonly doubt?: Doubt;
  /** Set when it is made of observations of this sensor alone because it is a suspect. */
  readonly suspect?: { readonly sensor: string; readonly next: number };
}

/** How often the city failed at this very batch and stored nothing of it. */
export interface Doubt {
  readonly count: number;
  /** Successes of all batches before the first failure: when there are more now, the city as a whole is well. */
  readonly successCount: number;
  readonly problem: CityProblem;
  /** Whether something on the way refused it the last time. */
  readonly isRefused: boolean;
}

/** What a lane must know of the rest to build its next batch. */
export interface BatchRules {
  /** Where to start and where to stop (exclusive). */
  readonly from: number;
  readonly limit: number;
  readonly entriesMax: number;
  /** The longest body. */
  readonly bytesMax: number;
  /** Of the journal, before the page was read. */
  readonly revision: number;
  /** Neither delivered nor in other hands. */
  readonly isFree: (sequence: number) => boolean;
  readonly isHeld: (sensor: string) => boolean;
  /** Whether the city is known to hold a value of this sensor that is really of the same second. */
  readonly isSent: (entry: Entry) => boolean;
  readonly timeOf: TimeOf;
  /** What is directly before `from` has no time and waits. */
  readonly isAfterNoTime: boolean;
  /** Milliseconds until no further observation of the same second can come; 0 when it is over. */
  readonly openForMs: (entry: Entry) => number;
}

/** A batch, what was left where it is, and where to go on. */
export interface Taken {
  readonly batch: Batch;
  /** Observations of held sensors; the first of each is what the city is asked with later. */
  readonly held: readonly Entry[];
  readonly noTime: readonly StoredRecord[];
  /** What is directly before `next` has no time and waits. */
  readonly isAfterNoTime: boolean;
  readonly next: number;
  /** Set when the batch ends before an observation whose second is still running. */
  readonly waitMs?: number;
}

/**
 * Builds the next batch from a page of the journal. What is not for the city waits behind observations without a time as they
 * do, because settling it would break the delivery state into a range for each.
 * `page` holds all records from `from` on up to its end; sequences
 * without a record are gone and covered. `end` is the sequence after the last one that the page stands for.
 */
export function takeBatch(page: readonly StoredRecord[], end: number, rules: BatchRules): Taken {
  const room = bodyRoom(rules.bytesMax);
  const entries: Entry[] = [];
  // Or every entry would be compared with all before it.
  const places = new Places();
  const covered: Covered[] = [];
  const held: Entry[] = [];
  const noTime: StoredRecord[] = [];
  let isAfterNoTime = rules.isAfterNoTime;
  let next = rules.from;
  const skipTo = (sequence: number) => {
    for (; next < sequence; next++) if (!isAfterNoTime && rules.isFree(next)) covered.push({ sequence: next, why: 'pass' });
  };
  const taken = (waitMs?: number): Taken => {
    return {
      batch: { entries, covered, revision: rules.revision },
      held,
      noTime,
      isAfterNoTime,
      next,
      ...(waitMs === undefined ? {} : { waitMs }),
    };
  };
  for (const stored of page) {
    const { sequence, record } = stored;
    if (sequence >= rules.limit) break;
    skipTo(sequence);
    const fate = rules.isFree(sequence) ? fateOf(sequence, record, rules.timeOf) : undefined;
    if (fate?.kind === 'send') {
      const { entry } = fate;
      const waitMs = rules.openForMs(entry);
      if (waitMs > 0) return taken(waitMs);
      const earlier = places.at(entry).find((one) => isOneSecond(one, entry));
      if (rules.isHeld(entry.sensor)) held.push(entry);
      else if (rules.isSent(entry)) covered.push({ sequence, why: 'folded' });
      else if (earlier === undefined && (entries.length >= rules.entriesMax || !room.takes(entry))) return taken();
      else {
        if (earlier !== undefined) {
          entries.splice(entries.indexOf(earlier), 1);
          places.remove(earlier);
          covered.push({ sequence: earlier.sequence, why: 'folded' });
        }
        places.add(entry);
        entries.push(entry);
      }
    } else if (fate?.kind === 'invalid')
      covered.push({ sequence, why: 'invalid', reason: fate.reason, observation: fate.observation });
    else if (fate?.kind === 'no-time') noTime.push(stored);
    else if (fate?.kind === 'pass' && !isAfterNoTime) covered.push({ sequence, why: 'pass' });
    if (fate?.kind !== 'pass') isAfterNoTime = fate?.kind === 'no-time';
    next = sequence + 1;
  }
  skipTo(Math.min(end, rules.limit));
  return taken();
}

/** Two halves, cut by sequence; what is covered goes with the half it lies in. Needs at least two entries. */
export function halves(batch: Batch): readonly [Batch, Batch] {
  const middle = batch.entries.length >> 1;
  const cut = batch.entries[middle]?.sequence ?? Number.POSITIVE_INFINITY;
  return [
    { ...batch, entries: batch.entries.slice(0, middle), covered: batch.covered.filter((one) => one.sequence < cut) },
    { ...batch, entries: batch.entries.slice(middle), covered: batch.covered.filter((one) => one.sequence >= cut) },
  ];
}
