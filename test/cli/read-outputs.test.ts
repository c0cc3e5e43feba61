// A relay or a valve has no readings: `barri read` says so where it would show nothing.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { barri } from './in-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'barri-read-'));
afterAll(() => rmSync(folder, { recursive: true }));

const FAN = '  fan: { board: relay@1, via: gpio.pin11, outputs: { switch: { max_on: 1h } } }\n';
const VALVE = '  valve: { board: solenoid-valve@1, via: gpio.pin13 }\n';
/** A port that no machine has: its reading is there without a value. */
const GPS = '  gps: { board: gps-nmea@1, via: line }\n';
const NODE = '  node: { board: mqtt-node@1, via: nodes }\n';

function read(devices: string, ...more: string[]) {
  const file = join(folder, 'trial.gateway.yaml');
  const block = devices === '' ? '' : `devices:\n${devices}`;
  writeFileSync(
    file,
    `schema: gateway/v1\ngateway: { id: trial }\nbuses:\n  line: { type: serial, port: /dev/tty-none }\n  nodes: { type: mqtt, url: x }\n${block}`,
  );
  return barri(['read', file, '--state', join(folder, 'state'), ...more], { HOME: folder });
}

test('devices with nothing but outputs are named in place of an empty table, with what shows them', async () => {
  const { code, out } = await read(FAN + VALVE);
  expect(out).toMatch(/^fan, valve have outputs only, and an output is no reading: `barri outputs` shows them\.$/m);
  expect(out).not.toContain('DEVICE');
  expect(code).toBe(0);
});

test('beside readings one is named below the table', async () => {
  const { out, code } = await read(FAN + GPS);
  const [table = '', below = ''] = out.split('\n\n');
  expect(table).toMatch(/^DEVICE +READING/);
  expect(table).toContain('gps');
  expect(below).toMatch(/^fan has outputs only/);
  expect(code).toBe(3);
});

test('as JSON the rows stay alone, and the rest is on the error output', async () => {
  const { out, err } = await read(FAN, '--json');
  expect(JSON.parse(out)).toEqual({ readings: [] });
  expect(err).toContain('fan has outputs only');
});

test.each([
  ['a site without devices', '', /^This site has no devices yet: `barri board list`/],
  ['a site whose devices all wait', NODE, /^No device of this site gives a reading: `barri check`/],
])('%s is told as such', async (_title, devices, expected) => {
  expect((await read(devices)).out).toMatch(expected);
});

test('a site with readings only is told nothing', async () => {
  expect((await read(GPS)).out).not.toContain('outputs');
});
