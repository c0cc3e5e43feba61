// Recordings of devices that speak by themselves, through real serial ports.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { cityHas, cleanUp, startCity, startGateway, workFolder } from './support/barri.ts';
import { startSpeakingPeer } from './support/peers.ts';
import { plugPair } from './support/pty.ts';

const DATA = join(import.meta.dirname, '../data');

afterEach(cleanUp);

/** A gateway with this device, and a line on which these pieces come four times a second. */
async function hearing(device: string, pieces: readonly string[], sensors: readonly string[]) {
  const folder = workFolder();
  const file = join(folder, 'pieces.txt');
  writeFileSync(file, `${pieces.join('\n')}\n`);
  const pair = await plugPair(folder, 'line');
  await startSpeakingPeer(pair.deviceEnd, file, 250);
  const city = await startCity(folder, [...sensors]);
  startGateway({
    folder,
    cityUrl: city.url,
    site: `buses: { usb: { type: serial, port: ${pair.gatewayEnd} } }\ndevices: { it: { ${device}, via: usb, every: 6s } }\n`,
  });
  return city;
}

it('delivers the frames of a PMS5003 behind forty zero bytes each, and nothing else', async () => {
  const rows = readFileSync(join(DATA, 'serial_sensors/pypms_captured_frames.csv'), 'utf8').split('\n');
  const frames = rows.map((row) => row.trim().split(',')).flatMap(([, sensor, hex = '']) => (sensor === 'PMS5003T' ? [hex] : []));
  const decoded = readFileSync(join(DATA, 'serial_sensors/pypms_PMS5003T.expected.csv'), 'utf8').trim().split('\n').slice(1);
  const known = new Set(decoded.map((row) => row.split(',')).map((cells) => Number(cells[5])));
  const city = await hearing(
    'board: pms5003@1',
    frames.map((frame) => '00'.repeat(40) + frame),
    ['interop-it-pm2_5'],
  );
  const kept = await cityHas(city, ['interop-it-pm2_5'], 5, 60_000);
  for (const { value } of kept) expect(known).toContain(Number(value));
});

it('delivers the places that gpsd found in the recording of a receiver', async () => {
  const lines = readFileSync(join(DATA, 'nmea/nmea-rtk.log.chk'), 'latin1').split('\n');
  const sentences = lines.filter((line) => line.startsWith('$')).slice(0, 60);
  const places = lines.flatMap((line) => (line.startsWith('{"class":"TPV"') ? [JSON.parse(line)] : []));
  const latitudes = new Set(places.map(({ lat }) => Number(lat).toFixed(5)));
  const pieces = sentences.map((line) => Buffer.from(`${line.trimEnd()}\r\n`, 'latin1').toString('hex'));
  const city = await hearing('board: gps-nmea@1', pieces, ['interop-it-latitude']);
  const kept = await cityHas(city, ['interop-it-latitude'], 4, 60_000);
  for (const { value } of kept) expect(latitudes).toContain(Number(value).toFixed(5));
});
