// What a gateway keeps at its start of its outputs.

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { keepSite, keptSite, outputsNoLongerIn } from '../../cli/kept-site.ts';
import type { Config } from '../../config/config.ts';
import { DiskError } from '../../gateway/host.ts';
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

test('what has outputs, for its owner only, and for the same site file', async () => {
  await keepSite('/etc/barri/a.yaml', await config(FAN + DOOR), quiet, folder);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const kept = await keptSite('/etc/barri/a.yaml', realDisk, [join(folder, 'none'), folder]);
  expect(kept?.folder).toBe(folder);
  expect([...(kept?.site.devices.keys() ?? [])]).toEqual(['fan']);
  expect(await keptSite('/etc/barri/b.yaml', realDisk, [folder])).toBeUndefined();
});

test('nothing of an earlier site without outputs, a damaged file or another version is used', async () => {
  await keepSite('/a.yaml', await config(FAN), quiet, folder);
  const text = readFileSync(path, 'utf8');
  for (const damaged of [
    text.slice(0, -9),
    text.replace('"version":"', '"version":"0'),
    text.replace('"devices":[', '"others":['),
  ]) {
    writeFileSync(path, damaged);
    expect(await keptSite('/a.yaml', realDisk, [folder])).toBeUndefined();
  }
  await keepSite('/a.yaml', await config(DOOR), quiet, folder);
  expect((await keptSite('/a.yaml', realDisk, [folder]))?.site.devices.size).toBe(0);
});

test('a disk that takes nothing is told and keeps no gateway from starting', async () => {
  const told: string[] = [];
  const disk = { ...realDisk, open: () => Promise.reject(new DiskError('ENOSPC', 'it is full')) };
  await keepSite('/a.yaml', await config(FAN), { disk, log: (_level, code) => told.push(code) }, folder);
  expect(told).toEqual(['outputs-not-kept']);
});

test.each([
  ['an output that is gone', DOOR, ['switch']],
  ['one with another name', FAN.replace('fan', 'blower'), []],
  ['a pin that is used for something else', DOOR.replace('pin13', 'pin11'), []],
])('of %s there is left to make safe: %j', async (_what, now, left) => {
  const { devices } = outputsNoLongerIn(await config(now), await config(FAN));
  expect([...devices.values()].flatMap(({ outputs }) => outputs.map(({ id }) => id))).toEqual(left);
});
