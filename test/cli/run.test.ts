import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stateFolder } from '../../cli/state-folder.ts';
import type { GatewayStatus, ReadingRow } from '../../gateway/status.ts';
import { barriAsStranger } from './as-stranger.ts';
import { barri, ROOT } from './in-process.ts';
import { killAll, start } from './processes.ts';

const DEMO = join(ROOT, 'examples/sites/carrer-demo.gateway.yaml');
const CANARY = 'canary-7f3k-token';
const SITE = `schema: gateway/v1
gateway: { id: trial }
sentilo: { url: "http://127.0.0.1:9", provider: makers-poblenou, token: { secret: sentilo_token } }
buses:
  pm_usb: { type: serial, port: /dev/ttyNOPE }
devices:
  particles: { board: sds011@1, via: pm_usb }
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'barri-run-'));
});
afterEach(() => {
  killAll();
  rmSync(folder, { recursive: true, force: true });
});

function site(token?: { text: string; mode: number }): string {
  const file = join(folder, 'trial.gateway.yaml');
  writeFileSync(file, SITE);
  if (token !== undefined) {
    mkdirSync(join(folder, 'secrets'));
    writeFileSync(join(folder, 'secrets', 'sentilo_token'), token.text);
    chmodSync(join(folder, 'secrets', 'sentilo_token'), token.mode);
  }
  return file;
}

describe('barri run does not start and says what to do', () => {
  test('when the token is missing', async () => {
    const { code, err } = await barri(['run', site()]);
    expect(code).toBe(78);
    expect(err).toContain('error[C090] the secret `sentilo_token` is not here');
    expect(err).toContain('sentilo_token (there is no such file)');
    expect(err).toContain('trial.gateway.yaml:3');
    expect(err).toContain('chmod 600');
  });

  test('when others can read the token, without showing it', async () => {
    const { code, err } = await barri(['run', site({ text: CANARY, mode: 0o644 })]);
    expect(code).toBe(78);
    expect(err).toContain('error[C091]');
    expect(err).not.toContain(CANARY);
  });

  test('when the token is empty', async () => {
    expect((await barri(['run', site({ text: '\n', mode: 0o600 })])).err).toContain('error[C092]');
  });

  test.each(['missing.gateway.yaml', 'empty.gateway.yaml'])('when the site file is %s', async (name) => {
    const file = join(folder, name);
    if (name.startsWith('empty')) writeFileSync(file, '');
    const { code, err } = await barri(['run', file]);
    expect(code).toBe(78);
    expect(err).toMatch(/error\[C0\d\d\]/);
  });

  test('when the state folder cannot be made', async () => {
    const blocker = join(folder, 'file');
    writeFileSync(blocker, '');
    const { code, err } = await barri(['run', site({ text: CANARY, mode: 0o600 }), '--state', join(blocker, 'state')]);
    expect(code).toBe(75);
    expect(err).toContain('error[B102]');
    expect(err).toContain('--state');
  });
});

describe('a state folder that cannot be used is said by barri sim run as by barri run', () => {
  const longName = 'x'.repeat(300);
  const cases: readonly { is: string; state: () => string; says: RegExp }[] = [
    { is: 'a device', state: () => '/dev/null', says: /ENOTDIR\n {3}= it, or what it lies in, is a file and no folder/ },
    { is: 'below a file', state: () => join(file(), 'state'), says: /ENOTDIR\n {3}= it, or what it lies in, is a file/ },
    { is: 'where no folder can be', state: () => '/proc/x', says: /ENOENT\n {3}= no folder can be made there/ },
    { is: 'of too long a name', state: () => join(folder, longName), says: /ENAMETOOLONG\n {3}= choose one with a shorter name/ },
  ];
  const file = () => {
    writeFileSync(join(folder, 'file'), '');
    return join(folder, 'file');
  };

  test.each(cases)('$is', async ({ state, says }) => {
    const simulated = await barri(['sim', 'run', DEMO, '--city-port', '0', '--state', state()]);
    expect(simulated.err).toMatch(/error\[B102\] the state folder .* cannot be used: /);
    expect(simulated.err).toMatch(says);
    const real = await barri(['run', site({ text: CANARY, mode: 0o600 }), '--state', state()]);
    expect(real.err).toMatch(/error\[B102\]/);
    expect([simulated.code, real.code]).toEqual([75, 75]);
  });

  test('of another user', async () => {
    const state = join(folder, 'state');
    mkdirSync(state, { mode: 0o555 });
    chmodSync(folder, 0o755);
    const { code, err } = await barriAsStranger(['sim', 'run', DEMO, '--city-port', '0', '--state', state]);
    expect(err).toMatch(/error\[B102\].*EACCES\n {3}= make it writable for this user/);
    expect(code).toBe(5);
  });

  test('and the command ends', async () => {
    const running = start(['sim', 'run', DEMO, '--city-port', '0', '--state', '/proc/x']);
    expect(await running.exit).toBe(75);
  });
});

test('a bug of ours ends the command, whatever it had opened', async () => {
  const planted = `data:text/javascript,import fs from 'node:fs'; fs.promises.mkdir = () => { throw new Error('planted'); };`;
  const args = ['sim', 'run', DEMO, '--city-port', '0', '--state', join(folder, 'state')];
  const running = start(args, ['--import', planted]);
  expect(await running.exit).toBe(70);
  expect(running.out()).toContain('this is a bug: Error: planted');
});

test.each([
  ['run', DEMO],
  ['sim', 'run', DEMO],
  ['read', DEMO],
  ['status'],
  ['journal', 'inspect'],
  ['journal', 'verify'],
  ['journal', 'export'],
  ['journal', 'wear'],
])('%s %s with an empty --state is refused: it would be the folder that the command runs in', async (...words) => {
  const { code, err } = await barri([...words, '--state', '']);
  expect(code).toBe(2);
  expect(err).toContain('It is empty: name a folder, or leave the option out.');
});

test('an empty variable names no state folder', () => {
  const env = { HOME: '/home/anna', BARRI_STATE_DIR: '', XDG_STATE_HOME: '' };
  const choice = { option: undefined, siteFile: 'x.yaml', gatewayId: 'street', simulated: false, env };
  expect(stateFolder(choice)).toBe('/home/anna/.local/state/barri/street');
});

test('wrong use of the command ends with 2, help and version with 0', async () => {
  expect((await barri(['rnu'])).code).toBe(2);
  expect((await barri(['rnu'])).err).toContain('run');
  expect((await barri(['run', '--log-level', 'loud'])).code).toBe(2);
  expect((await barri(['sim', 'run', DEMO, '--for', '10'])).err).toContain('10min');
  expect(await barri(['--version'])).toMatchObject({ code: 0, out: '0.1.0\n' });
  expect((await barri(['sim', 'run', DEMO, '--for', '0s'])).err).toContain('`--for` must be more than 0.');
  expect((await barri(['run', '--help'])).out).toContain('Examples:');
});

test('status without a gateway and without a journal says so', async () => {
  const { code, err } = await barri(['status', '--state', folder]);
  expect(code).toBe(1);
  expect(err).toContain('error[B103]');
});

test('a site without a city runs in simulated time, and sends nothing', async () => {
  const site = join(folder, 'alone.gateway.yaml');
  const text =
    'gateway: { id: demo }\nbuses: { i2c1: { type: i2c } }\ndevices: { hall: { board: sht31@1, via: i2c1, every: 5s } }\n';
  writeFileSync(site, `schema: gateway/v1\n${text}`);
  const { code, out } = await barri(['sim', 'run', site, '--for', '1min', '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ observations: 0, requests: 0 });
});

test('a run in simulated time says what outputs and rules did, and why a rule did nothing', async () => {
  const site = join(folder, 'rules.gateway.yaml');
  const valve =
    'valve: { board: solenoid-valve@1, via: gpio.pin15, outputs: { open: { safe: off, max_on: 15min, orders: [rules] } } }';
  const open = 'do: { output: valve.open, set: on, for: 5min }';
  const rules = `morning: { at: "06:30", ${open} }\n  dry: { at: "06:40", only_if: [{ reading: hall.humidity, below: 1 }], ${open} }`;
  const buses = 'buses: { i2c1: { type: i2c } }';
  const devices = `devices:\n  hall: { board: sht31@1, via: i2c1, every: 1min }\n  ${valve}`;
  writeFileSync(site, `schema: gateway/v1\ngateway: { id: demo }\n${buses}\n${devices}\nrules:\n  ${rules}\n`);
  const run = (...more: string[]) => barri(['sim', 'run', site, '--start', '2026-03-27T05:29:00Z', '--for', '20min', ...more]);
  expect((await run()).out.split('\n').slice(-6)).toEqual([
    'outputs and rules: 3 lines',
    'time                     output      order         from                 result',
    '2026-03-27 06:30:00 CET  valve.open  on for 5 min  rules: morning       done',
    '2026-03-27 06:35:00 CET  valve.open  off           the end of its time  done',
    expect.stringMatching(/^2026-03-27 06:40:00 CET {2}dry {9}- {34}hall\.humidity is [\d.]+, only_if wants below 1$/),
    '',
  ]);
  expect(JSON.parse((await run('--json')).out).moves).toMatchObject([
    {
      time: expect.stringMatching(/^2026-03-27T05:30:00\.\d+Z$/),
      about: 'valve.open',
      on: true,
      forMs: 300_000,
      from: 'rules: morning',
    },
    { about: 'valve.open', on: false },
    {
      about: 'dry',
      reason: 'does-not-hold',
      reading: 'hall.humidity',
      message: expect.stringContaining('only_if wants below 1'),
    },
  ]);
});

test('an alarm that a rule raised as it should is none of what is wrong after a run in simulated time', async () => {
  const site = join(folder, 'alarm.gateway.yaml');
  const rule = 'wet: { when: { reading: hall.humidity, above: 1, for: 1min }, do: { alarm: wet, say: Wet } }';
  const devices = 'buses: { i2c1: { type: i2c } }\ndevices: { hall: { board: sht31@1, via: i2c1, every: 10s } }';
  writeFileSync(site, `schema: gateway/v1\ngateway: { id: demo }\n${devices}\nrules: { ${rule} }\n`);
  const { code, out } = await barri(['sim', 'run', site, '--for', '3min']);
  expect(out).toMatch(/^alarm {4}wet: Wet$/m);
  expect(out).not.toMatch(/^wrong/m);
  expect(code).toBe(0);
  const { out: json } = await barri(['sim', 'run', site, '--for', '3min', '--json']);
  expect(JSON.parse(json)).toMatchObject({ troubles: [], alarms: [{ name: 'wet', message: 'Wet' }] });
});

test.each([
  [['--city', 'http://127.0.0.1:9', '--speed', '10'], 'the clock of the city at http://127.0.0.1:9 runs as ever'],
  [['--broker', 'mqtt://127.0.0.1:9', '--speed', '10'], 'the clock of the broker at mqtt://127.0.0.1:9 runs as ever'],
  [['--broker', 'mqtt://broker.example.cat'], 'simulated readings go to this machine only'],
  [['--broker', 'mqtt://127.0.0.1:9'], 'has no section `mqtt:`'],
  [['--for', '1min', '--broker', 'mqtt://127.0.0.1:9'], "cannot be used with option '--broker <url>'"],
])('a trial run refuses what cannot be as it is meant: %j', async (args, words) => {
  const { code, err } = await barri(['sim', 'run', DEMO, ...args]);
  expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(words) });
});

test('a trial run sends to a broker on this machine when it is told to, without what it is to the real one', async () => {
  const connects: Buffer[] = [];
  const broker = createServer((socket) => socket.once('data', (bytes) => connects.push(bytes)));
  const port = await new Promise<number>((resolve) =>
    broker.listen(0, '127.0.0.1', () => resolve((broker.address() as { port: number }).port)),
  );
  const site = join(folder, 'local-broker.gateway.yaml');
  const mqtt = 'mqtt: { url: "mqtts://broker.example.cat", user: hort, password: { secret: nowhere } }';
  writeFileSync(
    site,
    `schema: gateway/v1\ngateway: { id: trial }\n${mqtt}\ndevices: { gw: { board: gateway-self@1, via: gateway } }\n`,
  );
  const url = `mqtt://127.0.0.1:${port}`;
  const running = start(['sim', 'run', site, '--state', join(folder, 'local-broker'), '--broker', url]);
  const out = await running.until(/status --state/);
  expect(out).toContain(`  broker   ${url}`);
  await eventually(async () => connects);
  // A CONNECT packet of MQTT begins with 0x10 and names the client, and here nobody.
  expect(connects[0]?.[0]).toBe(0x10);
  expect(connects[0]?.toString('latin1')).not.toContain('hort');
  running.child.kill('SIGINT');
  await running.exit;
  broker.close();
});

