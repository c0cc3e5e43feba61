// What a Modbus slave that nobody here wrote has served is what stands in the city.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { cityHas, cleanUp, freePort, type Kept, startCity, startGateway, workFolder } from './support/barri.ts';
import { eventually } from './support/child.ts';
import { readServed, type Served, startLibmodbusPeer, startModbusPeer } from './support/peers.ts';
import { plugPair } from './support/pty.ts';

/** Address and decimals of each reading of the SDM120 that is on by default (its data sheet, input registers). */
const READINGS = [
  { reading: 'voltage', address: '0', decimals: 1 },
  { reading: 'current', address: '6', decimals: 2 },
  { reading: 'power', address: '12', decimals: 0 },
  { reading: 'energy_in', address: '72', decimals: 2 },
  { reading: 'energy_out', address: '74', decimals: 2 },
];

/** Each peer with the rounds of polls that it has to serve. */
const PEERS = [
  { peer: 'pymodbus', kind: 'tcp', rounds: 8 },
  { peer: 'pymodbus', kind: 'rtu', rounds: 8 },
  { peer: 'libmodbus', kind: 'tcp', rounds: 2 },
  { peer: 'libmodbus', kind: 'rtu', rounds: 2 },
] as const;

/** A device of the peer's own with nothing but its text. */
const PLATE = { unit: 9, address: '96', sensor: 'interop-plate-state' };
const PLATE_BOARD = `schema: board/v1
id: plate
version: 1.0.0
label: Plate
needs: modbus
driver: modbus-map
with: { unit: { type: modbus_unit, default: ${PLATE.unit} } }
readings:
  state: { at: 0x60, encoding: text, registers: 8, quantity: text, unit: text, kind: state }
`;

afterEach(cleanUp);

it.each(PEERS)('delivers every value that $peer served over $kind', async ({ peer: by, kind, rounds }) => {
  const folder = workFolder();
  const log = join(folder, 'served.jsonl');
  const units = kind === 'tcp' ? [1, 2] : [1];
  const pair = kind === 'rtu' ? await plugPair(folder, 'meters') : undefined;
  const port = await freePort();
  const where = pair?.deviceEnd ?? String(port);
  mkdirSync(join(folder, 'boards'));
  writeFileSync(join(folder, 'boards/plate.board.yaml'), PLATE_BOARD);
  const hasPlate = by === 'pymodbus';
  const peer = await (hasPlate
    ? startModbusPeer(kind, where, [...units, PLATE.unit], log)
    : startLibmodbusPeer(kind, where, log));
  const meters = units.flatMap((unit) => READINGS.map(({ reading }) => sensorOf(unit, reading)));
  const sensors = [...meters, ...(hasPlate ? [PLATE.sensor] : [])];
  const city = await startCity(folder, sensors);
  const bus =
    pair === undefined
      ? `{ type: modbus-tcp, host: 127.0.0.1, tcp_port: ${port} }`
      : `{ type: modbus-rtu, port: ${pair.gatewayEnd}, baud: 9600, format: 8N1 }`;
  const gateway = startGateway({
    folder,
    cityUrl: city.url,
    site: `defaults: { every: 2s }
buses:
  meters: ${bus}
devices:
${units.map((unit) => `  meter_${unit}: { board: eastron-sdm120@1, via: meters, with: { unit: ${unit} } }`).join('\n')}
${hasPlate ? '  plate: { board: plate@1, via: meters }\n' : ''}`,
  });

  await cityHas(city, sensors, rounds * sensors.length, 60_000);
  const served = await betweenRounds(log);
  peer.kill('SIGKILL');
  const count = served.flatMap(({ values }) => Object.values(values)).length;
  const kept = await cityHas(city, sensors, count, 20_000);
  gateway.kill('SIGTERM');
  expect((await gateway.ended).code).toBe(0);

  for (const unit of units) {
    for (const { reading, address, decimals } of READINGS) {
      const sent = served.filter((line) => line.unit === unit).flatMap((line) => line.values[address] ?? []);
      expect(valuesOf(kept, sensorOf(unit, reading))).toEqual(sent.map((value) => text(Number(value), decimals)));
    }
  }
  if (!hasPlate) return;
  const texts = served.filter(({ unit }) => unit === PLATE.unit).flatMap(({ values }) => values[PLATE.address] ?? []);
  expect(new Set(texts).size).toBeGreaterThan(1);
  expect(valuesOf(kept, PLATE.sensor)).toEqual(texts);
});

function sensorOf(unit: number, reading: string): string {
  return `interop-meter_${unit}-${reading}`;
}

/** What was served up to a moment at which no round is under way. */
function betweenRounds(log: string): Promise<readonly Served[]> {
  return eventually(() => {
    const served = readServed(log);
    const quietMs = Date.now() - (served.at(-1)?.wallMs ?? Date.now());
    return quietMs > 500 && quietMs < 1_000 ? served : undefined;
  }, 10_000);
}

function valuesOf(kept: readonly Kept[], sensor: string): string[] {
  return kept.filter((each) => each.sensor === sensor).map((each) => each.value);
}

/** Rounded to the board's precision, without trailing zeros: `toFixed` rounds the exact binary value. */
function text(value: number, decimals: number): string {
  return String(Number(value.toFixed(decimals)));
}
