// Rules on the production gateway, under virtual time.

import { describe, expect, test } from 'vitest';
import type { Fault } from '../../../simulator/faults.ts';
import { configOf, HOUR_MS, MINUTE_MS, RuleWorld, SECOND_MS } from './rule-world.ts';

const FAN = '  fan: { board: relay@1, via: gpio.pin13, outputs: { switch: { safe: off, max_on: 8h } } }\n';
const HALL = (temperature: string) =>
  `buses: { i2c1: { type: i2c } }
devices:
  hall: { board: sht31@1, via: i2c1, every: 10s, simulate: { temperature: ${temperature}, humidity: { constant: 50 } } }
${FAN}`;
/** With few polls, as its days are long. */
const MORNING = `${HALL('{ constant: 20 }').replace('10s', '10min')}rules:
  morning: { at: ["06:30"], do: { output: fan.switch, set: on, for: 8min } }
`;
const OUTCOMES = ['rule-fired', 'rule-not-fired', 'rule-failed'] as const;

const started = async (site: string, start: string, faults: readonly Fault[] = []) => {
  const world = new RuleWorld(await configOf(site), { start, faults });
  await world.start();
  return world;
};
const onTimes = async (world: RuleWorld) => (await world.moves('fan.switch')).filter((move) => move.startsWith('on'));

