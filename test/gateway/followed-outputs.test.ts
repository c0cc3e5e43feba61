// What the simulator shows of a reading that follows an output: as the simulated hardware is, whatever the gateway believes.

import { describe, expect, test } from 'vitest';
import { observationsOf, type SimulatedGateway, startSimulated } from './simulated-gateway.ts';

const SECOND_MS = 1_000;
/** What flows is even for ten seconds in the simulated meter, and is read every ten. */
const SEEN_MS = 25 * SECOND_MS;

const BOARD = `schema: board/v1
id: pump-controller
version: 1.0.0
status: community
label: { en: Pump controller }
needs: modbus
driver: modbus-map
with: { unit: { type: modbus_unit } }
modbus: { read_with: holding }
outputs:
  pump: { quantity: switch_state, unit: bool, register: 3, on: 2, off: 1, safe: off }
`;

const site = (
  devices: string,
  follows: string,
) => `buses: { line: { type: modbus-rtu, port: /dev/ttyAMA0, baud: 9600 }, i2c1: { type: i2c } }
devices:
${devices}
  water:
    board: flow-meter@1
    via: gpio.pin13
    with: { pulses_per_litre: 450 }
    every: 10s
    simulate: { flow: { follows: ${follows}, on: 12, off: 0 } }
  lid:
    board: contact@1
    via: gpio.pin11
    every: 1min
    simulate: { closed: { follows: ${follows}, on: 1, off: 0 } }
`;

const VALVE = (active: string) => `  valve:
    board: solenoid-valve@1
    via: gpio.pin15
    with: { active: ${active} }
    outputs: { open: { safe: off, max_on: 10min } }`;
const RELAY = (active: string) => `  relays: { board: modbus-relay-8@1, via: line, with: { unit: 30 } }
  pump:
    board: relay@1
    via: relays.relay3
    with: { active: ${active} }
    outputs: { switch: { safe: off, max_on: 10min } }`;
const CHIP = `  pins: { board: mcp23017@1, via: i2c1 }
  pump:
    board: relay@1
    via: pins.gpb2
    with: { active: low }
    outputs: { switch: { safe: off, max_on: 10min } }`;
const CONTROLLER = `  controller:
    board: pump-controller@1
    via: line
    with: { unit: 4 }
    outputs: { pump: { safe: off, max_on: 10min } }`;

const order = ({ clock, gateway }: SimulatedGateway, output: string, on: boolean) =>
  clock.run(gateway.outputs.order({ output, on, source: 'local', by: 'test' }));

const shown = ({ gateway }: SimulatedGateway, device: string) =>
  gateway.readings().find((row) => row.device === device && row.reading !== 'volume')?.value;

describe('a simulated reading that follows', () => {
  test.each([
    ['a valve that opens with the high level', VALVE('high'), 'valve.open'],
    ['a valve that opens with the low level', VALVE('low'), 'valve.open'],
    ['a relay on a port of a Modbus board', RELAY('high'), 'pump.switch'],
    ['a relay on such a port that switches on with the low level', RELAY('low'), 'pump.switch'],
    ['a relay on a pin of a chip', CHIP, 'pump.switch'],
    ['an output in a register', CONTROLLER, 'controller.pump'],
  ])('%s shows what it is when that is on, and no longer', async (_, devices, output) => {
    const files = { 'boards/pump-controller.board.yaml': BOARD };
    const running = await startSimulated(site(devices, output), { files });
    const { clock } = running;
    await clock.runUntil(30 * SECOND_MS);
    expect([shown(running, 'water'), shown(running, 'lid')]).toEqual([0, false]);
    expect(await order(running, output, true)).toEqual({ done: true });
    await clock.runUntil(clock.monotonicMs() + SEEN_MS);
    expect(shown(running, 'water')).toBeCloseTo(12, 1);
    expect(shown(running, 'lid')).toBe(true);
    expect(await order(running, output, false)).toEqual({ done: true });
    await clock.runUntil(clock.monotonicMs() + SEEN_MS);
    expect([shown(running, 'water'), shown(running, 'lid')]).toEqual([0, false]);
    await running.stop();
    expect(running.fatal).toEqual([]);
  });

  test('sees what the hardware does, not what was ordered: another program that opens the valve', async () => {
    const running = await startSimulated(site(VALVE('low'), 'valve.open'));
    await running.clock.runUntil(30 * SECOND_MS);
    await running.drive(22, false);
    await running.clock.runUntil(60 * SECOND_MS);
    expect(shown(running, 'water')).toBeCloseTo(12, 1);
    await running.stop();
  });

  test('adds up what flowed while it was on', async () => {
    const running = await startSimulated(site(VALVE('high'), 'valve.open'));
    const { clock } = running;
    await clock.runUntil(60 * SECOND_MS);
    await order(running, 'valve.open', true);
    await clock.runUntil(clock.monotonicMs() + 120 * SECOND_MS);
    await order(running, 'valve.open', false);
    await clock.runUntil(clock.monotonicMs() + 60 * SECOND_MS);
    await running.stop();
    const volume = observationsOf(await running.records(), 'water.volume').at(-1)?.value;
    // 12 litres a minute for two minutes, give or take the ten seconds that the flow is even for.
    expect(volume).toBeGreaterThanOrEqual(22);
    expect(volume).toBeLessThanOrEqual(26);
  });
});
