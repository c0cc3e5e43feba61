import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { LockHeldError } from '../../gateway/host.ts';
import { createRandom } from '../../simulator/random.ts';
import { createCity } from '../../simulator/sentilo/city.ts';
import { cityHttp } from '../../simulator/sentilo/city-http.ts';
import { worldForSite } from '../../simulator/sentilo/world.ts';
import { ROOT } from '../config/site-files.ts';
import { hex } from '../support/hex.ts';
import { observationsOf, type SimulatedGateway, startSimulated } from './simulated-gateway.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
/** Pin 13 of the header is line 27 of the chip. */
const RELAY_LINE = 27;

describe('outputs', () => {
  // Electrically safe: a module that switches on when the pin is low is off while it is high.
  test.each([
    { says: 'off, on when high', with: 'active: high', safe: 'off', level: false },
    { says: 'off, on when low', with: 'active: low', safe: 'off', level: true },
    { says: 'on, on when high', with: 'active: high', safe: 'on', level: true },
    { says: 'on, on when low', with: 'active: low', safe: 'on', level: false },
  ])('are safe ($says) from the start and again after the stop, whoever drove them in between', async (each) => {
    const running = await startSimulated(`devices:
  pump: { board: relay@1, via: gpio.pin13, with: { ${each.with} }, outputs: { switch: { safe: ${each.safe}, max_on: 1h } } }
`);
    await running.clock.runUntil(2 * SECOND_MS);
    expect(running.levels.length).toBeGreaterThan(0);
    expect(running.levels.filter(({ level }) => level !== each.level)).toEqual([]);

    await running.drive(RELAY_LINE, !each.level);
    await running.clock.runUntil(3 * SECOND_MS);
    expect(running.levels.at(-1)).toMatchObject({ line: RELAY_LINE, level: !each.level });

    await running.stop();
    expect(running.levels.at(-1)).toMatchObject({ line: RELAY_LINE, level: each.level });
    const gpio = running.frames.filter(({ bus, direction }) => bus === 'gpio' && direction === 'out');
    expect(gpio.at(-1)).toMatchObject({ label: String(RELAY_LINE), bytes: Uint8Array.of(Number(each.level)) });
    expect(running.fatal).toEqual([]);
  });

  test('are safe within a second of a stop, while another bus hangs', async () => {
    const running = await startSimulated(
      `buses: { i2c1: { type: i2c } }
devices:
  hall: { board: sht31@1, via: i2c1, every: 1s }
  pump: { board: relay@1, via: gpio.pin13, outputs: { switch: { safe: off, max_on: 1h } } }
`,
      { faults: [{ at: 'bus', bus: 'i2c1', kind: 'hang', fromMs: 0, toMs: Number.POSITIVE_INFINITY }] },
    );
    await running.clock.runUntil(10 * SECOND_MS);
    await running.drive(RELAY_LINE, true);
    await running.stop();
    expect(running.levels.at(-1)).toMatchObject({ level: false });
    expect(running.levels.at(-1)?.atMs).toBeLessThanOrEqual(11 * SECOND_MS);
  });
});

test.each([
  { type: 'i2c', bus: 'i2c1: { type: i2c }', device: 'board: sht31@1, via: i2c1' },
  { type: 'serial', bus: 'i2c1: { type: serial, port: "usb:1a86:7523" }', device: 'board: sds011@1, via: i2c1' },
])('a bus ($type) that hangs is named with what to do, and the other one goes on', async ({ bus, device }) => {
  const running = await startSimulated(
    `buses: { ${bus}, other: { type: i2c, device: /dev/i2c-2 } }
devices:
  bad: { ${device}, every: 5s }
  good: { board: sht31@1, via: other, every: 5s }
`,
    { faults: [{ at: 'bus', bus: 'i2c1', kind: 'hang', fromMs: 0, toMs: Number.POSITIVE_INFINITY }] },
  );
  await running.clock.runUntil(10 * MINUTE_MS + SECOND_MS);
  const { buses, devices } = running.gateway.status();
  const problem = {
    code: 'D213',
    message: expect.stringMatching(/i2c1.* come back.*; unplug its adapter, where it has one, or restart the gateway/),
  };
  expect(buses).toMatchObject([
    { bus: 'i2c1', state: 'failed', problem },
    { bus: 'other', state: 'ok' },
  ]);
  expect(devices).toMatchObject([
    { device: 'bad', state: 'not-answering', problem },
    { device: 'good', state: 'ok' },
  ]);
  expect(running.log.filter((code) => code === 'bus-lost').length).toBeLessThanOrEqual(2);
  await running.stop();
  expect(observationsOf(await running.records(), 'good.temperature')).toHaveLength(121);
});

