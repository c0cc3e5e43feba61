import type { WallTime } from '../../drivers/clock.ts';
import type { Event } from '../record.ts';
import type { NotFired } from './actions.ts';
import { FIRST_VALUE_MS_MAX } from './known-readings.ts';
import type { Due, Schedule } from './schedule.ts';

/** A rule whose moment has passed so long ago is not made up for: not even by a gateway that was only restarted then. */
const GRACE_MS = 60_000;
/** A clock that goes ahead by no more than this was set right: what it leaves out is done at once, as cron does. */
const STEP_MS_MAX = 3 * 3_600_000;
/** An earlier process may have ended while it waited for what a rule goes by, whose moment had passed for so long at most. */
const PENDING_MS_MAX = GRACE_MS + FIRST_VALUE_MS_MAX;
/** Moments that were missed earlier than this are told no more. */
const MISSED_MS_MAX = 48 * 3_600_000;

/** Days that are remembered of each time: no clock goes back further without being new. */
const DAYS_MAX = 400;
/** A moment that was told for one of these has not come yet by the clock that is right: it fires when it does. */
const PASSED_OVER: ReadonlySet<NotFired> = new Set(['was-down', 'no-time', 'clock-jumped']);

/** What becomes of what is due. */
export interface TimeActions {
  fire(due: Due): void;
  tellNotFired(due: Due, reason: NotFired): void;
}

/** Fires rules at their times of day: each time once a day, whatever the clock does and however often the gateway starts. */
export interface TimeRules {
  /** Takes an event of an earlier process, in order. To be called before the first look. */
  takePast(event: Event): void;
  /** Looks what is due by the time as far as it is believed. */
  look(wall: WallTime): void;
  /** Milliseconds until the next moment at which something is due, as far as known. */
  untilNextMs(wall: WallTime): number;
}

/** The time of the last look. */
interface Looked {
  readonly wallMs: number;
  readonly atMs: number;
}

/** @param monotonicMs tells the monotonic time, which is now that of the start */
export function openTimeRules(schedule: Schedule, monotonicMs: () => number, actions: TimeActions): TimeRules {
  const startedMs = monotonicMs();
  const known = openKnownDays();
  /** When an earlier process was last known to run. */
  let aliveMs: number | undefined;
  let looked: Looked | undefined;
  let nextMs = Number.NEGATIVE_INFINITY;

  const tellOnce = (dues: readonly Due[], reason: NotFired) => {
    // Of a gateway that was away for days the newest is enough.
    const newest = new Map(dues.map((due) => [keyOf(due.rule.id, due.at), due]));
    for (const due of newest.values()) actions.tellNotFired(due, reason);
  };
  /**
   * What is due after `sinceMs` is fired, unless it has passed for longer than `lateMsMax`. What came up to `pendingMs` before is
   * dealt with where nothing is known of it.
   */
  const dealWith = (sinceMs: number, nowMs: number, lateMsMax: number, reason: NotFired, pendingMs = 0) => {
    const dues = schedule.dueBetween(Math.max(sinceMs - pendingMs, nowMs - MISSED_MS_MAX), nowMs);
    const isLate = ({ atMs }: Due) => nowMs - atMs > lateMsMax;
    const mayFire = (due: Due) => known.of(due) !== 'dealt-with' && (due.atMs > sinceMs || known.of(due) === undefined);
    const missed = dues.filter((due) => isLate(due) && known.of(due) === undefined);
    const timely = dues.filter((due) => !isLate(due) && mayFire(due));
    for (const due of missed) known.set(due, 'passed-over');
    for (const due of timely) known.set(due, 'dealt-with');
    tellOnce(missed, reason);
    const fired = new Set<string>();
    for (const due of timely) {
      // Two times of a rule that a Sunday in March leaves out are one moment.
      const moment = `${due.rule.id} ${due.atMs}`;
      if (fired.has(moment)) actions.tellNotFired(due, 'same-moment');
      else actions.fire(due);
      fired.add(moment);
    }
  };
  const firstLook = (nowMs: number) => {
    const runsMs = monotonicMs() - startedMs;
    const isSoon = runsMs < GRACE_MS;
    const pendingMs = aliveMs === undefined ? 0 : PENDING_MS_MAX;
    dealWith(aliveMs ?? nowMs - runsMs, nowMs, isSoon ? GRACE_MS : 0, isSoon ? 'was-down' : 'no-time', pendingMs);
  };
  const nextLook = (last: Looked, nowMs: number) => {
    const stepMs = nowMs - last.wallMs - (monotonicMs() - last.atMs);
    const isStep = stepMs > 0 && stepMs <= STEP_MS_MAX;
    // What lies between may have passed while the process was stopped, which is as if it had been down.
    dealWith(last.wallMs, nowMs, GRACE_MS + (isStep ? stepMs : 0), stepMs > GRACE_MS ? 'clock-jumped' : 'was-down');
  };

  return {
    takePast({ code, fields, wallMs, wallQuality }) {
      if (wallQuality !== 'none') aliveMs = wallMs;
      if (code !== 'rule-fired' && code !== 'rule-not-fired') return;
      const { rule, at, day, reason } = fields;
      if (typeof day !== 'number') return;
      const moment = { rule: { id: String(rule) }, at: String(at), day };
      const isPassedOver = code === 'rule-not-fired' && PASSED_OVER.has(reason as NotFired);
      if (known.of(moment) !== 'dealt-with') known.set(moment, isPassedOver ? 'passed-over' : 'dealt-with');
    },
    look({ ms, quality }) {
      if (quality === 'none') return;
      const isBack = looked !== undefined && ms < looked.wallMs;
      if (looked !== undefined && !isBack && ms < nextMs) {
        looked = { wallMs: ms, atMs: monotonicMs() };
        return;
      }
      if (looked === undefined) firstLook(ms);
      else if (!isBack) nextLook(looked, ms);
      looked = { wallMs: ms, atMs: monotonicMs() };
      nextMs = schedule.nextAfter(ms);
    },
    untilNextMs: ({ ms, quality }) => (quality === 'none' || looked === undefined ? Number.POSITIVE_INFINITY : nextMs - ms),
  };
}

/** A moment as events name it. */
interface Moment extends Pick<Due, 'at' | 'day'> {
  readonly rule: { readonly id: string };
}

/** What is known of a moment: `dealt-with` is for good, `passed-over` was only told. */
type Known = 'dealt-with' | 'passed-over';

/** What is known of the moments of each rule and time of day, of the newest days that came to be known. */
function openKnownDays() {
  const byTime = new Map<string, Map<number, Known>>();
  return {
    of: ({ rule, at, day }: Moment) => byTime.get(keyOf(rule.id, at))?.get(day),
    set({ rule, at, day }: Moment, known: Known): void {
      const key = keyOf(rule.id, at);
      const days = byTime.get(key) ?? new Map<number, Known>();
      byTime.set(key, days.set(day, known));
      const [oldest] = days.keys();
      if (days.size > DAYS_MAX && oldest !== undefined) days.delete(oldest);
    },
  };
}

function keyOf(rule: string, at: string): string {
  return `${rule} ${at}`;
}
