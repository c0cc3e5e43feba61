// `on_lost_city` of an output that the city has switched on: what counts is whether an order to switch it off could have come.

import { describe, expect, test } from 'vitest';
import type { Http } from '../../../gateway/host.ts';
import type { Push } from '../../../simulator/sentilo/push-queue.ts';
import { type Garden, type GardenOptions, runFor, startPolledGarden } from './garden.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const LIMITS = 'max_on: 2h, on_lost_city: 5min';

/** A garden whose valve was opened by the city. */
async function startOpen(options: GardenOptions): Promise<Garden> {
  const garden = await startPolledGarden({ limits: LIMITS, ...options });
  garden.give('on');
  await runFor(garden, 20 * SECOND_MS);
  expect(garden.openings().at(-1)?.[0]).toBe('open');
  return garden;
}

/** When the valve was closed, from `sinceMs` on; undefined while it is open. */
function closedAfterMs(garden: Garden, sinceMs: number): number | undefined {
  const [state, atMs] = garden.openings().at(-1) ?? ['open', 0];
  return state === 'closed' ? atMs - sinceMs : undefined;
}

/** Takes readings and subscriptions, and lets nobody ask for orders while `isRefused`. */
const refusingOrders =
  (isRefused: () => boolean) =>
  (http: Http): Http =>
  async (request, signal) =>
    isRefused() && request.url.includes('/order/') && !request.url.includes('/subscribe/')
      ? { status: 403, headers: { 'x-sentilo-version': '2' }, body: Buffer.from('{"code":403,"message":"no"}') }
      : http(request, signal);

describe('an output that the city has switched on goes back to safe while its readings are taken and', () => {
  test('its orders cannot be asked for', async () => {
    let isRefused = false;
    const garden = await startOpen({ proxy: refusingOrders(() => isRefused) });
    isRefused = true;
    const sinceMs = garden.clock.monotonicMs();
    garden.give('off');
    await runFor(garden, 4 * MINUTE_MS + 40 * SECOND_MS);
    expect(closedAfterMs(garden, sinceMs)).toBeUndefined();
    await runFor(garden, 30 * SECOND_MS);
    expect(closedAfterMs(garden, sinceMs)).toBeLessThanOrEqual(5 * MINUTE_MS);
    await garden.stop();
    expect(garden.fatal).toEqual([]);
  });

  test('nobody can tell how old its orders are', async () => {
    let apartMs: readonly number[] = [0];
    let asked = 0;
    const garden = await startOpen({
      proxy: (http) => async (request, signal) => {
        const answer = await http(request, signal);
        asked += 1;
        const dateMs = Date.parse(answer.headers['date'] ?? '') + (apartMs[asked % apartMs.length] ?? 0);
        return { ...answer, headers: { ...answer.headers, date: new Date(dateMs).toUTCString() } };
      },
    });
    // Two servers that are never right.
    apartMs = [30 * SECOND_MS, 33 * SECOND_MS];
    const sinceMs = garden.clock.monotonicMs();
    garden.give('off');
    await runFor(garden, 5 * MINUTE_MS);
    expect(closedAfterMs(garden, sinceMs)).toBeLessThanOrEqual(5 * MINUTE_MS);
    await garden.stop();
  });
});

describe('while the city pushes orders', () => {
  test('nothing is lost by asking once a minute, though nobody orders anything', async () => {
    const garden = await startOpen({ limits: 'max_on: 2h, on_lost_city: 3min', push: (one, deliver) => deliver(one) });
    await runFor(garden, 60 * MINUTE_MS);
    expect(garden.openings().at(-1)?.[0]).toBe('open');
    await garden.stop();
  });

  test('it is not lost while new pushes come, though it cannot be asked; an old one that comes again says nothing', async () => {
    let isRefused = false;
    const pushes: Push[] = [];
    const push: NonNullable<GardenOptions['push']> = (one, deliver) => {
      pushes.push(one);
      return deliver(one);
    };
    const garden = await startOpen({ push, proxy: refusingOrders(() => isRefused) });
    isRefused = true;
    for (let minute = 0; minute < 20; minute += 2) {
      // One for this output that nobody understands.
      garden.give(`x${minute}`);
      await runFor(garden, 2 * MINUTE_MS);
    }
    expect(garden.openings().at(-1)?.[0]).toBe('open');
    const sinceMs = garden.clock.monotonicMs() - 2 * MINUTE_MS;
    const newest = pushes.at(-1);
    if (newest === undefined) throw new Error('nothing was pushed');
    for (let minute = 0; minute < 4; minute += 1) {
      expect(await garden.clock.run(garden.push(newest))).toBe(200);
      await runFor(garden, MINUTE_MS);
    }
    expect(closedAfterMs(garden, sinceMs)).toBeLessThanOrEqual(5 * MINUTE_MS + SECOND_MS);
    await garden.stop();
  });
});
