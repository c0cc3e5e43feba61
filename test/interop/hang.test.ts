// Calls into drivers that hang in the thread pool of a real gateway: they cost their bus, and neither the journal nor the
// end of the process.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { GatewayStatus } from '../../gateway/status.ts';
import { acknowledgedWithin, barri, cleanUp, freePort, startGateway, workFolder } from './support/barri.ts';
import { type Child, eventually } from './support/child.ts';
import { type Hang, plantedHang } from './support/hang.ts';
import { dumpJournal } from './support/journal-dump.ts';
import { startModbusPeer } from './support/peers.ts';
import { plugPair } from './support/pty.ts';

/** No city at all: nothing listens there. */
const NO_CITY = 'http://127.0.0.1:9';
/** Nobody has so many I2C buses: their opening hangs before anybody looks whether they are there. */
const I2C = [90, 91, 92, 93];
/** In which a port that is opened again and again would have taken every thread there is: it was 18 s. */
const LONG_MS = 22_000;

let folder: string;
let state: string;
let hang: Hang;
beforeEach(() => {
  folder = workFolder();
  state = join(folder, 'state');
  hang = plantedHang(folder);
});
afterEach(cleanUp);

it('an opening that hangs costs its bus: the others go on, it is named, it comes back, and the gateway ends in time', async () => {
  const { gatewayEnd } = await plugPair(folder, 'dust');
  hang.plant('open', gatewayEnd);
  const gateway = await start({ buses: `dust: { type: serial, port: ${gatewayEnd} }`, devices: SDS });
  expect(await problemIs('dust', 'D213')).toContain('unplug its adapter, where it has one, or restart the gateway');
  await sleep(LONG_MS);
  const { first, last } = await acknowledgedWithin(state, 5_000);
  expect(last).toBeGreaterThan(first);
  expect(await text(['status'])).toMatch(/dust.*: D213 its driver hangs/);
  expect(await text(['journal', 'export'])).toContain('interop-meter-voltage');

  hang.release('open', gatewayEnd);
  await problemIs('dust', undefined);

  hang.plant('open', gatewayEnd);
  hang.plant('close', gatewayEnd);
  await expectEnd(gateway, 'SIGTERM');
  expect((await gateway.ended).signal).toBe('SIGKILL');
});

it('as many calls as there are threads stop the journal: that is said beforehand and meanwhile, with what to do', async () => {
  const gateway = await start(i2cSite());
  for (const bus of I2C) hang.plant('open', `/dev/i2c-${bus}`);
  await gateway.waitFor(/warning\[B131\] 4 threads are few for a site with 4 buses .*UV_THREADPOOL_SIZE=8 before/s);
  await gateway.waitFor(/"code":"native-calls-hang"/, 60_000);
  expect(await text(['status'])).toMatch(/hold\s+every\s+thread\s+for.*readings\s+kept\s+in\s+memory/s);
  await expectEnd(gateway, 'SIGTERM');
  expect(gateway.out()).toMatch(/"errno":"ETIMEDOUT","count":\d+,.*"code":"journal-records-lost"/);
});

it('as many calls as there are buses do not stop it where the environment gives each a thread', async () => {
  for (const bus of I2C) hang.plant('open', `/dev/i2c-${bus}`);
  const gateway = await start({ ...i2cSite(), env: { UV_THREADPOOL_SIZE: '8' } });
  for (const bus of I2C) await problemIs(`i2c${bus}`, 'D213');
  const { first, last } = await acknowledgedWithin(state, 5_000);
  expect(last).toBeGreaterThan(first);
  await expectEnd(gateway, 'SIGTERM');
  expect(gateway.out()).not.toMatch(/native-calls-hang|B131/);
});

it('closings that hang at the stop come after the journal, however many threads they take', async () => {
  const ends = await Promise.all(I2C.map(async (name) => (await plugPair(folder, `dust${name}`)).gatewayEnd));
  const gateway = await start({
    buses: ends.map((end, index) => `dust${index}: { type: serial, port: ${end} }`).join(', '),
    devices: ends.map((_end, index) => `  sensor${index}: { board: sds011@1, via: dust${index}, every: 30min }\n`).join(''),
  });
  for (const index of ends.keys()) await gateway.waitFor(new RegExp(`"bus":"dust${index}".*"code":"bus-open"`), 30_000);
  for (const end of ends) hang.plant('close', end);
  await expectEnd(gateway, 'SIGTERM');
  expect(gateway.out()).not.toMatch(/"step":"journal"/);
});

