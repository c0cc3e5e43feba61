import type { ConditionConfig } from '../../config/rules.ts';
import type { Clock } from '../../drivers/clock.ts';
import type { Value } from '../../drivers/reading.ts';

/** A value that is older than this many periods of its device says nothing any more. */
const PERIODS_UNTIL_STALE = 3;
/** Nor is it given up sooner than this: a device that is asked every second may be late now and then. */
const STALE_MS_MIN = 10_000;
/** A device that a process which has just started has not read yet gives a value within this time, or is not there. */
export const FIRST_VALUE_MS_MAX = 60_000;

/** What rules know of readings: the newest good value of each, while it is fresh. */
export interface KnownReadings {
  /** Takes a value that nobody doubts. */
  take(reading: string, value: Value): void;
  /** Whether the condition holds; undefined while the reading is not known. */
  holds(condition: ConditionConfig): boolean | undefined;
  /** The value by which `holds` goes; undefined while the reading is not known. */
  value(reading: string): number | undefined;
  /** Whether it is not known any more; or still not, where its first value should have come. */
  isStale(reading: string): boolean;
  /** Whether it was never known, and its first value may still be on its way. */
  isAwaited(reading: string): boolean;
}

interface Known {
  readonly value: number;
  readonly atMs: number;
}

/** @param periods how often each reading is taken, milliseconds; others are never known */
export function openKnownReadings(clock: Clock, periods: ReadonlyMap<string, number>): KnownReadings {
  const openedMs = clock.monotonicMs();
  const newest = new Map<string, Known>();
  const ageMaxMs = (reading: string) => Math.max(STALE_MS_MIN, PERIODS_UNTIL_STALE * (periods.get(reading) ?? 0));
  const isFresh = (reading: string, { atMs }: Known) => clock.monotonicMs() - atMs <= ageMaxMs(reading);
  const value = (reading: string) => {
    const known = newest.get(reading);
    return known === undefined || !isFresh(reading, known) ? undefined : known.value;
  };
  return {
    take(reading, taken) {
      if (typeof taken !== 'string' && periods.has(reading))
        newest.set(reading, { value: Number(taken), atMs: clock.monotonicMs() });
    },
    holds({ reading, above, below }) {
      const known = value(reading);
      if (known === undefined) return undefined;
      return (above === undefined || known > above) && (below === undefined || known < below);
    },
    value,
    isStale(reading) {
      const known = newest.get(reading);
      if (known !== undefined) return !isFresh(reading, known);
      // What goes by differences has its first value a period late.
      const firstMsMax = Math.max(FIRST_VALUE_MS_MAX, ageMaxMs(reading));
      return periods.has(reading) && clock.monotonicMs() - openedMs > firstMsMax;
    },
    isAwaited: (reading) => periods.has(reading) && !newest.has(reading) && clock.monotonicMs() - openedMs < FIRST_VALUE_MS_MAX,
  };
}