describe('a stop', () => {
  /** A mean of each minute. */
  const AIR_OF_THE_HALL = `buses: { i2c1: { type: i2c } }
devices:
  hall:
    board: sht31@1
    via: i2c1
    every: 5s
    readings: { temperature: { report: { mean_of: 1min } } }
    simulate: { temperature: { constant: 20 }, humidity: { constant: 50 } }
`;

  test('keeps what a window holds that has not ended', async () => {
    const running = await startSimulated(AIR_OF_THE_HALL);
    await running.clock.runUntil(2.5 * MINUTE_MS);
    await running.stop();
    const kept = observationsOf(await running.records(), 'hall.temperature');
    expect(kept.map(({ monotonicMs }) => monotonicMs)).toEqual([1 * MINUTE_MS, 2 * MINUTE_MS, 2.5 * MINUTE_MS]);
    for (const { value } of kept) expect(value).toBeCloseTo(20, 2);
  });

  test('keeps what windows hold although a bus begins to hang in that moment', async () => {
    const running = await startSimulated(
      `${AIR_OF_THE_HALL}  pump: { board: relay@1, via: gpio.pin13, outputs: { switch: { safe: off, max_on: 1h } } }
  rain: { board: rain-gauge@1, via: gpio.pin7, every: 1min }
`,
      { faults: [{ at: 'bus', bus: 'gpio', kind: 'hang', fromMs: 150 * SECOND_MS, toMs: Number.POSITIVE_INFINITY }] },
    );
    await running.clock.runUntil(150.1 * SECOND_MS);
    const beganMs = running.clock.monotonicMs();
    await running.stop();
    expect(running.clock.monotonicMs()).toBeLessThanOrEqual(beganMs + 5 * SECOND_MS);
    const kept = observationsOf(await running.records(), 'hall.temperature');
    expect(kept.map(({ monotonicMs }) => monotonicMs).slice(0, 2)).toEqual([1 * MINUTE_MS, 2 * MINUTE_MS]);
    expect(kept).toHaveLength(3);
  });

  test('and the start before it are in the journal', async () => {
    const running = await startSimulated(`buses: { i2c1: { type: i2c } }
devices: { hall: { board: sht31@1, via: i2c1 } }
`);
    await running.clock.runUntil(10 * SECOND_MS);
    await running.stop();
    const records = await running.records();
    const events = records.filter((record) => record.kind === 'event');
    expect(events.map(({ code, monotonicMs }) => ({ code, monotonicMs }))).toEqual([
      { code: 'gateway-started', monotonicMs: 0 },
      { code: 'gateway-stopped', monotonicMs: 10 * SECOND_MS },
    ]);
    expect(events[0]?.fields['version']).toMatch(/^\d+\.\d+\.\d+$/);
    expect(records.at(-1)?.kind).toBe('event');
  });
});

test('an SDS011 that is awake when the gateway stops is put to sleep', async () => {
  const running = await startSimulated(`buses: { pm_usb: { type: serial, port: "usb:1a86:7523" } }
devices: { particles: { board: sds011@1, via: pm_usb, every: 5min } }
`);
  // It is awake from 300 s on for its second read, at 330 s.
  await running.clock.runUntil(315 * SECOND_MS);
  await running.stop();
  const sent = running.frames.filter(({ direction }) => direction === 'out').map(({ bytes }) => hex(bytes));
  // The vendor's protocol, V1.3 page 7: "set sleep".
  expect(sent.at(-1)).toBe('aab406010000000000000000000000ffff05ab');
});

test('no more polls fail than are made, also of a device that is to be woken for each', async () => {
  const running = await startSimulated(
    `buses: { pm_usb: { type: serial, port: "usb:1a86:7523" } }
devices: { particles: { board: sds011@1, via: pm_usb, every: 2min } }
`,
    { faults: [{ at: 'bus', bus: 'pm_usb', kind: 'unplugged', fromMs: 0, toMs: Number.POSITIVE_INFINITY }] },
  );
  await running.clock.runUntil(60 * MINUTE_MS);
  const [device] = running.gateway.status().devices;
  await running.stop();
  expect(device?.pollCount).toBeGreaterThan(20);
  expect(device?.failedCount).toBe(device?.pollCount);
});

