import { oneAtATime } from '../../drivers/one-at-a-time.ts';
import type { OrderOutcome } from './output.ts';

/** The orders that may wait for one group of outputs. */
const WAITING_MAX = 32;

/** The turns of one group of outputs: one order at a time, in the order of coming. */
export interface Turns {
  /** As many wait as may: nobody else should come. */
  readonly isFull: boolean;
  /** Runs `work` when those before have ended, however they did. */
  take(work: () => Promise<OrderOutcome>): Promise<OrderOutcome>;
}

/** One queue for all outputs that exclude each other, directly or through others. Each must be named by those that it names. */
export function groupsOf(exclusions: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, Turns> {
  const groups = new Map<string, Turns>();
  const join = (id: string, turns: Turns) => {
    if (groups.has(id)) return;
    groups.set(id, turns);
    for (const other of exclusions.get(id) ?? []) join(other, turns);
  };
  for (const id of exclusions.keys()) join(id, openTurns());
  return groups;
}

function openTurns(): Turns {
  let unfinishedCount = 0;
  const alone = oneAtATime((work: () => Promise<OrderOutcome>) => work(), WAITING_MAX);
  return {
    get isFull() {
      return unfinishedCount > WAITING_MAX;
    },
    take(work) {
      unfinishedCount += 1;
      return alone(work).finally(() => {
        unfinishedCount -= 1;
      });
    },
  };
}
