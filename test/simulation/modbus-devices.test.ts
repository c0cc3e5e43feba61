// Modbus devices from their simulated registers to the journal, on the production gateway.

import { describe, expect, test } from 'vitest';
import type { DeviceConfig } from '../../config/config.ts';
import type { BusFrame } from '../../gateway/host.ts';
import type { Fault } from '../../simulator/faults.ts';
import { loadText } from '../config/site-files.ts';
import { observationsOf, type Surroundings, startSimulated } from '../gateway/simulated-gateway.ts';
import { START_WALL_MS } from '../simulator/site.ts';
import { hex } from '../support/hex.ts';
import { shownSignals } from '../support/shown-signals.ts';

const HOUR_MS = 3_600_000;
/** From the question until the answer has been understood, at most; and moments in between. */
const EXCHANGE_MS = 300;
const MOMENTS_MS = Array.from({ length: 31 }, (_, i) => (i * EXCHANGE_MS) / 30);

const BUS = 'buses: { meters: { type: modbus-rtu, port: /dev/ttyAMA0, baud: 9600, timeout: 300ms } }\n';

/** A board of this test's own. */
const own = (body: string) => ({
  'boards/own.board.yaml': `schema: board/v1
id: own
version: 1.0.0
label: Own
needs: modbus
driver: modbus-map
with: { unit: { type: modbus_unit, default: 1 } }
${body}
`,
});
const OWN_SITE = `${BUS}devices: { thing: { board: own@1, via: meters, every: 10s } }\n`;

/** Half a step of the reading's register, as the board's own text says it; a float shows seven digits. */
function resolutionOf({ spec }: DeviceConfig, reading: string): number {
  const found = spec.readings.find(({ id }) => id === reading);
  const isFloat = (found?.encoding ?? spec.modbus?.encoding)?.startsWith('float') === true;
  return isFloat ? 0 : (found?.scale ?? 1) / 2;
}

const walk = (start: number, step: number, min: number, max: number) =>
  `{ walk: { start: ${start}, step: ${step}, min: ${min}, max: ${max} } }`;
/** A cold morning, also below zero. */
const AIR = `temperature: ${walk(-4, 0.5, -30, 60)}, humidity: ${walk(55, 0.5, 0, 100)}`;

/** What is shown without noise, so that a signal between question and answer is known; the rest is as the board says. */
const BOARDS: readonly (readonly [string, string])[] = [
  ['pzem-016', `power: ${walk(420, 20, 0, 2000)}`],
  ['rs485-temperature-humidity', AIR],
  ['xy-md02', AIR],
  ['rs485-soil', ''],
  ['rs485-wind-speed', ''],
  ['rs485-wind-direction', ''],
  ['sensecap-one', AIR],
  ['eastron-sdm120', `power: ${walk(420, 20, -900, 2000)}`],
  ['eastron-sdm630', `power: ${walk(420, 20, -900, 2000)}`],
];

test.each(BOARDS)(
  'an hour of %s: every reading that is kept is what the device showed',
  async (board, shown) => {
    const simulate = shown === '' ? '' : `, simulate: { ${shown} }`;
    const text = `${BUS}devices: { thing: { board: ${board}@1, via: meters, every: 10s${simulate} } }\n`;
    const running = await startSimulated(text);
    await running.clock.runUntil(HOUR_MS);
    await running.stop();
    const { config } = await loadText(`schema: gateway/v1\ngateway: { id: trial }\n${text}`);
    const device = config?.devices.get('thing');
    if (config === undefined || device === undefined) throw new Error('no device');
    const signals = shownSignals(device, config, { seed: 1, startWallMs: START_WALL_MS });
    const records = await running.records();
    for (const { reading } of device.channels) {
      const kept = observationsOf(records, `thing.${reading}`);
      expect(kept.length, reading).toBeGreaterThanOrEqual(HOUR_MS / 10_000);
      const signal = signals.get(reading);
      for (const { value, monotonicMs, quality } of kept) {
        const moments = MOMENTS_MS.map((backMs) => signal?.at(Math.max(0, monotonicMs - backMs)) ?? 0);
        const slack = resolutionOf(device, reading) + 1e-6 * Math.abs(Number(value));
        expect(Number(value), reading).toBeGreaterThanOrEqual(Math.min(...moments) - slack);
        expect(Number(value), reading).toBeLessThanOrEqual(Math.max(...moments) + slack);
        expect(quality, `${reading} ${value}`).toBe('good');
      }
    }
  },
  60_000,
);

