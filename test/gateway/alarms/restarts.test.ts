// What is wrong when the gateway stops is neither forgotten nor told to be over by a start that knows nothing of it.

import { describe, expect, test } from 'vitest';
import type { Fault } from '../../../simulator/faults.ts';
import { CITY, configOf, HOUR_MS, MINUTE_MS, RuleWorld, SECOND_MS } from '../rules/rule-world.ts';

const HEAD = CITY.replace('token:', 'alerts: { output_fault: FAULT }, token:');
const BOARD = `${HEAD}buses: { line: { type: modbus-rtu, port: /dev/ttyAMA0, baud: 9600, timeout: 300ms } }
devices:
  relays: { board: modbus-relay-8@1, via: line, with: { unit: 30 } }
  pump: { board: relay@1, via: relays.relay1, outputs: { switch: { safe: off, max_on: 1h } } }
`;
/** Whether the pump runs or not, its meter shows power in the first ten of each twenty minutes only. */
const HALF_DRY = `${HEAD}buses: { line: { type: modbus-rtu, port: /dev/ttyAMA0, baud: 9600 } }
devices:
  meter: { board: eastron-sdm120@1, via: line, every: 5s, simulate: { power: { sawtooth: { high: 100, low: 0, period: 20min } } } }
  pump:
    board: relay@1
    via: gpio.pin15
    outputs: { switch: { safe: off, max_on: 1h, expect: { reading: meter.power, above: 50, within: 10s } } }
`;

const started = async (site: string, faults: readonly Fault[] = []) => {
  const world = new RuleWorld(await configOf(site), { start: '2026-06-01T04:00:00Z', faults });
  await world.start();
  return world;
};
const silent = (fromMs: number, toMs: number): Fault => ({
  at: 'device',
  device: 'relays',
  kind: 'silent',
  rate: 1,
  fromMs,
  toMs,
});
const order = (world: RuleWorld, on: boolean) =>
  world.clock.run(world.gateway.outputs.order({ output: 'pump.switch', on, source: 'local', by: 'test' }));
const restart = async (world: RuleWorld) => {
  await world.stop();
  await world.start();
};
const DISOBEYS = expect.stringMatching(/^trial: la sortida pump\.switch no obeeix \(\d/);
const UNSEEN = expect.stringMatching(/^trial: no se sap com està la sortida pump\.switch/);
const OVER = expect.stringMatching(/^trial: Resolt: /);

describe('an output', () => {
  test('whose board is dead is wrong after a restart too, and is over when it is seen', async () => {
    const world = await started(BOARD, [silent(MINUTE_MS, 40 * MINUTE_MS)]);
    await world.runTo(10 * SECOND_MS);
    await order(world, true);
    await world.runTo(61 * SECOND_MS);
    await order(world, false);
    await world.runTo(5 * MINUTE_MS);
    await restart(world);
    await world.runTo(35 * MINUTE_MS);
    expect(world.messages('FAULT')).toEqual([DISOBEYS]);
    await world.runTo(HOUR_MS);
    expect(world.messages('FAULT')).toEqual([DISOBEYS, OVER]);
    await world.stop();
  });

  test('whose board has been dead since the start is told', async () => {
    const world = await started(BOARD, [silent(0, HOUR_MS)]);
    await world.runTo(3 * MINUTE_MS);
    expect(world.messages('FAULT')).toEqual([UNSEEN]);
    await world.stop();
  });

  test('whose board answers some seconds after the start is not told', async () => {
    // It is asked again a minute later.
    const world = await started(BOARD, [silent(0, 8 * SECOND_MS)]);
    await world.runTo(5 * MINUTE_MS);
    expect(world.messages('FAULT')).toEqual([]);
    await world.stop();
  });

  test('that did not do what is expected of it is wrong after a restart until it does', async () => {
    const world = await started(HALF_DRY);
    await world.runTo(12 * MINUTE_MS);
    await order(world, true);
    await world.runTo(14 * MINUTE_MS);
    await restart(world);
    // Going off is what it has done all the time.
    await order(world, false);
    await world.runTo(26 * MINUTE_MS);
    expect(world.messages('FAULT')).toEqual([DISOBEYS]);
    await order(world, true);
    await world.runTo(38 * MINUTE_MS);
    expect(world.messages('FAULT')).toEqual([DISOBEYS, OVER]);
    await world.stop();
  });
});

test('an alarm of a time of day is over after a restart too, and told again the next time', async () => {
  const world = await started(`${CITY.replace('token:', 'alerts: { check: CHECK }, token:')}rules:
  look: { at: ["06:30", "07:30"], do: { alarm: check, say: Mireu } }
`);
  await world.runTo(32 * MINUTE_MS);
  await restart(world);
  await world.runTo(HOUR_MS);
  const [first, second] = [expect.stringMatching(/^trial: Mireu .*06:30:/), expect.stringMatching(/^trial: Mireu .*07:30:/)];
  expect(world.messages('CHECK')).toEqual([first, OVER]);
  await world.runTo(95 * MINUTE_MS);
  expect(world.messages('CHECK')).toEqual([first, OVER, second]);
  await world.stop();
});
