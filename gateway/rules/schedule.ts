import type { RuleConfig } from '../../config/rules.ts';
import { localDay } from '../../drivers/local-day.ts';
import { momentOf } from './time-of-day.ts';

/** One moment at which a rule is due. */
export interface Due {
  readonly rule: RuleConfig;
  /** The time of day that the rule names. */
  readonly at: string;
  /** The local day, in days since 1970: each time of each rule is due once on each. */
  readonly day: number;
  readonly atMs: number;
}

/** The times of day of a site's rules, as moments. Wall times in milliseconds since 1970. */
export interface Schedule {
  /** What is due after `fromMs` and not after `toMs`, the earliest first, in the order of the file. */
  dueBetween(fromMs: number, toMs: number): readonly Due[];
  /** The first moment after `afterMs` at which anything is due; infinity when there is nothing. */
  nextAfter(afterMs: number): number;
}

export function openSchedule(rules: Iterable<RuleConfig>, timeZone: string): Schedule {
  const times = [...rules].flatMap((rule) => ('at' in rule.trigger ? rule.trigger.at.map((at) => ({ rule, at })) : []));
  // The days around it too: what a day leaves out can be due on the next.
  const dueOnDays = (first: number, last: number): Due[] => {
    const days = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    return times.flatMap(({ rule, at }) => days.map((day) => ({ rule, at, day, atMs: momentOf(timeZone, day, at) })));
  };
  return {
    dueBetween(fromMs, toMs) {
      if (times.length === 0 || fromMs >= toMs) return [];
      const all = dueOnDays(localDay(timeZone, fromMs) - 1, localDay(timeZone, toMs) + 1);
      return all.filter(({ atMs }) => fromMs < atMs && atMs <= toMs).sort((a, b) => a.atMs - b.atMs);
    },
    nextAfter(afterMs) {
      const today = localDay(timeZone, afterMs);
      const later = times.length === 0 ? [] : dueOnDays(today - 1, today + 2).filter(({ atMs }) => atMs > afterMs);
      return Math.min(...later.map(({ atMs }) => atMs));
    },
  };
}