test('a meter with powers of ten of its own (scale_from)', async () => {
  const files = own(`modbus: { read_with: holding, encoding: int16 }
readings:
  power: { at: 10, scale_from: 12, quantity: active_power, unit: W, precision: 10 }
  voltage: { at: 11, scale_from: 13, quantity: voltage, unit: V, precision: 0.1 }
simulate: { power: { constant: -12340 }, voltage: { constant: 230.4 } }`);
  const running = await startSimulated(OWN_SITE, { files });
  await running.clock.runUntil(60_000 + EXCHANGE_MS);
  await running.stop();
  const records = await running.records();
  expect(observationsOf(records, 'thing.power').map(({ value }) => value)).toEqual(Array(7).fill(-12_340));
  expect(observationsOf(records, 'thing.voltage').map(({ value }) => value)).toEqual(Array(7).fill(230.4));
  const asked = running.frames.filter(({ direction }) => direction === 'out').map(({ bytes }) => hex(bytes).slice(0, 12));
  expect(new Set(asked)).toEqual(new Set(['0103000a0004']));
});

test('a rain gauge whose counter has seven bits: all that fell, also over its end and while the gateway was off', async () => {
  const files = own(`readings:
  rain: { at: 0, scale: 0.2, quantity: rain, unit: mm, precision: 0.01, kind: delta, rollover: 25.6, valid: [0, 20] }
  rate: { at: 1, scale: 0.1, quantity: rain_rate, unit: mm/h, precision: 0.1 }
simulate: { rain: { integrate: rate, start: 20 }, rate: { constant: 37.1 } }`);
  const running = await startSimulated(OWN_SITE, { files });
  await running.clock.runUntil(HOUR_MS);
  await running.stop();
  await running.clock.runUntil(HOUR_MS + 600_000);
  const again = await running.clock.run(running.openAnother());
  await running.clock.runUntil(3 * HOUR_MS + EXCHANGE_MS);
  await running.clock.run(again.stop());
  const rain = observationsOf(await running.records(), 'thing.rain');
  const good = rain.filter(({ quality }) => quality === 'good');
  const tipsAt = (ms: number) => Math.round((20 + (37.1 * ms) / HOUR_MS) / 0.2);
  const fell = (tipsAt(3 * HOUR_MS) - tipsAt(0)) * 0.2;
  const sum = good.reduce((all, { value }) => all + Number(value), 0);
  expect(sum).toBeCloseTo(fell, 9);
  expect(good.every(({ value }) => Number(value) >= 0)).toBe(true);
  expect(Math.max(...good.map(({ value }) => Number(value)))).toBeGreaterThan(6);
  // Of each new beginning, and of what came while the gateway was off, the first sample.
  const wraps = Math.floor((20 + 3 * 37.1) / 25.6);
  expect(rain.filter(({ quality }) => quality === 'suspect')).toHaveLength(wraps + 1);
  expect(running.fatal).toEqual([]);
});

/** What went over the wire, without checksums; an answer may come in several pieces. */
function framesOf(pieces: readonly BusFrame[]): string[] {
  const frames: { direction: string; text: string }[] = [];
  for (const { direction, bytes } of pieces) {
    const last = frames.at(-1);
    if (direction === 'in' && last?.direction === 'in') last.text += hex(bytes);
    else frames.push({ direction, text: hex(bytes) });
  }
  return frames.map(({ direction, text }) => `${direction} ${text.slice(0, -4)}`);
}

