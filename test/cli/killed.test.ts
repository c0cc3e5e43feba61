// However a gateway process ends while an output is on, the output is safe soon after: by the process itself, by what is to be done
// when it has ended (`barri outputs safe`), or by the next start.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startCoilSlave } from './coil-slave.ts';
import { barri, ROOT } from './in-process.ts';
import { killAll, start } from './processes.ts';

const IS_DEEP = process.env['BARRI_DEEP'] === '1';

let folder: string;
let slave: Awaited<ReturnType<typeof startCoilSlave>>;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'barri-killed-'));
  slave = await startCoilSlave();
});
afterEach(() => {
  killAll();
  slave.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A site whose meters stand before the relay, and are polled all the time. */
function siteFile(board = 'modbus-relay-8'): string {
  const file = join(folder, 'trial.gateway.yaml');
  writeFileSync(
    file,
    `schema: gateway/v1
gateway: { id: trial }
buses: { line: { type: modbus-tcp, host: 127.0.0.1, tcp_port: ${slave.port}, timeout: 1s } }
devices:
  meter: { board: eastron-sdm120@1, via: line, every: 1s, with: { unit: 1 } }
  relays: { board: ${board}@1, via: line, with: { unit: 30 } }
  valve: { board: solenoid-valve@1, via: relays.relay1, outputs: { open: { safe: off, max_on: 1h } } }
`,
  );
  return file;
}

/** A site without outputs, at whose end much is still to be stored. */
function siteWhoseGroupWaits(): string {
  const file = join(folder, 'waits.gateway.yaml');
  writeFileSync(
    file,
    'schema: gateway/v1\ngateway: { id: waits }\nbuffer: { sync: 60s }\ndevices: { own: { board: gateway-self@1, via: gateway, every: 5s } }\n',
  );
  return file;
}

const args = (file = siteFile()) => ['run', file, '--state', join(folder, 'state')];

/** A gateway process whose valve is open. */
async function runningWithValveOpen(file = siteFile(), ...how: string[]) {
  const gateway = start(args(file));
  await gateway.until(/gateway-started/);
  const set = await barri(['set', 'valve.open', 'on', ...how, '--state', join(folder, 'state')]);
  expect(set).toMatchObject({ code: 0 });
  expect(slave.coils[0]).toBe(true);
  return gateway;
}

/** How long after `sinceMs` the valve was told to close first. */
function closedAfterMs(sinceMs: number): number {
  const closed = slave.frames.find(({ atMs, on }) => on === false && atMs >= sinceMs);
  return Math.round((closed?.atMs ?? Number.POSITIVE_INFINITY) - sinceMs);
}

/**
 * The figure that is printed is what is claimed, on a machine that has nothing else to do: two seconds by what is done after the end,
 * five by the next start. The bound is for a busy one, and only keeps minutes from passing for seconds.
 */
function print(what: string, ms: number, boundMs = 10_000): void {
  process.stdout.write(`${what}: safe after ${ms} ms\n`);
  expect(ms).toBeLessThan(boundMs);
}

test('after SIGKILL the valve is open until what is done after the end closes it', async () => {
  const gateway = await runningWithValveOpen();
  const sinceMs = performance.now();
  gateway.child.kill('SIGKILL');
  await gateway.exit;
  expect(slave.coils[0]).toBe(true);
  const hook = start(['outputs', 'safe', siteFile(), '--state', join(folder, 'state')]);
  expect(await hook.exit).toBe(0);
  expect(hook.out()).toBe('valve.open is off.\n');
  expect(slave.coils[0]).toBe(false);
  print('SIGKILL and the stop hook', closedAfterMs(sinceMs));
}, 30_000);

describe('after SIGKILL a board that was told for how long', () => {
  test('closes the valve by itself, soon after its time', async () => {
    const beforeMs = performance.now();
    const gateway = await runningWithValveOpen(siteFile('waveshare-relay-8'), '--for', '5s');
    gateway.child.kill('SIGKILL');
    await gateway.exit;
    const { atMs: openedMs } = slave.frames.find(({ on, atMs }) => on === true && atMs >= beforeMs) ?? { atMs: Number.NaN };
    await slave.until(() => slave.coils[0] === false);
    expect(slave.frames.filter(({ on, atMs }) => on === false && atMs > openedMs)).toEqual([]);
    // Its five seconds, a hundredth of them and two seconds, in tenths.
    const tookMs = Math.round(performance.now() - openedMs);
    expect(tookMs).toBeGreaterThan(7_050);
    print('SIGKILL and the board itself', tookMs, 12_000);
  }, 30_000);

  test('has it closed by the next start, where that comes first', async () => {
    const file = siteFile('waveshare-relay-8');
    const gateway = await runningWithValveOpen(file);
    gateway.child.kill('SIGKILL');
    await gateway.exit;
    expect(slave.coils[0]).toBe(true);
    const next = start(args(file));
    await next.until(/gateway-started/);
    expect(slave.coils[0]).toBe(false);
  }, 30_000);
});

test('the stop hook waits for the end of a gateway that is being killed', async () => {
  const gateway = await runningWithValveOpen();
  // It has the folder and gives no sign of life, as long as the system clears up after it.
  gateway.child.kill('SIGSTOP');
  const hook = barri(['outputs', 'safe', siteFile(), '--state', join(folder, 'state')]);
  await Promise.race([hook, sleep(1_500)]);
  gateway.child.kill('SIGKILL');
  expect(await hook).toMatchObject({ code: 0, out: 'valve.open is off.\n' });
  expect(slave.coils[0]).toBe(false);
}, 30_000);

test('after SIGKILL the next start closes the valve before anything is read from any bus', async () => {
  const gateway = await runningWithValveOpen();
  gateway.child.kill('SIGKILL');
  await gateway.exit;
  expect(slave.coils[0]).toBe(true);
  const before = slave.frames.length;
  const sinceMs = performance.now();
  const next = start(args());
  await next.until(/gateway-started/);
  await slave.until(() => slave.frames.slice(before).some(({ unit }) => unit === 1));
  expect(slave.coils[0]).toBe(false);
  expect(slave.frames.slice(before, before + 2)).toMatchObject([
    { unit: 30, code: 5, on: false },
    // It looks whether that followed.
    { unit: 30, code: 1 },
  ]);
  print('SIGKILL and the next start', closedAfterMs(sinceMs), 15_000);
}, 30_000);

describe('the site file was changed while the gateway ran: after SIGKILL the valve is closed', () => {
  test.each([
    ['it is broken', 'devices:', 'devices: [', /B137/],
    ['the valve is not in use any more', 'valve: {', 'valve: { enabled: false,', /valve\.open is off\.\n$/],
    ['all is called otherwise', /relays/g, 'others', /^valve\.open is off\.\n$/],
    ['the valve has another place', 'relays.relay1', 'relays.relay2', /^valve\.open is off\.\nvalve\.open is off\.\n$/],
  ] as const)(
    'where %s',
    async (_what, was, is, said) => {
      const gateway = await runningWithValveOpen();
      const file = siteFile();
      writeFileSync(file, readFileSync(file, 'utf8').replace(was, is));
      gateway.child.kill('SIGKILL');
      await gateway.exit;
      const { code, out, err } = await barri(['outputs', 'safe', file, '--state', join(folder, 'state')]);
      expect(slave.coils[0]).toBe(false);
      expect(code).toBe(0);
      expect(err + out).toMatch(said);
    },
    30_000,
  );
});

describe('the process closes it itself', () => {
  const ALL: readonly [string, readonly NodeJS.Signals[]][] = [
    ['SIGTERM and SIGHUP', ['SIGTERM', 'SIGHUP']],
    ['SIGHUP', ['SIGHUP']],
    ['SIGTERM', ['SIGTERM']],
  ];
  test.each(IS_DEEP ? ALL : ALL.slice(0, 1))(
    'at %s',
    async (what, signals) => {
      const gateway = await runningWithValveOpen();
      const sinceMs = performance.now();
      for (const signal of signals) gateway.child.kill(signal);
      // systemd with SendSIGHUP= sends two at once, and means one stop.
      expect(await gateway.exit).toBe(0);
      expect(slave.coils[0]).toBe(false);
      expect(gateway.out()).toContain('gateway-stopped');
      print(what, closedAfterMs(sinceMs));
    },
    30_000,
  );

  test('and says which have not taken that, when they are not there any more', async () => {
    const gateway = await runningWithValveOpen();
    slave.silent(true);
    gateway.child.kill('SIGTERM');
    expect(await gateway.exit).toBe(3);
    expect(gateway.out()).toContain('error[B148] not known to be safe when the gateway was stopped: valve.open\n');
    expect(gateway.out()).toContain('gateway-stopped');
  }, 30_000);

  test.runIf(IS_DEEP)(
    'when nobody reads its output any more',
    async () => {
      const gateway = await runningWithValveOpen();
      gateway.child.stdout.destroy();
      gateway.child.stderr.destroy();
      const sinceMs = performance.now();
      gateway.child.kill('SIGTERM');
      await new Promise((resolve) => gateway.child.on('exit', resolve));
      expect(slave.coils[0]).toBe(false);
      print('SIGTERM with its output closed', closedAfterMs(sinceMs));
    },
    30_000,
  );

  test('when its terminal is closed', async () => {
    // script(1) is the terminal: with its end the other side of the pseudo-terminal is closed.
    const command = [process.execPath, '--import', 'tsx', 'cli/main.ts', ...args()].join(' ');
    const terminal = spawn('script', ['--quiet', '--flush', '--command', command, join(folder, 'terminal')], {
      cwd: ROOT,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    let said = '';
    await new Promise<void>((resolve) => {
      terminal.stdout.on('data', (bytes) => {
        said += bytes;
        if (said.includes('gateway-started')) resolve();
      });
    });
    expect(await barri(['set', 'valve.open', 'on', '--state', join(folder, 'state')])).toMatchObject({ code: 0 });
    const sinceMs = performance.now();
    terminal.kill('SIGKILL');
    await slave.until(() => slave.coils[0] === false);
    print('its terminal is closed', closedAfterMs(sinceMs));
    await slave.until(() => slave.isAlone);
  }, 30_000);
});

describe('a gateway that is supervised', () => {
  /** In the gateway, not in its supervisor: an endless loop when the test says so. */
  const HANGS = `data:text/javascript,if (process.send) { process.on('SIGUSR2', () => { for (;;); }); let signals = 0; process.on('SIGINT', () => console.error('signal ' + (signals += 1))); console.error('gateway ' + process.pid); }`;

  async function supervised() {
    const supervisor = start([...args(), '--supervised'], ['--import', HANGS]);
    const said = await supervisor.until(/gateway (\d+)\n[\s\S]*gateway-started/);
    const set = await barri(['set', 'valve.open', 'on', '--state', join(folder, 'state')]);
    expect(set).toMatchObject({ code: 0 });
    expect(slave.coils[0]).toBe(true);
    return { supervisor, pid: Number(/gateway (\d+)/.exec(said)?.[1]) };
  }

  // KillMode=control-group, the default of systemd: each process of the service gets the signal, and the supervisor passes its own on.
  test('stores everything when it gets the signal of its supervisor too', async () => {
    const file = siteWhoseGroupWaits();
    const supervisor = start(['run', file, '--state', join(folder, 'state'), '--supervised'], ['--import', HANGS]);
    const said = await supervisor.until(/gateway \d+\n[\s\S]*gateway-started/);
    // It answers, and has measured something.
    const state = join(folder, 'state');
    while (!(await barri(['status', '--state', state, '--json'])).out.includes('"newestAgeMs"')) await sleep(50);
    for (const pid of [supervisor.child.pid, /gateway (\d+)/.exec(said)?.[1]]) process.kill(Number(pid), 'SIGTERM');
    expect(await supervisor.exit).toBe(0);
    expect(supervisor.out()).toContain('gateway-stopped');
    const { out } = await barri(['journal', 'export', '--state', state]);
    expect(out).toContain('own.uptime');
  }, 30_000);

  // What it does with it, life.test.ts shows.
  test('gets a second signal too that its supervisor gets', async () => {
    const { supervisor } = await supervised();
    slave.silent(true);
    supervisor.child.kill('SIGINT');
    await supervisor.until(/signal 1/);
    supervisor.child.kill('SIGINT');
    await supervisor.until(/signal 2/);
    slave.silent(false);
    expect([0, 130]).toContain(await supervisor.exit);
    expect(slave.coils[0]).toBe(false);
  }, 30_000);

  test('closes the valve when its supervisor is killed', async () => {
    const { supervisor } = await supervised();
    const sinceMs = performance.now();
    supervisor.child.kill('SIGKILL');
    await slave.until(() => slave.coils[0] === false);
    print('its supervisor is killed', closedAfterMs(sinceMs));
    await slave.until(() => slave.isAlone);
  }, 30_000);

  test('has its valve closed although its site file is broken meanwhile', async () => {
    const { supervisor, pid } = await supervised();
    writeFileSync(siteFile(), 'devices: [');
    process.kill(pid, 'SIGKILL');
    await slave.until(() => slave.coils[0] === false);
    // It ends with the next start, which needs the file.
    expect(await supervisor.exit).toBe(78);
    expect(supervisor.out()).toContain('(SIGKILL), its outputs were made safe');
    expect(supervisor.out()).not.toContain('B136');
  }, 30_000);

  test('does not start for its file, and nothing is said of outputs that nobody switched', async () => {
    const file = siteFile();
    writeFileSync(file, readFileSync(file, 'utf8').replace('devices:', 'devcies:'));
    const supervisor = start([...args(file), '--supervised']);
    expect(await supervisor.exit).toBe(78);
    expect(supervisor.out()).toContain('devcies');
    expect(supervisor.out()).not.toMatch(/B13\d|supply/);
  }, 30_000);

  // It needs the time after which a gateway hangs.
  test.runIf(IS_DEEP)(
    'is killed when it hangs and its supervisor has gone, by the next one',
    async () => {
      const { supervisor, pid } = await supervised();
      process.kill(pid, 'SIGUSR2');
      supervisor.child.kill('SIGKILL');
      const sinceMs = performance.now();
      const next = start([...args(), '--supervised']);
      await slave.until(() => slave.coils[0] === false);
      print('it hangs, and its supervisor has gone', closedAfterMs(sinceMs), 40_000);
      await next.until(/B101[\s\S]*B152[\s\S]*B135[\s\S]*gateway-started/);
      next.child.kill('SIGTERM');
      await next.exit;
    },
    90_000,
  );

  test.runIf(IS_DEEP)(
    'is killed when it hangs, has its valve closed, and runs again',
    async () => {
      const { supervisor, pid } = await supervised();
      const sinceMs = performance.now();
      process.kill(pid, 'SIGUSR2');
      await slave.until(() => slave.coils[0] === false);
      print('it hangs', closedAfterMs(sinceMs), 30_000);
      await supervisor.until(/B134[\s\S]*B135[\s\S]*gateway-started/);
      const before = slave.frames.length;
      await slave.until(() => slave.frames.slice(before).some(({ unit }) => unit === 1));
      supervisor.child.kill('SIGTERM');
      expect(await supervisor.exit).toBe(0);
    },
    90_000,
  );
});
