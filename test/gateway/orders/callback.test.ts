// A push that meets a fault of ours ends the program as a polled order does; one that meets a slow card may come again.

import { expect, it } from 'vitest';
import { answerPush, type CallbackSurroundings } from '../../../gateway/orders/callback.ts';
import { VirtualClock } from '../../../simulator/clock.ts';
import { pushSignature } from '../../../simulator/sentilo/push-signature.ts';
import { turn } from '../../../simulator/wire/turn.ts';

const ENDPOINT = 'https://garden.test/orders';
const NOW_MS = 1_795_608_000_000;
const DATE = '25/11/2026T12:00:00';
const BODY = Buffer.from(
  JSON.stringify({
    message: 'on',
    topic: '/order/garden/valve',
    type: 'ORDER',
    publisher: 'app',
    provider: 'garden',
    sensor: 'valve',
    publishedAt: NOW_MS,
  }),
);

async function pushed(take: () => Promise<boolean>) {
  const clock = new VirtualClock(NOW_MS, turn);
  const fatal: unknown[] = [];
  const around = {
    clock,
    provider: 'garden',
    callback: { endpoint: ENDPOINT, key: 'key' },
    takers: [{ sensor: 'valve' }],
    desk: { cursorMs: 0, seenMs: 0, take },
    link: { cityClock: { now: () => ({ earliestMs: NOW_MS, latestMs: NOW_MS }) } },
    notSigned: () => {},
    pushed: () => {},
    fatal: (error: unknown) => fatal.push(error),
  } as unknown as CallbackSurroundings;
  const hmac = pushSignature({ secret: 'key', body: BODY, date: DATE, endpoint: ENDPOINT });
  const headers = { 'x-sentilo-date': DATE, 'x-sentilo-content-hmac': hmac };
  const status = await clock.run(answerPush(around, { method: 'POST', path: '/', headers, body: BODY }));
  return { status, fatal };
}

it('is taken', async () => {
  expect(await pushed(async () => true)).toEqual({ status: 200, fatal: [] });
});

it('a card that hangs lets it come again', async () => {
  expect(await pushed(() => new Promise(() => {}))).toEqual({ status: 503, fatal: [] });
});

it('a fault of ours ends the program', async () => {
  const fault = new TypeError('undefined is not a function');
  expect(await pushed(() => Promise.reject(fault))).toEqual({ status: 503, fatal: [fault] });
});
