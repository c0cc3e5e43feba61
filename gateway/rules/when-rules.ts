import type { RuleConfig, WhenConfig } from '../../config/rules.ts';
import { type Actions, FINAL, type RuleSurroundings, TRY_AGAIN_MS } from './actions.ts';

/** A rule that waits for something to hold. */
interface Waiting {
  readonly rule: RuleConfig;
  readonly when: WhenConfig['when'];
  /** Since when it holds, monotonic; undefined while it does not, or nobody knows. */
  sinceMs: number | undefined;
  /** It has fired, and has not ceased to hold since; until then it is tried again at this time, where that is of use. */
  firedUntilMs: number | undefined;
}

/** Fires rules when what they wait for has held for long enough: once, until it has ceased to hold. */
export interface WhenRules {
  look(): void;
}

export function openWhenRules(
  rules: Iterable<RuleConfig>,
  { clock, outputs, alarms, readings }: RuleSurroundings,
  actions: Actions,
  background: (work: Promise<unknown>) => void,
): WhenRules {
  const all = [...rules].flatMap((rule): Waiting[] =>
    'when' in rule.trigger ? [{ rule, when: rule.trigger.when, sinceMs: undefined, firedUntilMs: undefined }] : [],
  );

  /** While an output is on that should be off, nobody can tell. */
  const holds = ({ when }: Waiting): boolean | undefined => {
    const value = readings.holds(when);
    if (value !== true || when.outputsOff.length === 0) return value;
    const states = outputs.states();
    return when.outputsOff.every((id) => states.find(({ output }) => output === id)?.seen === false) ? true : undefined;
  };

  const fire = (waiting: Waiting) => {
    waiting.firedUntilMs = Number.POSITIVE_INFINITY;
    const done = actions.fire(waiting.rule).then((reason) => {
      if (reason === undefined || FINAL.has(reason) || waiting.firedUntilMs === undefined) return;
      waiting.firedUntilMs = clock.monotonicMs() + TRY_AGAIN_MS;
    });
    background(done);
  };

  return {
    look() {
      const nowMs = clock.monotonicMs();
      for (const waiting of all) {
        const { rule, when } = waiting;
        const held = holds(waiting);
        if (held !== true) {
          waiting.sinceMs = undefined;
          waiting.firedUntilMs = undefined;
          if (held === false && 'alarm' in rule.action) alarms.clear(rule.action.alarm, rule.id);
          continue;
        }
        waiting.sinceMs ??= nowMs;
        const isDue = nowMs - waiting.sinceMs >= when.forMs;
        if (isDue && (waiting.firedUntilMs === undefined || nowMs >= waiting.firedUntilMs)) fire(waiting);
      }
    },
  };
}
