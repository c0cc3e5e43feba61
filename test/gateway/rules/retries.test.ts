// What becomes of a rule that could not act at once: who has ordered meanwhile, and what is not known yet.

import { describe, expect, test } from 'vitest';
import type { RuleConfig } from '../../../config/rules.ts';
import type { OutputState } from '../../../gateway/outputs/output.ts';
import type { NotFired } from '../../../gateway/rules/actions.ts';
import { isOvertaken } from '../../../gateway/rules/newer-order.ts';
import { openWhenRules } from '../../../gateway/rules/when-rules.ts';
import type { Fault } from '../../../simulator/faults.ts';
import { configOf, MINUTE_MS, RuleWorld, SECOND_MS } from './rule-world.ts';

const OUTCOMES = ['rule-fired', 'rule-not-fired', 'rule-failed'] as const;

/** A hall at 20 °C, a cellar at 10 °C, and a fan. */
const site = (rules: string, minOff = '') =>
  `buses: { i2c1: { type: i2c }, i2c2: { type: i2c } }
devices:
  hall: { board: sht31@1, via: i2c1, every: 10s, simulate: { temperature: { constant: 20 } } }
  cellar: { board: sht31@1, via: i2c2, every: 10s, simulate: { temperature: { constant: 10 } } }
  fan: { board: relay@1, via: gpio.pin13, outputs: { switch: { safe: off, max_on: 8h${minOff} } } }
rules:
  ${rules}
`;
const WARM = 'warm: { when: { reading: hall.temperature, above: 15 }, do: { output: fan.switch, set: on } }';
const MORNING =
  'morning: { at: "06:30", only_if: [{ reading: cellar.temperature, below: 15 }], do: { output: fan.switch, set: on } }';

const started = async (text: string, start: string, faults: readonly Fault[] = []) => {
  const world = new RuleWorld(await configOf(text), { start, faults });
  await world.start();
  return world;
};
const order = (world: RuleWorld, on: boolean, forMs?: number) =>
  world.clock.run(
    world.gateway.outputs.order({
      output: 'fan.switch',
      on,
      source: 'local',
      by: 'anna',
      ...(forMs !== undefined && { forMs }),
    }),
  );
const moves = async (world: RuleWorld) => (await world.moves('fan.switch')).map((move) => move.replace('2026-06-01T', ''));
const told = async (world: RuleWorld) =>
  (await world.events(...OUTCOMES)).map(([code, time, { reason }]) => [code, time.slice(11), ...(reason ? [reason] : [])]);

describe('a rule that waits for something to hold, and whose order was refused', () => {
  test('lets a newer order of somebody be', async () => {
    const world = await started(site(WARM, ', min_off: 90s'), '2026-06-01T04:00:00Z');
    await world.runTo(30 * SECOND_MS);
    expect(await order(world, false)).toEqual({ done: true });
    await world.runTo(10 * MINUTE_MS);
    await world.stop();
    expect(await moves(world)).not.toContainEqual(expect.stringMatching(/^on/));
    expect(await told(world)).toEqual([
      ['rule-fired', expect.any(String)],
      ['rule-failed', expect.any(String), 'min-off'],
    ]);
  });

  test('is tried again each minute where nobody has ordered anything', async () => {
    const world = await started(site(WARM, ', min_off: 90s'), '2026-06-01T04:00:00Z');
    await world.runTo(10 * MINUTE_MS);
    await world.stop();
    expect((await moves(world)).filter((move) => move.startsWith('on'))).toEqual([expect.stringMatching(/^on 04:02:0/)]);
  });
});

test.each([
  ['holds', WARM],
  ['is due', MORNING],
])('what was ordered while the disk kept a rule waiting that %s is newer, too', async (_what, rule) => {
  const text = site(rule.replace('above: 15', 'above: 15, for: 5min'));
  // Both fire after five minutes.
  const window = { fromMs: 299 * SECOND_MS, toMs: 320 * SECOND_MS };
  const hang: Fault = { at: 'disk', code: 'hang', operations: ['fdatasync'], ...window };
  const world = await started(text, '2026-06-01T04:25:00Z', [hang]);
  await world.runTo(302 * SECOND_MS);
  await order(world, false);
  await world.runTo(10 * MINUTE_MS);
  await world.stop();
  expect(await told(world)).toEqual([
    ['rule-fired', expect.any(String)],
    ['rule-failed', expect.any(String), expect.stringMatching(/^(?:not-durable|superseded)$/)],
  ]);
  expect(await moves(world)).not.toContainEqual(expect.stringMatching(/^on/));
});

