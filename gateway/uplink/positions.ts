import type { StoredRecord } from '../journal/journal.ts';
import type { Taken } from './batch.ts';
import type { Wake } from './wake.ts';

/** Position of a backlog lane that has to look through everything again. */
export const REWOUND = 0;

/** Where the two lanes stand. Everything below `fresh` belongs to the backlog lane; `backlog` is how far it has looked. */
export interface Positions {
  fresh: number;
  backlog: number;
  /** The first sequence that was seen to wait. */
  leading: number;
  /** Observations without a time are counted by the fresh lane from here on, and by the backlog lane below. */
  countedFrom: number;
  /** Newest observation without a time that was counted, by lane. */
  noTimeSeen: { fresh: number; backlog: number };
  noTimeCount: number;
  /** Where a lane stands directly behind observations without a time, by lane. */
  untimedEnd: { fresh: number; backlog: number };
  /** What the backlog lane has read last. */
  page?: Page | undefined;
}

/** Records from `from` on, as the journal had them at that revision, and the sequence behind the last one that they stand for. */
interface Page {
  readonly from: number;
  readonly records: readonly StoredRecord[];
  readonly end: number;
  readonly revision: number;
}

/** Everything below `fresh` was there before, and is to be looked through. */
export function startPositions(fresh: number): Positions {
  return {
    fresh,
    backlog: REWOUND,
    leading: 0,
    countedFrom: fresh,
    noTimeSeen: { fresh: 0, backlog: 0 },
    noTimeCount: 0,
    untimedEnd: { fresh: 0, backlog: 0 },
  };
}

/** Counts the observations without a time that a lane has come upon, each once. */
export function countNoTime(positions: Positions, lane: 'fresh' | 'backlog', { noTime }: Taken): void {
  for (const { sequence, record } of noTime) {
    const isKnown = sequence <= positions.noTimeSeen[lane] || (lane === 'backlog' && sequence >= positions.countedFrom);
    const isOwnCopy = sequence >= positions.countedFrom && record.kind === 'observation' && record.heldFrom !== undefined;
    if (isKnown || isOwnCopy) continue;
    positions.noTimeSeen[lane] = sequence;
    positions.noTimeCount++;
  }
}

/** More is known of the time, or a boot was held for long enough: what waited for it stands below, and who still waits is counted anew. */
export function lookAgain({ positions, wake }: { readonly positions: Positions; readonly wake: Wake }): void {
  positions.noTimeSeen = { fresh: 0, backlog: 0 };
  positions.noTimeCount = 0;
  positions.countedFrom = positions.fresh;
  positions.backlog = REWOUND;
  wake.notify();
}
