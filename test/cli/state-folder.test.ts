import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Io } from '../../cli/io.ts';
import { claimFolder, stateFolder, stateFolders } from '../../cli/state-folder.ts';

let folder: string;
let said = '';
const io = { err: (text: string) => (said += text), setExitCode: () => {} } as Partial<Io> as Io;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'barri-state-'));
  said = '';
});
afterEach(() => rmSync(folder, { recursive: true }));

const choice = { siteFile: '/etc/barri/gateway.yaml', gatewayId: 'street', option: undefined, env: { HOME: '/home/anna' } };

test('the service keeps its state in /var/lib/barri, a person in the own home, and a simulation apart from both', () => {
  expect(stateFolder({ ...choice, simulated: false })).toBe('/var/lib/barri');
  expect(stateFolder({ ...choice, siteFile: 'x.yaml', simulated: false })).toBe('/home/anna/.local/state/barri/street');
  expect(stateFolders(choice)).toEqual(['/var/lib/barri', '/home/anna/.local/state/barri/simulated-street']);
});

test('the environment names the folder of the real gateway only', () => {
  const env = { HOME: '/home/anna', BARRI_STATE_DIR: '/data/barri' };
  expect(stateFolder({ ...choice, env, simulated: false })).toBe('/data/barri');
  expect(stateFolder({ ...choice, env, simulated: true })).not.toBe('/data/barri');
});

test('a folder of simulated readings never serves a real gateway, nor the other way round', async () => {
  const simulated = join(folder, 'a');
  expect(await claimFolder(simulated, true, io)).toBe(true);
  expect(await claimFolder(simulated, true, io)).toBe(true);
  expect(await claimFolder(simulated, false, io)).toBe(false);
  expect(said).toContain('error[B106]');
  const real = join(folder, 'b');
  mkdirSync(join(real, 'journal'), { recursive: true });
  expect(await claimFolder(real, false, io)).toBe(true);
  expect(await claimFolder(real, true, io)).toBe(false);
});
