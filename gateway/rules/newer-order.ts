import type { RuleConfig } from '../../config/rules.ts';
import type { Clock } from '../../drivers/clock.ts';
import { type Outputs, STRAYED } from '../outputs/output.ts';

/** When a rule was tried without avail, monotonic. */
export interface Tried {
  readonly beganMs: number;
  readonly endedMs: number;
}

/** Whether a newer order for the output of a rule came since, so that what the rule wanted then is not wanted any more. */
export function isOvertaken(
  { id, action }: RuleConfig,
  { beganMs, endedMs }: Tried,
  { clock, outputs }: { readonly clock: Pick<Clock, 'monotonicMs'>; readonly outputs: Pick<Outputs, 'states'> },
): boolean {
  const output = 'output' in action ? action.output : undefined;
  const asked = outputs.states().find((each) => each.output === output)?.asked;
  if (asked === undefined || asked.from === STRAYED) return false;
  const askedMs = clock.monotonicMs() - asked.agoMs;
  // While the rule was at work its own order was one of them.
  return askedMs > endedMs || (askedMs > beganMs && asked.from !== `rules: ${id}`);
}