it('a bug of ours ends a gateway with a call that hangs, too', async () => {
  for (const bus of I2C) hang.plant('open', `/dev/i2c-${bus}`);
  const thrower = `data:text/javascript,process.on('SIGUSR2', () => { throw new Error('planted'); })`;
  const env = { UV_THREADPOOL_SIZE: '8', NODE_OPTIONS: `--import "${thrower}"` };
  const gateway = await start({ ...i2cSite(), env });
  await expectEnd(gateway, 'SIGUSR2');
  expect(gateway.err()).toContain('this is a bug: Error: planted');
});

it('reading the devices without a gateway ends although a bus hangs', async () => {
  for (const bus of I2C) hang.plant('open', `/dev/i2c-${bus}`);
  const gateway = await start({ ...i2cSite(), env: { UV_THREADPOOL_SIZE: '8' } });
  gateway.kill('SIGKILL');
  await gateway.ended;
  const reading = barri(['read', join(folder, 'site.gateway.yaml'), '--state', state], { env: hang.env });
  await reading.waitFor(/meter +voltage/, 30_000);
  await reading.ended;
});

const SDS = '  sensor: { board: sds011@1, via: dust, every: 5s }\n';

interface Site {
  /** Beside the meter's, which is well. */
  readonly buses: string;
  readonly devices: string;
  readonly env?: Record<string, string>;
}

function i2cSite(): Site {
  return {
    buses: I2C.map((bus) => `i2c${bus}: { type: i2c, device: /dev/i2c-${bus} }`).join(', '),
    devices: I2C.map((bus) => `  hall${bus}: { board: sht31@1, via: i2c${bus}, every: 1s }\n`).join(''),
  };
}

/** A gateway with a meter that is read every second. */
async function start({ buses, devices, env = {} }: Site): Promise<Child> {
  const port = await freePort();
  await startModbusPeer('tcp', String(port), [1], join(folder, 'served.jsonl'));
  const gateway = startGateway({
    folder,
    cityUrl: NO_CITY,
    env: { ...hang.env, ...env },
    site: `buses: { meters: { type: modbus-tcp, host: 127.0.0.1, tcp_port: ${port} }, ${buses} }
devices:
  meter: { board: eastron-sdm120@1, via: meters, every: 1s, with: { unit: 1 } }
${devices}`,
  });
  await eventually(async () => ((await status()).stored.lastSequence > 0 ? true : undefined), 20_000);
  return gateway;
}

async function text(words: readonly string[]): Promise<string> {
  const child = barri([...words, '--state', state]);
  await child.ended;
  return child.out();
}

async function status(): Promise<Pick<GatewayStatus, 'buses' | 'stored'>> {
  const { buses = [], stored } = JSON.parse((await text(['status', '--json'])) || '{}') as Partial<GatewayStatus>;
  return { buses, stored: stored ?? ({ lastSequence: 0 } as GatewayStatus['stored']) };
}

/** Waits until this is what is wrong with a bus, or nothing. */
function problemIs(bus: string, code: string | undefined): Promise<string> {
  let found: GatewayStatus['buses'][number]['problem'];
  const ask = async () => {
    found = (await status()).buses.find((each) => each.bus === bus)?.problem;
    return found?.code === code ? (found?.message ?? '') : undefined;
  };
  return eventually(ask, 30_000, () => `${bus}: expected ${code}, found ${JSON.stringify(found)}`);
}

/** Ends a gateway in order (that it ends in five seconds is a test of its own: test/cli/life.test.ts), and finds everything in its journal that it had acknowledged. */
async function expectEnd(gateway: Child, signal: NodeJS.Signals): Promise<void> {
  const { last } = await acknowledgedWithin(state, 1_000);
  gateway.kill(signal);
  await gateway.ended;
  const { sequences } = dumpJournal(state);
  for (let sequence = 1; sequence <= last; sequence++) expect(sequences).toContain(sequence);
  expect(gateway.out()).toContain('"code":"gateway-stopped"');
}
