// `barri outputs` and `barri set` with a gateway's real answers on a real socket.

import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { keepSite } from '../../cli/kept-site.ts';
import { SITE_DEFAULT } from '../../cli/state-folder.ts';
import type { Config } from '../../config/config.ts';
import { loadSite } from '../../config/load-site.ts';
import { serveLocalApi } from '../../gateway/local-api.ts';
import type { OrderOutcome, OrderRequest, OutputState } from '../../gateway/outputs/output.ts';
import { realHost } from '../../gateway/real-host.ts';
import type { BusStatus, DeviceStatus, GatewayStatus, ReadingRow } from '../../gateway/status.ts';
import { options } from '../config/site-files.ts';
import { barri } from './in-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'barri-outputs-'));
afterAll(() => rmSync(folder, { recursive: true }));

const VALVE: OutputState = {
  output: 'valve.open',
  name: { '*': 'open' },
  safe: false,
  orders: ['local'],
  asked: { on: true, from: 'local: marta', agoMs: 12_000 },
  seen: true,
  backInMs: 18_000,
};
const LAMP: OutputState = {
  output: 'lamp.switch',
  name: {},
  safe: false,
  orders: ['rules', 'local'],
  problem: 'no answer from unit 30',
};

/** Runs a command line while a gateway answers with this; gives what it was ordered too. */
async function against(states: readonly OutputState[], outcome: OrderOutcome, ...args: string[]) {
  return await beside({}, states, outcome, ...args);
}

/** The same, beside this of what `barri status` shows. */
async function beside(
  status: Partial<Pick<GatewayStatus, 'devices' | 'buses'>>,
  states: readonly OutputState[],
  outcome: OrderOutcome,
  ...args: string[]
) {
  const orders: OrderRequest[] = [];
  const answers = {
    status: () => ({ devices: [], buses: [], ...status }) as Partial<GatewayStatus> as GatewayStatus,
    readings: () => [{ device: 'door', reading: 'closed' } as ReadingRow],
    buses: () => [],
    outputs: () => states,
    order: async (request: OrderRequest) => {
      orders.push(request);
      return outcome;
    },
  };
  const stop = await serveLocalApi(
    realHost(() => {}),
    folder,
    answers,
    (error) => {
      throw error;
    },
  );
  try {
    return { orders, ...(await barri([...args, '--state', folder], { HOME: folder })) };
  } finally {
    await stop();
  }
}

test('shows what was asked, what the hardware shows, and what is wrong', async () => {
  const { out, code } = await against([VALVE, LAMP], { done: true }, 'outputs');
  expect(out.split('\n')).toEqual([
    'output       state      back         newest order',
    'valve.open   on         off in 18 s  on, local: marta, 12 s ago',
    'lamp.switch  not known               none since the start',
    'lamp.switch: no answer from unit 30',
    '',
  ]);
  expect(code).toBe(1);
  const healthy = await against([VALVE], { done: true }, 'outputs', '--json');
  expect(JSON.parse(healthy.out)).toEqual([VALVE]);
  const asked = { on: true, from: 'local: marta', agoMs: 11_999.600000000093 };
  const fine = await against([{ ...VALVE, asked, backInMs: 18_000.399999999907 }], { done: true }, 'outputs', '--json');
  expect(JSON.parse(fine.out)).toEqual([VALVE]);
  expect(healthy.code).toBe(0);
  expect((await against([], { done: true }, 'outputs')).out).toBe('This gateway has no outputs.\n');
});

describe('an output of a device that is not there', () => {
  const problem = { code: 'D201', message: 'GPIO: found none' };
  const status = (state: DeviceStatus['state']) => ({
    devices: [{ device: 'valve', bus: 'gpio', state, ...(state !== 'starting' && { problem }) } as DeviceStatus],
    buses: [{ bus: 'gpio', type: 'gpio' } as BusStatus],
  });
  const { asked: _asked, seen: _seen, backInMs: _back, ...never } = VALVE;

  test('is wrong although nothing was ordered, for the reason that `barri status` has', async () => {
    const { out, code } = await beside(status('not-answering'), [never], { done: true }, 'outputs');
    expect(out).toContain('valve.open  not known        none since the start\n');
    expect(out).toContain('valve.open: D201 it is not there: plug it in, or switch it on (GPIO: found none)\n');
    expect(code).toBe(1);
    const json = await beside(status('not-answering'), [never], { done: true }, 'outputs', '--json');
    expect(JSON.parse(json.out)).toEqual([{ ...never, problem: expect.stringMatching(/^D201 .*GPIO: found none/) }]);
    expect(json.code).toBe(1);
  });

  test.each([
    ['has not been looked at yet', 'starting', never, 0],
    ['answers, and one reading is wrong', 'faulty', VALVE, 0],
    ['was seen before it went', 'not-answering', VALVE, 1],
  ] as const)('or which %s', async (_what, state, output, exitCode) => {
    const { code } = await beside(status(state), [output], { done: true }, 'outputs');
    expect(code).toBe(exitCode);
  });

  test('says its own reason where it has one', async () => {
    const { out } = await beside(status('not-answering'), [{ ...never, problem: 'stuck' }], { done: true }, 'outputs');
    expect(out).toContain('valve.open: stuck\n');
    expect(out).not.toContain('D201');
  });
});

