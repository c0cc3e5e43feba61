// Devices that are plugged into ports of others, in the production gateway: what the journal keeps is what the simulated
// probes showed, and an output moves where its relay is.

import { describe, expect, test } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { observationsOf, startSimulated } from './simulated-gateway.ts';

const MINUTE_MS = 60_000;
const SITE = `buses:
  i2c1: { type: i2c }
  meters: { type: modbus-rtu, port: header, baud: 9600, format: 8N1 }
defaults: { every: 10s }
devices:
  adc: { board: ads1115@1, via: i2c1 }
  pins: { board: mcp23017@1, via: i2c1 }
  relays: { board: modbus-relay-8@1, via: meters, with: { unit: 30 } }
  battery: { board: analog-input@1, via: adc.ain0, simulate: { value: { constant: 1.5 } } }
  bed: { board: soil-moisture-capacitive@1, via: adc.ain1, simulate: { moisture: { constant: 60 } } }
  door: { board: contact@1, via: pins.gpa0, simulate: { closed: { bursts: { per_day: 288, minutes: 2 } } } }
  lamp: { board: relay@1, via: pins.gpb0, with: { active: low }, outputs: { switch: { safe: off, max_on: 1h } } }
  fan: { board: relay@1, via: relays.relay3, outputs: { switch: { safe: off, max_on: 1h } } }
  meter: { board: eastron-sdm120@1, via: meters, with: { unit: 1 }, simulate: { voltage: { constant: 230 } } }
`;

async function run(faults: readonly Fault[] = [], text = SITE, forMs = 30 * MINUTE_MS) {
  const running = await startSimulated(text, { faults });
  await running.clock.runUntil(forMs + 5_000);
  await running.stop();
  expect(running.fatal).toEqual([]);
  const records = await running.records();
  return { running, of: (channel: string) => observationsOf(records, channel) };
}

const numbers = (observations: readonly { readonly value: unknown }[]) => observations.map(({ value }) => Number(value));

test('an analogue probe gives its voltage, or what its board makes of it', async () => {
  const { of } = await run();
  const battery = numbers(of('battery.value'));
  expect(battery).toHaveLength(181);
  // One step of the converter with its usual range is 0.125 mV (SBAS444D, table 3).
  for (const volts of battery) expect(Math.abs(volts - 1.5)).toBeLessThanOrEqual(0.000_063);
  const bed = of('bed.moisture');
  expect(bed).toHaveLength(181);
  for (const { value, uncalibrated } of bed) {
    expect(Math.abs(Number(value) - 60)).toBeLessThan(0.01);
    // From 2.8 V in air to 1.2 V in water (its board file): 60 % is 1.84 V, which is kept beside it.
    expect(Number(uncalibrated)).toBeCloseTo(1.84, 3);
  }
});

test('a contact at a port is kept with each change, at the latest when its port is looked at next', async () => {
  const { of } = await run();
  const door = of('door.closed');
  const changes = door.filter(({ value }, index) => index > 0 && value !== door[index - 1]?.value);
  expect(changes.length).toBeGreaterThan(10);
  // Bursts begin and end at whole tens of seconds: 30 ms of debouncing and 100 ms until the next look.
  for (const { monotonicMs } of changes) expect(monotonicMs % 10_000).toBeLessThan(300);
});

test('outputs at ports are made safe at the start, before anything is measured, and stay it', async () => {
  const { running } = await run();
  const { frames } = running;
  const relay = frames.filter(({ bus, direction, bytes }) => bus === 'meters' && direction === 'out' && bytes[0] === 30);
  const asked = relay.map(({ bytes }) => Buffer.from(bytes.subarray(0, -2)).toString('hex'));
  // Function 5, coil 2, off; then it is read back, and looked at with every poll; off again when the gateway stops.
  expect(asked.slice(0, 2)).toEqual(['1e0500020000', '1e0100020001']);
  expect(asked.slice(-2)).toEqual(['1e0500020000', '1e0100020001']);
  expect(new Set(asked.slice(1, -2))).toEqual(new Set(['1e0100020001']));
  expect(relay.length).toBeGreaterThan(180);
  const latches = frames.filter(
    ({ bus, label, direction, bytes }) =>
      bus === 'i2c1' && label === '0x20' && direction === 'out' && bytes[0] === 0x15 && bytes.length === 2,
  );
  // Active low: off is high.
  expect(latches[0]?.bytes[1]).toBe(1);
});

