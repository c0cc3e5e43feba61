import type { RuleConfig, WhenConfig } from '../../config/rules.ts';
import type { Clock } from '../../drivers/clock.ts';
import type { Alarms } from '../alarms/alarms.ts';
import type { Outputs } from '../outputs/output.ts';
import { type Actions, awaitsCondition, FINAL, TRY_AGAIN_MS } from './actions.ts';
import type { KnownReadings } from './known-readings.ts';
import { isOvertaken, type Tried } from './newer-order.ts';

/** A rule that waits for something to hold. */
interface Waiting {
  readonly rule: RuleConfig;
  readonly when: WhenConfig['when'];
  /** Since when it holds, monotonic; undefined while it does not, or nobody knows. */
  sinceMs: number | undefined;
  /** The newest, until it has ceased to hold. */
  firing: Firing | undefined;
}

/** A rule that has fired: one of these for each time, as an older one may end after a newer has begun. */
interface Firing {
  /** It was refused, and may be tried again. */
  tried: Tried | undefined;
}

/** What these rules need of the gateway around them. */
interface WhenSurroundings {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly outputs: Pick<Outputs, 'states'>;
  readonly alarms: Pick<Alarms, 'clear'>;
  readonly readings: Pick<KnownReadings, 'holds' | 'isAwaited'>;
}

/** Fires rules when what they wait for has held for long enough: once, until it has ceased to hold. */
export interface WhenRules {
  look(): void;
}

export function openWhenRules(
  rules: Iterable<RuleConfig>,
  { clock, outputs, alarms, readings }: WhenSurroundings,
  actions: Pick<Actions, 'fire'>,
  background: (work: Promise<unknown>) => void,
): WhenRules {
  const all = [...rules].flatMap((rule): Waiting[] =>
    'when' in rule.trigger ? [{ rule, when: rule.trigger.when, sinceMs: undefined, firing: undefined }] : [],
  );

  /** While an output is on that should be off, nobody can tell. */
  const holds = ({ when }: Waiting): boolean | undefined => {
    const value = readings.holds(when);
    if (value !== true || when.outputsOff.length === 0) return value;
    const states = outputs.states();
    return when.outputsOff.every((id) => states.find(({ output }) => output === id)?.seen === false) ? true : undefined;
  };

  const fire = (waiting: Waiting) => {
    const beganMs = clock.monotonicMs();
    const firing: Firing = { tried: undefined };
    waiting.firing = firing;
    const done = actions.fire(waiting.rule).then((reason) => {
      if (reason !== undefined && !FINAL.has(reason)) firing.tried = { beganMs, endedMs: clock.monotonicMs() };
    });
    background(done);
  };

  const isToTryAgain = ({ rule, firing }: Waiting, nowMs: number) => {
    if (firing?.tried === undefined) return false;
    // For good: what comes after the newer order does not bring this one back.
    if (isOvertaken(rule, firing.tried, { clock, outputs })) firing.tried = undefined;
    return firing.tried !== undefined && nowMs >= firing.tried.endedMs + TRY_AGAIN_MS;
  };

  return {
    look() {
      const nowMs = clock.monotonicMs();
      for (const waiting of all) {
        const { rule, when } = waiting;
        const held = holds(waiting);
        if (held !== true) {
          waiting.sinceMs = undefined;
          waiting.firing = undefined;
          if (held === false && 'alarm' in rule.action) alarms.clear(rule.action.alarm, rule.id);
          continue;
        }
        waiting.sinceMs ??= nowMs;
        const isDue = waiting.firing === undefined && nowMs - waiting.sinceMs >= when.forMs;
        if ((isDue && !awaitsCondition(rule, { readings })) || isToTryAgain(waiting, nowMs)) fire(waiting);
      }
    },
  };
}