test('an order says who and for how long', async () => {
  const { out, code, orders } = await against([], { done: true }, 'set', 'valve.open', 'on', '--for', '30s');
  const from = { source: 'local', by: expect.any(String), untilMs: expect.any(Number), gone: expect.any(AbortSignal) };
  expect(orders).toEqual([{ output: 'valve.open', on: true, forMs: 30_000, ...from }]);
  expect({ out, code }).toEqual({ out: 'valve.open is on.\n', code: 0 });
  const off = await against([], { done: true }, 'set', 'valve.open', 'off');
  expect(off.orders).toEqual([{ output: 'valve.open', on: false, ...from }]);
});

test('a time for what is safe is refused, as nothing would go back', async () => {
  const off = await against([VALVE], { done: true }, 'set', 'valve.open', 'off', '--for', '5s');
  expect(off).toMatchObject({ orders: [], out: '', code: 2 });
  expect(off.err).toBe('error: off is the safe state of valve.open, which it keeps: leave --for out\n');
  const closed = { ...VALVE, output: 'heater.off', safe: true };
  expect((await against([closed], { done: true }, 'set', 'heater.off', 'off', '--for', '5s')).orders).toHaveLength(1);
  expect((await against([closed], { done: true }, 'set', 'heater.off', 'on', '--for', '5s')).code).toBe(2);
});

test.each([
  ['unknown-output', 1, 'this site has no outputs'],
  ['not-allowed', 1, 'write `orders: [local]`'],
  ['min-off', 1, 'shorten `min_off`'],
  ['failed', 3, 'check its wiring'],
] as const)('an order that is refused (%s) ends with %i and says what to do', async (reason, exitCode, remedy) => {
  const { err, code } = await against([], { done: false, reason, message: 'the reason' }, 'set', 'valve.open', 'on');
  expect(err).toContain('error[B145] valve.open was not switched on: the reason\n');
  expect(err).toContain(remedy);
  expect(code).toBe(exitCode);
});

test.each([
  ['valve.open', '--for', '30s', 18_000, 'valve.open is on: it goes back after 18 s (max_on; 30 s was asked).\n'],
  ['valve.open', '--for', '5h', 595_000, 'valve.open is on: it goes back after 9 min 55 s (max_on; 5 h was asked).\n'],
  ['valve.open', '--for', '18s', 18_000, 'valve.open is on: it goes back after 18 s (--for).\n'],
  ['valve.open', '--json', '', 18_000.4, '{"done":true,"backInMs":18000,"backBy":"max_on"}\n'],
  ['other.open', '--for', '30s', 18_000, 'other.open is on.\n'],
])('what is switched on says when it goes back, and by what: %s %s %s', async (output, option, value, backInMs, expected) => {
  const options = value === '' ? [option] : [option, value];
  const { out, err } = await against([{ ...VALVE, backInMs }], { done: true }, 'set', output, 'on', ...options);
  expect({ out, err }).toEqual({ out: expected, err: '' });
});

test('what was switched off for it is named', async () => {
  const done = { done: true, switchedOff: ['pump.switch'] } as const;
  const { out } = await against([VALVE], done, 'set', 'valve.open', 'on');
  expect(out).toBe('valve.open is on: it goes back after 18 s (max_on); pump.switch was switched off for it (never_with).\n');
});

test.each([
  ['valv.open', ['did you mean valve.open?', 'this site has: valve.open, lamp.switch']],
  ['light', ['this site has: valve.open, lamp.switch']],
  ['door.closed', ['it is a reading, and nothing that can be switched', 'this site has: valve.open, lamp.switch']],
])('an output that is not there (%s) is answered with those that are', async (output, remedies) => {
  const outcome = { done: false, reason: 'unknown-output', message: `there is no output ${output}` } as const;
  const { err } = await against([VALVE, LAMP], outcome, 'set', output, 'on');
  expect(
    err
      .split('\n   = ')
      .slice(1)
      .map((line) => line.trim()),
  ).toEqual(remedies);
});

