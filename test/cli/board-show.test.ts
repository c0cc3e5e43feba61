// What a technician is told of a board, and whether the lines to be pasted are right.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { JsonProblem } from '../../cli/render-problems.ts';
import { displayWidth } from '../../cli/table.ts';
import { barri, type Ended, ROOT } from './in-process.ts';

interface Board {
  readonly id: string;
  readonly version: string;
  readonly needs: string;
  readonly label: { readonly en: string };
  readonly wiring?: readonly { pin: string; to: string; note?: { en: string } }[];
  readonly with?: Readonly<Record<string, { help?: { en: string }; choices?: unknown[]; required?: boolean; example?: unknown }>>;
  readonly readings?: Readonly<Record<string, { unit: string; valid?: [number, number] }>>;
  readonly outputs?: Readonly<Record<string, { safe?: boolean }>>;
  readonly provides?: Readonly<Record<string, unknown>>;
  readonly notes?: readonly { say: { en: string } }[];
}

/** The boards as their files say it, read by another way. */
const BOARDS = readdirSync(join(ROOT, 'boards'))
  .filter((name) => name.endsWith('.board.yaml'))
  .map((name) => parse(readFileSync(join(ROOT, 'boards', name), 'utf8')) as Board);

const folder = mkdtempSync(join(tmpdir(), 'barri-board-show-'));
afterAll(() => rmSync(folder, { recursive: true }));

const words = (text: string) => text.split(/\s+/).join(' ').trim();
const HEAD = `schema: gateway/v1
gateway: { id: demo }
sentilo: { url: "https://sentilo.example.cat", provider: makers, token: { secret: sentilo_token } }
`;

/** What `barri check` says of a site. */
async function check(site: string): Promise<readonly string[]> {
  const file = join(folder, 'site.gateway.yaml');
  writeFileSync(file, site);
  const { problems } = JSON.parse((await barri(['check', '--json', file])).out) as { problems: readonly JsonProblem[] };
  return problems.map(({ severity, code, path }) => `${severity} ${code} ${path}`);
}

describe.each(BOARDS.map((board) => [board.id, board] as const))('barri board show %s', (id, board) => {
  let shown: Ended;
  let json: Readonly<Record<string, unknown>>;
  beforeAll(async () => {
    shown = await barri(['board', 'show', id], {}, 80);
    json = JSON.parse((await barri(['board', 'show', id, '--json'])).out);
  });

  test('tells everything that its file says to a technician', () => {
    expect({ code: shown.code, err: shown.err }).toEqual({ code: 0, err: '' });
    expect(shown.out).toMatch(new RegExp(`^${id}@${board.version.split('.')[0]} `));
    const said = words(shown.out);
    const pins = (board.wiring ?? []).flatMap(({ pin, to, note }) => [pin, to, note?.en ?? '']);
    const parameters = Object.entries(board.with ?? {}).flatMap(([name, { help }]) => [name, help?.en ?? '']);
    const ranges = Object.values(board.readings ?? {}).flatMap(({ valid }) => (valid ? [`from ${valid[0]} to ${valid[1]}`] : []));
    const names = [board.readings, board.outputs, board.provides].flatMap((block) => Object.keys(block ?? {}));
    const notes = (board.notes ?? []).map(({ say }) => say.en);
    for (const text of [board.label.en, ...pins, ...parameters, ...ranges, ...names, ...notes])
      expect(said).toContain(words(text));
  });

  test('fits on a terminal', () => {
    expect(shown.out.split('\n').filter((line) => displayWidth(line) > 80)).toEqual([]);
  });

  test('ends with lines that pass the check as they are, and that are in the JSON too', async () => {
    const example = String(json['example']);
    expect(shown.out.endsWith(`\n${example}`)).toBe(true);
    // This version has no driver for an Arduino yet, which is said of it and of what is plugged into it.
    const expected = id === 'firmata-uno' ? ['warning C136 devices.firmata_uno', 'warning C150 devices.level.via'] : [];
    // That a key is not acted on yet is no fault of the lines: a relay must say `max_on`.
    expect((await check(HEAD + example)).filter((problem) => !/^note C(?:060|160)/.test(problem))).toEqual(expected);
  });
});