describe('a provider that is gone', () => {
  const gone = (device: string): Fault => ({
    at: 'device',
    device,
    kind: 'silent',
    rate: 1,
    fromMs: 5 * MINUTE_MS,
    toMs: 15 * MINUTE_MS,
  });

  test('takes only what is plugged into it along, and everything is back a minute later', async () => {
    const { running, of } = await run([gone('adc'), gone('relays')]);
    const battery = of('battery.value');
    expect(battery.filter(({ monotonicMs }) => monotonicMs > 5 * MINUTE_MS && monotonicMs < 15 * MINUTE_MS)).toEqual([]);
    expect(battery.filter(({ monotonicMs }) => monotonicMs >= 16 * MINUTE_MS).length).toBe(85);
    expect(of('meter.voltage')).toHaveLength(181);
    expect(of('door.closed').length).toBeGreaterThan(181);
    expect(running.log.filter((code) => code === 'device-lost')).toHaveLength(3);
    expect(running.log.filter((code) => code === 'device-back')).toHaveLength(3);
  });

  test('a probe whose wire is cut shows what a free wire shows, and its neighbour goes on', async () => {
    const { of } = await run([gone('bed')]);
    expect(of('battery.value')).toHaveLength(181);
    const cut = of('bed.moisture').filter(({ monotonicMs }) => monotonicMs > 6 * MINUTE_MS && monotonicMs < 14 * MINUTE_MS);
    expect(cut.length).toBeGreaterThan(45);
    // 0 V is far wetter than water.
    expect(new Set(numbers(cut))).toEqual(new Set([100]));
    for (const { quality, reason, publish } of cut)
      expect({ quality, reason, publish }).toEqual({ quality: 'suspect', reason: 'out-of-range', publish: false });
  });
});

test('a calibration by points takes the place of the points of the board, and keeps its ends', async () => {
  const calibrated = (moisture: number) => `buses: { i2c1: { type: i2c } }
devices:
  adc: { board: ads1115@1, via: i2c1 }
  bed:
    board: soil-moisture-capacitive@1
    via: adc.ain3
    every: 10s
    readings: { moisture: { calibrate: { points: [[2.6, 0], [1.4, 100]] } } }
    simulate: { moisture: { constant: ${moisture} } }
`;
  // 60 % by the board is 1.84 V, and (2.6 − 1.84) ÷ 1.2 of the way from air to water.
  const middle = await run([], calibrated(60), MINUTE_MS);
  expect(middle.of('bed.moisture').length).toBeGreaterThan(5);
  for (const value of numbers(middle.of('bed.moisture'))) expect(value).toBeCloseTo((100 * 0.76) / 1.2, 1);
  const wet = await run([], calibrated(100), MINUTE_MS);
  expect(new Set(numbers(wet.of('bed.moisture')))).toEqual(new Set([100]));
});

// RobTillaart/ADS1X15#58, hybridgroup/gobot#827: the value of one input appeared under another.
test('four probes at one converter, polled in the same second for 1000 rounds, never get each other’s voltage (ic-05)', async () => {
  const volts = [0.5, 1.5, 2.5, 3.2];
  const probes = volts.map(
    (each, index) =>
      `  probe${index}: { board: analog-input@1, via: adc.ain${index}, every: 1s, simulate: { value: { constant: ${each} } } }\n`,
  );
  const site = `buses: { i2c1: { type: i2c } }\ndevices:\n  adc: { board: ads1115@1, via: i2c1 }\n${probes.join('')}`;
  const { of } = await run([], site, 1_000_000);
  for (const [index, each] of volts.entries()) {
    const kept = numbers(of(`probe${index}.value`));
    expect(kept.length).toBeGreaterThanOrEqual(1000);
    expect(Math.max(...kept.map((value) => Math.abs(value - each)))).toBeLessThan(0.000_1);
  }
});