test('times are written as people say them', async () => {
  const asked = { on: true, from: 'rules: x', agoMs: 14_340_000 };
  const { out } = await against([{ ...VALVE, asked, backInMs: 595_000 }], { done: true }, 'outputs');
  expect(out).toContain('off in 9 min 55 s  on, rules: x, 3 h 59 min ago');
});

test('what stays as it was ordered says nothing of going back', async () => {
  const { backInMs: _, ...lasting } = VALVE;
  expect((await against([lasting], { done: true }, 'set', 'valve.open', 'on')).out).toBe('valve.open is on.\n');
});

test.each([
  [{ error: 'expected something else' }, 'error[B145] valve.open was not switched on: expected something else\n'],
  [{}, 'error[B145] valve.open was not switched on: the gateway answered something else than what became of it\n'],
  [{ done: false, reason: 'newer', message: 'the words' }, 'error[B145] valve.open was not switched on: the words\n'],
])('an answer without a reason that is known is told in words: %j', async (answer, expected) => {
  for (const more of [[], ['--json']]) {
    const { out, err, code } = await against([], answer as OrderOutcome, 'set', 'valve.open', 'on', ...more);
    if (out === '') expect(err).toContain(expected);
    expect(`${out}${err}`).not.toContain('undefined');
    expect(out).toBe('done' in answer && more.length > 0 ? `${JSON.stringify(answer)}\n` : '');
    expect(code).toBe(1);
  }
});

test.each([
  [['set', 'valve.open', 'perhaps'], 'write on or off'],
  [['set', 'valve.open', 'on', '--for', '5'], 'Give a length of time with its unit'],
  [['set', 'valve.open', 'on', '--for', '0s'], '`--for` must be more than 0'],
  [['set', 'valve.open', 'on', '--for', '0.0min'], '`--for` must be more than 0'],
  [['set', 'valve.open', 'on', '--for', `${'9'.repeat(400)}s`], 'Give a length of time with its unit'],
])('wrong use is told: %j', async (args, message) => {
  const { err, code } = await barri(args);
  expect(err).toContain(message);
  expect(code).toBe(2);
});

test('without a gateway it is said when outputs are safe, and what makes them so', async () => {
  for (const args of [['set', 'valve.open', 'on'], ['outputs']]) {
    const { err, code } = await barri([...args, '--state', join(folder, 'nobody')], { HOME: folder });
    expect(err).toContain('error[B146] no gateway runs on ');
    expect(err).toContain('after one that was killed, `barri outputs safe SITE` makes them so');
    expect(err).not.toContain('all outputs are safe');
    expect(code).toBe(1);
  }
});

test('after a simulation it is said that there is nothing to make safe', async () => {
  const home = join(folder, 'trier');
  const file = join(folder, 'tried.gateway.yaml');
  writeFileSync(file, 'schema: gateway/v1\ngateway: { id: tried }\n');
  const simulated = join(home, '.local/state/barri/simulated-tried');
  mkdirSync(simulated, { recursive: true });
  writeFileSync(join(simulated, 'simulated'), '');
  for (const args of [
    ['outputs', file],
    ['outputs', '--state', simulated],
  ]) {
    const { err, code } = await barri(args, { HOME: home });
    expect(err).toContain(`error[B146] no gateway runs on ${simulated}\n`);
    expect(err).toContain('only simulated gateways ran for this site here; they have no outputs to make safe');
    expect(err).not.toContain('barri outputs safe');
    expect(code).toBe(1);
  }
  // A real one that was killed may have left outputs on.
  mkdirSync(join(home, '.local/state/barri/tried'));
  expect((await barri(['outputs', file], { HOME: home })).err).toContain('`barri outputs safe SITE` makes them so');
});

test.skipIf(existsSync(SITE_DEFAULT)).each([['outputs', 'safe', '--state', folder], ['sentilo', 'plan'], ['run'], ['read']])(
  '%s %s without a site says how to name one',
  async (...args) => {
    const { err, code } = await barri(args, { HOME: folder });
    expect(err).toMatch(/^error\[B128\] there is no \/etc\/barri\/gateway\.yaml, and no other site file was named\n/);
    expect(err).toContain('export BARRI_CONFIG=');
    expect(code).toBe(78);
  },
);