describe('a rule with a time of day', () => {
  test('fires at that time of the site, each day once, also where summer time begins', async () => {
    const world = await started(MORNING, '2026-03-28T05:25:00Z');
    const days = process.env['BARRI_DEEP'] === '1' ? 2 : 1;
    await world.runTo(days * 24 * HOUR_MS);
    await world.stop();
    const expected = ['on 2026-03-28T05:30:00', 'on 2026-03-29T04:30:00', 'on 2026-03-30T04:30:00'];
    expect(await onTimes(world)).toEqual(expected.slice(0, days + 1));
    const moves = await world.moves('fan.switch');
    expect(moves.slice(0, 3)).toEqual(['off 2026-03-28T05:25:00', 'on 2026-03-28T05:30:00', 'off 2026-03-28T05:38:00']);
    expect(world.fatal).toEqual([]);
  }, 60_000);

  test.each([
    ['that is left out fires at the first moment after it', '2026-03-29T00:50:00Z', '02:30', ['on 2026-03-29T01:00:00']],
    ['that comes twice fires the first time only', '2026-10-25T00:20:00Z', '02:30', ['on 2026-10-25T00:30:00']],
  ])('%s', async (_what, start, time, expected) => {
    const world = await started(MORNING.replace('06:30', time), start);
    await world.runTo(1.5 * HOUR_MS);
    await world.stop();
    expect(await onTimes(world)).toEqual(expected);
  });

  test('does not fire while a condition does not hold, or nobody knows, and says which', async () => {
    const site = (humidity: string) => `${HALL('{ constant: 20 }').replace('{ constant: 50 }', humidity)}rules:
  morning:
    at: "06:30"
    only_if: [{ reading: hall.temperature, above: 10 }, { reading: hall.humidity, below: 40 }]
    do: { output: fan.switch, set: on }
`;
    const wet = await started(site('{ constant: 60 }'), '2026-06-01T04:00:00Z');
    await wet.runTo(HOUR_MS);
    await wet.stop();
    const day = Date.parse('2026-06-01T00:00:00Z') / 86_400_000;
    const common = { rule: 'morning', at: '06:30', day };
    const unmet = { reading: 'hall.humidity', message: 'hall.humidity is 60, only_if wants below 40' };
    expect(await wet.events(...OUTCOMES)).toEqual([
      ['rule-not-fired', '2026-06-01T04:30:00', { ...common, reason: 'does-not-hold', ...unmet }],
    ]);
    const dry = await started(site('{ constant: 30 }'), '2026-06-01T04:00:00Z');
    await dry.runTo(HOUR_MS);
    await dry.stop();
    expect(await onTimes(dry)).toEqual(['on 2026-06-01T04:30:00']);
    const silent: Fault = { at: 'device', device: 'hall', kind: 'silent', rate: 1, fromMs: 25 * MINUTE_MS, toMs: 2 * HOUR_MS };
    const unknown = await started(site('{ constant: 30 }'), '2026-06-01T04:00:00Z', [silent]);
    await unknown.runTo(HOUR_MS);
    await unknown.stop();
    expect(await unknown.events(...OUTCOMES)).toEqual([
      ['rule-not-fired', '2026-06-01T04:30:00', { ...common, reason: 'not-known', reading: 'hall.temperature' }],
    ]);
  });

  test.each([
    ['a stop', (world: RuleWorld) => world.stop()],
    ['a power cut', async (world: RuleWorld) => world.cutPower()],
  ])('does not fire again after %s within the same minute', async (_what, end) => {
    const world = await started(MORNING, '2026-06-01T04:00:00Z');
    await world.runToWall('2026-06-01T04:30:05Z');
    expect(world.gateway.outputs.states()[0]).toMatchObject({ seen: true });
    await end(world);
    await world.runToWall('2026-06-01T04:30:20Z');
    await world.start();
    await world.runTo(HOUR_MS);
    await world.stop();
    expect(await onTimes(world)).toEqual(['on 2026-06-01T04:30:00']);
    expect((await world.events(...OUTCOMES)).map(([code]) => code)).toEqual(['rule-fired']);
  });

  test('fires up to a minute late after a restart, and not at all later, which is told', async () => {
    const soon = await started(MORNING, '2026-06-01T04:00:00Z');
    await soon.runToWall('2026-06-01T04:29:50Z');
    soon.cutPower();
    await soon.runToWall('2026-06-01T04:30:40Z');
    await soon.start();
    await soon.runTo(HOUR_MS);
    await soon.stop();
    expect((await soon.events(...OUTCOMES)).map(([code, at]) => [code, at.slice(0, 17)])).toEqual([
      ['rule-fired', '2026-06-01T04:30:'],
    ]);
    const late = await started(MORNING, '2026-06-01T04:00:00Z');
    await late.runToWall('2026-06-01T04:29:50Z');
    late.cutPower();
    await late.runToWall('2026-06-01T04:31:40Z');
    await late.start();
    await late.runTo(HOUR_MS);
    await late.stop();
    expect((await late.events(...OUTCOMES)).map(([code, , { reason, at }]) => [code, reason, at])).toEqual([
      ['rule-not-fired', 'was-down', '06:30'],
    ]);
    expect(await onTimes(late)).toEqual([]);
  });

  test('tries an order that could not be carried out again, each minute, unless a newer one came', async () => {
    const site = MORNING.replace('max_on: 8h', 'max_on: 8h, min_off: 2min');
    const world = await started(site, '2026-06-01T04:29:30Z');
    await world.runTo(20 * MINUTE_MS);
    await world.stop();
    expect(await onTimes(world)).toEqual(['on 2026-06-01T04:32:00']);
    const left = await started(site, '2026-06-01T04:29:30Z');
    await left.runTo(80 * SECOND_MS);
    await left.clock.run(left.gateway.outputs.order({ output: 'fan.switch', on: false, source: 'local', by: 'test' }));
    await left.runTo(20 * MINUTE_MS);
    await left.stop();
    expect(await onTimes(left)).toEqual([]);
  });

  test('waits while nobody knows what time it is, says so once, and makes up for nothing', async () => {
    const unset: Fault = { at: 'clock', kind: 'unset', byMs: 0, fromMs: 0, toMs: 40 * MINUTE_MS };
    const world = await started(MORNING.replace('["06:30"]', '["06:30", "07:10"]'), '2026-06-01T04:00:00Z', [unset]);
    await world.runTo(35 * MINUTE_MS);
    expect(world.gateway.status().rules).toMatchObject({ waitForClock: true });
    expect(world.log.filter((code) => code === 'rules-wait-for-clock')).toHaveLength(1);
    await world.runTo(HOUR_MS);
    expect(world.gateway.status().rules).toMatchObject({ waitForClock: false });
    expect(world.log.filter((code) => code === 'rules-have-time')).toHaveLength(1);
    await world.runTo(1.5 * HOUR_MS);
    await world.stop();
    expect(await onTimes(world)).toEqual(['on 2026-06-01T05:10:00']);
    expect((await world.events('rule-not-fired')).map(([, , { at, reason }]) => [at, reason])).toEqual([['06:30', 'no-time']]);
  });

  // A clock that nobody has checked may step; one that was checked is believed again only after an hour.
  test.each([
    ['an hour ahead before', HOUR_MS, '2026-06-01T04:10:00Z'],
    ['an hour back before', -HOUR_MS, '2026-06-01T04:10:00Z'],
    ['an hour ahead after', HOUR_MS, '2026-06-01T04:35:00Z'],
    ['an hour back after', -HOUR_MS, '2026-06-01T04:35:00Z'],
  ])('fires once on a day on which the clock goes %s it', async (_how, byMs, at) => {
    const fromMs = Date.parse(at) - Date.parse('2026-06-01T04:00:00Z');
    const step: Fault = { at: 'clock', kind: 'step', byMs, fromMs, toMs: Number.POSITIVE_INFINITY };
    const world = await started(MORNING, '2026-06-01T04:00:00Z', [step]);
    await world.runTo(3.5 * HOUR_MS);
    await world.stop();
    expect((await world.events(...OUTCOMES)).map(([code]) => code)).toEqual(['rule-fired']);
    expect(await onTimes(world)).toHaveLength(1);
  });

  test('that raises an alarm raises it each time', async () => {
    const rules = 'rules: { water: { at: ["06:30", "06:50"], do: { alarm: water, say: Water } } }';
    const world = await started(`${HALL('{ constant: 20 }')}${rules}\n`, '2026-06-01T04:00:00Z');
    await world.runTo(1.5 * HOUR_MS);
    await world.stop();
    expect((await world.events('alarm-raised', 'alarm-cleared')).map(([code, time]) => `${code} ${time}`)).toEqual([
      'alarm-raised 2026-06-01T04:30:00',
      expect.stringMatching(/^alarm-cleared 2026-06-01T04:40:/),
      'alarm-raised 2026-06-01T04:50:00',
      expect.stringMatching(/^alarm-cleared 2026-06-01T05:00:/),
    ]);
  });
});

