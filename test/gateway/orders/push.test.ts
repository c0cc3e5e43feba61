// Orders that the city pushes, on the production gateway: signed, fresh, once, and beside the polls.

import { describe, expect, test } from 'vitest';
import type { Push } from '../../../simulator/sentilo/push-queue.ts';
import { pushSignature } from '../../../simulator/sentilo/push-signature.ts';
import { CALLBACK_KEY } from '../simulated-gateway.ts';
import { type Garden, runFor, startGarden, untilPolled, VALVE } from './garden.ts';

const SECOND_MS = 1_000;
const ENDPOINT = 'https://garden.test/orders';

type Deliver = NonNullable<Parameters<typeof startGarden>[0]>['push'];

/** The garden once the city knows where to push, and was just asked for orders. */
const started = async (push: NonNullable<Deliver> = (one, deliver) => deliver(one)): Promise<Garden> => {
  const garden = await startGarden({ push });
  await garden.clock.runUntil(20 * SECOND_MS);
  await untilPolled(garden);
  return garden;
};
const opened = (garden: Garden) => garden.openings().filter(([state]) => state === 'open');

/** The push with another body, date or endpoint, signed anew with `key`. */
function forged(push: Push, change: { body?: (text: string) => string; date?: string; endpoint?: string; key?: string }): Push {
  const text = Buffer.from(push.body).toString();
  const body = Buffer.from(change.body?.(text) ?? text);
  const date = change.date ?? push.headers['X-Sentilo-Date'] ?? '';
  const signed = { secret: change.key ?? CALLBACK_KEY, body, date, endpoint: change.endpoint ?? ENDPOINT };
  const headers = { ...push.headers, 'X-Sentilo-Date': date, 'X-Sentilo-Content-Hmac': pushSignature(signed) };
  return { ...push, headers, body };
}

describe('a push', () => {
  test('moves the output at once, and the poll after it finds nothing new', async () => {
    const statuses: unknown[] = [];
    const garden = await started(async (one, deliver) => {
      statuses.push(await deliver(one));
      return 200;
    });
    garden.give('on');
    await runFor(garden, 2 * SECOND_MS);
    expect(opened(garden)).toHaveLength(1);
    await runFor(garden, 300 * SECOND_MS);
    expect(statuses).toEqual([200]);
    expect(opened(garden)).toHaveLength(1);
    expect(garden.answers()).toEqual([expect.objectContaining({ from: 'app', set: 'on', result: 'done' })]);
    await garden.stop();
    expect(garden.fatal).toEqual([]);
    // And the city pushes no more to somebody who is gone.
    expect(garden.ask('GET', '/subscribe/order', undefined, 'demo-token').json).toEqual({ subscriptions: [] });
  });

  test('that is lost is polled', async () => {
    const garden = await started(async () => 'failed');
    garden.give('on');
    await runFor(garden, 2 * SECOND_MS);
    expect(opened(garden)).toHaveLength(0);
    await runFor(garden, 70 * SECOND_MS);
    expect(opened(garden)).toHaveLength(1);
    await garden.stop();
  });

  test('that comes after its poll, twice, or again an hour later is not carried out again', async () => {
    const kept: Push[] = [];
    const statuses: unknown[] = [];
    let deliverLater: (push: Push) => Promise<unknown> = async () => undefined;
    const garden = await started(async (one, deliver) => {
      kept.push(one);
      deliverLater = deliver;
      return 200;
    });
    garden.give('{"set":"on","for":"5s"}');
    await runFor(garden, 120 * SECOND_MS);
    for (const waitMs of [0, SECOND_MS, 3_600 * SECOND_MS]) {
      await runFor(garden, waitMs);
      statuses.push(await garden.clock.run(deliverLater(kept[0] as Push)));
    }
    await runFor(garden, 120 * SECOND_MS);
    expect(statuses).toEqual([200, 200, 200]);
    expect(opened(garden)).toHaveLength(1);
    expect(garden.answers()).toHaveLength(1);
    await garden.stop();
  });

  test.each([
    ['with a wrong key', { key: 'another' }, 403],
    ['for another endpoint', { endpoint: `${ENDPOINT}/` }, 403],
    [
      'of a provider that is not this one',
      { body: (text: string) => text.replace('"provider":"garden"', '"provider":"other"') },
      200,
    ],
    ['of another type', { body: (text: string) => text.replace('"type":"ORDER"', '"type":"DATA"') }, 200],
    [
      'whose topic is another',
      { body: (text: string) => text.replace('/order/garden/trial-valve-open', '/order/garden/x') },
      400,
    ],
    [
      'of before this gateway started for the first time',
      { body: (text: string) => text.replace(/"publishedAt":\d+/, '"publishedAt":1700000000000') },
      200,
    ],
    ['that is no JSON', { body: () => '{"message":' }, 400],
    ['that is a list', { body: () => '[]' }, 400],
    ['for a sensor that nobody knows', { body: (text: string) => text.replaceAll(VALVE, 'nothing') }, 200],
  ])('%s moves nothing', async (_what, change, status) => {
    const statuses: unknown[] = [];
    const garden = await started(async (one, deliver) => {
      statuses.push(await deliver(forged(one, change)));
      return 200;
    });
    garden.give('on');
    // Before the next poll, which takes the real order.
    await runFor(garden, 3 * SECOND_MS);
    expect(statuses).toEqual([status]);
    expect(opened(garden)).toHaveLength(0);
    await garden.stop();
    expect(garden.fatal).toEqual([]);
  });

  test('whose body was changed on the way moves nothing', async () => {
    const garden = await started(async (one, deliver) =>
      deliver({ ...one, body: Buffer.from(Buffer.from(one.body).toString().replace('"off"', '"on"')) }),
    );
    garden.give('off');
    await runFor(garden, 10 * SECOND_MS);
    expect(opened(garden)).toHaveLength(0);
    await garden.stop();
  });

  test('for all sensors of the provider is refused, and answered so', async () => {
    const garden = await started();
    expect(garden.ask('PUT', '/order/garden', { order: 'on' }).status).toBe(200);
    await runFor(garden, 120 * SECOND_MS);
    expect(opened(garden)).toHaveLength(0);
    expect(garden.answers().map(({ result }) => result)).toEqual(['provider-wide']);
    await garden.stop();
  });
});

test('a push before the city’s clock is known is answered 503', async () => {
  const faults = [{ at: 'city', kind: 'status', status: 500, rate: 1, fromMs: 0, toMs: 100 * SECOND_MS }] as const;
  const garden = await startGarden({ faults, push: (one, deliver) => deliver(one) });
  const order = { message: 'on', topic: `/order/garden/${VALVE}`, type: 'ORDER', sensor: VALVE, provider: 'garden' };
  const body = Buffer.from(JSON.stringify({ ...order, time: 1, publisher: 'app', publishedAt: 1 }));
  const push = forged({ method: 'POST', url: ENDPOINT, headers: {}, body }, { date: '25/11/2026T12:00:00' });
  await garden.clock.runUntil(50 * SECOND_MS);
  expect(await garden.clock.run(garden.push(push))).toBe(503);
  await garden.stop();
});

test('requests that nobody signed are told once a minute', async () => {
  const garden = await started();
  const push: Push = { method: 'POST', url: ENDPOINT, headers: {}, body: Buffer.from('{}') };
  for (let count = 0; count < 180; count++) {
    expect(await garden.clock.run(garden.push(push))).toBe(403);
    await runFor(garden, SECOND_MS);
  }
  expect(garden.log.filter((code) => code === 'city-push-not-signed')).toHaveLength(3);
  await garden.stop();
});
