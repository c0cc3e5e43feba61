// What becomes of an output that is on: it does what is expected of it, the city is lost that asked for it, or it is asked for too often.

import { describe, expect, test } from 'vitest';
import type { OrderSource } from '../../config/config.ts';
import type { Fault } from '../../simulator/faults.ts';
import { createRandom } from '../../simulator/random.ts';
import { createCity } from '../../simulator/sentilo/city.ts';
import { cityHttp } from '../../simulator/sentilo/city-http.ts';
import { worldForSite } from '../../simulator/sentilo/world.ts';
import { type SimulatedGateway, startSimulated } from './simulated-gateway.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const order = ({ clock, gateway }: SimulatedGateway, output: string, on: boolean, source: OrderSource = 'local') =>
  clock.run(gateway.outputs.order({ output, on, source, by: 'test' }));
const stateOf = ({ gateway }: SimulatedGateway, output: string) =>
  gateway.outputs.states().find((each) => each.output === output);

describe('an output of which something is expected', () => {
  /** A pump whose meter shows so many watts. */
  const site = (watts: number, faults: readonly Fault[] = []) => {
    const text = `buses: { line: { type: modbus-rtu, port: /dev/ttyAMA0, baud: 9600 } }
devices:
  meter:
    board: eastron-sdm120@1
    via: line
    every: 2s
    simulate: { power: { constant: ${watts} } }
  pump:
    board: relay@1
    via: gpio.pin15
    outputs: { switch: { safe: off, max_on: 1h, expect: { reading: meter.power, above: 50, within: 10s } } }
`;
    return startSimulated(text, { faults });
  };
  const events = async (running: SimulatedGateway) =>
    (await running.records()).filter((record) => record.kind === 'event' && record.code === 'output-fault');

  test('stays on when that happens', async () => {
    const running = await site(100);
    await running.clock.runUntil(10 * SECOND_MS);
    expect(await order(running, 'pump.switch', true)).toEqual({ done: true });
    await running.clock.runUntil(MINUTE_MS);
    expect(stateOf(running, 'pump.switch')).toMatchObject({ seen: true });
    expect(stateOf(running, 'pump.switch')).not.toHaveProperty('problem');
    await running.stop();
    expect(await events(running)).toEqual([]);
  });

  test.each<[string, readonly Fault[], string]>([
    ['does not', [], 'found 0'],
    [
      'cannot be seen',
      [{ at: 'device', device: 'meter', kind: 'silent', rate: 1, fromMs: 9_000, toMs: Number.POSITIVE_INFINITY }],
      'found no value',
    ],
  ])('goes back to safe when that %s, once, and it is told', async (_what, faults, found) => {
    const running = await site(faults.length === 0 ? 0 : 100, faults);
    await running.clock.runUntil(10 * SECOND_MS);
    const sinceMs = running.clock.monotonicMs();
    expect(await order(running, 'pump.switch', true)).toEqual({ done: true });
    await running.clock.runUntil(sinceMs + 9_900);
    expect(stateOf(running, 'pump.switch')).toMatchObject({ seen: true });
    await running.clock.runUntil(sinceMs + 10_100);
    const problem = `expected meter.power above 50 within 10 s, ${found}`;
    expect(stateOf(running, 'pump.switch')).toMatchObject({ seen: false, problem, asked: { on: false, from: 'expect' } });
    await running.clock.runUntil(5 * MINUTE_MS);
    expect(running.log.filter((code) => code === 'output-fault')).toHaveLength(1);
    await running.stop();
    const fields = { output: 'pump.switch', reason: 'not-as-expected', message: problem };
    expect(await events(running)).toEqual([expect.objectContaining({ fields })]);
  });

  test('that does something else is told with a short number, and stands in the status', async () => {
    const running = await site(48.9677319809168);
    await running.clock.runUntil(10 * SECOND_MS);
    expect(running.gateway.status().outputs).toEqual([]);
    await order(running, 'pump.switch', true);
    await running.clock.runUntil(MINUTE_MS);
    const problem = 'expected meter.power above 50 within 10 s, found 48.9677';
    expect(running.gateway.status().outputs).toEqual([{ output: 'pump.switch', problem }]);
    await running.stop();
  });

  test('is not told what it did not do last time while it is waited for this time, and the log says what was expected', async () => {
    const running = await site(0);
    await running.clock.runUntil(10 * SECOND_MS);
    await order(running, 'pump.switch', true);
    await running.clock.runUntil(MINUTE_MS);
    expect(stateOf(running, 'pump.switch')).toHaveProperty('problem');
    await order(running, 'pump.switch', true);
    expect(stateOf(running, 'pump.switch')).toMatchObject({ seen: true, isAwaited: true });
    expect(stateOf(running, 'pump.switch')).not.toHaveProperty('problem');
    await running.clock.runUntil(2 * MINUTE_MS);
    expect(stateOf(running, 'pump.switch')).toMatchObject({ problem: expect.stringContaining('found 0') });
    expect(stateOf(running, 'pump.switch')).not.toHaveProperty('isAwaited');
    await running.stop();
    const results = (await running.records()).flatMap((record) => (record.kind === 'result' ? [record] : []));
    const reason = 'expected meter.power above 50 within 10 s, found 0';
    expect(results.filter((each) => each.reason === reason && each.done)).toHaveLength(2);
  });

  test('is well again when it does it next time', async () => {
    const running = await site(100, [{ at: 'device', device: 'meter', kind: 'silent', rate: 1, fromMs: 9_000, toMs: 30_000 }]);
    await running.clock.runUntil(10 * SECOND_MS);
    await order(running, 'pump.switch', true);
    await running.clock.runUntil(MINUTE_MS);
    expect(stateOf(running, 'pump.switch')).toHaveProperty('problem');
    await order(running, 'pump.switch', true);
    await running.clock.runUntil(2 * MINUTE_MS);
    expect(stateOf(running, 'pump.switch')).toMatchObject({ seen: true });
    expect(stateOf(running, 'pump.switch')).not.toHaveProperty('problem');
    await running.stop();
  });
});

