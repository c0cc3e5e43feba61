// What a supervisor does with a gateway that hangs, ends, or is ended: on real processes, with a time that the test lets pass.

import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
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
  let beganSafe = () => {};
  let late = () => {};
  let nowMs = 0;
  const parts: SuperviseParts = {
    startGateway: () => {
      did.push('gateway');
      const child = spawn(process.execPath, ['-e', CHILD], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
      children.push(child);
      child.once('message', () => began(child));
      return child;
    },
    startSafe: (endsHung) => {
      did.push(endsHung ? 'safe, ends what hangs' : 'safe');
      beganSafe();
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
        // What makes the outputs safe ends by itself, and so does what is killed, if the test does not say otherwise.
        if ([3_000, 30_000, 150_000].includes(forMs)) {
          late = resolve;
          return signal.addEventListener('abort', () => resolve(), { once: true });
        }
        did.push(`wait ${forMs}`);
        resolve();
      }),
    nowMs: () => nowMs,
    say: (news) => {
      const isFoundHeld = news.what === 'not-safe' && news.isKilledThere;
      did.push(news.what === 'ended' && !news.isSafe ? 'ended, not safe' : isFoundHeld ? 'not-safe, held' : news.what);
    },
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
    /** What was killed has not ended in its time. */
    late: () => late(),
    /** Resolves when the outputs begin to be made safe. */
    nextSafe: () => new Promise<void>((resolve) => (beganSafe = resolve)),
    run: (other: Partial<SuperviseParts> = {}) => supervise({ ...parts, ...other }, stop.signal),
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

/** A process in a call that the kernel does not let go: no signal ends it until that has come back. */
function inTheKernel() {
  const signals: unknown[] = [];
  const kill = (signal: unknown) => signals.push(signal) > 0;
  const child = Object.assign(new EventEmitter(), { exitCode: null, kill }) as unknown as ChildProcess;
  return { child, signals, comeBack: () => child.emit('exit', null, 'SIGKILL') };
}

describe('a gateway that hangs and does not end although it is killed', () => {
  const soFar = ['hangs', 'stays', 'safe'];

  test.each([
    ['has its outputs made safe meanwhile', [], soFar],
    ['is told as what still has them, if it has', [75], [...soFar, 'not-safe, held']],
  ])('%s', async (_what, codes, expected) => {
    const { did, ticks, late, nextSafe, stop, run } = bench(...codes);
    const { child, signals, comeBack } = inTheKernel();
    const ended = run({ startGateway: () => child });
    ticks(60);
    expect(signals).toEqual(['SIGKILL']);
    expect(did).toEqual(['hangs']);
    const safe = nextSafe();
    late();
    await safe;
    const atTheEnd = nextSafe();
    comeBack();
    stop();
    await atTheEnd;
    expect(await ended).toBe(130);
    expect(did).toEqual([...expected, 'safe']);
  });
});

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

test('one that has no site and nothing kept of an earlier run is not said to have outputs', async () => {
  const { did, next, run } = bench(78);
  const started = next();
  const ended = run();
  (await started).send('78');
  expect(await ended).toBe(78);
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

  test('are made safe by what ends another gateway that hangs, where the folder was not to be had', async () => {
    const { did, next, stop, run } = bench();
    const first = next();
    const ended = run();
    const gateway = await first;
    const again = next();
    gateway.send('75');
    await again;
    expect(did).toEqual(['gateway', 'safe, ends what hangs', 'ended', 'wait 1000', 'gateway']);
    stop();
    expect(await ended).toBe(0);
    expect(did.at(-1)).toBe('safe');
  });

  test('keep no stop waiting for that either', async () => {
    const { did, next, stop, run } = bench();
    const { child, comeBack, signals } = inTheKernel();
    const first = next();
    let began = () => {};
    const isBegun = new Promise<void>((resolve) => (began = resolve));
    const ended = run({
      startSafe: (endsHung) => {
        did.push(endsHung ? 'safe, ends what hangs' : 'safe');
        if (!endsHung) return spawn(process.execPath, ['-e', 'process.exit(75)']);
        began();
        return child;
      },
    });
    (await first).send('75');
    await isBegun;
    stop();
    expect(signals).toEqual(['SIGTERM']);
    comeBack();
    expect(await ended).toBe(75);
    expect(did).toEqual(['gateway', 'safe, ends what hangs', 'not-safe', 'wait 0', 'safe', 'not-safe']);
  });

  test('are tried again before the supervisor gives up', async () => {
    const { did, next, run } = bench(3);
    const first = next();
    const ended = run();
    (await first).send('78');
    expect(await ended).toBe(78);
    expect(did).toEqual(['gateway', 'safe', 'not-safe', 'wait 1000', 'safe']);
  });

  test('are tried once more when a stop comes during a try, which it may have ended', async () => {
    const { did, next, nextSafe, stop, run } = bench(130, 3);
    const first = next();
    const ended = run();
    const gateway = await first;
    const safe = nextSafe();
    gateway.send('70');
    await safe;
    stop();
    expect(await ended).toBe(70);
    expect(did).toEqual(['gateway', 'safe', 'not-safe', 'wait 0', 'safe', 'not-safe']);
  });

  test('are tried again when the try itself does not end although it is killed', async () => {
    const { did, next, late, stop, run } = bench();
    const { child, signals } = inTheKernel();
    let began = () => {};
    const safe = new Promise<void>((resolve) => (began = resolve));
    const startSafe = () => {
      began();
      return signals.length === 0 ? child : spawn(process.execPath, ['-e', '']);
    };
    const first = next();
    const ended = run({ startSafe });
    (await first).send('70');
    await safe;
    const second = next();
    late();
    await second;
    expect(signals).toEqual(['SIGKILL']);
    expect(did).toEqual(['gateway', 'not-safe', 'wait 1000', 'ended', 'wait 1000', 'gateway']);
    stop();
    expect(await ended).toBe(0);
  });

  test('keep no stop waiting, and are what it ends with', async () => {
    const { did, next, stop, run } = bench(3, 3);
    const first = next();
    const ended = run();
    await first;
    stop();
    expect(await ended).toBe(3);
    expect(did).toEqual(['gateway', 'safe', 'not-safe']);
  });

  test.each<[string, number | null, number, number, string[]]>([
    ['were not when the gateway ended, and are since', 3, 0, 0, ['safe-since']],
    ['were not when the gateway ended, and are not since', 3, 3, 3, ['not-safe']],
    ['were not when the gateway ended, and another one has them', 3, 75, 3, ['not-safe']],
    ['are safe since the gateway was killed', null, 0, 130, []],
    ['are not safe since the gateway was killed', null, 3, 3, ['not-safe']],
    ['another gateway has since this one ended', 0, 75, 0, ['not-safe']],
    ['are not safe since a gateway ended that has something else to say', 70, 3, 70, ['not-safe']],
  ])('at a stop: %s', async (_what, endsWith, safeCode, expected, said) => {
    const { did, stop, run } = bench(safeCode);
    const { child } = inTheKernel();
    const ended = run({ startGateway: () => child });
    stop();
    child.emit('exit', endsWith, endsWith === null ? 'SIGKILL' : null);
    expect(await ended).toBe(expected);
    expect(did).toEqual(['safe', ...said]);
  });
});

test('stopped while it waits for the next start, with outputs that are not known to be safe, it says so', async () => {
  const { did, stop, run } = bench(3);
  const wait = async () => {
    if (did.includes('ended, not safe')) stop();
  };
  const child = spawn(process.execPath, ['-e', 'process.exit(70)']);
  expect(await run({ startGateway: () => child, wait })).toBe(3);
});

test.each([
  [
    3,
    false,
    5_000,
    /^error\[B136\] the outputs could not be made safe \(exit code 3\), it is tried again in 5 s\n {3}= .*by hand/,
  ],
  [null, false, 0, /^error\[B136\] the outputs could not be made safe \(not done in its time\), it is tried again\n {3}= /],
  [null, true, undefined, /^error\[B136\] the outputs could not be made safe \(not done in its time\)\n {3}= /],
  [75, false, undefined, /^warning\[B139\] the outputs were not made safe: another gateway runs/],
  [75, true, undefined, /^error\[B140\] the outputs were not made safe: the gateway that was killed .*\n {3}= .*by hand/],
])('what is said says the truth when the outputs are made safe with %s', (code, isKilledThere, againMs, said) => {
  expect(text.notSafe({ code, againMs, isKilledThere })).toMatch(said);
  expect(text.ended({ code: 70, signal: null, isSafe: false, againMs: 1_000 })).not.toContain('made safe');
});

test('what is said of one that does not end names what may hold it', () => {
  expect(text.stays).toMatch(/^error\[B138\] the gateway does not end although it was killed.*\n {3}= /);
});
