import { expect, test } from 'vitest';
import type { Config } from '../../config/config.ts';
import type { Clock } from '../../drivers/clock.ts';
import type { Observation } from '../../gateway/record.ts';
import { SimulatedDisk } from '../../simulator/disk.ts';
import type { Fault } from '../../simulator/faults.ts';
import { createRandom } from '../../simulator/random.ts';
import { type SimulationResult, simulate } from '../../simulator/run.ts';
import { createCity } from '../../simulator/sentilo/city.ts';
import { cityHttp } from '../../simulator/sentilo/city-http.ts';
import { cityPush, pushesTo } from '../../simulator/sentilo/city-push.ts';
import type { StoredObservation } from '../../simulator/sentilo/observation-store.ts';
import { simulatedTokenOf, worldForSite } from '../../simulator/sentilo/world.ts';
import { differences, forTheCity, NO_DIFFERENCES, readJournal } from '../simulation/comparison.ts';
import { carrerDemo } from '../support/carrer-demo.ts';
import { exampleSite } from '../support/example-sites.ts';
import { START_WALL_MS } from './site.ts';

const TOKEN = 'demo-token';
const HOUR_MS = 3_600_000;

interface Outcome extends SimulationResult {
  readonly kept: readonly Observation[];
  readonly stored: readonly StoredObservation[];
  readonly lines: readonly string[];
}

async function run(config: Config, forMs: number, seed = 1, faults: readonly Fault[] = []): Promise<Outcome> {
  const city = createCity(worldForSite(config, TOKEN));
  const lines: string[] = [];
  let machine: { clock: Clock; disk: SimulatedDisk } | undefined;
  const result = await simulate(config, {
    seed,
    startWallMs: START_WALL_MS,
    forMs,
    token: TOKEN,
    faults,
    disk: (clock) => {
      machine = { clock, disk: new SimulatedDisk({ clock, random: createRandom(seed), faults, syncMs: 8 }) };
      return machine.disk;
    },
    http: (clock) => cityHttp(city, clock, { faults, latencyMs: 40, random: createRandom(seed).fork('city') }),
    listing: (line) => lines.push(line),
  });
  const stored = city.observations(config.sentilo?.provider ?? '');
  if (machine === undefined) throw new Error('the simulation made no disk');
  const kept = forTheCity(await readJournal(machine.disk, '/state/journal', machine.clock));
  return { ...result, kept, stored, lines };
}

test('the example site delivers every reading of its simulated devices', async () => {
  const config = await carrerDemo();
  const { kept, stored } = await run(config, 10 * 60_000);
  const sensors = new Set(stored.map(({ sensor }) => sensor));
  const wanted = [...config.devices.values()].flatMap(({ channels, outputs }) => [
    ...channels.filter(({ publish }) => publish),
    ...outputs,
  ]);
  expect([...sensors].sort()).toEqual(wanted.map(({ sensor }) => sensor).sort());
  expect(differences(kept, stored, START_WALL_MS + 10 * 60_000 - 5_000)).toEqual(NO_DIFFERENCES);
});

test('tells what was wrong at the end', async () => {
  const config = await carrerDemo();
  const [device = ''] = config.devices.keys();
  const silent: Fault = { at: 'device', device, kind: 'silent', rate: 1, fromMs: 60_000, toMs: HOUR_MS };
  const { status } = await run(config, 10 * 60_000, 1, [silent]);
  const troubles = status.devices.flatMap((each) => (each.problem === undefined ? [] : [[each.device, each.problem.code]]));
  expect(troubles).toEqual([[device, 'D204']]);
  expect((await run(config, 10 * 60_000)).status.devices.every(({ state }) => state === 'ok')).toBe(true);
});

test('the same seed gives the same trace, and another one does not', async () => {
  const config = await carrerDemo();
  const [first, again, other] = [
    await run(config, HOUR_MS / 6),
    await run(config, HOUR_MS / 6),
    await run(config, HOUR_MS / 6, 2),
  ];
  expect(again.lines).toEqual(first.lines);
  expect(again.traceHash).toBe(first.traceHash);
  expect(first.eventCount).toBe(first.lines.length);
  expect(other.traceHash).not.toBe(first.traceHash);
});

