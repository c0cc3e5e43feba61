// The conformance table of the simulated city: each fact of sentilo.md as bytes over a socket.

import { afterEach, expect, test } from 'vitest';
import { createCity } from '../../../simulator/sentilo/city.ts';
import { serveCity } from '../../../simulator/wire/sentilo-server.ts';
import { TestClock } from '../../support/test-clock.ts';
import type { Exchange, Fact } from './facts/fact.ts';
import { TRANSPORT } from './facts/transport.ts';
import { Client, opened, until } from './raw-client.ts';
import { WORLD } from './support.ts';

/** 17/09/2012T13:34:45.123 UTC. */
const START_MS = 1_347_888_885_123;

const FACTS: readonly Fact[] = [...TRANSPORT];

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

test.each(FACTS)('§$section: $fact', async ({ world = WORLD, exchanges }) => {
  const clock = new TestClock({ ms: START_MS, quality: 'synced' });
  const city = createCity(world, { startedMs: START_MS });
  const server = await serveCity(city, { host: '127.0.0.1', port: 0, clock });
  opened.push(() => server.close());
  for (const exchange of exchanges) {
    if (exchange.afterMs !== undefined) await clock.advance(exchange.afterMs);
    const client = new Client(server.port);
    client.socket.write(Buffer.from(exchange.send, 'utf8'));
    await until(() => client.end !== 'open');
    check(client, exchange);
  }
});

/** Compares with what is written in the table, and each body as it came. */
function check({ text, status, body }: Client, { send, expect: expected }: Exchange): void {
  const what = send.slice(0, send.indexOf('\r\n'));
  if (expected === undefined) {
    expect({ what, status }, text).toEqual({ what, status: 200 });
    return;
  }
  const headers = headersOf(text);
  expect({ what, status }, text).toEqual({ what, status: expected.status });
  for (const [name, value] of Object.entries(expected.headers ?? {}))
    expect(headers.get(name.toLowerCase()) ?? null, name).toBe(value);
  // The client reads bytes as Latin-1.
  const found = Buffer.from(body, 'latin1').toString('utf8');
  if (typeof expected.body === 'string') expect(found).toBe(expected.body);
  else if (expected.body !== undefined) expect(found).toMatch(expected.body);
}

function headersOf(text: string): ReadonlyMap<string, string> {
  const lines = text.slice(0, text.indexOf('\r\n\r\n')).split('\r\n').slice(1);
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
}