describe('an output that the city has switched on', () => {
  const OUTAGE = { fromMs: 3 * MINUTE_MS, toMs: 60 * MINUTE_MS };
  const start = (onLostCity: string) => {
    const faults: Fault[] = [{ at: 'city', kind: 'refuse', rate: 1, ...OUTAGE }];
    const text = `sentilo: { url: "https://city.example.cat", provider: makers, token: { secret: sentilo_token } }
buses: { i2c1: { type: i2c } }
devices:
  hall: { board: sht31@1, via: i2c1, every: 10s }
  valve:
    board: solenoid-valve@1
    via: gpio.pin15
    outputs: { open: { safe: off, max_on: 1h, orders: [sentilo, rules, local]${onLostCity} } }
`;
    return startSimulated(text, {
      faults,
      http: (time, config) =>
        cityHttp(createCity(worldForSite(config, 'demo-token')), time.ofTheWorld(), {
          faults,
          latencyMs: 40,
          random: createRandom(1),
        }),
    });
  };

  test.each([
    ['', 15],
    [', on_lost_city: 5min', 5],
  ])('goes back to safe when nothing is heard from there: %s', async (key, minutes) => {
    const running = await start(key);
    await running.clock.runUntil(MINUTE_MS);
    expect(await order(running, 'valve.open', true, 'sentilo')).toEqual({ done: true });
    // The city was heard last at most ten seconds before it was lost, as it is asked for orders so often.
    await running.clock.runUntil(OUTAGE.fromMs + minutes * MINUTE_MS - 15 * SECOND_MS);
    expect(stateOf(running, 'valve.open')).toMatchObject({ seen: true });
    await running.clock.runUntil(OUTAGE.fromMs + minutes * MINUTE_MS + SECOND_MS);
    expect(stateOf(running, 'valve.open')).toMatchObject({ seen: false, asked: { on: false, from: 'on_lost_city' } });
    await running.stop();
  });

  test('stays when somebody here has switched it on since, and so does what a rule has switched on', async () => {
    const running = await start(', on_lost_city: 5min');
    await running.clock.runUntil(MINUTE_MS);
    expect(await order(running, 'valve.open', true, 'sentilo')).toEqual({ done: true });
    expect(await order(running, 'valve.open', true, 'rules')).toEqual({ done: true });
    await running.clock.runUntil(30 * MINUTE_MS);
    expect(stateOf(running, 'valve.open')).toMatchObject({ seen: true });
    await running.stop();
  });
});

test('somebody far away may order three times at once, and then once in ten seconds; to what is safe always', async () => {
  const text = `devices:
  valve: { board: solenoid-valve@1, via: gpio.pin15, outputs: { open: { safe: off, max_on: 1h, orders: [mqtt, rules, local] } } }
`;
  const running = await startSimulated(text);
  await running.clock.runUntil(10 * SECOND_MS);
  const reasons: string[] = [];
  for (let i = 0; i < 60; i += 1) {
    const outcome = await order(running, 'valve.open', true, 'mqtt');
    reasons.push(outcome.done ? 'done' : outcome.reason);
    expect(await order(running, 'valve.open', false, 'mqtt')).toEqual({ done: true });
    await running.clock.runUntil((11 + i) * SECOND_MS);
  }
  expect(reasons.slice(0, 4)).toEqual(['done', 'done', 'done', 'too-often']);
  expect(new Set(reasons)).toEqual(new Set(['done', 'too-often']));
  // Six in a minute, beside the three at once.
  expect(reasons.filter((reason) => reason === 'done').length).toBeLessThanOrEqual(9);
  expect(reasons.filter((reason) => reason === 'done').length).toBeGreaterThanOrEqual(8);
  // Once for each time that it began.
  expect(running.log.filter((code) => code === 'orders-too-often').length).toBeLessThanOrEqual(7);
  expect(await order(running, 'valve.open', true, 'local')).toEqual({ done: true });
  // Nobody uses up what another may.
  await order(running, 'valve.open', true, 'mqtt');
  expect(await order(running, 'valve.open', true, 'mqtt')).toMatchObject({ reason: 'too-often' });
  expect(await order(running, 'valve.open', true, 'rules')).toEqual({ done: true });
  await running.stop();
});
