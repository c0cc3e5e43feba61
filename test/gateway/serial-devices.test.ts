import { expect, test } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { hex } from '../support/hex.ts';
import { observationsOf, type SimulatedGateway, startSimulated } from './simulated-gateway.ts';

// Devices on serial lines through the whole gateway: what is kept is what stood on the wire, taken from it by the places
// that data sheets name, and nothing else is kept.

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const BAD_LINE: readonly Fault[] = [{ at: 'device', device: 'it', kind: 'corrupt', rate: 0.3, fromMs: 0, toMs: 60 * MINUTE_MS }];

/** Runs one device `it` on a serial line of its own. */
function startDevice(entry: string, faults: readonly Fault[] = []): Promise<SimulatedGateway> {
  return startSimulated(
    `buses: { line: { type: serial, port: "usb:1a86:7523" } }
devices: { it: { ${entry}, via: line } }
`,
    { faults },
  );
}

/** Values of a reading with the time at which they were kept. */
async function keptOf(running: SimulatedGateway, reading: string) {
  const kept = observationsOf(await running.records(), `it.${reading}`);
  return kept.map(({ value, monotonicMs, quality }) => ({ value, monotonicMs, quality }));
}

/** The last bytes that had come from the device at that time, in hexadecimal. A frame that is taken ends with them. */
function heardAt({ frames }: SimulatedGateway, atMs: number, count: number): string {
  let heard = '';
  for (let index = frames.length - 1; index >= 0 && heard.length < 2 * count; index--) {
    const frame = frames[index];
    if (frame?.direction === 'in' && Math.floor(frame.atMs) <= atMs) heard = hex(frame.bytes) + heard;
  }
  return heard.slice(-2 * count);
}

function word(frame: string, offset: number): number {
  return Number.parseInt(frame.slice(2 * offset, 2 * offset + 4), 16);
}

test.each([
  ['a good line', []],
  ['a bad one', BAD_LINE],
] as const)('keeps of a PMS5003 what its frames say, on %s', async (_, faults) => {
  const running = await startDevice('board: pms5003@1, every: 20s', faults);
  await running.clock.runUntil(20 * MINUTE_MS);
  await running.stop();
  for (const [reading, offset] of Object.entries({ pm1: 10, pm2_5: 12, pm10: 14 })) {
    const kept = await keptOf(running, reading);
    expect(kept.length).toBeGreaterThan(40);
    for (const { value, monotonicMs } of kept) expect(value).toBe(word(heardAt(running, monotonicMs, 32), offset));
    expect(new Set(kept.map(({ value }) => value)).size).toBeGreaterThan(1);
  }
});

test('a PMS5003 with noise before every frame costs no value and no line in the log', async () => {
  const noise: Fault = { at: 'device', device: 'it', kind: 'noise', rate: 1, fromMs: 0, toMs: 60 * MINUTE_MS };
  const running = await startDevice('board: pms5003@1, every: 20s', [noise]);
  await running.clock.runUntil(10 * MINUTE_MS);
  await running.stop();
  expect((await keptOf(running, 'pm2_5')).length).toBeGreaterThan(28);
  expect(running.log.filter((code) => code.startsWith('device-'))).toEqual([]);
});

test('a PMS5003 that is read every 5 minutes is awake for 30 seconds before each read and asleep otherwise', async () => {
  const running = await startDevice('board: pms5003@1, every: 5min');
  await running.clock.runUntil(16 * MINUTE_MS);
  await running.stop();
  const heard = running.frames.filter(({ direction }) => direction === 'in');
  const secondsBetween = (fromS: number, toS: number) => {
    const seconds = heard.map(({ atMs }) => Math.floor(atMs / SECOND_MS));
    return new Set(seconds.filter((second) => fromS <= second && second < toS)).size;
  };
  for (const readS of [330, 630, 930]) {
    expect(secondsBetween(readS - 290, readS - 30)).toBe(0);
    expect(secondsBetween(readS - 30, readS + 3)).toBeGreaterThan(10);
  }
  expect(await keptOf(running, 'pm2_5')).toHaveLength(4);
});

