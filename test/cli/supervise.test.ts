// What a supervisor does with a gateway that hangs, ends, or is ended: on real processes, with a time that the test lets pass.

import { type ChildProcess, spawn } from 'node:child_process';
import { afterEach, describe, expect, test } from 'vitest';
import { text } from '../../cli/messages/supervise.ts';
import { type SuperviseParts, supervise } from '../../cli/supervise.ts';

/** Sends a beat at its start and when it is told to, hangs or ends when it is told to. */
const CHILD = `
  process.on('message', (word) => {
    if (word === 'hang') for (;;);
    if (word === 'beat' || word === 'opening') process.send(word);
    else process.exit(Number(word));
  });
  process.on('SIGTERM', () => process.exit(0));
  process.send('beat');
`;

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** `safeCodes`: how what makes the outputs safe ends, one time after the other; then with 0. */
function bench(...safeCodes: number[]) {
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
      return spawn(process.execPath, ['-e', `process.exit(${safeCodes.shift() ?? 0})`]);
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
    say: (news) => did.push(news.what === 'ended' && !news.isSafe ? 'ended, not safe' : news.what),
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

test.each([2, 5, 78])('one that ends with %i is not started again, and its outputs are made safe', async (code) => {
  const { did, next, run } = bench();
  const started = next();
  const ended = run();
  (await started).send(String(code));
  expect(await ended).toBe(code);
  expect(did).toEqual(['gateway', 'safe']);
});

test('one that somebody else ended, so with 0, is started again', async () => {
  const { did, next, stop, run } = bench();
  const first = next();
  const ended = run();
  const gateway = await first;
  const second = next();
  gateway.kill('SIGTERM');
  await second;
  expect(gateway.exitCode).toBe(0);
  expect(did).toEqual(['gateway', 'safe', 'ended', 'wait 1000', 'gateway']);
  stop();
  expect(await ended).toBe(0);
});

test('one that still starts has two minutes from each sign of life to the next', async () => {
  const { next, ticks, stop, run } = bench();
  const first = next();
  const ended = run();
  const gateway = await first;
  const told = new Promise((resolve) => gateway.once('message', resolve));
  gateway.send('opening');
  await told;
  ticks(59);
  expect(gateway.killed).toBe(false);
  stop();
  expect(await ended).toBe(0);
});

describe('outputs that could not be made safe', () => {
  const failed = ['not-safe', 'wait 1000', 'safe', 'not-safe', 'wait 5000', 'safe'];

  test.each([
    ['are tried again, and are safe then', [3, 70], [...failed, 'ended', 'wait 1000', 'gateway']],
    [
      'are not told as safe after the last try',
      [3, 78, 3, 3],
      [...failed, 'not-safe', 'wait 15000', 'safe', 'not-safe', 'ended, not safe', 'wait 1000', 'gateway'],
    ],
    ['are not tried again while another gateway has them', [75], ['not-safe', 'ended, not safe', 'wait 1000', 'gateway']],
  ])('%s', async (_what, codes, expected) => {
    const { did, next, stop, run } = bench(...codes);
    const first = next();
    const ended = run();
    const gateway = await first;
    const again = next();
    gateway.send('70');
    await again;
    expect(did).toEqual(['gateway', 'safe', ...expected]);
    stop();
    expect(await ended).toBe(0);
  });

  test('are tried again before the supervisor gives up', async () => {
    const { did, next, run } = bench(3);
    const first = next();
    const ended = run();
    (await first).send('78');
    expect(await ended).toBe(78);
    expect(did).toEqual(['gateway', 'safe', 'not-safe', 'wait 1000', 'safe']);
  });

  test('keep no stop waiting', async () => {
    const { did, next, stop, run } = bench(3, 3);
    const first = next();
    const ended = run();
    await first;
    stop();
    expect(await ended).toBe(0);
    expect(did).toEqual(['gateway', 'safe', 'not-safe']);
  });
});

test.each([
  [3, 5_000, /^error\[B136\] the outputs could not be made safe \(exit code 3\), it is tried again in 5 s\n {3}= .*by hand/],
  [null, undefined, /^error\[B136\] the outputs could not be made safe \(not done in its time\)\n {3}= /],
  [75, undefined, /^warning\[B136\] the outputs were not made safe: another gateway runs/],
])('what is said says the truth when the outputs are made safe with %s', (code, againMs, said) => {
  expect(text.notSafe({ code, againMs })).toMatch(said);
  expect(text.ended({ code: 70, signal: null, isSafe: false, againMs: 1_000 })).not.toContain('made safe');
});
