// How a command lives and ends, and what its exit code tells: signals and crashes in processes of their own, exit codes
// with a gateway's real answers on a real socket.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LocalResponse } from '../../gateway/host.ts';
import { socketPath } from '../../gateway/local-api.ts';
import { realHost } from '../../gateway/real-host.ts';
import type { Fault } from '../../simulator/faults.ts';
import { createRandom } from '../../simulator/random.ts';
import { createCity } from '../../simulator/sentilo/city.ts';
import { cityHttp } from '../../simulator/sentilo/city-http.ts';
import { worldForSite } from '../../simulator/sentilo/world.ts';
import { startSimulated } from '../gateway/simulated-gateway.ts';
import { barri, ROOT } from './in-process.ts';

let folder: string;
const cleanUps: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'barri-life-'));
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
  rmSync(folder, { recursive: true, force: true });
});

// ------------------------------------------------------------------------------------------------------------- processes

/** A child whose output can be waited for. */
function talk(child: ChildProcess) {
  cleanUps.push(() => child.kill('SIGKILL'));
  let said = '';
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      for (const listener of listeners) listener();
    });
  }
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  const hears = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (said.includes(text)) resolve();
      };
      listeners.add(look);
      look();
      ended.then((ending) => reject(new Error(`ended with ${JSON.stringify(ending)} before it said ${text}: ${said}`)), reject);
    });
  return {
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    tell: (word: string) => child.stdin?.write(`${word}\n`),
    hears,
    ended,
    said: () => said,
  };
}

/**
 * A process in which something runs until a signal comes. Nothing in it hangs on real time: `safe` and `stopped` let the
 * stop go on, `late` is the moment at which its time is over, `second` lets one pass, `ping` asks for a sign of life, `crash`
 * is a bug. At its end nothing keeps it running, unless something `hangs`.
 */
function startSomething({ hangs = false } = {}) {
  const program = `
    const say = (text) => process.stdout.write(text + '\\n');
    const timers = new Map();
    globalThis.setTimeout = (callback, delayMs) => {
      say('timer ' + delayMs);
      const timer = { unref: () => timer };
      timers.set(timer, callback);
      return timer;
    };
    globalThis.clearTimeout = (timer) => timers.delete(timer);
    let nowMs = 0;
    performance.now = () => nowMs;
    const { crash, endInTime, runUntilSignal } = await import('./cli/life.ts');
    const { processIo } = await import('./cli/process-io.ts');
    const words = new Map();
    const word = (name) => new Promise((resolve) => words.set(name, resolve));
    const outputsSafe = word('safe');
    const stopped = word('stopped');
    words.set('ping', () => say('pong'));
    words.set('second', () => say('now ' + (nowMs += 1_000)));
    words.set('late', () => [...timers.values()].forEach((callback) => callback()));
    words.set('crash', () => crash(new Error('planted'), processIo(() => {})));
    process.stdin.setEncoding('utf8').on('data', (text) => {
      for (const name of text.trim().split('\\n')) words.get(name)();
    });
    let signals = 0;
    const running = runUntilSignal({ outputsSafe, stop: () => { say('stop'); return stopped; } });
    process.on('SIGTERM', () => say('signal ' + (signals += 1)));
    say('running');
    await running;
    endInTime();
    say('ended');
    if (!${hangs}) process.stdin.destroy();
  `;
  return talk(spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], { cwd: ROOT }));
}