test('the JSON has what the picture has, by keys', async () => {
  const view = JSON.parse((await barri(['board', 'show', 'bme280', '--json'])).out);
  expect(view).toMatchObject({
    id: 'bme280',
    reference: 'bme280@1',
    needs: 'i2c',
    status: 'verified',
    trial: { kind: 'runs' },
    label: { en: 'Temperature, humidity and pressure (BME280)', ca: 'Temperatura, humitat i pressió (BME280)' },
    wiring: [{ pin: 'VIN', to: 'pin1' }, { pin: 'GND' }, { pin: 'SDA' }, { pin: 'SCL' }],
    with: [{ name: 'address', type: 'i2c_address', default: '0x76', choices: ['0x76', '0x77'], required: false }],
    // Bosch BME280 data sheet, table 1 to 3: -40 to 85 °C, 0 to 100 %, 300 to 1100 hPa.
    readings: [
      { reading: 'temperature', unit: 'degC', symbol: '°C', valid: [-40, 85], precision: 0.01 },
      { reading: 'humidity', unit: '%', valid: [0, 100] },
      { reading: 'pressure', unit: 'hPa', valid: [300, 1100] },
    ],
    provides: [],
    outputs: [],
  });
});

describe('what is told of', () => {
  const shown = async (id: string) => words((await barri(['board', 'show', id])).out);

  test('values of a parameter: choices, default, limits of its driver, and what must be written', async () => {
    expect(await shown('contact')).toContain('up, down or none; up where nothing is written');
    expect(await shown('scd41')).toContain('from 0m to 3000m; 10m where nothing is written');
    expect(await shown('eastron-sdm120')).toContain('from 1 to 247; over Modbus TCP also 0 and 255; 1 where nothing is written');
    expect(await shown('flow-meter')).toContain('a number, more than 0; must be written, such as 450');
    expect(await shown('dnms')).toContain('always 0x55');
  });

  test('where it is plugged in: not where its pulses would be missed', async () => {
    expect(await shown('contact')).toContain('a digital input: a pin of the header, or a port of mcp23017 Wiring');
    expect(await shown('flow-meter')).toContain('a digital input: a pin of the header can be read');
    expect(await shown('relay')).toContain('a digital output: a pin of the header, or a port of mcp23017 or modbus-relay-8');
    expect(await shown('analog-input')).toContain('an analogue input: a port of ads1115');
  });

  test('outputs, and what the site must say of them', async () => {
    expect(await shown('relay')).toContain('safe: off; the site must say how long it may be on');
    expect(await shown('solenoid-valve')).toContain('safe: off; on for 30min at most');
  });

  test('readings that are off, and that are not sent', async () => {
    expect(await shown('eastron-sdm120')).toContain(
      'frequency, Hz; valid from 45 to 65; in steps of 0.01; off unless `enabled: true`',
    );
    expect(await shown('rain-gauge')).toContain('a total that begins again each day; kept here and not sent');
  });
});

describe('a board that cannot be shown', () => {
  test.each([
    ['sht32', 'error[C101] no board called `sht32`', '`sht31`'],
    ['soil-moisture', 'error[C101] no board called `soil-moisture`', '`soil-moisture-capacitive`'],
    ['sdm120', 'error[C101] no board called `sdm120`', '`eastron-sdm120`'],
    ['BME280', 'error[C101] no board called `BME280`', '`bme280`'],
    ['bme280@7', 'error[C102] `bme280@7` has the version', '`bme280@1`'],
    ['__proto__', 'error[C101] no board called `__proto__`', 'barri board list'],
  ])('%s is wrong use, with the nearest name', async (name, headline, hint) => {
    const { code, out, err } = await barri(['board', 'show', name]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(headline);
    expect(err).toContain(hint);
  });

  test('is told what is wrong in its file', async () => {
    mkdirSync(join(folder, 'boards'), { recursive: true });
    const file = join(folder, 'boards/own.board.yaml');
    writeFileSync(file, 'schema: board/v1\nid: own\nversion: 1\n');
    const { code, out, err } = await barri(['board', 'show', file]);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain('error[C049]');
    expect(err).toContain(`${file}:3`);
  });
});

test('a board of one’s own is shown by its file, and tried with what lies beside it', async () => {
  mkdirSync(join(folder, 'boards'), { recursive: true });
  const file = join(folder, 'boards/lux.board.yaml');
  writeFileSync(
    file,
    `schema: board/v1\nid: lux\nversion: 2.0.0\nlabel: Light\nneeds: i2c\ndriver: bh1750\nwith: { address: { type: i2c_address, default: 0x23 } }\nreadings: { light: { quantity: illuminance, unit: lx } }\n`,
  );
  const { code, out } = await barri(['board', 'show', file]);
  expect(code).toBe(0);
  expect(out).toMatch(/^lux@2 {2}Light\nversion 2\.0\.0, community, runs\n/);
  const example = out.slice(out.indexOf('\nbuses:'));
  expect(await check(HEAD + example)).toEqual([]);
});

test('what a site lacks for a board leads to it', async () => {
  const file = join(folder, 'site.gateway.yaml');
  writeFileSync(file, `${HEAD}devices: { flow: { board: flow-meter@1, via: gpio.pin11 } }\n`);
  expect((await barri(['check', file])).out).toContain('`barri board show flow-meter` says what it is');
});
