// What goes wrong with ports, folders and signals on a real machine.

import { chmodSync, chownSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SerialPort } from 'serialport';
import { afterEach, describe, expect, it } from 'vitest';
import { barri, cityHas, cleanUp, startCity, startGateway, workFolder } from './support/barri.ts';
import { type Child, eventually, start } from './support/child.ts';
import { startModbusPeer } from './support/peers.ts';
import { startProxy } from './support/proxy.ts';
import { plugPair } from './support/pty.ts';

/** No city at all: nothing listens there. */
const NO_CITY = 'http://127.0.0.1:9';
const NOBODY = 65_534;
const SENSOR = 'interop-meter-voltage';

afterEach(cleanUp);

describe('a serial port', () => {
  it('that is absent is named', async () => {
    const folder = workFolder();
    startGateway({ folder, site: siteOn(join(folder, 'nothing-here')), cityUrl: NO_CITY });
    expect(await problemOf(folder)).toMatchObject({ code: 'D201', message: expect.stringContaining('nothing-here') });
  });

  it('that another program holds is named as busy', async () => {
    const folder = workFolder();
    const { gatewayEnd } = await plugPair(folder, 'meters');
    const holder = await openPort(gatewayEnd);
    startGateway({ folder, site: siteOn(gatewayEnd), cityUrl: NO_CITY });
    expect(await problemOf(folder)).toMatchObject({ code: 'D202', message: expect.stringContaining(String(process.pid)) });
    await new Promise((resolve) => holder.close(resolve));
  });

  // Case se-08.
  it('that a login console sits on is named as busy once, with what frees it, also to another user', async () => {
    const folder = workFolder();
    const { gatewayEnd } = await plugPair(folder, 'meters');
    chmodSync(gatewayEnd, 0o666);
    await startConsole(folder, gatewayEnd);
    mkdirSync(join(folder, 'state'));
    chownSync(join(folder, 'state'), NOBODY, NOBODY);
    const gateway = startGateway({ folder, site: siteOn(gatewayEnd), cityUrl: NO_CITY, uid: NOBODY });
    const problem = await problemOf(folder);
    expect(problem).toMatchObject({ code: 'D202', message: expect.stringContaining('the login console (agetty)') });
    expect(problem?.message).toMatch(/sudo systemctl mask --now serial-getty@\d+\.service/);
    gateway.kill('SIGTERM');
    await gateway.ended;
    expect(`${gateway.out()}${gateway.err()}`.match(/"bus-lost"/g)).toHaveLength(1);
  });

  it('that two buses of the site mean is named as their own', async () => {
    const folder = workFolder();
    const { gatewayEnd } = await plugPair(folder, 'meters');
    symlinkSync(gatewayEnd, join(folder, 'same'));
    const both = `buses:
  meters: { type: modbus-rtu, port: ${gatewayEnd}, baud: 9600, format: 8N1 }
  again: { type: modbus-rtu, port: ${join(folder, 'same')}, baud: 9600, format: 8N1 }
devices:
  first: { board: eastron-sdm120@1, via: meters, with: { unit: 1 } }
  second: { board: eastron-sdm120@1, via: again, with: { unit: 1 } }
`;
    startGateway({ folder, site: both, cityUrl: NO_CITY });
    const problem = await eventually(async () => {
      return (await statusOf(folder)).buses.flatMap((bus) => bus.problem ?? [])[0];
    }, 15_000);
    expect(problem).toMatchObject({ code: 'D202', message: expect.stringContaining('two buses of the site name the same port') });
  });

  it('that the user may not open is named as forbidden', async () => {
    const folder = workFolder();
    const { gatewayEnd } = await plugPair(folder, 'meters');
    chmodSync(gatewayEnd, 0o600);
    mkdirSync(join(folder, 'state'));
    chownSync(join(folder, 'state'), NOBODY, NOBODY);
    startGateway({ folder, site: siteOn(gatewayEnd), cityUrl: NO_CITY, uid: NOBODY });
    expect(await problemOf(folder)).toMatchObject({ code: 'D203', message: expect.stringContaining(gatewayEnd) });
  });

  it('that was unplugged delivers again once it is back', async () => {
    const folder = workFolder();
    const log = join(folder, 'served.jsonl');
    const first = await plugPair(folder, 'meters');
    const peer = await startModbusPeer('rtu', first.deviceEnd, [1], log);
    const city = await startCity(folder, [SENSOR]);
    startGateway({ folder, site: siteOn(first.gatewayEnd, ['voltage']), cityUrl: city.url });
    const before = await cityHas(city, [SENSOR], 2, 20_000);
    await first.unplug();
    peer.kill('SIGKILL');
    await peer.ended;
    await sleep(3_000);
    const second = await plugPair(folder, 'meters');
    await startModbusPeer('rtu', second.deviceEnd, [1], log);
    await cityHas(city, [SENSOR], before.length + 3, 40_000);
  });
});

