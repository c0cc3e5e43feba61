// What a gateway keeps at its start of its outputs.

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { keepSite, keptIn, newestKept, outputsNoLongerIn } from '../../cli/kept-site.ts';
import type { Config } from '../../config/config.ts';
import { DiskError, type Log } from '../../gateway/host.ts';
import { realDisk } from '../../gateway/real-disk.ts';
import { loadText } from '../config/site-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'barri-kept-'));
const path = join(folder, 'outputs.json');
afterAll(() => rmSync(folder, { recursive: true }));

async function config(devices: string): Promise<Config> {
  const { config: loaded, problems } = await loadText(`schema: gateway/v1\ngateway: { id: trial }\ndevices:\n${devices}`);
  if (loaded === undefined) throw new Error(JSON.stringify(problems));
  return loaded;
}

const FAN = '  fan: { board: relay@1, via: gpio.pin11, outputs: { switch: { max_on: 1h } } }\n';
const DOOR = '  door: { board: contact@1, via: gpio.pin13 }\n';
const quiet = { disk: realDisk, log: () => {} };

test('what has outputs, for its owner only, whatever version of the program has written it', async () => {
  await keepSite('/etc/barri/a.yaml', await config(FAN + DOOR), quiet, folder);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const kept = await keptIn(folder, realDisk);
  expect(kept).toMatchObject({ siteFile: '/etc/barri/a.yaml', isWhole: true });
  expect(kept?.sites.map(({ devices }) => [...devices.keys()])).toEqual([['fan']]);
  expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ format: 1 });
  expect(readFileSync(path, 'utf8')).not.toContain('version');
});

test('what is left of a board is driven alone: its driver knows of no output that the site still has', async () => {
  const board = `schema: board/v1
id: relays
version: 1.0.0
label: Relays that measure
needs: modbus
driver: modbus-map
with: { unit: { type: modbus_unit, default: 1 } }
modbus: { read_with: holding }
readings: { x: { quantity: voltage, unit: V, at: 0 } }
outputs:
  relay0: { coil: 0, quantity: switch_state, unit: bool, safe: off, max_on: 1h }
  relay1: { coil: 1, quantity: switch_state, unit: bool, safe: off, max_on: 1h }
simulate: { x: { constant: 1 } }
`;
  const siteWith = async (outputs: string) => {
    const device = `{ board: relays@1, via: line, with: { unit: 100 }, every: 5s, outputs: { ${outputs} } }`;
    const text = `schema: gateway/v1\ngateway: { id: trial }\nbuses: { line: { type: modbus-rtu, port: /dev/ttyAMA0 } }\ndevices: { b: ${device} }\n`;
    const loaded = await loadText(text, { 'boards/relays.board.yaml': board });
    if (loaded.config === undefined) throw new Error(JSON.stringify(loaded.problems));
    return loaded.config;
  };
  const left = outputsNoLongerIn(
    await siteWith('relay0: { safe: on, max_on: unlimited }, relay1: { enabled: false }'),
    await siteWith('relay0: { safe: off }'),
  );
  const [device] = left.devices.values();
  expect(device?.outputs.map(({ id }) => id)).toEqual(['relay1']);
  expect(device?.spec.outputs.map(({ id }) => id)).toEqual(['relay1']);
});

test('of what is left of earlier ones the newest six are kept: each keeps a start waiting', async () => {
  const fan = (pin: number) => `  fan${pin}: { board: relay@1, via: gpio.pin${pin}, outputs: { switch: { max_on: 1h } } }\n`;
  const left = await Promise.all([7, 11, 13, 15, 29, 31, 33, 35].map((pin) => config(fan(pin))));
  const logged: unknown[] = [];
  const log: Log = (_level, code, fields) => logged.push([code, fields]);
  await keepSite('/a.yaml', await config(DOOR), { ...quiet, log }, folder, left);
  expect(logged).toEqual([['left-outputs-forgotten', { devices: 'fan33, fan35' }]]);
  const kept = await keptIn(folder, realDisk);
  expect(kept?.sites.flatMap((site) => [...site.devices.keys()])).toEqual(['fan7', 'fan11', 'fan13', 'fan15', 'fan29', 'fan31']);
});

test('what is left of earlier ones is kept behind it, until nothing is', async () => {
  const devices = async () => (await keptIn(folder, realDisk))?.sites.map((site) => [...site.devices.keys()]);
  await keepSite('/a.yaml', await config(DOOR), quiet, folder, [await config(FAN)]);
  expect(await devices()).toEqual([[], ['fan']]);
  await keepSite('/a.yaml', await config(DOOR), quiet, folder, [await config(DOOR)]);
  expect(await devices()).toEqual([[]]);
});

test('a folder of its own belongs to a site whatever its file is called, another one where it names the file', async () => {
  await keepSite('/etc/barri/a.yaml', await config(FAN), quiet, folder);
  const asked = (file: string, own: string[], others: string[]) => newestKept(file, realDisk, { own, others });
  expect((await asked('/etc/barri/a.yaml', [], [join(folder, 'none'), folder]))?.folder).toBe(folder);
  expect(await asked('/etc/barri/b.yaml', [], [folder])).toBeUndefined();
  expect((await asked('/etc/barri/b.yaml', [folder], []))?.folder).toBe(folder);
});

test('a file that is damaged, or has another format, is no reason to fail, and is told', async () => {
  await keepSite('/a.yaml', await config(FAN), quiet, folder);
  const text = readFileSync(path, 'utf8');
  for (const damaged of [
    text.slice(0, -9),
    text.replace('"format":1', '"format":2'),
    text.replace('"sites":[', '"others":['),
    '',
  ]) {
    writeFileSync(path, damaged);
    expect(await keptIn(folder, realDisk)).toMatchObject({ sites: [], isWhole: false });
  }
});