test('a site with a callback runs in simulated time', async () => {
  const site = join(ROOT, 'examples/sites/hort-urba.gateway.yaml');
  const { code, out } = await barri(['sim', 'run', site, '--for', '3min', '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ troubles: [] });
});

test('a run in simulated time says what was wrong with its city at the end', async () => {
  const world = join(folder, 'world.yaml');
  writeFileSync(world, 'schema: sentilo-world/v1\nentities: [{ id: others, kind: provider, token: other-token }]\n');
  const run = (...more: string[]) => barri(['sim', 'run', DEMO, '--for', '1min', '--world', world, ...more]);
  const { out, code } = await run();
  expect(code).toBe(1);
  expect(out).toContain('city     0 observations');
  expect(out).toMatch(/^wrong {4}city: S401 the city rejects the token of this provider/m);
  expect(JSON.parse((await run('--json')).out).troubles).toEqual([{ name: 'city', message: expect.stringContaining('S401') }]);
});

test.each([
  ['', []],
  [
    'mqtt: { url: "mqtt://127.0.0.1:8585" }\n',
    [
      /^ {2}broker +simulated, within this run: nobody else can connect to it, and nothing goes to\s+mqtt:\/\/127\.0\.0\.1:8585$/m,
    ],
  ],
])('a trial run says where messages for a broker go: %j', async (mqtt, expected) => {
  const site = join(folder, 'broker.gateway.yaml');
  writeFileSync(
    site,
    `schema: gateway/v1\ngateway: { id: trial }\n${mqtt}devices: { gw: { board: gateway-self@1, via: gateway } }\n`,
  );
  const running = start(['sim', 'run', site, '--state', join(folder, 'broker')]);
  const out = await running.until(/status --state/);
  running.child.kill('SIGINT');
  await running.exit;
  for (const words of expected) expect(out).toMatch(words);
  if (expected.length === 0) expect(out).not.toContain('broker  ');
  expect((await barri(['sim', 'run', '--help'])).out).toMatch(/broker is simulated/);
});

test('the simulated city’s port being taken is said with the way out', async () => {
  const server = createServer();
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
  );
  const { code, err } = await barri(['sim', 'run', DEMO, '--city-port', String(port), '--state', folder]);
  server.close();
  expect(code).toBe(75);
  expect(err).toContain('--city-port');
});

test('a simulated run measures, delivers, tells its status, refuses a second one and stops cleanly', async () => {
  const running = start(['sim', 'run', DEMO, '--city-port', '0', '--state', folder]);
  const text = await running.until(/flat_2 +energy_out/);
  // The order ends by itself, as that of README does, and it is said how to watch it.
  expect(text).toContain(` -d '{"order":"{\\"set\\":\\"on\\",\\"for\\":\\"1min\\"}"}' http://127.0.0.1:`);
  expect(text).toContain(`    npm run -s barri -- outputs --state ${folder}\n`);
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0];
  const stored = await eventually(async () => {
    const answer = await fetch(`${url}/data/makers-poblenou`, { headers: { IDENTITY_KEY: 'demo-token' } });
    return ((await answer.json()) as { sensors: unknown[] }).sensors;
  });
  expect(stored.length).toBeGreaterThan(0);

  const status = JSON.parse((await barri(['status', '--state', folder, '--json'])).out) as GatewayStatus;
  expect(status.measuring).toMatchObject({ deviceCount: 8, answeringCount: 8 });
  expect((await barri(['status', '--state', folder])).out).toContain('Measuring   8 of 8 devices');
  const rows = JSON.parse((await barri(['read', DEMO, '--state', folder, '--json'])).out) as { readings: ReadingRow[] };
  expect(rows.readings.find(({ reading }) => reading === 'pressure')?.value).toBeGreaterThan(300);
  // Only its owner may ask the gateway.
  expect(statSync(join(folder, 'api.sock')).mode & 0o777).toBe(0o600);

  const second = start(['sim', 'run', DEMO, '--city-port', '0', '--state', folder]);
  expect(await second.exit).toBe(75);
  expect(second.out()).toContain('another gateway already runs');

  running.child.kill('SIGINT');
  expect(await running.exit).toBe(0);
  const offline = await barri(['status', '--state', folder]);
  expect(offline.out).toMatch(/No gateway runs on .*: this is what its journal holds/);
  expect(offline.out).toMatch(/\d+ records/);

  // Started again ten hours later, the meters have gone on meanwhile.
  const tenHoursAgo = Date.now() / 1000 - 36_000;
  utimesSync(join(folder, 'simulated'), tenHoursAgo, tenHoursAgo);
  const again = start(['sim', 'run', DEMO, '--city-port', '0', '--state', folder]);
  await again.until(/flat_2 +energy_out/);
  const { out } = await barri(['read', DEMO, '--state', folder, '--json']);
  const total = (JSON.parse(out) as typeof rows).readings.find(
    ({ device, reading }) => device === 'flat_1' && reading === 'energy_in',
  );
  expect(total).toMatchObject({ quality: 'good' });
  expect(total?.value).toBeGreaterThan(1);
  again.child.kill('SIGINT');
  expect(await again.exit).toBe(0);
}, 60_000);