describe('what runs until a signal', () => {
  test('is stopped by the first one and ends by itself', async () => {
    const something = startSomething();
    await something.hears('running');
    something.kill('SIGTERM');
    await something.hears('stop\n');
    something.tell('safe');
    something.tell('stopped');
    expect(await something.ended).toEqual({ code: 0, signal: null });
    expect(something.said()).toContain('ended');
  });

  test('is stopped in order by two at once, which nobody sends who is in a hurry', async () => {
    const something = startSomething();
    await something.hears('running');
    something.kill('SIGTERM');
    await something.hears('signal 1');
    something.kill('SIGTERM');
    await something.hears('signal 2');
    something.tell('safe');
    something.tell('ping');
    await something.hears('pong');
    something.tell('stopped');
    expect(await something.ended).toEqual({ code: 0, signal: null });
    expect(something.said()).toContain('ended');
  });

  test('is ended at once by a later one, but never before its outputs are safe', async () => {
    const something = startSomething();
    await something.hears('running');
    something.kill('SIGTERM');
    await something.hears('signal 1');
    something.tell('second');
    await something.hears('now 1000');
    something.kill('SIGTERM');
    await something.hears('signal 2');
    something.tell('ping');
    await something.hears('pong');
    something.tell('safe');
    expect(await something.ended).toEqual({ code: null, signal: 'SIGKILL' });
    expect(something.said()).not.toContain('ended');
  }, 15_000);

  test('is ended after five seconds of stopping, whatever hangs', async () => {
    const something = startSomething();
    await something.hears('running');
    something.kill('SIGTERM');
    await something.hears('timer 5000');
    something.tell('late');
    expect(await something.ended).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('is ended five seconds after the signal when a call hangs that it leaves behind', async () => {
    const something = startSomething({ hangs: true });
    await something.hears('running');
    something.kill('SIGTERM');
    await something.hears('timer 5000');
    something.tell('stopped');
    await something.hears('ended');
    something.tell('late');
    expect(await something.ended).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('is stopped by a bug of ours, which is said and ends in 70', async () => {
    const something = startSomething();
    await something.hears('running');
    something.tell('crash');
    await something.hears('stop\n');
    something.tell('safe');
    something.tell('stopped');
    expect(await something.ended).toEqual({ code: 70, signal: null });
    expect(something.said()).toContain('this is a bug: Error: planted');
  });
});

test('an exception that nobody catches stops the gateway in order and ends in 70', async () => {
  const file = join(folder, 'trial.gateway.yaml');
  writeFileSync(
    file,
    `schema: gateway/v1\ngateway: { id: trial }\nbuses: { pm: { type: serial, port: /dev/ttyNOPE } }\ndevices: { particles: { board: sds011@1, via: pm } }\n`,
  );
  const thrower = `data:text/javascript,process.on('SIGUSR2', () => { throw new Error('planted'); })`;
  const args = ['--import', 'tsx', '--import', thrower, 'cli/main.ts', 'run', file, '--state', join(folder, 'state')];
  const gateway = talk(spawn(process.execPath, args, { cwd: ROOT }));
  await gateway.hears('gateway-started');
  gateway.kill('SIGUSR2');
  expect(await gateway.ended).toEqual({ code: 70, signal: null });
  expect(gateway.said()).toContain('this is a bug: Error: planted');
  expect(gateway.said()).toContain('gateway-stopped');
});

// ------------------------------------------------------------------------------------------------------------ exit codes

const SITE = `sentilo: { url: "https://city.example.cat", provider: makers, token: { secret: sentilo_token } }
buses: { i2c1: { type: i2c } }
devices:
  hall: { board: sht31@1, via: i2c1, every: 5s }
  balcony: { board: bme280@1, via: i2c1, every: 5s }
`;

const always = { fromMs: 10_000, toMs: Number.POSITIVE_INFINITY };

/** The answers of a gateway after two minutes with these faults, on the socket where `barri` asks for them. */
async function serveGateway(faults: readonly Fault[]): Promise<void> {
  const { clock, gateway } = await startSimulated(SITE, {
    faults,
    http: (time, config) =>
      cityHttp(createCity(worldForSite(config, 'demo-token')), time.ofTheWorld(), {
        faults,
        latencyMs: 40,
        random: createRandom(1),
      }),
  });
  await clock.runUntil(122_000);
  const answers: Readonly<Record<string, unknown>> = { '/status': gateway.status(), '/readings': gateway.readings() };
  const answer = async (path: string): Promise<LocalResponse> => ({ status: 200, json: answers[path] });
  cleanUps.push(await realHost(() => {}).listen(socketPath(folder), ({ path }) => answer(path)));
}

function siteFile(): string {
  const file = join(folder, 'trial.gateway.yaml');
  writeFileSync(file, `schema: gateway/v1\ngateway: { id: trial }\n${SITE}`);
  return file;
}

describe('barri status ends with', () => {
  const sick: readonly { says: string; fault: Fault }[] = [
    { says: 'a device is silent', fault: { at: 'device', device: 'hall', kind: 'silent', rate: 1, ...always } },
    { says: 'a bus is gone', fault: { at: 'bus', bus: 'i2c1', kind: 'unplugged', ...always } },
    { says: 'the disk refuses', fault: { at: 'disk', code: 'EIO', operations: ['pwrite', 'fdatasync'], ...always } },
    { says: 'the city is out of reach', fault: { at: 'city', kind: 'refuse', rate: 1, ...always } },
    { says: 'the city refuses the token', fault: { at: 'city', kind: 'status', status: 401, rate: 1, ...always } },
  ];

  test('0 while all is well', async () => {
    await serveGateway([]);
    expect((await barri(['status', '--state', folder])).code).toBe(0);
    expect((await barri(['status', '--state', folder, '--json'])).code).toBe(0);
  });

  test.each(sick)('1 when $says', async ({ fault }) => {
    await serveGateway([fault]);
    expect((await barri(['status', '--state', folder])).code).toBe(1);
    expect((await barri(['status', '--state', folder, '--json'])).code).toBe(1);
  });
});

describe('barri read ends with', () => {
  test('0 when every reading is current', async () => {
    await serveGateway([]);
    expect((await barri(['read', siteFile(), '--state', folder])).code).toBe(0);
  });

  test('3 when a device has stopped answering', async () => {
    await serveGateway([{ at: 'device', device: 'hall', kind: 'silent', rate: 1, ...always }]);
    const { code, out } = await barri(['read', siteFile(), '--state', folder]);
    expect(code).toBe(3);
    expect(out).toMatch(/hall +temperature/);
  });

  test('3 when a device has never answered', async () => {
    await serveGateway([{ at: 'device', device: 'hall', kind: 'silent', rate: 1, ...always, fromMs: 0 }]);
    expect((await barri(['read', siteFile(), '--state', folder, '--json'])).code).toBe(3);
  });

  test('3 when no gateway runs and a device does not answer itself', async () => {
    const file = join(folder, 'direct.gateway.yaml');
    writeFileSync(
      file,
      `schema: gateway/v1\ngateway: { id: direct }\nbuses: { pm: { type: serial, port: /dev/ttyNOPE } }\ndevices: { particles: { board: sds011@1, via: pm } }\n`,
    );
    const { code, err } = await barri(['read', file, '--state', folder]);
    expect(code).toBe(3);
    expect(err).toContain('directly');
  });
});
