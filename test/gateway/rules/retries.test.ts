// What becomes of a rule that could not act at once.

import { describe, expect, test } from 'vitest';
import type { RuleConfig } from '../../../config/rules.ts';
import type { NotFired } from '../../../gateway/rules/actions.ts';
import { openWhenRules } from '../../../gateway/rules/when-rules.ts';

describe('a firing that ends after another has begun', () => {
  /** One rule whose firings end when and as the test says. */
  const pending = () => {
    const firings: ((reason: NotFired | undefined) => void)[] = [];
    const held = { now: true };
    const clock = { nowMs: 0 };
    const rule: RuleConfig = {
      id: 'r',
      trigger: { when: { reading: 'hall.temperature', above: 15, forMs: 0, outputsOff: [] } },
      onlyIf: [],
      action: { output: 'fan.switch', on: true },
    };
    const around = {
      clock: { monotonicMs: () => clock.nowMs },
      outputs: { states: () => [] },
      alarms: { clear: () => {} },
      readings: { holds: () => held.now },
    };
    const actions = {
      fire: () => new Promise<NotFired | undefined>((resolve) => firings.push(resolve)),
    };
    const rules = openWhenRules([rule], around, actions, () => {});
    const look = async (isHeld: boolean, atMs: number) => {
      held.now = isHeld;
      clock.nowMs = atMs;
      rules.look();
      await Promise.resolve();
    };
    return { firings, look };
  };

  test.each<[string, NotFired | undefined, NotFired | undefined, number]>([
    ['does not fire again what the newer one has done', 'not-durable', undefined, 2],
    ['leaves it to the newer one to be tried again', undefined, 'min-off', 3],
  ])('%s', async (_what, first, second, count) => {
    const { firings, look } = pending();
    await look(true, 0);
    await look(false, 1_000);
    await look(true, 2_000);
    expect(firings).toHaveLength(2);
    firings[1]?.(second);
    await look(true, 3_000);
    firings[0]?.(first);
    await look(true, 4_000);
    await look(true, 64_000);
    expect(firings).toHaveLength(count);
  });
});
