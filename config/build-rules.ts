import type { AlarmConfig, ConditionConfig, OrderConfig, RuleConfig } from './rules.ts';
import type { ConditionEntry, RuleEntry } from './schema-gateway.ts';
import type { Site } from './site.ts';

/** The rules of a site without errors, by id, in the order of the file. */
export function buildRules({ file }: Site): ReadonlyMap<string, RuleConfig> {
  return new Map(Object.entries(file.rules ?? {}).map(([id, rule]) => [id, buildRule(id, rule)]));
}

function buildRule(id: string, { at, when, only_if = [], do: action }: RuleEntry): RuleConfig {
  return {
    id,
    trigger: when
      ? { when: { ...condition(when), forMs: when.for ?? 0, outputsOff: when.and_outputs_off ?? [] } }
      : { at: [...new Set(typeof at === 'string' ? [at] : at)] },
    onlyIf: only_if.map(condition),
    action: action.alarm === undefined ? order(action) : alarm(action.alarm, action),
  };
}

function condition({ reading, above, below }: ConditionEntry): ConditionConfig {
  return { reading, ...(above !== undefined && { above }), ...(below !== undefined && { below }) };
}

function order({ output = '', set = false, for: forMs }: RuleEntry['do']): OrderConfig {
  return { output, on: set, ...(forMs !== undefined && { forMs }) };
}

function alarm(id: string, { say }: RuleEntry['do']): AlarmConfig {
  return { alarm: id, say: say ?? { '*': id } };
}
