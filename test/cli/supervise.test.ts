// What a supervisor does with a gateway that hangs, ends, or is ended: on real processes, with a time that the test lets pass.

import { type ChildProcess, spawn } from 'node:child_process';
import { afterEach, expect, test } from 'vitest';
import { type SuperviseParts, supervise } from '../../cli/supervise.ts';

/** Sends a beat at its start and when it is told to, hangs or ends when it is told to. */
const CHILD = `
  process.on('message', (word) => {
    if (word === 'hang') for (;;);
    if (word === 'beat') process.send('beat');
    else process.exit(Number(word));
  });
  process.on('SIGTERM', () => process.exit(0));
  process.send('beat');
`;

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function bench() {
  const did: string[] = [];
  const stop = new AbortController();
  let tick = () => {};
  let began = (_gateway: ChildProcess) => {};
  let nowMs = 0;
  const parts: SuperviseParts = {
    startGateway: () => {
      did.push('gateway');
      const child = spawn(process.execPath, ['-e', CHILD], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
      children.push(child);
      child.once('message', () => began(child));
      return child;
    },
    startSafe: () => {
      did.push('safe');
      return spawn(process.execPath, ['-e', '0']);
    },
    repeat: (_everyMs, callback) => {
      tick = callback;
      return () => {
        tick = () => {};
      };
    },
    wait: (forMs, signal) =>
      new Promise((resolve) => {
        // What makes the outputs safe ends by itself.
        if (forMs === 30_000) return signal.addEventListener('abort', () => resolve(), { once: true });
        did.push(`wait ${forMs}`);
        resolve();
      }),
    nowMs: () => nowMs,
    say: ({ what }) => did.push(what),
  };
  /** The gateway of the next life, once its first beat has come. */
  const next = () => new Promise<ChildProcess>((resolve) => (began = resolve));
  return {
    did,
    next,
    ticks: (count: number) => {
      for (let i = 0; i < count; i += 1) tick();
    },
    pass: (ms: number) => {
      nowMs += ms;
    },
    stop: () => stop.abort('SIGTERM'),
    run: () => supervise(parts, stop.signal),
  };
}

test('a gateway that hangs is killed after five beats that did not come, made safe, and started again', async () => {
  const { did, next, ticks, stop, run } = bench();
  const first = next();
  const ended = run();
  const gateway = await first;
  ticks(4);
  const beat = new Promise((resolve) => gateway.once('message', resolve));
  gateway.send('beat');
  await beat;
  ticks(4);
  expect(gateway.killed).toBe(false);
  const second = next();
  gateway.send('hang');
  ticks(1);
  await second;
  expect(did).toEqual(['gateway', 'hangs', 'safe', 'ended', 'wait 1000', 'gateway']);
  expect(gateway.signalCode).toBe('SIGKILL');
  stop();
  expect(await ended).toBe(0);
  expect(did.slice(6)).toEqual(['safe']);
}, 20_000);

test('one that ends again and again is started ever more rarely, and soon again once one was well for ten minutes', async () => {
  const { did, next, pass, stop, run } = bench();
  let started = next();
  const ended = run();
  for (let life = 0; life < 8; life += 1) {
    const gateway = await started;
    started = next();
    if (life === 6) pass(600_000);
    gateway.send('70');
  }
  await started;
  stop();
  expect(await ended).toBe(0);
  const waits = did.filter((each) => each.startsWith('wait')).map((each) => Number(each.slice(5)) / 1_000);
  // reliability.md section 7.
  expect(waits).toEqual([1, 2, 5, 15, 60, 300, 1, 2]);
  expect(did.filter((each) => each === 'safe')).toHaveLength(9);
}, 20_000);

test.each([0, 2, 5, 78])('one that ends with %i is not started again, and its outputs are made safe', async (code) => {
  const { did, next, run } = bench();
  const started = next();
  const ended = run();
  (await started).send(String(code));
  expect(await ended).toBe(code);
  expect(did).toEqual(['gateway', 'safe']);
});
