// Which of those that hold a state folder are ended: gateways that give no sign of life, and nobody else.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { endHung, waitForEnd } from '../../cli/end-hung.ts';
import { text } from '../../cli/messages/outputs.ts';
import { ROOT } from './in-process.ts';

/** A supervisor asks for two seconds each time. */
const ASK_MS = 30;
const BUSY_MS = 600;

let folder: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'barri-hung-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** A process that holds the folder as a gateway does, and serves its socket if it runs already; its loop is busy when it is told so. */
async function holder({ isServing = true, words = ['run', 'trial.yaml'] } = {}): Promise<ChildProcess> {
  const url = (path: string) => JSON.stringify(pathToFileURL(join(ROOT, path)).href);
  const program = `
import { realHost } from ${url('gateway/real-host.ts')};
import { socketPath } from ${url('gateway/local-api.ts')};
const host = realHost(() => {});
await host.lock(${JSON.stringify(folder)});
if (${isServing}) await host.listen(socketPath(${JSON.stringify(folder)}), async () => ({ status: 200, json: {} }));
setInterval(() => {}, 1_000);
process.on('SIGUSR2', () => {
  const endMs = performance.now() + ${BUSY_MS};
  process.send('busy');
  while (performance.now() < endMs);
});
process.send('ready');
`;
  mkdirSync(join(folder, 'program'));
  const path = join(folder, 'program', 'main.ts');
  writeFileSync(path, program);
  writeFileSync(join(folder, 'program', 'package.json'), '{"type":"module"}');
  const child = spawn(process.execPath, ['--import', 'tsx', path, ...words], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  children.push(child);
  await told(child);
  return child;
}

const told = (child: ChildProcess) => new Promise((resolve) => child.once('message', resolve));
const stopped = async (child: ChildProcess) => {
  child.kill('SIGSTOP');
  return child;
};

describe('is left alone', () => {
  test('a gateway that runs', async () => {
    const child = await holder();
    expect(await endHung(folder)).toEqual({ what: 'runs' });
    expect(child.exitCode ?? child.signalCode).toBeNull();
  });

  test('one that starts, and whose loop is busy for longer than one that runs may be', async () => {
    const child = await holder({ isServing: false });
    const busy = told(child);
    child.kill('SIGUSR2');
    await busy;
    expect(await endHung(folder, BUSY_MS / 6)).toEqual({ what: 'runs' });
    expect(child.exitCode ?? child.signalCode).toBeNull();
  });

  test.each([
    ['another command of this program', ['outputs', 'safe']],
    ['a simulated gateway', ['sim', 'run']],
    ['another program', ['--run']],
  ])('%s, which is told', async (_what, words) => {
    const child = await stopped(await holder({ words }));
    expect(await endHung(folder, ASK_MS)).toEqual({ what: 'stays', why: 'no-gateway', silentMs: 5 * ASK_MS, pid: child.pid });
    expect(child.signalCode).toBeNull();
  });

  test('nobody, where nobody is', async () => {
    const child = await holder();
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    expect(await endHung(folder, ASK_MS)).toEqual({ what: 'gone' });
    expect(await endHung(join(folder, 'none'), ASK_MS)).toEqual({ what: 'gone' });
  });
});

describe('is killed', () => {
  test.each([
    ['a gateway that gives no sign of life, after five asks', true, 5],
    ['one that does not while it starts, after sixty', false, 60],
  ])(
    '%s',
    async (_what, isServing, asks) => {
      const child = await stopped(await holder({ isServing }));
      const ended = new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)));
      expect(await endHung(folder, ASK_MS)).toEqual({ what: 'killed', silentMs: asks * ASK_MS, pid: child.pid });
      expect(await ended).toBe('SIGKILL');
    },
    20_000,
  );
});

describe('of one that was killed, and has the folder until the system has cleared up after it', () => {
  /** One that gives no sign of life, and ends after this time. */
  async function ending(): Promise<void> {
    const child = await stopped(await holder());
    setTimeout(() => child.kill('SIGKILL'), 5 * ASK_MS);
  }

  test('the end is waited for', async () => {
    await ending();
    expect(await waitForEnd(folder, 10_000)).toBe('gone');
  });

  test('the end is no sign of life', async () => {
    await ending();
    expect(await endHung(folder, 10_000)).toEqual({ what: 'gone' });
  });

  test('the end is not waited for longer than its time, nor where it runs', async () => {
    const child = await holder();
    expect(await waitForEnd(folder, 600_000)).toBe('runs');
    await stopped(child);
    expect(await waitForEnd(folder, ASK_MS)).toBe('runs');
  });
});

test.each([
  ['hidden', undefined, /another user's \(the folder is barri's\).*\n {3}= .*by hand; put `sudo`/],
  ['no-gateway', 7, /\(process 7\) .*no gateway\n {3}= .*by hand; .*ps -fp 7/],
  ['held', 7, /\(process 7\) .*was killed and is still there.*\n {3}= .*by hand; unplug/],
] as const)('what is not ended is told with the reason and what to do: %s', (why, pid, said) => {
  const owner = { path: '/state', uid: 1, name: 'barri', isSelf: false, mode: 0 };
  const stays = text.hungStays('/state', { what: 'stays', why, silentMs: 10_000, ...(pid !== undefined && { pid }) }, owner);
  expect(stays).toMatch(/^error\[B154\] the gateway on \/state.* gives no sign of life for 10 s, and is not ended: /);
  expect(stays).toMatch(said);
});
