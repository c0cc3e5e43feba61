// The city goes away in every way it can, the gateway is killed in the middle of each, and what the journal acknowledged
// is compared with what the city has in the end: nothing lost, nothing twice. What was acknowledged is noted from outside
// while the gateway lives, so that a journal that loses it cannot hide it.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { expectedText } from '../simulation/value-text.ts';
import {
  acknowledgedWithin,
  cityHas,
  cleanUp,
  freePort,
  type Kept,
  startCity,
  startGateway,
  workFolder,
} from './support/barri.ts';
import { type Dumped, dumpJournal } from './support/journal-dump.ts';
import { startModbusPeer } from './support/peers.ts';
import { startProxy, type Way } from './support/proxy.ts';

const UNITS = [1, 2, 3];
const READINGS = ['voltage', 'current', 'power', 'energy_in', 'energy_out'];
const SENSORS = UNITS.flatMap((unit) => READINGS.map((reading) => `interop-meter_${unit}-${reading}`));
const WAYS: readonly Way[] = ['refuse', 'cut-answer', 'hang', 'cut-request', 'cut-answer'];

afterEach(cleanUp);

it('loses nothing and sends nothing twice while the city is away and the gateway is killed', async () => {
  const folder = workFolder();
  const state = join(folder, 'state');
  const port = await freePort();
  const peer = await startModbusPeer('tcp', String(port), UNITS, join(folder, 'served.jsonl'));
  const city = await startCity(folder, SENSORS);
  const proxy = await startProxy(city.port);
  const startAgain = () => startGateway({ folder, site: siteFor(port), cityUrl: proxy.url });

  let gateway = startAgain();
  await cityHas(city, SENSORS, SENSORS.length, 20_000);
  const acknowledged = new Map<number, Dumped>();
  for (const way of WAYS) {
    await proxy.set(way);
    const { first, last } = await acknowledgedWithin(state, 5_000);
    gateway.kill('SIGKILL');
    await gateway.ended;
    const left = dumpJournal(state);
    expect(last).toBeGreaterThan(first);
    const promised = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    expect({ way, lost: promised.filter((sequence) => !left.sequences.has(sequence)) }).toEqual({ way, lost: [] });
    for (const each of left.observations) acknowledged.set(each.sequence, each);
    // Long enough that the last reading before and the first one after never fall into the same second, of which the
    // city gets only one.
    await sleep(1_500);
    gateway = startAgain();
    await sleep(4_000);
    await proxy.set('pass');
    await sleep(3_000);
  }

  peer.kill('SIGKILL');
  await sleep(4_000);
  const stored = dumpJournal(state).observations;
  const kept = await cityHas(city, SENSORS, stored.length, 120_000);
  gateway.kill('SIGTERM');
  expect((await gateway.ended).code).toBe(0);
  await proxy.close();

  expect(proxy.cutCount()).toBeGreaterThan(0);
  const expected = new Set(stored.map(asText));
  expect([...acknowledged.values()].map(asText).filter((text) => !expected.has(text))).toEqual([]);
  for (const sensor of SENSORS) {
    const inJournal = stored.filter((each) => each.sensor === sensor).map(asText);
    const inCity = kept.filter((each) => each.sensor === sensor).map(keptAsText);
    expect({ sensor, observations: inCity }).toEqual({ sensor, observations: inJournal });
  }
}, 300_000);

function siteFor(port: number): string {
  return `defaults: { every: 2s }
buses: { meters: { type: modbus-tcp, host: 127.0.0.1, tcp_port: ${port} } }
devices:
${UNITS.map((unit) => `  meter_${unit}: { board: eastron-sdm120@1, via: meters, with: { unit: ${unit} } }`).join('\n')}
`;
}

/** Sensor, second and value text: what the city can tell apart. */
function asText({ sensor, wallMs, value, precision }: Dumped): string {
  return `${sensor} ${Math.floor(wallMs / 1000)} ${expectedText(value, precision)}`;
}

function keptAsText({ sensor, timeMs, value }: Kept): string {
  return `${sensor} ${timeMs / 1000} ${value}`;
}
