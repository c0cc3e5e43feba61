// The conformance table of the simulated city: each fact of sentilo.md as bytes over a socket.

import { afterEach, expect, test } from 'vitest';
import type { Fault } from '../../../simulator/faults.ts';
import { createCity } from '../../../simulator/sentilo/city.ts';
import type { World } from '../../../simulator/sentilo/world.ts';
import { serveCity } from '../../../simulator/wire/sentilo-server.ts';
import { TestClock } from '../../support/test-clock.ts';
import { ALARMS } from './facts/alarms.ts';
import { ALERTS } from './facts/alerts.ts';
import { CATALOG } from './facts/catalog.ts';
import { CATALOG_CHANGES } from './facts/catalog-changes.ts';
import { DATA_PUBLISH } from './facts/data-publish.ts';
import { DATA_READ } from './facts/data-read.ts';
import { DATA_TEXT } from './facts/data-text.ts';
import type { Exchange, Fact, Step } from './facts/fact.ts';
import { HEADERS } from './facts/headers.ts';
import { LOST_REGISTRY } from './facts/lost-registry.ts';
import { ORDERS } from './facts/orders.ts';
import { PIPELINE } from './facts/pipeline.ts';
import { PROVIDER_ORDERS } from './facts/provider-orders.ts';
import { QUOTA } from './facts/quota.ts';
import { SLOW_CLIENTS } from './facts/slow-clients.ts';
import { SUBSCRIPTIONS } from './facts/subscriptions.ts';
import { TRANSPORT } from './facts/transport.ts';
import { Client, opened, until } from './raw-client.ts';
import { WORLD } from './support.ts';

/** 17/09/2012T13:34:45.123 UTC. */
const START_MS = 1_347_888_885_123;

const FACTS: readonly Fact[] = [
  ...TRANSPORT,
  ...SLOW_CLIENTS,
  ...HEADERS,
  ...PIPELINE,
  ...QUOTA,
  ...DATA_PUBLISH,
  ...DATA_TEXT,
  ...DATA_READ,
  ...CATALOG,
  ...CATALOG_CHANGES,
  ...ALERTS,
  ...LOST_REGISTRY,
  ...ORDERS,
  ...PROVIDER_ORDERS,
  ...ALARMS,
  ...SUBSCRIPTIONS,
];

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

test.each(FACTS.map((row) => [`§${row.section} ${row.fact}`, row] as const))('%s', async (_, { world = WORLD, exchanges }) => {
  const site = await open(world);
  for (const exchange of exchanges) check(await play(site, exchange), exchange);
});

interface Site {
  readonly port: number;
  readonly clock: TestClock;
  /** Empty between exchanges. */
  readonly faults: Fault[];
  /** What the city's chance gives. */
  chance: number;
}

async function open(world: World): Promise<Site> {
  const clock = new TestClock({ ms: START_MS, quality: 'synced' });
  const site = { port: 0, clock, faults: [] as Fault[], chance: 0 };
  const trouble = { faults: site.faults, random: () => site.chance };
  const city = createCity(world, { startedMs: START_MS });
  const server = await serveCity(city, { host: '127.0.0.1', port: 0, clock, trouble });
  opened.push(() => server.close());
  site.port = server.port;
  return site;
}

/** Plays one exchange to its end; the connection may stay open on our side. */
async function play(
  site: Site,
  { afterMs, idleCount = 0, fault, send, steps = [], expect: expected }: Exchange,
): Promise<Client> {
  if (afterMs !== undefined) await site.clock.advance(afterMs);
  for (let count = 0; count < idleCount; count += 1) {
    const idle = new Client(site.port);
    await until(() => !idle.socket.connecting);
  }
  // Those before us have been accepted before us.
  await settle();
  if (fault) {
    if (fault.kind === 'partial') site.chance = fault.chance;
    site.faults.push({ at: 'city', ...fault, rate: 1, fromMs: 0, toMs: Number.POSITIVE_INFINITY });
  }
  const client = new Client(site.port);
  await write(client, send);
  for (const step of steps) await act(client, step, site.clock);
  if (expected === 'unseen') await settle();
  else await until(() => client.end !== 'open');
  site.faults.length = 0;
  return client;
}

async function act(client: Client, step: Step, clock: TestClock): Promise<void> {
  if (step === 'fin') client.socket.end();
  else if (step === 'close') client.socket.destroy();
  else if (step === 'reset') client.socket.resetAndDestroy();
  else if ('send' in step) await write(client, step.send);
  else if ('receive' in step) {
    await until(() => client.text.length >= step.receive.length);
    expect(client.text).toBe(step.receive);
    client.text = '';
  } else {
    // What was sent has reached the server before the time passes.
    await settle();
    await clock.advance(step.silentMs - 1);
    await settle();
    expect({ text: client.text, end: client.end }).toEqual({ text: '', end: 'open' });
    await clock.advance(1);
  }
}

/** Resolves when the kernel has it; a connection that is broken off shows in what is expected. */
function write(client: Client, bytes: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    client.socket.write(bytes, () => resolve());
  });
}

/** Lets both ends of the machine's own connections take what the kernel already has for them. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Compares with what is written in the table, and each body as it came. */
function check({ text, body, end }: Client, { send, expect: expected = { status: 200 } }: Exchange): void {
  if (expected === 'unseen') return;
  if (typeof expected === 'string') {
    expect({ text, end }).toEqual({ text: '', end: expected === 'dropped' ? 'ended' : 'reset' });
    return;
  }
  const what = Buffer.from(send).toString('latin1').split('\r\n', 1)[0];
  const { status, headers = {}, protocol = 'HTTP/1.1' } = expected;
  expect({ what, status: text.split(' ', 2).join(' ') }, text).toEqual({ what, status: `${protocol} ${status}` });
  const found = headersOf(text);
  for (const [name, value] of Object.entries(headers)) {
    const header = found.get(name.toLowerCase());
    if (value instanceof RegExp) expect(header, name).toMatch(value);
    else expect(header ?? null, name).toBe(value);
  }
  // The client reads bytes as Latin-1.
  const bodyText = Buffer.from(body, 'latin1').toString('utf8');
  if (typeof expected.body === 'string') expect(bodyText).toBe(expected.body);
  else if (expected.body !== undefined) expect(bodyText).toMatch(expected.body);
}

function headersOf(text: string): ReadonlyMap<string, string> {
  const lines = text.slice(0, text.indexOf('\r\n\r\n')).split('\r\n').slice(1);
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
}