describe('a rule that waits for something to hold', () => {
  // From 50 down to 10 °C within 40 minutes, again and again: above 42 in the first 8, below 36 after 14.
  const SAWTOOTH = '{ sawtooth: { high: 50, low: 10, period: 40min }, noise: 0 }';
  const RULES = `rules:
  fan_on: { when: { reading: hall.temperature, above: 42, for: 2min }, do: { output: fan.switch, set: on } }
  fan_off: { when: { reading: hall.temperature, below: 36, for: 5min }, do: { output: fan.switch, set: off } }
`;

  test('fires when it has held for its time, and again when it has ceased to hold meanwhile', async () => {
    const world = await started(`${HALL(SAWTOOTH)}${RULES}`, '2026-06-01T04:00:00Z');
    await world.runTo(HOUR_MS);
    await world.stop();
    const moves = (await world.moves('fan.switch')).slice(1).map((move) => move.replace('2026-06-01T', '').slice(0, -3));
    expect(moves.slice(0, 4)).toEqual(['on 04:02', 'off 04:19', 'on 04:42', 'off 04:59']);
    expect(world.fatal).toEqual([]);
  });

  test('counts its time anew after a restart', async () => {
    const world = await started(`${HALL(SAWTOOTH)}${RULES}`, '2026-06-01T04:00:00Z');
    await world.runTo(85 * SECOND_MS);
    await world.stop();
    await world.start();
    const againMs = world.clock.monotonicMs();
    await world.runTo(10 * MINUTE_MS);
    await world.stop();
    const on = (await onTimes(world)).map((move) => Date.parse(`${move.slice(3)}Z`) - Date.parse('2026-06-01T04:00:00Z'));
    expect(on).toHaveLength(1);
    expect(on[0]).toBeGreaterThanOrEqual(againMs + 119 * SECOND_MS);
    expect(on[0]).toBeLessThanOrEqual(againMs + 122 * SECOND_MS);
  });

  test('goes by every value that was read, whatever the report rule makes of it', async () => {
    const site = `${HALL(SAWTOOTH).replace('every: 10s,', 'every: 10s, readings: { temperature: { report: { mean_of: 1h } } },')}${RULES}`;
    const world = await started(site, '2026-06-01T04:00:00Z');
    await world.runTo(30 * MINUTE_MS);
    await world.stop();
    expect((await world.moves('fan.switch')).map((move) => move.split(' ')[0])).toEqual(['off', 'on', 'off']);
  });

  test('does not go by a value that is doubted', async () => {
    const site = `${HALL(SAWTOOTH).replace('every: 10s,', 'every: 10s, readings: { temperature: { valid: [-40, 44] } },')}rules:
  fan_on: { when: { reading: hall.temperature, above: 43 }, do: { output: fan.switch, set: on } }
`;
    const world = await started(site, '2026-06-01T04:00:00Z');
    await world.runTo(5 * MINUTE_MS + 50 * SECOND_MS);
    expect(world.gateway.outputs.states()[0]).toMatchObject({ seen: false });
    await world.runTo(6 * MINUTE_MS + 30 * SECOND_MS);
    expect(world.gateway.outputs.states()[0]).toMatchObject({ seen: true });
    await world.stop();
  });

  test.each([
    ['by the rule', 'on by the rule'],
    ['by somebody else', 'local'],
  ])('lets what was switched %s fall to safe when its reading goes stale', async (_who, by) => {
    const silent: Fault = { at: 'device', device: 'hall', kind: 'silent', rate: 1, fromMs: 4 * MINUTE_MS, toMs: 12 * MINUTE_MS };
    const limit = by === 'local' ? 'above: 80' : 'above: 20';
    const site = `${HALL('{ constant: 45 }')}rules:
  fan_on: { when: { reading: hall.temperature, ${limit}, for: 1min }, do: { output: fan.switch, set: on } }
`;
    const world = await started(site, '2026-06-01T04:00:00Z', [silent]);
    if (by === 'local') {
      await world.runTo(2 * MINUTE_MS);
      await world.clock.run(world.gateway.outputs.order({ output: 'fan.switch', on: true, source: 'local', by: 'test' }));
    }
    await world.runTo(4 * MINUTE_MS + 15 * SECOND_MS);
    expect(world.gateway.outputs.states()[0]).toMatchObject({ seen: true });
    // Three periods after the last value, and a look.
    await world.runTo(4 * MINUTE_MS + 33 * SECOND_MS);
    expect(world.gateway.outputs.states()[0]).toMatchObject({
      seen: false,
      asked: { on: false, from: 'rules: hall.temperature is stale' },
    });
    expect(world.log).toContain('rule-reading-stale');
    // It holds again, anew for its whole time.
    await world.runTo(16 * MINUTE_MS);
    expect(world.gateway.outputs.states()[0]).toMatchObject({ seen: by !== 'local' });
    await world.stop();
  });

  test('lets what was switched fall to safe when its reading has not come since the start, and leaves what is ordered then', async () => {
    const silent: Fault = { at: 'device', device: 'hall', kind: 'silent', rate: 1, fromMs: 0, toMs: 12 * MINUTE_MS };
    const site = `${HALL('{ constant: 45 }')}rules:
  fan_on: { when: { reading: hall.temperature, above: 80 }, do: { output: fan.switch, set: on } }
`;
    const world = await started(site, '2026-06-01T04:00:00Z', [silent]);
    const orderOn = () =>
      world.clock.run(world.gateway.outputs.order({ output: 'fan.switch', on: true, source: 'local', by: 'test' }));
    await world.runTo(20 * SECOND_MS);
    expect(await orderOn()).toEqual({ done: true });
    // A first value has a minute to come.
    await world.runTo(55 * SECOND_MS);
    expect(world.gateway.outputs.states()[0]).toMatchObject({ seen: true });
    await world.runTo(65 * SECOND_MS);
    const asked = { on: false, from: 'rules: hall.temperature is stale' };
    expect(world.gateway.outputs.states()[0]).toMatchObject({ seen: false, asked });
    expect(world.log).toContain('rule-reading-stale');
    expect(await orderOn()).toEqual({ done: true });
    await world.runTo(10 * MINUTE_MS);
    expect(world.gateway.outputs.states()[0]).toMatchObject({ seen: true });
    await world.stop();
  });

  test('holds only while the outputs that it names are seen off', async () => {
    const site = `${HALL('{ constant: 45 }')}rules:
  odd: { when: { reading: hall.temperature, above: 20, for: 3min, and_outputs_off: [fan.switch] }, do: { alarm: odd } }
`;
    const world = await started(site, '2026-06-01T04:00:00Z');
    await world.runTo(2 * MINUTE_MS);
    const order = (on: boolean) =>
      world.clock.run(world.gateway.outputs.order({ output: 'fan.switch', on, source: 'local', by: 'test' }));
    // On for less than a look takes.
    await order(true);
    await order(false);
    await world.runTo(4 * MINUTE_MS + 55 * SECOND_MS);
    expect(world.gateway.status().alarms?.open).toEqual([]);
    await world.runTo(5 * MINUTE_MS + 5 * SECOND_MS);
    expect(world.gateway.status().alarms?.open).toMatchObject([{ alarm: 'odd', about: 'odd', words: 'odd' }]);
    await world.stop();
  });

  test('tries an order that could not be carried out again while it holds, once a minute', async () => {
    const site = `buses: { i2c1: { type: i2c }, line: { type: modbus-rtu, port: /dev/ttyAMA0, baud: 9600, timeout: 300ms } }
devices:
  hall: { board: sht31@1, via: i2c1, every: 10s, simulate: { temperature: { constant: 45 } } }
  relays: { board: modbus-relay-8@1, via: line, with: { unit: 30 } }
  fan: { board: relay@1, via: relays.relay1, outputs: { switch: { safe: off, max_on: 8h } } }
rules:
  fan_on: { when: { reading: hall.temperature, above: 42 }, do: { output: fan.switch, set: on } }
`;
    const silent: Fault = { at: 'device', device: 'relays', kind: 'silent', rate: 1, fromMs: 0, toMs: 3.5 * MINUTE_MS };
    const world = await started(site, '2026-06-01T04:00:00Z', [silent]);
    await world.runTo(3 * MINUTE_MS);
    expect(world.log.filter((code) => code === 'rule-failed').length).toBeGreaterThanOrEqual(2);
    expect(world.log.filter((code) => code === 'rule-failed').length).toBeLessThanOrEqual(4);
    await world.runTo(6 * MINUTE_MS);
    expect(world.gateway.outputs.states()[0]).toMatchObject({ seen: true });
    await world.stop();
  });

  test('takes yes for one and no for zero', async () => {
    const site = `devices:
  door: { board: contact@1, via: gpio.pin11, every: 10s, simulate: { closed: { constant: 1 } } }
${FAN}rules:
  shut: { when: { reading: door.closed, above: 0.5, for: 30s }, do: { output: fan.switch, set: on } }
  open: { when: { reading: door.closed, below: 0.5 }, do: { alarm: open_door } }
`;
    const world = await started(site, '2026-06-01T04:00:00Z');
    await world.runTo(MINUTE_MS);
    expect(world.gateway.outputs.states()[0]).toMatchObject({ seen: true });
    expect(world.gateway.status().alarms?.open).toEqual([]);
    await world.stop();
  });
});

test('a journal that takes nothing lets no rule start anything, and one that makes safe acts all the same', async () => {
  const full: Fault = {
    at: 'disk',
    code: 'ENOSPC',
    operations: ['pwrite', 'fdatasync', 'open'],
    fromMs: 28 * MINUTE_MS,
    toMs: 2 * HOUR_MS,
  };
  const site = `${HALL('{ constant: 20 }')}  lamp: { board: relay@1, via: gpio.pin15, outputs: { switch: { safe: off, max_on: unlimited } } }
rules:
  morning: { at: "06:30", do: { output: fan.switch, set: on } }
  lamp_on: { at: "06:05", do: { output: lamp.switch, set: on } }
  lamp_off: { at: "06:31", do: { output: lamp.switch, set: off } }
`;
  const world = await started(site, '2026-06-01T04:00:00Z', [full]);
  const seen = () => world.gateway.outputs.states().map((state) => state.seen);
  await world.runTo(29 * MINUTE_MS);
  expect(seen()).toEqual([false, true]);
  await world.runTo(40 * MINUTE_MS);
  expect(seen()).toEqual([false, false]);
  expect(world.log).toContain('rule-failed');
  await world.stop();
});
