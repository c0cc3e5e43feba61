import type { Event } from '../record.ts';

/** How one rule stands, for people. Wall times in milliseconds since 1970. */
export interface RuleStatus {
  readonly rule: string;
  /** When it last did what it says. Of a rule that raises an alarm when something holds, since the start of this process. */
  readonly firedWallMs?: number;
  /** Why it did nothing when it should have, where that was later. */
  readonly idle?: RuleIdle;
  /** When it is due next; only of a rule with a time of day, while the time is known. */
  readonly nextWallMs?: number;
}

/** A rule that did nothing: see NotFired (actions.ts), `reading` what it went by, and `message` what it found, or what the output said. */
export interface RuleIdle {
  readonly wallMs: number;
  readonly reason: string;
  readonly reading?: string;
  readonly message?: string;
}

/** What became of each rule the last time. */
export interface RuleHistory {
  /** Takes what the journal keeps of rules, of this process and of earlier ones, in order. */
  take(event: Pick<Event, 'code' | 'fields' | 'wallMs' | 'wallQuality'>): void;
  of(rule: string): Pick<RuleStatus, 'firedWallMs' | 'idle'>;
}

/** What of a rule is remembered; `before` is when it fired before it did last. */
interface Remembered {
  firedMs?: number | undefined;
  before?: number | undefined;
  idle?: RuleIdle | undefined;
}

export function openRuleHistory(): RuleHistory {
  const rules = new Map<string, Remembered>();
  return {
    take({ code, fields, wallMs, wallQuality }) {
      const { rule, reason, reading, message } = fields;
      if (typeof rule !== 'string' || wallQuality === 'none') return;
      const known = rules.get(rule) ?? {};
      if (code === 'rule-fired') rules.set(rule, { firedMs: wallMs, before: known.firedMs });
      if (code !== 'rule-not-fired' && code !== 'rule-failed') return;
      const words = { ...(typeof reading === 'string' && { reading }), ...(typeof message === 'string' && { message }) };
      const idle = { wallMs, reason: String(reason), ...words };
      // That it fired is written down before its order is placed.
      rules.set(rule, { ...known, idle, ...(code === 'rule-failed' && { firedMs: known.before }) });
    },
    of(rule) {
      const { firedMs, idle } = rules.get(rule) ?? {};
      return { ...(firedMs !== undefined && { firedWallMs: firedMs }), ...(idle !== undefined && { idle }) };
    },
  };
}
