// Recorded frames of real sensors go in at one end, and what their recorder decoded from them comes out at the other.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { cityHas, cleanUp, startCity, startGateway, workFolder } from './support/barri.ts';
import { startParticlePeer } from './support/peers.ts';
import { plugPair } from './support/pty.ts';

const DATA = join(import.meta.dirname, '../data/serial_sensors');

/** Each recording, and the column of its CSV that holds each reading. */
const RECORDINGS = [
  { sensor: 'SDS01x', columns: { pm2_5: 'pm25', pm10: 'pm10' } },
  { sensor: 'SDS198', columns: { pm100: 'pm100' } },
];

afterEach(cleanUp);

it.each(RECORDINGS)('delivers the recording of an $sensor in order', async ({ sensor, columns }) => {
  const folder = workFolder();
  const readings = Object.keys(columns);
  writeBoard(folder, readings);
  const recorded = expectedRows(sensor);
  const pair = await plugPair(folder, 'particles');
  await startParticlePeer(pair.deviceEnd, join(DATA, 'pypms_captured_frames.csv'), sensor);
  const sensors = readings.map((reading) => `interop-dust-${reading}`);
  const city = await startCity(folder, sensors);
  startGateway({
    folder,
    cityUrl: city.url,
    site: `buses: { usb: { type: serial, port: ${pair.gatewayEnd} } }
devices: { dust: { board: recorded@1, via: usb, every: 2s } }
`,
  });

  const kept = await cityHas(city, sensors, recorded.length * readings.length, 60_000);

  for (const [reading, column] of Object.entries(columns)) {
    const values = kept.filter((each) => each.sensor === `interop-dust-${reading}`).map((each) => Number(each.value));
    expect(values).toEqual(recorded.map((row) => row[column]));
  }
});

/** A board without a duty cycle, so that a short test can ask for every frame. */
function writeBoard(folder: string, readings: readonly string[]): void {
  mkdirSync(join(folder, 'boards'));
  const list = readings.map((id) => `  ${id}: { quantity: ${id}, unit: ug/m3, precision: 0.1 }`);
  writeFileSync(
    join(folder, 'boards/recorded.board.yaml'),
    `schema: board/v1
id: recorded
version: 1.0.0
status: community
label: { en: Recorded particle sensor }
needs: serial
driver: sds011
serial: { baud: 9600, format: 8N1 }
readings:
${list.join('\n')}
`,
  );
}

/** The recorder's own decoding: one object per row, by column. */
function expectedRows(sensor: string): Record<string, number>[] {
  const [head = '', ...rows] = readFileSync(join(DATA, `pypms_${sensor}.expected.csv`), 'utf8')
    .trim()
    .split('\n');
  const names = head.split(',').map((name) => name.trim());
  return rows.map((row) => Object.fromEntries(row.split(',').map((cell, index) => [names[index] ?? '', Number(cell)])));
}
