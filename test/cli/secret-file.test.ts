// A secret that is there and cannot be read: who may not, whose it is, and a command that mends it when it is run.

import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { textOf } from '../../cli/messages/catalogue.ts';
import { en } from '../../cli/messages/en.ts';
import { shellWord } from '../../cli/refused-file.ts';
import { readSecret, type SecretResult } from '../../cli/secrets.ts';

const TOKEN = 'cAnAry-0a1b2c3d';
/** A user who owns nothing, and another one. */
const NOBODY = 65_534;
const OTHER = 2;
const isRoot = process.geteuid?.() === 0;

let top: string;
let folder: string;
let path: string;
beforeEach(() => {
  top = realpathSync(mkdtempSync(join(tmpdir(), "barri secret's-")));
  chmodSync(top, 0o755);
  folder = join(top, 'secrets');
  path = join(folder, 'sentilo_token');
  mkdirSync(folder, { mode: 0o755 });
  writeFileSync(path, `${TOKEN}\n`, { mode: 0o600 });
});
afterEach(() => {
  for (const each of [top, folder]) chmodSync(each, 0o755);
  rmSync(top, { recursive: true });
});

const site = () => join(top, 'school.gateway.yaml');

/** Reads the secret as the user `uid`; only root can be somebody else. */
async function readAs(uid: number | undefined): Promise<SecretResult> {
  if (uid !== undefined) process.seteuid?.(uid);
  try {
    return await readSecret('sentilo_token', site(), {});
  } finally {
    if (uid !== undefined) process.seteuid?.(0);
  }
}

function said(result: SecretResult): { code: string; what: string; hints: readonly string[] } {
  if ('value' in result) throw new Error('the secret was read');
  return { code: result.code, ...textOf(en, result.code, result.parameters) };
}

/** The command of a hint, as the one who sees it pastes it: root has no need of sudo. */
function paste(hint: string | undefined): void {
  const command = /`([^`]+)`/.exec(hint ?? '')?.[1] ?? '';
  expect(command).not.toBe('');
  execFileSync('sh', ['-c', command.replaceAll('sudo ', '')]);
}

/** The name of a user as the system has it, or his number. */
function nameOf(uid: number): string {
  try {
    return execFileSync('id', ['-nu', String(uid)], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return String(uid);
  }
}

describe('a secret of one’s own that is closed', () => {
  test('is opened by the command that is said', async () => {
    // Modes keep root from nothing: there somebody else has it.
    const self = isRoot ? NOBODY : undefined;
    if (self !== undefined) chownSync(path, self, self);
    chmodSync(path, 0);
    const { code, what, hints } = said(await readAs(self));
    expect(code).toBe('C095');
    expect(what).toContain(`runs as ${self === undefined ? userInfo().username : nameOf(self)}`);
    paste(hints[0]);
    expect(await readAs(self)).toEqual({ value: TOKEN });
  });

  test.runIf(isRoot)('is opened by the command that is said, for whoever it belongs to', async () => {
    chownSync(path, NOBODY, NOBODY);
    chmodSync(path, 0);
    const { what, hints } = said(await readAs(NOBODY));
    expect(what).toContain(`runs as ${nameOf(NOBODY)}, whom the secret \`sentilo_token\` belongs to`);
    expect(hints.join(' ')).not.toContain('sudo');
    paste(hints[0]);
    expect(await readAs(NOBODY)).toEqual({ value: TOKEN });
  });
});

describe.runIf(isRoot)('a secret of somebody else', () => {
  const stranger = nameOf(NOBODY);

  test.each([
    ['the file is root’s', () => {}, 'may not read the secret `sentilo_token`: '],
    ['the file is root’s, who may not write it', () => chmodSync(path, 0o400), 'may not read the secret `sentilo_token`: '],
    ['its folder is root’s', () => chmodSync(folder, 0o700), 'may not look for the secret `sentilo_token`: the folder '],
  ])('is given to the gateway’s user by the command that is said, when %s', async (_title, close, words) => {
    close();
    const { code, what, hints } = said(await readAs(NOBODY));
    expect(code).toBe('C095');
    expect(what).toMatch(new RegExp(`runs as ${stranger} and ${words}.* belongs to root$`));
    // To run the gateway as root is no advice.
    expect(hints).toHaveLength(1);
    expect(hints[0]).toMatch(new RegExp(`^give it to ${stranger}: \`sudo chown .*${stranger} `));
    paste(hints[0]);
    expect(await readAs(NOBODY)).toEqual({ value: TOKEN });
    // Nobody but its new owner got anything.
    expect(said(await readAs(OTHER)).code).toBe('C095');
  });

  test('shows a way through a folder further up, and then what is closed behind it', async () => {
    chmodSync(top, 0o700);
    const first = said(await readAs(NOBODY));
    expect(first.what).toContain(`does not get to the secret \`sentilo_token\`: the folder ${top} belongs to root`);
    paste(first.hints[0]);
    const second = said(await readAs(NOBODY));
    expect(second.what).toContain('may not read the secret');
    paste(second.hints[0]);
    expect(await readAs(NOBODY)).toEqual({ value: TOKEN });
  });

  test('names its owner as another one to run the gateway as', async () => {
    chownSync(path, OTHER, OTHER);
    const { what, hints } = said(await readAs(NOBODY));
    expect(what).toContain(`belongs to ${nameOf(OTHER)}`);
    expect(hints[1]).toContain(`\`sudo -u ${nameOf(OTHER)}\``);
  });
});

test('a secret that others can read is closed by the command that is said', async () => {
  chmodSync(path, 0o644);
  const { code, hints } = said(await readAs(undefined));
  expect(code).toBe('C091');
  paste(hints[0]);
  expect(await readAs(undefined)).toEqual({ value: TOKEN });
});

test.runIf(isRoot)('a secret of somebody else that all can read is given to the gateway’s user and closed', async () => {
  chmodSync(path, 0o644);
  const { code, hints } = said(await readAs(NOBODY));
  expect(code).toBe('C091');
  expect(hints[0]).toContain(`sudo chown ${nameOf(NOBODY)} `);
  paste(hints[0]);
  expect(await readAs(NOBODY)).toEqual({ value: TOKEN });
  expect(said(await readAs(OTHER)).code).toBe('C095');
});

test.each([0o755, 0o700])('a folder in its place is told as one, with the mode %o', async (mode) => {
  rmSync(path);
  mkdirSync(path, { mode });
  const { code, what, hints } = said(await readAs(undefined));
  expect(code).toBe('C090');
  expect(what).toBe(`the secret \`sentilo_token\` is a folder, and not a file: ${path}`);
  expect(hints[0]).toContain('`rmdir ');
});

test('one that systemd did not hand over is asked for in the unit', async () => {
  const result = await readSecret('sentilo_token', site(), { CREDENTIALS_DIRECTORY: folder.replace('secrets', 'none') });
  expect(said(result).hints[0]).toContain('LoadCredential=sentilo_token:/etc/barri/secrets/sentilo_token');
});

test.each([
  ['/etc/barri/secrets/token', '/etc/barri/secrets/token'],
  ['/home/pi/my site/token', "'/home/pi/my site/token'"],
  ["/srv/l'hort/token", "'/srv/l'\\''hort/token'"],
])('a shell takes %s as one word', (name, expected) => {
  expect(shellWord(name)).toBe(expected);
  expect(execFileSync('sh', ['-c', `printf %s ${shellWord(name)}`], { encoding: 'utf8' })).toBe(name);
});
