import { expect, test } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { observationsOf, type SimulatedGateway, startSimulated } from './simulated-gateway.ts';

// What an adapter that is pulled out and plugged in again costs: no more than the time it was out, whatever the device
// behind it does by itself and however long it was away. The port is open again within three seconds, and the next poll
// of the grid finds it.

const SECOND_MS = 1000;
const OPEN_AGAIN_MS_MAX = 3 * SECOND_MS;
const OUT_FROM_MS = 301 * SECOND_MS;
const OUT_TO_MS = 502 * SECOND_MS;
const END_MS = 600 * SECOND_MS;

const UNPLUGGED: Fault = { at: 'bus', bus: 'line', kind: 'unplugged', fromMs: OUT_FROM_MS, toMs: OUT_TO_MS };

const SERIAL = 'type: serial, port: "usb:1a86:7523"';
const RTU = 'type: modbus-rtu, port: "usb:1a86:7523", baud: 9600, format: 8N1';

/** Each device, its bus, and what one read of it takes at most, from its data sheet. */
const DEVICES = [
  { board: 'pms5003@1', bus: SERIAL, reading: 'pm2_5', readMs: 2300 },
  { board: 'sds011@1', bus: SERIAL, reading: 'pm2_5', readMs: 1000 },
  { board: 'gps-nmea@1', bus: SERIAL, reading: 'latitude', readMs: 1000 },
  { board: 'dsmr-p1@1', bus: SERIAL, reading: 'energy_imported_t1', readMs: 1000 },
  { board: 'dsmr2-p1@1', bus: SERIAL, reading: 'energy_imported_t1', readMs: 10_000 },
  { board: 'eastron-sdm120@1', bus: RTU, reading: 'voltage', readMs: 1000 },
];

function startDevice(board: string, bus: string, everyS: number, faults: readonly Fault[]): Promise<SimulatedGateway> {
  const site = `buses: { line: { ${bus} } }\ndevices: { it: { board: ${board}, via: line, every: ${everyS}s } }\n`;
  return startSimulated(site, { faults });
}

test.each(DEVICES)('$board is heard again as soon as its adapter is back', async ({ board, bus, reading, readMs }) => {
  const everyS = 15;
  const running = await startDevice(board, bus, everyS, [UNPLUGGED]);
  await running.clock.runUntil((OUT_FROM_MS + OUT_TO_MS) / 2);
  const { buses, devices } = running.gateway.status();
  expect(buses).toMatchObject([{ state: 'failed', problem: { code: 'D201' } }]);
  expect(devices).toMatchObject([{ state: 'not-answering', problem: { code: 'D201' } }]);
  await running.clock.runUntil(END_MS);
  await running.stop();
  const keptMs = observationsOf(await running.records(), `it.${reading}`).map(({ monotonicMs }) => monotonicMs);
  expect(keptMs.filter((ms) => ms < OUT_FROM_MS).length).toBeGreaterThan(0);
  const first = keptMs.find((ms) => ms > OUT_FROM_MS) ?? Number.POSITIVE_INFINITY;
  expect(first).toBeGreaterThan(OUT_TO_MS);
  expect(first).toBeLessThanOrEqual(OUT_TO_MS + OPEN_AGAIN_MS_MAX + everyS * SECOND_MS + readMs);
});

test.each([
  ['pms5003@1', SERIAL, 'pm2_5'],
  ['eastron-sdm120@1', RTU, 'voltage'],
])('%s that was silent for long is polled at once when its adapter is plugged in anew', async (board, bus, reading) => {
  const silent: Fault = { at: 'device', device: 'it', kind: 'silent', rate: 1, fromMs: 60 * SECOND_MS, toMs: OUT_FROM_MS };
  const shortly: Fault = { ...UNPLUGGED, toMs: OUT_FROM_MS + 2 * SECOND_MS };
  const everyS = 6;
  const running = await startDevice(board, bus, everyS, [silent, shortly]);
  await running.clock.runUntil(OUT_FROM_MS - 1);
  expect(running.gateway.status().devices).toMatchObject([{ state: 'not-answering', problem: { code: 'D204' } }]);
  await running.clock.runUntil(END_MS);
  await running.stop();
  const keptMs = observationsOf(await running.records(), `it.${reading}`).map(({ monotonicMs }) => monotonicMs);
  const first = keptMs.find((ms) => ms > OUT_FROM_MS) ?? Number.POSITIVE_INFINITY;
  expect(first).toBeLessThanOrEqual(shortly.toMs + OPEN_AGAIN_MS_MAX + everyS * SECOND_MS + 2300);
});

const I2C = 'buses: { i2c1: { type: i2c } }\ndevices: { it: { board: sht31@1, via: i2c1, every: 15s } }\n';

test('an I2C adapter that was pulled out is opened anew when it is back, and not used as it was', async () => {
  const out: Fault = { at: 'bus', bus: 'i2c1', kind: 'unplugged', fromMs: OUT_FROM_MS, toMs: OUT_TO_MS };
  const running = await startSimulated(I2C, { faults: [out] });
  await running.clock.runUntil((OUT_FROM_MS + OUT_TO_MS) / 2);
  expect(running.gateway.status().buses).toMatchObject([{ state: 'failed', problem: { code: 'D201' } }]);
  await running.clock.runUntil(END_MS);
  expect(running.gateway.status().buses).toMatchObject([{ state: 'ok' }]);
  await running.stop();
  expect(running.log.filter((code) => code.startsWith('bus-'))).toEqual(['bus-lost', 'bus-open']);
  const keptMs = observationsOf(await running.records(), 'it.temperature').map(({ monotonicMs }) => monotonicMs);
  const first = keptMs.find((ms) => ms > OUT_FROM_MS) ?? Number.POSITIVE_INFINITY;
  expect(first).toBeGreaterThan(OUT_TO_MS);
  expect(first).toBeLessThanOrEqual(OUT_TO_MS + 16 * SECOND_MS);
});
