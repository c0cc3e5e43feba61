// The quota of the hour is gone, used up by somebody else: nobody in the gateway asks the city anything until it is there again.

import { expect, test } from 'vitest';
import { runFor, startGarden, VALVE } from './garden.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

interface Seen {
  readonly atMs: number;
  readonly what: string;
  readonly status: number;
  readonly resetMs: number;
}

/** A garden with pushes and a catalogue to look at, and what its city was asked. */
async function startWatched() {
  const seen: Seen[] = [];
  let nowMs = () => 0;
  const garden = await startGarden({
    push: (one, deliver) => deliver(one),
    world: (world) => ({
      ...world,
      entities: world.entities.map((one) => (one.id === 'garden' ? { ...one, quotaPerHour: 240 } : one)),
    }),
    proxy: (http) => async (request, signal) => {
      const atMs = nowMs();
      const response = await http(request, signal);
      const resetMs = Number(response.headers['x-ratelimit-inbound-reset']) * MINUTE_MS;
      seen.push({ atMs, what: `${request.method} ${new URL(request.url).pathname}`, status: response.status, resetMs });
      return response;
    },
  });
  nowMs = () => garden.clock.monotonicMs();
  const useUp = () => {
    while (garden.ask('GET', '/data/garden', undefined, 'demo-token').status === 200);
  };
  return { garden, seen, useUp };
}

test('nobody asks the city anything before the minutes that it names are over, and then all is as before, not in one moment', async () => {
  const { garden, seen, useUp } = await startWatched();
  useUp();
  await garden.clock.runUntil(120 * MINUTE_MS);
  const refused = seen.filter(({ status }) => status === 429);
  const [first] = refused;
  expect(first?.resetMs).toBeGreaterThan(50 * MINUTE_MS);
  // The second may be on its way when the first is refused.
  for (const { atMs } of seen.slice(2)) expect(atMs).toBeGreaterThanOrEqual((first?.atMs ?? 0) + (first?.resetMs ?? 0));
  expect(refused.length).toBeLessThanOrEqual(2);
  const asked = new Set(seen.filter(({ status }) => status === 200).map(({ what }) => what));
  expect([...asked]).toEqual(
    expect.arrayContaining([
      'PUT /data/garden',
      'GET /order/garden',
      'GET /catalog/garden',
      'GET /subscribe/order',
      `PUT /subscribe/order/garden/${VALVE}`,
    ]),
  );
  const bySecond = new Map<number, number>();
  for (const { atMs } of seen) bySecond.set(Math.floor(atMs / SECOND_MS), (bySecond.get(Math.floor(atMs / SECOND_MS)) ?? 0) + 1);
  expect(Math.max(...bySecond.values())).toBeLessThanOrEqual(3);
  expect(garden.gateway.status()).toMatchObject({ city: { state: 'ok', waitingCount: 0 }, orders: {} });
  await garden.stop();
  expect(garden.fatal).toEqual([]);
});

test('it is told, and a stop takes no longer for it', async () => {
  const { garden, seen, useUp } = await startWatched();
  await runFor(garden, 5 * MINUTE_MS);
  useUp();
  await runFor(garden, 5 * MINUTE_MS);
  expect(garden.gateway.status().orders?.unread?.code).toBe('S429');
  const [askedCount, stoppedMs] = [seen.length, garden.clock.monotonicMs()];
  await garden.stop();
  expect(garden.clock.monotonicMs() - stoppedMs).toBeLessThanOrEqual(300);
  expect(seen).toHaveLength(askedCount);
  expect(garden.fatal).toEqual([]);
});