test('a disk that takes nothing is told and keeps no gateway from starting', async () => {
  const told: string[] = [];
  const disk = { ...realDisk, open: () => Promise.reject(new DiskError('ENOSPC', 'it is full')) };
  await keepSite('/a.yaml', await config(FAN), { disk, log: (_level, code) => told.push(code) }, folder);
  expect(told).toEqual(['outputs-not-kept']);
});

/** The same board at this line. */
const relay = (
  bus: string,
) => `${FAN.replace('gpio.pin11', 'relays.relay1')}  relays: { board: modbus-relay-8@1, via: line, with: { unit: 3 } }
buses: { line: { ${bus} } }\n`;
const TCP = 'type: modbus-tcp, host: 10.0.0.2';
const RTU = 'type: modbus-rtu, baud: 9600';

test.each([
  ['a converter with another port', `${TCP}, tcp_port: 502`, `${TCP}, tcp_port: 503`, ['switch']],
  ['another converter', TCP, TCP.replace('2', '3'), ['switch']],
  ['another adapter', `${RTU}, port: "usb:0403:6001"`, `${RTU}, port: "usb:1a86:7523"`, ['switch']],
  ['the same with another timeout', TCP, `${TCP}, timeout: 2s`, []],
])('a bus of the same name at %s is another place: %s, %s', async (_what, was, is, left) => {
  const { devices } = outputsNoLongerIn(await config(relay(is)), await config(relay(was)));
  expect([...devices.values()].flatMap(({ outputs }) => outputs.map(({ id }) => id))).toEqual(left);
});

test('a bus with another name at the same place is none', async () => {
  const renamed = relay(TCP).replaceAll('line', 'other');
  expect(outputsNoLongerIn(await config(renamed), await config(relay(TCP))).devices.size).toBe(0);
});

test.each([
  ['an output that is gone', DOOR, ['switch']],
  ['one with another name', FAN.replace('fan', 'blower'), []],
  ['a pin that is used for something else', DOOR.replace('pin13', 'pin11'), []],
])('of %s there is left to make safe: %j', async (_what, now, left) => {
  const { devices } = outputsNoLongerIn(await config(now), await config(FAN));
  expect([...devices.values()].flatMap(({ outputs }) => outputs.map(({ id }) => id))).toEqual(left);
});

/** A site with this board at unit 100 of a line. */
async function withBoard(facts: string, devices: string): Promise<Config> {
  const board = `schema: board/v1
id: relays
version: 1.0.0
label: Relays
needs: modbus
driver: modbus-map
with: { unit: { type: modbus_unit, default: 1 } }
modbus: { read_with: holding }
${facts}
`;
  const { config: loaded, problems } = await loadText(
    `schema: gateway/v1\ngateway: { id: trial }\nbuses: { line: { type: modbus-rtu, port: /dev/ttyAMA0 } }\ndevices:\n${devices}`,
    { 'boards/relays.board.yaml': board },
  );
  if (loaded === undefined) throw new Error(JSON.stringify(problems));
  return loaded;
}

const output = (id: string, at: string, safe = 'off') =>
  withBoard(
    `outputs: { ${id}: { ${at}, quantity: switch_state, unit: bool, safe: ${safe}, max_on: 1h } }`,
    `  b: { board: relays@1, via: line, with: { unit: 100 }, outputs: { ${id}: {} } }\n`,
  );
const port = (id: string, at: string) =>
  withBoard(
    `provides: { ${id}: { kind: digital_out, ${at} } }`,
    `  r: { board: relays@1, via: line, with: { unit: 100 } }\n  pump: { board: relay@1, via: r.${id}, outputs: { switch: { max_on: 1h } } }\n`,
  );

test.each<[string, () => Promise<Config>, () => Promise<Config>, string[]]>([
  ['the coil of an output is another', () => output('pump', 'coil: 1'), () => output('pump', 'coil: 0'), ['pump']],
  [
    'the register of an output is another',
    () => output('pump', 'register: 1, on: 1, off: 0'),
    () => output('pump', 'register: 0, on: 1, off: 0'),
    ['pump'],
  ],
  [
    'a coil is the register with its number now',
    () => output('pump', 'coil: 1'),
    () => output('pump', 'register: 1, on: 1, off: 0'),
    ['pump'],
  ],
  ['the coil of a port is another', () => port('relay1', 'coil: 1'), () => port('relay1', 'coil: 0'), ['switch']],
  [
    'an output has another name, and is safe when it is on',
    () => output('pump', 'coil: 1'),
    () => output('fan', 'coil: 1', 'on'),
    [],
  ],
  ['a port has another name', () => port('relay1', 'coil: 1'), () => port('relay2', 'coil: 1'), []],
  ['an output of the board is at a port of it now', () => output('pump', 'coil: 1'), () => port('relay1', 'coil: 1'), []],
])('what has no output now at its coil or register is left to make safe, whatever its name: %s', async (_what, was, is, left) => {
  const { devices } = outputsNoLongerIn(await is(), await was());
  expect([...devices.values()].flatMap(({ outputs }) => outputs.map(({ id }) => id))).toEqual(left);
});

test('a coil that is no number makes what was kept of that board useless, and nothing else', async () => {
  await keepSite('/a.yaml', await output('pump', 'coil: 1'), quiet, folder);
  writeFileSync(path, readFileSync(path, 'utf8').replace('"coil":1', '"coil":"one"'));
  const kept = await keptIn(folder, realDisk);
  expect(kept?.isWhole).toBe(false);
});
