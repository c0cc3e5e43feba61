import type { OrderConfig, RuleConfig } from '../../config/rules.ts';
import type { Clock } from '../../drivers/clock.ts';
import type { Alarms } from '../alarms/alarms.ts';
import type { Log } from '../host.ts';
import type { Journal } from '../journal/journal.ts';
import type { OrderOutcome, Outputs, Refusal } from '../outputs/output.ts';
import { limitsText, shortNumber } from '../outputs/watches.ts';
import type { Event } from '../record.ts';
import { stampAt } from '../stamp.ts';
import type { RuleHistory } from './history.ts';
import type { KnownReadings } from './known-readings.ts';

/** What rules need of the gateway around them. */
export interface RuleSurroundings {
  readonly clock: Clock;
  readonly bootId: string;
  readonly log: Log;
  readonly journal: Pick<Journal, 'append' | 'read' | 'lastSequence'>;
  readonly outputs: Pick<Outputs, 'order' | 'states'>;
  readonly alarms: Pick<Alarms, 'raise' | 'clear'>;
  readonly readings: KnownReadings;
  readonly history: Pick<RuleHistory, 'take'>;
}

/**
 * Why a rule did nothing: a condition of `only_if` does not hold, or is not known; it was down or had no time at that moment; the
 * clock jumped over it; the same rule fired for another time at this very moment; what it goes by went stale meanwhile; the
 * journal could not keep that it fired; and what the output said.
 */
export type NotFired =
  | 'does-not-hold'
  | 'not-known'
  | 'was-down'
  | 'no-time'
  | 'clock-jumped'
  | 'same-moment'
  | 'went-stale'
  | Refusal;

/** An order that could not be carried out is tried again after this time. */
export const TRY_AGAIN_MS = 60_000;
/** After these it is not: nobody wants it any more, or it will never be taken. */
export const FINAL: ReadonlySet<NotFired> = new Set([
  'superseded',
  'not-allowed',
  'unknown-output',
  'stopping',
  'does-not-hold',
  'not-known',
]);

/** Carries out what rules say, and writes down what became of it. */
export interface Actions {
  /** Resolves with why it did nothing, or with nothing. `fields` say for what time of day it was. */
  fire(rule: RuleConfig, fields?: Event['fields']): Promise<NotFired | undefined>;
  /** Writes down that it did not fire. */
  tellNotFired(rule: RuleConfig, reason: NotFired, fields?: Event['fields']): void;
}

export function openActions(around: RuleSurroundings): Actions {
  const { clock, bootId, log, journal, outputs, alarms, readings, history } = around;

  const keep = (code: string, fields: Event['fields'], isUrgent: boolean): Promise<boolean> => {
    const event: Event = { kind: 'event', code, fields, ...stampAt(clock, bootId) };
    history.take(event);
    return journal.append(event, isUrgent).then(
      () => true,
      // What the journal refuses is its to count.
      () => false,
    );
  };
  const tellNotFired: Actions['tellNotFired'] = ({ id }, reason, fields = {}) => {
    keep('rule-not-fired', { rule: id, ...fields, reason }, false).catch(() => {});
    log('info', 'rule-not-fired', { rule: id, ...fields, reason });
  };

  const order = async (
    rule: RuleConfig,
    { output, on, forMs }: OrderConfig,
    fired: Promise<boolean>,
  ): Promise<OrderOutcome | NotFired> => {
    const safe = outputs.states().find((each) => each.output === output)?.safe;
    let wentStale = false;
    // What is safe waits for nothing. A start must never come twice, whatever ends this process now. It is placed at once all the
    // same: what is ordered while the disk takes its time is newer.
    const kept = fired.then((isKept) => {
      wentStale = readingsOf(rule).some((reading) => readings.isStale(reading));
      return isKept && !wentStale;
    });
    const outcome = await outputs.order({
      output,
      on,
      source: 'rules',
      by: rule.id,
      ...(on !== safe && { kept }),
      ...(forMs !== undefined && { forMs }),
    });
    return wentStale && !outcome.done && outcome.reason === 'not-durable' ? 'went-stale' : outcome;
  };

  return {
    tellNotFired,
    async fire(rule, fields = {}) {
      const { id, onlyIf, action } = rule;
      const unmet = onlyIf.find((condition) => readings.holds(condition) !== true);
      if (unmet !== undefined) {
        const { reading } = unmet;
        const value = readings.value(reading);
        if (value === undefined) {
          tellNotFired(rule, 'not-known', { ...fields, reading });
          return 'not-known';
        }
        const message = `${reading} is ${shortNumber(value)}, only_if wants ${limitsText(unmet)}`;
        tellNotFired(rule, 'does-not-hold', { ...fields, reading, message });
        return 'does-not-hold';
      }
      const isTimed = 'at' in rule.trigger;
      if ('alarm' in action) {
        // What holds now and now not is told by its alarm, once per episode.
        if (isTimed) keep('rule-fired', { rule: id, ...fields }, true).catch(() => {});
        else history.take({ code: 'rule-fired', fields: { rule: id }, ...stampAt(clock, bootId) });
        alarms.raise({ kind: action.alarm, about: id, say: action.say });
        // A time of day does not last.
        if (isTimed) alarms.clear(action.alarm, id);
        return undefined;
      }
      const kept = keep('rule-fired', { rule: id, ...fields }, true);
      log('info', 'rule-fired', { rule: id, ...fields });
      const outcome = await order(rule, action, kept);
      if (typeof outcome === 'object' && outcome.done) return undefined;
      const reason = typeof outcome === 'string' ? outcome : outcome.reason;
      const message = typeof outcome === 'string' ? {} : { message: outcome.message };
      keep('rule-failed', { rule: id, reason, ...message }, false).catch(() => {});
      log('warning', 'rule-failed', { rule: id, reason, ...message });
      return reason;
    },
  };
}

/** Everything that a rule goes by. */
export function readingsOf({ trigger, onlyIf }: RuleConfig): readonly string[] {
  return [...('when' in trigger ? [trigger.when.reading] : []), ...onlyIf.map(({ reading }) => reading)];
}

/** Whether what a rule only fires under may become known in a moment: the process has just started. */
export function awaitsCondition(
  { onlyIf }: RuleConfig,
  { readings }: { readonly readings: Pick<KnownReadings, 'isAwaited'> },
): boolean {
  return onlyIf.some(({ reading }) => readings.isAwaited(reading));
}