test.each([
  ['a good line', []],
  ['a bad one', BAD_LINE],
] as const)('keeps of an MH-Z19 nothing of its first three minutes, and then what its answers say, on %s', async (_, faults) => {
  const running = await startDevice('board: mhz19@1, every: 5s', faults);
  await running.clock.runUntil(2.9 * MINUTE_MS);
  expect(running.gateway.status().devices).toMatchObject([{ device: 'it', pollCount: expect.any(Number) }]);
  await running.clock.runUntil(60 * MINUTE_MS);
  await running.stop();
  const kept = await keptOf(running, 'co2');
  expect(kept.length).toBeGreaterThan(400);
  expect(kept[0]?.monotonicMs).toBeGreaterThanOrEqual(3 * MINUTE_MS);
  for (const { value, monotonicMs, quality } of kept) {
    expect([value, quality]).toEqual([word(heardAt(running, monotonicMs, 9), 2), 'good']);
  }
});

test.each([
  ['a good line', []],
  ['a bad one', BAD_LINE],
] as const)('keeps of a GPS receiver no place before its fix, and then those of its sentences, on %s', async (_, faults) => {
  const running = await startDevice('board: gps-nmea@1, every: 10s', faults);
  await running.clock.runUntil(20 * MINUTE_MS);
  await running.stop();
  for (const [reading, field] of Object.entries({ latitude: 'north', longitude: 'east' })) {
    const kept = await keptOf(running, reading);
    expect(kept.length).toBeGreaterThan(90);
    expect(kept[0]?.monotonicMs).toBeGreaterThan(26 * SECOND_MS);
    for (const { value, monotonicMs } of kept) {
      // Two reads are ten seconds apart, and one takes no more than three.
      const places = placesIn(Buffer.from(heardAt(running, monotonicMs, 800), 'hex').toString('latin1'));
      expect(places.map((place) => place[field as 'north' | 'east'].toFixed(9))).toContain(Number(value).toFixed(9));
    }
  }
  const satellites = (await keptOf(running, 'satellites')).map(({ value }) => Number(value));
  // It says in good sentences that it has none, until its fix.
  expect(satellites[0]).toBe(0);
  expect(Math.min(...satellites.slice(5))).toBeGreaterThanOrEqual(4);
});

test.each([
  ['DSMR 5, on a good line', 'dsmr-p1@1', 'energy_imported_t1: {}, power_imported: {}, gas: { enabled: true }', []],
  ['DSMR 5, on a bad one', 'dsmr-p1@1', 'energy_imported_t1: {}, power_imported: {}, gas: { enabled: true }', BAD_LINE],
  ['DSMR 2.2, on a good line', 'dsmr2-p1@1', 'energy_imported_t1: {}, power_imported: {}, gas: { enabled: true }', []],
] as const)('keeps of a smart meter what its telegrams say: %s', async (_, board, readings, faults) => {
  const running = await startDevice(`board: ${board}, every: 15s, readings: { ${readings} }`, faults);
  await running.clock.runUntil(20 * MINUTE_MS);
  await running.stop();
  const fields = {
    energy_imported_t1: /1-0:1\.8\.1\((\d+\.\d+)\*kWh\)/,
    power_imported: /1-0:1\.7\.0\((\d+\.\d+)\*kW\)/,
    gas: /\((\d+\.\d+)(?:\*m3)?\)\r\n(?:0-1:24\.4\.0|!)/,
  };
  for (const [reading, field] of Object.entries(fields)) {
    const kept = await keptOf(running, reading);
    expect(kept.length).toBeGreaterThan(70);
    for (const { value, monotonicMs } of kept) {
      const text = Buffer.from(heardAt(running, monotonicMs, 1500), 'hex').toString('latin1');
      const telegram = text.slice(text.lastIndexOf('/'));
      expect(value).toBe(Number(field.exec(telegram)?.[1]));
    }
  }
  const energy = (await keptOf(running, 'energy_imported_t1')).map(({ value }) => Number(value));
  expect(energy).toEqual(energy.toSorted((a, b) => a - b));
});

/** Every place that stands in a sentence with a right checksum. */
function placesIn(text: string) {
  const sentences = [...text.matchAll(/\$(G.(?:GGA|RMC),[^$*]*)\*(..)\r\n/g)];
  const right = sentences.filter(
    ([, body = '', sum = '']) => Buffer.from(body, 'latin1').reduce((all, byte) => all ^ byte, 0) === Number.parseInt(sum, 16),
  );
  return right.flatMap(([, body = '']) => {
    const [, latitude = '', , longitude = ''] = /,(\d{4}\.\d+),([NS]),(\d{5}\.\d+),([EW])/.exec(body) ?? [];
    if (latitude === '') return [];
    const north = Number(latitude.slice(0, 2)) + Number(latitude.slice(2)) / 60;
    return [{ north, east: Number(longitude.slice(0, 3)) + Number(longitude.slice(3)) / 60 }];
  });
}