test('the gateway stops cleanly in the middle of every fault', async () => {
  const window = { fromMs: 60_000, toMs: Number.POSITIVE_INFINITY };
  const faults: readonly Fault[] = [
    { at: 'bus', bus: 'i2c1', kind: 'hang', ...window },
    { at: 'bus', bus: 'pm_usb', kind: 'unplugged', ...window },
    { at: 'device', device: 'flat_1', kind: 'silent', rate: 1, ...window },
    { at: 'device', device: 'flat_2', kind: 'corrupt', rate: 0.5, ...window },
    { at: 'city', kind: 'timeout', rate: 1, ...window },
    { at: 'clock', kind: 'step', byMs: -HOUR_MS, ...window },
  ];
  const { virtualMs, lines } = await run(await carrerDemo(), 5 * 60_000, 1, faults);
  expect(virtualMs).toBeLessThan(5 * 60_000 + 6000);
  expect(lines.filter((line) => line.includes('fault-begins'))).toHaveLength(faults.length);
});

test('a device that is silent does not keep the others from being delivered', async () => {
  const fault: Fault = { at: 'device', device: 'flat_1', kind: 'silent', rate: 1, fromMs: 0, toMs: Number.POSITIVE_INFINITY };
  const { stored } = await run(await carrerDemo(), 5 * 60_000, 1, [fault]);
  const sensors = new Set(stored.map(({ sensor }) => sensor));
  expect([...sensors].filter((sensor) => sensor.includes('flat_1'))).toEqual([]);
  for (const device of ['balcony', 'hall', 'particles', 'flat_2', 'door']) {
    expect([...sensors].some((sensor) => sensor.includes(device))).toBe(true);
  }
});

test('through power cuts everything kept reaches the city once with its value, and measuring goes on after each', async () => {
  const cut = (fromMs: number): Fault => ({ at: 'power', fromMs, toMs: fromMs + 30_000 });
  const faults = [cut(60_123.4), cut(200_000.7), cut(300_001)];
  const { kept, stored, traceHash } = await run(await carrerDemo(), 7 * 60_000, 3, faults);
  expect(differences(kept, stored, START_WALL_MS + 7 * 60_000 - 5_000)).toEqual(NO_DIFFERENCES);
  const times = stored
    .filter(({ sensor }) => sensor.includes('hall-temperature'))
    .map(({ timestampMs }) => timestampMs - START_WALL_MS);
  for (const { fromMs, toMs } of faults) {
    expect(times.filter((timeMs) => timeMs > fromMs && timeMs < toMs - 1000)).toEqual([]);
    expect(times.some((timeMs) => timeMs >= toMs && timeMs < toMs + 10_000)).toBe(true);
  }
  expect((await run(await carrerDemo(), 7 * 60_000, 3, faults)).traceHash).toBe(traceHash);
});

test('the city of a site with a callback pushes its orders, which are answered long before it is asked for them', async () => {
  const config = await exampleSite('hort-urba');
  const callback = config.sentilo?.callback;
  if (callback === undefined) throw new Error('the site has no callback');
  const city = createCity(worldForSite(config, TOKEN));
  const ask = (method: string, target: string, token: string, atMs: number, body = '') => {
    const request = { method, target, headers: [['IDENTITY_KEY', token] as const], body: Buffer.from(body) };
    return Buffer.from(city.handle(request, START_WALL_MS + atMs).body).toString();
  };
  const sensor = `makers-poblenou/${config.devices.get('valve_tomatoes')?.outputs[0]?.sensor}`;
  let answer = '';
  await simulate(config, {
    seed: 1,
    startWallMs: START_WALL_MS,
    forMs: 95_000,
    token: TOKEN,
    http: (clock, askPort) => {
      cityPush(city, clock, pushesTo(callback, askPort));
      clock.timer(70_000, () => ask('PUT', `/order/${sensor}`, simulatedTokenOf('hort-console'), 70_000, '{"order":"off"}'));
      clock.timer(80_000, () => {
        answer = ask('GET', `/data/${sensor}_ack?limit=1`, TOKEN, 80_000);
      });
      return cityHttp(city, clock, { faults: [], latencyMs: 40, random: createRandom(1).fork('city') });
    },
  });
  expect(answer).toContain('done');
});
