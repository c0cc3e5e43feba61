// What is said where the socket of a gateway gives no answer of one.

import { execFile, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import * as http from 'node:http';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { socketPath } from '../../gateway/local-api.ts';
import { barri, ROOT } from './in-process.ts';

let folder: string;
const cleanUps: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'barri-client-'));
});
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
  rmSync(folder, { recursive: true, force: true });
});

async function listen(server: net.Server): Promise<void> {
  await new Promise<void>((resolve) => server.listen(socketPath(folder), resolve));
  cleanUps.push(() => server.close());
}

const MEBIBYTE = 'x'.repeat(1024 * 1024);

/** Says more and more, as long as anybody listens. */
function endless(answer: http.ServerResponse): void {
  const more = () => {
    if (!answer.destroyed) answer.write(MEBIBYTE, () => more());
  };
  answer.write('[');
  more();
}

describe('what answers and is no gateway is told as that', () => {
  test.each([
    ['null', () => http.createServer((_request, answer) => answer.end('null'))],
    ['a page', () => http.createServer((_request, answer) => answer.end('<html>'))],
    ['an answer without an end', () => http.createServer((_request, answer) => endless(answer))],
    [
      'another protocol',
      () =>
        net.createServer((socket) =>
          socket
            .on('error', () => {})
            .resume()
            .end('SSH-2.0-x\r\n'),
        ),
    ],
  ])(
    '%s',
    async (_what, server) => {
      await listen(server());
      for (const words of [['outputs'], ['status'], ['set', 'valve.open', 'on']]) {
        const { err, code } = await barri([...words, '--state', folder]);
        expect(err).toContain(`error[B153] what answers on ${socketPath(folder)} is no gateway`);
        expect(code).toBe(1);
      }
    },
    60_000,
  );
});

test('an order that nobody has answered is told as not known, and not as one that nobody got', async () => {
  await listen(net.createServer((socket) => socket.once('data', () => socket.destroy())));
  const { err, code } = await barri(['set', 'valve.open', 'on', '--state', folder]);
  expect(err).toMatch(
    /^error\[B147\] the gateway did not say .* valve\.open was switched on: that is not known\n {3}= `barri outputs`/,
  );
  expect(code).toBe(1);
});

test('a command that is ended takes its order back', async () => {
  let closed = () => {};
  const isClosed = new Promise<void>((resolve) => {
    closed = resolve;
  });
  let asked = () => {};
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  await listen(
    net.createServer((socket) =>
      socket
        .on('error', () => {})
        .on('end', closed)
        .once('data', asked),
    ),
  );
  const command = ['--import', 'tsx', 'cli/main.ts', 'set', 'valve.open', 'on', '--state', folder];
  const child = spawn(process.execPath, command, { cwd: ROOT, stdio: 'ignore' });
  cleanUps.push(() => child.kill('SIGKILL'));
  await isAsked;
  child.kill('SIGINT');
  await isClosed;
}, 20_000);

test.runIf(process.geteuid?.() === 0)(
  'a user without a name is told the same as any other',
  async () => {
    chmodSync(folder, 0o777);
    const command = ['--import', 'tsx', 'cli/main.ts', 'set', 'valve.open', 'on', '--state', folder];
    const env = { ...process.env, HOME: '/nowhere' };
    const { code, err } = await new Promise<{ code: unknown; err: string }>((resolve) => {
      execFile(process.execPath, command, { cwd: ROOT, uid: 54_321, gid: 54_321, env }, (error, _out, said) => {
        resolve({ code: error?.code, err: said });
      });
    });
    expect(err).toContain('error[B146] no gateway runs on ');
    expect(code).toBe(1);
  },
  20_000,
);