test('an SDS011 that is read every 5 minutes is awake for 30 seconds before each read and asleep otherwise', async () => {
  const running = await startSimulated(`buses: { pm_usb: { type: serial, port: "usb:1a86:7523" } }
devices: { particles: { board: sds011@1, via: pm_usb, every: 5min } }
`);
  // It is switched on at 0, and reads are at 30 s, 330 s, 630 s, 930 s.
  await running.clock.runUntil(16 * MINUTE_MS);
  await running.stop();
  // The sensor sends a frame every second while its laser is on.
  const awake = running.frames.filter(({ direction }) => direction === 'in').map(({ atMs }) => Math.floor(atMs / SECOND_MS));
  const secondsAwake = (fromS: number, toS: number) => new Set(awake.filter((second) => fromS <= second && second < toS)).size;
  for (const readS of [330, 630, 930]) {
    expect(secondsAwake(readS - 298, readS - 30)).toBe(0);
    expect(secondsAwake(readS - 30, readS + 2)).toBeGreaterThanOrEqual(28);
  }
  expect(observationsOf(await running.records(), 'particles.pm2_5')).toHaveLength(4);
});

test('a device that fails at the start is tried again, and named while it fails', async () => {
  const running = await startSimulated(
    `buses: { i2c1: { type: i2c } }
devices:
  hall: { board: sht31@1, via: i2c1, every: 5s }
  balcony: { board: bme280@1, via: i2c1, every: 5s }
`,
    { faults: [{ at: 'device', device: 'hall', kind: 'silent', rate: 1, fromMs: 0, toMs: 12 * SECOND_MS }] },
  );
  await running.clock.runUntil(11 * SECOND_MS);
  const stateOf = (device: string) => running.gateway.status().devices.find((each) => each.device === device);
  expect(stateOf('hall')).toMatchObject({ state: 'not-answering', failedCount: 3 });
  expect(stateOf('balcony')).toMatchObject({ state: 'ok', failedCount: 0 });
  await running.clock.runUntil(21 * SECOND_MS);
  expect(stateOf('hall')).toMatchObject({ state: 'ok' });
  expect(running.log.filter((code) => code.startsWith('device-'))).toEqual(['device-lost', 'device-back']);
  await running.stop();
  const kept = observationsOf(await running.records(), 'hall.temperature').map(({ monotonicMs }) => monotonicMs);
  // Silent at 0, 5 and 10 s, it is tried again some 10 s later, and then stands on its grid again.
  expect(kept.map((atMs) => Math.floor(atMs / SECOND_MS))).toEqual([19, 20]);
});

test('a second gateway on one state folder is refused, and the first goes on', async () => {
  const running = await startSimulated(`buses: { i2c1: { type: i2c } }
devices: { hall: { board: sht31@1, via: i2c1, every: 5s } }
`);
  await expect(running.openAnother()).rejects.toThrow(LockHeldError);
  await running.clock.runUntil(21 * SECOND_MS);
  expect(running.gateway.status().measuring).toMatchObject({ answeringCount: 1 });
  await running.stop();
  expect(observationsOf(await running.records(), 'hall.temperature')).toHaveLength(5);
  const next = await running.clock.run(running.openAnother());
  await running.clock.run(next.stop());
});

test('sampling goes on in time while the city, the disk and one bus fail together, and everything is kept and sent afterwards', async () => {
  const window = { fromMs: 1 * MINUTE_MS, toMs: 3 * MINUTE_MS };
  const faults = [
    // Earlier: with a dead disk nothing is there to be sent, and nobody would notice.
    { at: 'city', kind: 'timeout', rate: 1, ...window, fromMs: 20 * SECOND_MS },
    { at: 'disk', code: 'EIO', operations: ['pwrite', 'fdatasync'], ...window },
    { at: 'bus', bus: 'pm_usb', kind: 'hang', ...window },
  ] as const;
  let inCity = () => 0;
  const running = await startSimulated(
    `sentilo: { url: "https://city.example.cat", provider: makers, token: { secret: sentilo_token } }
buses:
  i2c1: { type: i2c }
  pm_usb: { type: serial, port: "usb:1a86:7523" }
devices:
  hall: { board: sht31@1, via: i2c1, every: 5s }
  particles: { board: sds011@1, via: pm_usb, every: 5s }
`,
    {
      faults,
      http: (clock, config) => {
        const city = createCity(worldForSite(config, 'demo-token'));
        inCity = () => city.observations('makers').filter(({ sensor }) => sensor === 'trial-hall-temperature').length;
        return cityHttp(city, clock.ofTheWorld(), { faults, latencyMs: 40, random: createRandom(1) });
      },
    },
  );
  await running.clock.runUntil(2.9 * MINUTE_MS);
  const { stored, city, measuring } = running.gateway.status();
  expect(stored.failing).toMatchObject({ code: 'EIO' });
  expect(city?.state).not.toBe('ok');
  expect(running.log).toContain('city-unreachable');
  expect(measuring.lateMsP99).toBeLessThan(1);
  const rows = running.gateway.readings().filter(({ device }) => device === 'hall');
  expect(rows.map(({ quality }) => quality)).toEqual(['good', 'good']);

  await running.clock.runUntil(10 * MINUTE_MS + SECOND_MS);
  await running.stop();
  expect(pollTimes(running, 'i2c1')).toEqual(Array.from({ length: 121 }, (_, index) => index * 5 * SECOND_MS));
  expect(observationsOf(await running.records(), 'hall.temperature')).toHaveLength(121);
  // The reading of the very last second is still on its way when the gateway stops.
  expect(inCity()).toBeGreaterThanOrEqual(119);
  expect(running.fatal).toEqual([]);
});