describe('outputs', () => {
  const files = own(`modbus: { write_with: single }
outputs:
  fan: { coil: 2, quantity: switch_state, unit: bool, safe: off, max_on: 1h }
  valve: { register: 5, on: 0x5500, off: 0xAA00, quantity: valve_state, unit: bool, safe: on, max_on: 1h }`);

  test('go to their safe state at the start and at the end, each written once and read back', async () => {
    const running = await startSimulated(OWN_SITE, { files });
    await running.clock.runUntil(60_000);
    await running.stop();
    const fan = ['out 010500020000', 'in 010500020000', 'out 010100020001', 'in 01010100'];
    const valve = ['out 010600055500', 'in 010600055500', 'out 010300050001', 'in 0103025500'];
    const frames = framesOf(running.frames);
    expect(frames.slice(0, 8)).toEqual([...fan, ...valve]);
    // At the end both are written before either is read back.
    expect(frames.slice(-8)).toEqual(
      [fan, valve]
        .map((each) => each.slice(0, 2))
        .concat([fan, valve].map((each) => each.slice(2)))
        .flat(),
    );
    expect(frames.filter((frame) => frame.startsWith('out 0105') || frame.startsWith('out 0106')).length).toBe(4);
    expect(running.fatal).toEqual([]);
    expect(running.gateway.status().devices).toMatchObject([{ device: 'thing', state: 'ok', failedCount: 0 }]);
  });

  test('of a device that is gone are noticed by its polls', async () => {
    const faults: Fault[] = [{ at: 'device', device: 'thing', kind: 'silent', rate: 1, fromMs: 30_000, toMs: HOUR_MS }];
    const running = await startSimulated(OWN_SITE, { files, faults });
    await running.clock.runUntil(25_000);
    expect(running.gateway.status().devices[0]?.state).toBe('ok');
    await running.clock.runUntil(300_000);
    expect(running.gateway.status().devices[0]?.state).toBe('not-answering');
    await running.stop();
  });
});

describe('a device that has not all the registers between its readings', () => {
  const files = own(`modbus: { read_with: holding, encoding: uint16 }
readings:
  a: { at: 24, quantity: count, unit: "1" }
  b: { at: 25, quantity: count, unit: "1" }
  c: { at: 28, quantity: count, unit: "1" }
simulate: { a: { constant: 1 }, b: { constant: 2 }, c: { constant: 3 } }`);
  /** The registers 26 and 27 are not there, and the board does not know. */
  const hardware: Surroundings['hardware'] = (config) => {
    const devices = [...config.devices].map(([id, device]): [string, DeviceConfig] => {
      const { modbus } = device.spec;
      return [
        id,
        modbus === undefined ? device : { ...device, spec: { ...device.spec, modbus: { ...modbus, holes: [[26, 27]] } } },
      ];
    });
    return { ...config, devices: new Map(devices) };
  };
  const mute: Fault = { at: 'device', device: 'thing', kind: 'mute', rate: 1, fromMs: 0, toMs: HOUR_MS };

  test.each<[string, Fault[]]>([
    ['refuses', []],
    ['stays silent', [mute]],
  ])('and %s gives all of them once that was learned, for one request more', async (_, faults) => {
    const running = await startSimulated(OWN_SITE, { files, hardware, faults });
    await running.clock.runUntil(HOUR_MS);
    const frameCount = running.frames.length;
    const { failedCount = Number.NaN } = running.gateway.status().devices[0] ?? {};
    await running.stop();
    const records = await running.records();
    const keptOf = (reading: string) => observationsOf(records, `thing.${reading}`);
    for (const [reading, expected] of [
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ] as const) {
      expect(new Set(keptOf(reading).map(({ value }) => value))).toEqual(new Set([expected]));
      // What a silent slave costs until it is known.
      expect(keptOf(reading).length).toBeGreaterThanOrEqual(HOUR_MS / 10_000 - 5);
    }
    expect(failedCount).toBeLessThanOrEqual(faults.length === 0 ? 0 : 2);
    const lastMinute = running.frames
      .slice(0, frameCount)
      .filter(({ atMs, direction }) => direction === 'out' && atMs > HOUR_MS - 55_000);
    expect(new Set(lastMinute.map(({ bytes }) => hex(bytes).slice(0, 12)))).toEqual(new Set(['010300180002', '0103001c0001']));
  });
});
