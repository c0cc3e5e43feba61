// Which journal a person means, and what is said where there is none.

import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SITE_DEFAULT } from '../../cli/state-folder.ts';
import { barri } from './in-process.ts';
import { hall, keep, STORED, serveStatus, stateForEach } from './journal-kit.ts';

let state: string;
const cleanUps = stateForEach((temporary) => {
  state = temporary;
});

const SITE = 'schema: gateway/v1\ngateway: { id: trial }\nbuses: {}\ndevices: {}\n';
const COMMANDS = ['inspect', 'verify', 'export', 'wear', 'salvage'];

function site(): string {
  const file = join(state, 'trial.gateway.yaml');
  writeFileSync(file, SITE);
  return file;
}

describe.each(COMMANDS)('barri journal %s', (command) => {
  const look = (folder: string) =>
    command === 'salvage'
      ? barri(['journal', command, folder, '--out', join(state, 'saved.jsonl')])
      : barri(['journal', command, '--state', folder]);

  test.each([
    { where: 'that is not there', name: 'nowhere', says: (folder: string) => `there is no folder ${folder}` },
    { where: 'below a file', name: 'file/journal', says: (folder: string) => `there is no folder ${folder}` },
    { where: 'that is a file', name: 'file', says: (folder: string) => `${folder} is no folder` },
    { where: 'without a journal', name: 'photos', says: (folder: string) => `there is no journal in ${folder}` },
    {
      where: 'of a journal without a file of one',
      name: 'begun',
      says: (folder: string) => `there is no file of a journal in ${folder}/journal`,
    },
  ])('takes a folder $where for wrong use, and not for damage', async ({ name, says }) => {
    writeFileSync(join(state, 'file'), '');
    mkdirSync(join(state, 'photos'));
    mkdirSync(join(state, 'begun/journal/damaged'), { recursive: true });
    const folder = join(state, name);
    const { code, out, err } = await look(folder);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err.startsWith(`error[B120] ${says(folder)}\n   = `)).toBe(true);
    // Only what this command takes.
    expect(err.includes('--state')).toBe(command !== 'salvage');
    expect(err).not.toContain('status');
  });
});

describe.each([['status'], ['journal', 'inspect'], ['journal', 'export']])('barri %s %s', (...words: string[]) => {
  const command = words.filter((word) => word !== undefined);

  test.skipIf(existsSync(SITE_DEFAULT))('says that no site was named, and how to name one', async () => {
    const { code, err } = await barri(command);
    expect(code).toBe(2);
    expect(err).toMatch(/^error\[B128\] there is no \/etc\/barri\/gateway\.yaml, and no other site file was named\n/);
    for (const way of ['BARRI_CONFIG', '--state FOLDER']) expect(err).toContain(way);
    expect((await barri(command, { BARRI_CONFIG: join(state, 'x.yaml') })).err).toContain('error[C001]');
  });

  test('says how a folder is named in the place of a site', async () => {
    await keep(state, [hall(1)]);
    const { code, err } = await barri([...command, state]);
    expect(code).toBe(2);
    expect(err).toMatch(/^error\[B129\] .* is a folder and no site file\n/);
    expect(err).toContain(`--state ${state}\n`);
  });
});

test('of a site that has kept nothing yet, the way to begin is told', async () => {
  const { code, err } = await barri(['journal', 'inspect', site()], { XDG_STATE_HOME: state });
  expect(code).toBe(2);
  expect(err).toContain(`error[B120] there is no folder ${join(state, 'barri/trial')}`);
  expect(err).toContain('barri run');
  expect(err).not.toContain('copy');
});

test.each([['status'], ['journal', 'verify']])(
  'of a site it is said that a gateway of another user has a folder of its own: barri %s %s',
  async (...words) => {
    const { err } = await barri([...words, site()], { XDG_STATE_HOME: state });
    expect(err).toContain('a gateway of another user has a folder of its own');
    for (const way of ['sudo -u USER', '--state FOLDER']) expect(err).toContain(way);
  },
);

describe('barri status', () => {
  test('tells of a copy of a journal what inspect tells', async () => {
    await keep(state, [hall(1), hall(2)]);
    await serveStatus(state, STORED).then((stop) => cleanUps.push(stop));
    const copy = join(state, 'copy');
    cpSync(join(state, 'journal'), copy, { recursive: true });
    const { code, out } = await barri(['status', '--state', copy]);
    expect(code).toBe(0);
    expect(out).toContain(`No gateway runs on ${copy}`);
    expect(out).toContain('2 records');
    const inspected = await barri(['journal', 'inspect', '--state', copy, '--json']);
    expect(JSON.parse(inspected.out)).toMatchObject({ isRunning: false, recordCount: 2 });
  });

  test("asks the gateway that runs when its journal's own folder is named", async () => {
    await keep(state, [hall(1)]);
    cleanUps.push(await serveStatus(state, STORED, { uptimeMs: 77, measuring: { answeringCount: 0, deviceCount: 0 } }));
    const { out } = await barri(['status', '--state', join(state, 'journal'), '--json']);
    expect(JSON.parse(out)).toMatchObject({ running: true, uptimeMs: 77 });
  });

  test.each([
    { name: 'file', says: 'that is no folder' },
    { name: 'nowhere', says: 'there is no such folder' },
    { name: '', says: 'it holds no journal' },
    { name: 'begun', says: 'no file of a journal is in it' },
  ])('tells why there is no journal: $says', async ({ name, says }) => {
    writeFileSync(join(state, 'file'), '');
    mkdirSync(join(state, 'begun/journal'), { recursive: true });
    const { code, err } = await barri(['status', '--state', join(state, name)]);
    expect(code).toBe(1);
    expect(err).toContain(`error[B103] no gateway runs on ${join(state, name)}, and ${says}\n`);
  });
});