test('the order that a simulated run proposes moves its light, and the answer comes back in the city', async () => {
  // The gateway asks for orders every ten seconds; here that is one.
  const running = start(['sim', 'run', DEMO, '--city-port', '0', '--state', folder, '--speed', '10']);
  const text = await running.until(/flat_2 +energy_out/);
  const proposed = /curl -X PUT -H "IDENTITY_KEY: (\S+)" -d '(.*)' (http\S+)/.exec(text);
  const [, token = '', body = '', order = ''] = proposed ?? [];
  const lit = async () => {
    const { out } = await barri(['outputs', '--state', folder, '--json']);
    return (JSON.parse(out) as { output: string; seen?: boolean }[]).filter(({ seen }) => seen === true);
  };
  expect(await lit()).toEqual([]);
  expect((await fetch(order, { method: 'PUT', headers: { IDENTITY_KEY: token }, body })).status).toBe(200);
  const answer = order.replace('/order/', '/data/').concat('_ack');
  const answers = await eventually(async () => {
    const got = await fetch(answer, { headers: { IDENTITY_KEY: 'demo-token' } });
    return (((await got.json()) as { observations?: { value: string }[] }).observations ?? []).map(({ value }) => value);
  });
  expect(answers.map((value) => JSON.parse(value))).toMatchObject([{ result: 'done' }]);
  expect(await lit()).toMatchObject([{ output: 'light.switch' }]);
  running.child.kill('SIGINT');
  expect(await running.exit).toBe(0);
}, 60_000);

async function eventually<T extends { length: number }>(look: () => Promise<T>): Promise<T> {
  for (let tries = 0; tries < 100; tries += 1) {
    const found = await look();
    if (found.length > 0) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return await look();
}
