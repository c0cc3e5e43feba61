// What a gateway tells whoever supervises it, and what it does without one: in a process of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ROOT } from './in-process.ts';

let folder: string;
let child: ChildProcess;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'barri-beat-'));
});
afterEach(() => {
  child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** A gateway with a channel to this process. */
function gateway() {
  const file = join(folder, 'trial.gateway.yaml');
  writeFileSync(file, 'schema: gateway/v1\ngateway: { id: trial }\ndevices: { own: { board: gateway-self@1, via: gateway } }\n');
  const args = ['--import', 'tsx', 'cli/main.ts', 'run', file, '--state', join(folder, 'state')];
  child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const said = { text: '', words: [] as unknown[] };
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (bytes) => (said.text += bytes));
  child.on('message', (word) => said.words.push(word));
  const ended = new Promise<NodeJS.Signals | number | null>((resolve) =>
    child.on('exit', (code, signal) => resolve(signal ?? code)),
  );
  return { said, ended };
}

test('says that it starts before it opens its journal, and then that it is well', async () => {
  const { said, ended } = gateway();
  await new Promise((resolve) => child.once('message', resolve));
  expect(said.words).toEqual(['opening']);
  await new Promise<void>((resolve) => child.on('message', (word) => word === 'beat' && resolve()));
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
}, 20_000);

test('does not start when its supervisor is gone before it said anything', async () => {
  const { said, ended } = gateway();
  child.disconnect();
  expect(await ended).toBe('SIGTERM');
  expect(said.text).toBe('');
}, 20_000);