describe('two gateways', () => {
  it('cannot use one state folder: the second says so and exits 75', async () => {
    const folder = workFolder();
    startGateway({ folder, site: siteOn(join(folder, 'nothing-here')), cityUrl: NO_CITY });
    await statusOf(folder);
    const second = startGateway({ folder, site: siteOn(join(folder, 'nothing-here')), cityUrl: NO_CITY });
    expect((await second.ended).code).toBe(75);
    expect(second.err()).toContain(join(folder, 'state'));
  });

  it('can use it one after the other, even after a SIGKILL', async () => {
    const folder = workFolder();
    const first = startGateway({ folder, site: siteOn(join(folder, 'nothing-here')), cityUrl: NO_CITY });
    await statusOf(folder);
    first.kill('SIGKILL');
    await first.ended;
    startGateway({ folder, site: siteOn(join(folder, 'nothing-here')), cityUrl: NO_CITY });
    await statusOf(folder);
  });
});

describe('Ctrl-C', () => {
  it('ends a gateway within 5 s while its bus is silent and its city hangs', async () => {
    const folder = workFolder();
    const { gatewayEnd } = await plugPair(folder, 'meters');
    const proxy = await startProxy(9);
    await proxy.set('hang');
    const gateway = startGateway({ folder, site: siteOn(gatewayEnd), cityUrl: proxy.url });
    await statusOf(folder);
    await sleep(1_500);
    expect(await msToEnd(gateway, 'SIGINT')).toBeLessThan(5_000);
    expect((await gateway.ended).signal).toBeNull();
    await proxy.close();
  });

  it('ends the demonstration with its outputs within 5 s', async () => {
    const folder = workFolder();
    const state = join(folder, 'state');
    const demo = barri(['sim', 'run', 'examples/sites/carrer-demo.gateway.yaml', '--state', state]);
    await statusOf(folder);
    expect(await msToEnd(demo, 'SIGINT')).toBeLessThan(5_000);
    expect((await demo.ended).signal).toBeNull();
  });
});

describe('a state folder', () => {
  it('that the user may not write is named, and the exit code says so', async () => {
    const folder = workFolder();
    const gateway = startGateway({ folder, site: siteOn('/dev/nothing-here'), cityUrl: NO_CITY, uid: NOBODY });
    expect((await gateway.ended).code).toBe(5);
    expect(gateway.err()).toContain(join(folder, 'state'));
  });
});

function siteOn(port: string, readings: readonly string[] = []): string {
  const off = ['voltage', 'current', 'power', 'energy_in', 'energy_out'].filter(
    (id) => readings.length > 0 && !readings.includes(id),
  );
  const list = off.map((id) => `${id}: { enabled: false }`).join(', ');
  return `defaults: { every: 1s }
buses: { meters: { type: modbus-rtu, port: ${port}, baud: 9600, format: 8N1, timeout: 300ms } }
devices: { meter: { board: eastron-sdm120@1, via: meters, with: { unit: 1 }, readings: { ${list} } } }
`;
}

interface Status {
  readonly buses: readonly { readonly bus: string; readonly problem?: { readonly code: string; readonly message: string } }[];
}

/** What `barri status --json` says, once the gateway answers. */
function statusOf(folder: string): Promise<Status> {
  return eventually(async () => {
    const status = barri(['status', '--state', join(folder, 'state'), '--json']);
    await status.ended;
    // Without a running gateway it is silent, or says what is stored.
    const said = JSON.parse(status.out() || '{}') as Partial<Status>;
    return said.buses === undefined ? undefined : { buses: said.buses };
  }, 15_000);
}

function problemOf(folder: string): Promise<Status['buses'][number]['problem']> {
  return eventually(async () => (await statusOf(folder)).buses.find(({ bus }) => bus === 'meters')?.problem, 15_000);
}

/** A program that has taken a port as its controlling terminal, as a login console does, under that name. */
async function startConsole(folder: string, port: string): Promise<void> {
  const program = join(folder, 'agetty');
  symlinkSync('/usr/bin/python3', program);
  const script = 'import os, sys, time; os.open(sys.argv[1], os.O_RDWR); print("ready", flush=True); time.sleep(600)';
  await start('setsid', [program, '-c', script, port]).waitFor(/ready/);
}

/** Opens a port as the gateway does, which locks it. */
function openPort(path: string): Promise<SerialPort> {
  return new Promise((resolve, reject) => {
    const port = new SerialPort({ path, baudRate: 9600 }, (error) => (error === null ? resolve(port) : reject(error)));
  });
}

async function msToEnd(child: Child, signal: NodeJS.Signals): Promise<number> {
  const before = performance.now();
  child.kill(signal);
  await child.ended;
  return performance.now() - before;
}
