// A text from the registers of a device to the city, on the production gateway.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Config, SignalConfig } from '../../config/config.ts';
import type { Fault } from '../../simulator/faults.ts';
import { createRandom } from '../../simulator/random.ts';
import { type City, createCity } from '../../simulator/sentilo/city.ts';
import { cityHttp } from '../../simulator/sentilo/city-http.ts';
import { worldForSite } from '../../simulator/sentilo/world.ts';
import { START_WALL_MS } from '../simulator/site.ts';
import { observationsOf, type SimulatedGateway, startSimulated } from './simulated-gateway.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

const FILES = {
  'boards/sunspec-common.board.yaml': readFileSync(new URL('../data/boards/sunspec-common.board.yaml', import.meta.url), 'utf8'),
  'boards/lift.board.yaml': `schema: board/v1
id: lift
version: 1.0.0
label: Lift
needs: modbus
driver: modbus-map
with: { unit: { type: modbus_unit, default: 1 } }
modbus: { read_with: holding, byte_order: DCBA }
readings:
  load: { at: 0, encoding: int32, quantity: active_power, unit: W }
  state: { at: 2, encoding: text, registers: 8, not_available: [0xFFFF], quantity: text, unit: text, kind: state }
simulate: { load: { constant: 230 }, state: { text: OK } }
`,
};

const site = (state: string) => `
sentilo: { url: "https://city.example.cat", provider: makers, token: { secret: sentilo_token } }
buses: { plant: { type: modbus-tcp, host: 10.0.0.5 } }
devices:
  lift: { board: lift@1, via: plant, every: 5s, readings: { state: { ${state} } } }
  inverter: { board: sunspec-common@1, via: plant, every: 1min, with: { unit: 2 } }
`;

/** A gateway, its city, and a way to let the lift show something else. */
async function start(state: string, faults: readonly Fault[] = []) {
  let city: City | undefined;
  const shown = new Map<string, SignalConfig>();
  const running = await startSimulated(site(state), {
    files: FILES,
    faults,
    http: (clock, config) => {
      city = createCity(worldForSite(config, 'demo-token'));
      return cityHttp(city, clock.ofTheWorld(), { faults, latencyMs: 40, random: createRandom(1) });
    },
    hardware: (config) => withSignals(config, 'lift', shown),
  });
  const show = (text: string) => shown.set('state', { type: 'text', text });
  const inCity = (sensor: string) =>
    (city?.observations('makers', sensor) ?? []).map(({ timestampMs, value }) => [
      (timestampMs - START_WALL_MS) / SECOND_MS,
      value,
    ]);
  return { running, show, inCity };
}

/** The same site, with a device whose simulated hardware shows what this map says at the moment. */
function withSignals(config: Config, id: string, shown: Map<string, SignalConfig>): Config {
  const device = config.devices.get(id);
  if (device === undefined) throw new Error(`no device ${id}`);
  for (const [reading, signal] of device.simulate) shown.set(reading, signal);
  return { ...config, devices: new Map([...config.devices, [id, { ...device, simulate: shown }]]) };
}

const rowOf = (running: SimulatedGateway, reading: string) =>
  running.gateway.readings().find((row) => row.device === 'lift' && row.reading === reading);

test('a text goes from the registers to the city when it changes, and once an hour', async () => {
  const { running, show, inCity } = await start('report: { on_change: true, at_least: 1h }');
  const said: [number, string][] = [
    [0, 'OK'],
    [61, 'DOOR "2" OPEN'],
    [122, 'ascensor aturat'],
    [123, 'OK'],
  ];
  for (const [second, text] of said) {
    await running.clock.runUntil(second * SECOND_MS);
    show(text);
  }
  await running.clock.runUntil(70 * MINUTE_MS);
  expect(rowOf(running, 'state')).toMatchObject({ value: 'OK', quality: 'good', unit: 'text' });
  await running.stop();
  // Read every 5 s: at 125 s the text of 122 s is already gone.
  const expected = [
    [0, 'OK'],
    [65, 'DOOR "2" OPEN'],
    [125, 'OK'],
    [3725, 'OK'],
  ];
  expect(inCity('trial-lift-state')).toEqual(expected);
  const kept = observationsOf(await running.records(), 'lift.state');
  expect(kept.map(({ monotonicMs, value }) => [Math.floor(monotonicMs / SECOND_MS), value])).toEqual(expected);
  expect(kept[0]).toMatchObject({ unit: '{text}', readingKind: 'state', quality: 'good', publish: true });
  expect(kept[0]).not.toHaveProperty('uncalibrated');
  // The other texts and the number of a device that is asked in one request.
  expect(inCity('trial-inverter-manufacturer').map(([, value]) => value)).toContain('ACME SOLAR');
  expect(inCity('trial-inverter-serial_number')).toEqual([]);
  expect(observationsOf(await running.records(), 'inverter.serial_number')[0]).toMatchObject({
    value: 'SN-TEST-0001',
    publish: false,
  });
  expect(running.fatal).toEqual([]);
});

test('what is no text is a reading without a value, beside the number of the same answer, until there is a text again', async () => {
  const { running, show, inCity } = await start('report: { on_change: true }');
  await running.clock.runUntil(6 * SECOND_MS);
  show('\u001b[2J');
  await running.clock.runUntil(21 * SECOND_MS);
  expect(rowOf(running, 'state')).toMatchObject({ quality: 'old', problem: { code: 'D206' } });
  expect(rowOf(running, 'load')).toMatchObject({ value: 230, quality: 'good' });
  show('KO');
  await running.clock.runUntil(31 * SECOND_MS);
  expect(rowOf(running, 'state')).toMatchObject({ value: 'KO', quality: 'good' });
  await running.stop();
  expect(inCity('trial-lift-state')).toEqual([
    [0, 'OK'],
    [25, 'KO'],
  ]);
  expect(observationsOf(await running.records(), 'lift.load')).toHaveLength(7);
});

test('texts that change every time wait while the city is away, and each of them arrives once although answers are lost', async () => {
  const away = { fromMs: 20 * SECOND_MS, toMs: 4 * MINUTE_MS };
  const faults: Fault[] = [
    { at: 'city', kind: 'refuse', rate: 1, ...away },
    { at: 'city', kind: 'drop-answer', rate: 0.5, fromMs: away.toMs, toMs: 7 * MINUTE_MS },
  ];
  const { running, show, inCity } = await start('', faults);
  const expected: [number, string][] = [];
  for (let second = 0; second <= 300; second += 5) {
    show(`floor ${second / 5}`);
    expected.push([second, `floor ${second / 5}`]);
    await running.clock.runUntil((second + 2) * SECOND_MS);
  }
  await running.clock.runUntil(12 * MINUTE_MS);
  await running.stop();
  const all = inCity('trial-lift-state').filter(([second]) => Number(second) <= 300);
  expect(all.toSorted(([a], [b]) => Number(a) - Number(b))).toEqual(expected);
  expect(running.fatal).toEqual([]);
});