describe('whether what a rule wanted from the first to the second second is overtaken by', () => {
  const rule: RuleConfig = {
    id: 'r',
    trigger: { at: ['06:30'] },
    onlyIf: [],
    action: { output: 'fan.switch', on: true },
  };

  test.each([
    ['its own order while it was tried', 'rules: r', 1_500, false],
    ['an order of somebody while it was tried', 'local: anna', 1_500, true],
    ['an order of another rule while it was tried', 'rules: q', 1_500, true],
    ['an order of before', 'local: anna', 500, false],
    ['an order of later', 'local: anna', 2_500, true],
    ['its own order of later, for another time of day', 'rules: r', 2_500, true],
    ['hardware that has strayed', 'strayed', 2_500, false],
  ])('%s', (_what, from, askedMs, isNotWanted) => {
    const asked = { on: true, from, agoMs: 60_000 - askedMs };
    const state: OutputState = { output: 'fan.switch', name: { '*': 'Fan' }, safe: false, orders: [], asked };
    const around = { clock: { monotonicMs: () => 60_000 }, outputs: { states: () => [state] } };
    expect(isOvertaken(rule, { beganMs: 1_000, endedMs: 2_000 }, around)).toBe(isNotWanted);
  });
});

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
      readings: { holds: () => held.now, isAwaited: () => false },
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

describe('a rule whose condition is not known yet', () => {
  const restarted = async (faults: readonly Fault[] = [], backAt = '04:30:10') => {
    const world = await started(site(MORNING), '2026-06-01T04:28:00Z', faults);
    await world.runToWall('2026-06-01T04:29:55Z');
    await world.stop();
    await world.runToWall(`2026-06-01T${backAt}Z`);
    await world.start();
    return world;
  };
  const silentFrom = (fromMs: number, toMs: number): Fault => ({
    at: 'device',
    device: 'cellar',
    kind: 'silent',
    rate: 1,
    fromMs,
    toMs,
  });

  test('fires when a gateway that was restarted at that moment has read it', async () => {
    const world = await restarted();
    await world.runToWall('2026-06-01T04:40:00Z');
    await world.stop();
    expect(await told(world)).toEqual([['rule-fired', expect.stringMatching(/^04:30:1/)]]);
    expect((await moves(world)).filter((move) => move.startsWith('on'))).toHaveLength(1);
  });

  test('says once that it did not where its device is dead', async () => {
    const world = await restarted([silentFrom(0, 60 * MINUTE_MS)]);
    await world.runToWall('2026-06-01T05:00:00Z');
    await world.stop();
    expect(await told(world)).toEqual([['rule-not-fired', expect.stringMatching(/^04:31:1/), 'not-known']]);
  });

  test('leaves what somebody orders while it waits', async () => {
    const world = await restarted([silentFrom(0, 145 * SECOND_MS)]);
    await world.runToWall('2026-06-01T04:30:20Z');
    await order(world, true, 3 * SECOND_MS);
    await world.runToWall('2026-06-01T05:00:00Z');
    await world.stop();
    expect(await told(world)).toEqual([['rule-not-fired', expect.stringMatching(/^04:30:[2-5]/), 'superseded']]);
    expect((await moves(world)).filter((move) => move.startsWith('on'))).toHaveLength(1);
  });

  test.each([
    ['fires', '04:30:30', ['rule-fired']],
    ['is told as missed', '04:33:00', ['rule-not-fired']],
  ])('%s after the gateway ended while it waited and came back at %s', async (_what, backAt, expected) => {
    const world = await restarted([silentFrom(0, 140 * SECOND_MS)]);
    await world.runToWall('2026-06-01T04:30:15Z');
    world.cutPower();
    await world.runToWall(`2026-06-01T${backAt}Z`);
    await world.start();
    await world.runToWall('2026-06-01T04:45:00Z');
    await world.stop();
    expect((await told(world)).map(([code]) => code)).toEqual(expected);
  });

  test('is told as missed where the gateway was stopped as late as it may still wait', async () => {
    const world = await restarted([silentFrom(0, 60 * MINUTE_MS)], '04:30:50');
    await world.runToWall('2026-06-01T04:31:45Z');
    await world.stop();
    await world.runToWall('2026-06-01T04:32:00Z');
    await world.start();
    await world.runToWall('2026-06-01T04:45:00Z');
    await world.stop();
    expect(await told(world)).toEqual([['rule-not-fired', expect.any(String), 'was-down']]);
  });

  test('waits for it also where something holds as soon as it is read', async () => {
    const rule = WARM.replace(', do:', ', only_if: [{ reading: cellar.temperature, below: 15 }], do:');
    const world = await started(site(rule), '2026-06-01T04:00:00Z', [silentFrom(0, 15 * SECOND_MS)]);
    await world.runTo(2 * MINUTE_MS);
    await world.stop();
    expect(await told(world)).toEqual([['rule-fired', expect.stringMatching(/^04:00:[12]/)]]);
    const dead = await started(site(rule), '2026-06-01T04:00:00Z', [silentFrom(0, 60 * MINUTE_MS)]);
    await dead.runTo(10 * MINUTE_MS);
    await dead.stop();
    expect(await told(dead)).toEqual([['rule-not-fired', expect.stringMatching(/^04:01:0/), 'not-known']]);
  });
});