test('a change of a contact is an observation at once', async () => {
  const running = await startSimulated(`devices:
  door:
    board: contact@1
    via: gpio.pin11
    every: 1h
    readings: { closed: { report: { on_change: true } } }
    simulate: { closed: { bursts: { per_day: 288, minutes: 1 } } }
`);
  await running.clock.runUntil(30 * MINUTE_MS);
  // The journal makes durable once a second; nothing waits for the next poll, which is an hour away.
  const last = running.changes.at(-1);
  await running.clock.runUntil((last?.atMs ?? 0) + 2 * SECOND_MS);
  expect(running.gateway.status().measuring.observationCount).toBe(1 + running.changes.length);
  await running.stop();
  const kept = observationsOf(await running.records(), 'door.closed');
  // One burst in each 5 minutes, a beginning and an end each; the first observation is the poll at the start.
  expect(running.changes.length).toBeGreaterThanOrEqual(10);
  expect(kept.slice(1).map(({ monotonicMs }) => monotonicMs)).toEqual(running.changes.map(({ atMs }) => atMs));
  // The board's contact pulls the line low when it is closed.
  expect(kept.slice(1).map(({ value }) => value)).toEqual(running.changes.map(({ level }) => !level));
});

test.each([
  { says: 'without a serial line', bus: 'i2c1: { type: i2c }', board: 'sht31@1', also: [], loaded: [] },
  {
    says: 'with Modbus over TCP',
    bus: 'i2c1: { type: modbus-tcp, host: 127.0.0.1 }',
    board: 'eastron-sdm120@1',
    also: [],
    loaded: [],
  },
  // That the probe would see it.
  { says: 'that opens one', bus: 'i2c1: { type: i2c }', board: 'sht31@1', also: ['serialport'], loaded: ['serialport'] },
])('a site $says loads serialport only where it is used', ({ bus, board, also, loaded }) => {
  const site = `schema: gateway/v1\ngateway: { id: trial }\nbuses: { ${bus} }\ndevices: { thing: { board: ${board}, via: i2c1 } }\n`;
  // The package is CommonJS, so that what is loaded of it stands in the cache of require, in a process of its own.
  const program = `
    import { createRequire } from 'node:module';
    const { loadText } = await import('./test/config/site-files.ts');
    const { loadModules } = await import('./gateway/modules.ts');
    await import('./gateway/gateway.ts');
    await import('./gateway/real-host.ts');
    const { config } = await loadText(${JSON.stringify(site)});
    await loadModules(config);
    for (const name of ${JSON.stringify(also)}) await import(name);
    const files = Object.keys(createRequire(import.meta.url).cache);
    console.log(JSON.stringify(['serialport'].filter((name) => files.some((file) => file.includes('/node_modules/' + name + '/')))));
  `;
  const child = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect({ loaded: JSON.parse(child.stdout || 'null'), error: child.stderr }).toEqual({ loaded, error: '' });
});

/** When the gateway began to talk on a bus, one time for each poll. */
function pollTimes({ frames }: SimulatedGateway, busId: string): number[] {
  const times = frames.filter(({ bus, direction }) => bus === busId && direction === 'out').map(({ atMs }) => atMs);
  return times.filter((atMs, index) => index === 0 || atMs - (times[index - 1] ?? 0) > SECOND_MS);
}
