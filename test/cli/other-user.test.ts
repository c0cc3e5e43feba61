// What somebody is told whom the folder of a gateway does not belong to.

import { chmodSync, readdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { socketPath } from '../../gateway/local-api.ts';
import { realHost } from '../../gateway/real-host.ts';
import { barriAsStranger } from './as-stranger.ts';
import { keep, minutes, STORED, serveStatus, temporaryState } from './journal-kit.ts';

let state: string;
const cleanUps: (() => unknown)[] = [];
beforeEach(async () => {
  const temporary = temporaryState();
  ({ state } = temporary);
  cleanUps.push(temporary.remove);
  await keep(state, minutes(10));
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const isRoot = process.geteuid?.() === 0;
const folder = () => join(state, 'journal');

/** The modes of the state folder, of the journal's folder, and of the files in it. */
function close([stateMode, folderMode, fileMode]: readonly [number, number, number]): void {
  for (const name of readdirSync(folder())) chmodSync(join(folder(), name), fileMode);
  chmodSync(folder(), folderMode);
  chmodSync(state, stateMode);
  cleanUps.push(() => {
    for (const each of [state, folder()]) chmodSync(each, 0o755);
  });
}

describe.each([['status'], ['journal', 'inspect'], ['journal', 'verify']])('barri %s %s', (...words: string[]) => {
  const ask = () => barriAsStranger([...words.filter((word) => word !== undefined), '--state', state]);

  test.each([
    { what: 'the state folder', modes: [0o000, 0o755, 0o644] },
    { what: "the journal's folder", modes: [0o755, 0o000, 0o644] },
    { what: 'its files', modes: [0o755, 0o755, 0o000] },
  ] as const)('is not let into $what, which is no damage, and of which the owner is told', async ({ modes }) => {
    close(modes);
    const { code, out, err } = await ask();
    const whose = isRoot
      ? `${state} belongs to root\n   = put \`sudo\` before the command\n`
      : `${state} belongs to it, but is closed\n`;
    expect(err).toContain(`error[B144] this user may not look into ${state}: ${whose}`);
    // No gateway runs, and nobody may be called like that.
    expect(err).not.toMatch(/gateway|barri status|-u barri/);
    expect(out).toBe('');
    expect(code).toBe(5);
  });
});

test.each([['status'], ['journal', 'inspect']])('a single file that is closed is named: barri %s %s', async (...words) => {
  close([0o755, 0o755, 0o644]);
  const file = join(folder(), 'slot-001');
  chmodSync(file, 0o000);
  const { code, out, err } = await barriAsStranger([...words, '--state', state]);
  expect(err).toContain(`error[B144] this user may not look into ${file}: ${file} belongs to `);
  expect({ code, out }).toEqual({ code: 5, out: '' });
});

describe('barri status, where the socket refuses', () => {
  const close0600 = async () => {
    cleanUps.push(await serveStatus(state, STORED));
    chmodSync(socketPath(state), 0o000);
    close([0o755, 0o755, 0o644]);
  };

  test('says as whom the gateway runs', async () => {
    cleanUps.push(await realHost(() => {}).lock(state));
    await close0600();
    const { code, err } = await barriAsStranger(['status', '--state', state]);
    expect(err).toContain(`error[B108] the gateway on ${state} runs as another user (${userInfo().username})\n   = `);
    expect(code).toBe(5);
  });

  test('takes one that was only left there for none', async () => {
    await close0600();
    const { code, out } = await barriAsStranger(['status', '--state', state]);
    expect(out).toContain(`No gateway runs on ${state}`);
    expect(out).toContain('20 records');
    expect(code).toBe(0);
  });
});