test('what is like a command, and no file, was meant as one', async () => {
  const { err, code } = await barri(['outputs', 'logs'], { HOME: folder });
  expect({ err, code }).toEqual({ err: 'error: there is no file logs: did you mean `barri outputs log`?\n', code: 2 });
});

describe('outputs safe', () => {
  const file = join(folder, 'trial.gateway.yaml');
  const site = (devices: string) => writeFileSync(file, `schema: gateway/v1\ngateway: { id: trial }\ndevices:\n${devices}`);

  test('does nothing while a gateway runs', async () => {
    site('  fan: { board: relay@1, via: gpio.pin11, outputs: { switch: { max_on: 1h } } }\n');
    const state = join(folder, 'locked');
    mkdirSync(state);
    const unlock = await realHost(() => {}).lock(state);
    const { err, code } = await barri(['outputs', 'safe', file, '--state', state], { HOME: folder });
    await unlock();
    expect(err).toContain('error[B132] a gateway runs on');
    expect(code).toBe(75);
  });

  test('names the output whose pin this machine does not have, with what to do by hand', async () => {
    site('  fan: { board: relay@1, via: gpio.pin11, outputs: { switch: { max_on: 1h } } }\n');
    const { err, code } = await barri(['outputs', 'safe', file, '--state', join(folder, 'none')], { HOME: folder });
    expect(err).toContain('error[B133] fan.switch is not known to be safe: ');
    expect(err).toContain('switch off its supply by hand');
    expect(code).toBe(3);
  });

  test('finds what the gateway was started with in a folder that only its id tells, when the file has errors', async () => {
    site('  fan: { board: relay@1, via: gpio.pin11, outputs: { switch: { max_on: 1h } } }\n');
    const { config } = await loadSite(file, options());
    const state = join(folder, '.local', 'state', 'barri', 'trial');
    mkdirSync(state, { recursive: true });
    const host = realHost(() => {});
    await keepSite(file, config as Config, host, state);
    site('  fan: [\n');
    expect((await barri(['outputs', 'safe', file], { HOME: folder })).err).toMatch(/B137[\s\S]*B133\] fan\.switch/);
    const unlock = await host.lock(state);
    expect(await barri(['outputs', 'safe', file], { HOME: folder })).toMatchObject({ code: 75 });
    await unlock();
  });

  test('of the folder of a simulated gateway does nothing, and takes nobody its lock', async () => {
    site('  fan: { board: relay@1, via: gpio.pin11, outputs: { switch: { max_on: 1h } } }\n');
    const state = join(folder, 'simulated');
    mkdirSync(state);
    writeFileSync(join(state, 'simulated'), '');
    const unlock = await realHost(() => {}).lock(state);
    for (const env of [{}, { BARRI_STATE_DIR: state }]) {
      const told = Object.keys(env).length === 0 ? ['--state', state] : [];
      const { out, err, code } = await barri(['outputs', 'safe', file, ...told], { HOME: folder, ...env });
      expect(err).toMatch(/^error\[B150\] .* is the folder of a simulated gateway/);
      expect({ out, code }).toEqual({ out: '', code: 78 });
    }
    await unlock();
  });

  test('is not kept from it by a simulated gateway of the same site', async () => {
    site('  door: { board: contact@1, via: gpio.pin13 }\n');
    const home = join(folder, 'home');
    const state = join(home, '.local', 'state', 'barri', 'simulated-trial');
    mkdirSync(state, { recursive: true });
    writeFileSync(join(state, 'simulated'), '');
    const unlock = await realHost(() => {}).lock(state);
    const { out, code } = await barri(['outputs', 'safe', file], { HOME: home });
    await unlock();
    expect({ out, code }).toEqual({ out: 'This site has no outputs.\n', code: 0 });
  });

  test('of a file with errors of which no gateway was started is an error', async () => {
    writeFileSync(join(folder, 'other.yaml'), 'devices: [');
    expect(await barri(['outputs', 'safe', join(folder, 'other.yaml')], { HOME: folder })).toMatchObject({ code: 78 });
  });

  test('of a site without outputs is done at once', async () => {
    site('  door: { board: contact@1, via: gpio.pin13 }\n');
    const { out, code } = await barri(['outputs', 'safe', file, '--state', join(folder, 'none')], { HOME: folder });
    expect({ out, code }).toEqual({ out: 'This site has no outputs.\n', code: 0 });
  });
});
