// Orders are as old as the city's own clock says, however that is set: none is lost, none is done late, and none twice.

import { describe, expect, test } from 'vitest';
import { HttpError } from '../../../gateway/host.ts';
import { type Garden, runFor, startPolledGarden, untilPolled, VALVE } from './garden.ts';

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;

const results = (garden: Garden) => garden.answers().map(({ set, result }) => [set, result]);

describe('the city’s clock is set', () => {
  test.each([
    ['back by an hour', -HOUR_MS],
    ['back by a minute', -60 * SECOND_MS],
    ['forward by an hour', HOUR_MS],
  ])('%s: what is ordered right after that is done', async (_, stepMs) => {
    let aheadMs = 0;
    const garden = await startPolledGarden({ aheadMs: () => aheadMs });
    garden.give('on');
    await runFor(garden, 20 * SECOND_MS);
    await untilPolled(garden);
    aheadMs = stepMs;
    garden.give('off');
    await runFor(garden, 60 * SECOND_MS);
    expect(results(garden)).toEqual([
      ['on', 'done'],
      ['off', 'done'],
    ]);
    await garden.stop();
    expect(garden.fatal).toEqual([]);
  });

  test('back by an hour while it cannot be asked: what is ordered then is done', async () => {
    let aheadMs = HOUR_MS;
    const faults = [{ at: 'city', kind: 'timeout', rate: 1, fromMs: 50 * SECOND_MS, toMs: 100 * SECOND_MS }] as const;
    const garden = await startPolledGarden({ aheadMs: () => aheadMs, faults });
    await garden.clock.runUntil(60 * SECOND_MS);
    aheadMs = 0;
    garden.give('on');
    await runFor(garden, 100 * SECOND_MS);
    expect(results(garden)).toEqual([['on', 'done']]);
    await garden.stop();
  });

  test('forward by an hour beside pushes: they are not judged by the old time', async () => {
    let aheadMs = 0;
    const statuses: unknown[] = [];
    const garden = await startPolledGarden({
      aheadMs: () => aheadMs,
      push: async (one, deliver) => {
        const status = await deliver(one);
        statuses.push(status);
        return status;
      },
    });
    aheadMs = HOUR_MS;
    garden.give('on');
    await runFor(garden, 2 * 60 * SECOND_MS);
    expect(statuses[0]).toBe(503);
    expect(results(garden)).toEqual([['on', 'done']]);
    expect(garden.openings().filter(([state]) => state === 'open')).toHaveLength(1);
    await garden.stop();
  });

  test('back by an hour while the gateway is away: what is ordered then is done at its start', async () => {
    let aheadMs = HOUR_MS;
    const garden = await startPolledGarden({ aheadMs: () => aheadMs });
    garden.give('on');
    await runFor(garden, 20 * SECOND_MS);
    await garden.stop();
    aheadMs = 0;
    garden.give('off');
    const next = await garden.clock.run(garden.openAnother());
    await runFor(garden, 60 * SECOND_MS);
    expect(results(garden)).toEqual([
      ['on', 'done'],
      ['off', 'done'],
    ]);
    await garden.clock.run(next.stop());
  });
});

describe('a time of the city comes again', () => {
  test.each([1, 4])('an off of %i s before the second time of an old on is done', async (beforeS) => {
    let aheadMs = 0;
    const garden = await startPolledGarden({ aheadMs: () => aheadMs });
    const givenMs = garden.clock.monotonicMs();
    garden.give('on');
    await runFor(garden, 20 * SECOND_MS);
    await untilPolled(garden);
    aheadMs = -60 * SECOND_MS;
    await garden.clock.runUntil(givenMs + 60 * SECOND_MS - beforeS * SECOND_MS);
    garden.give('off');
    await runFor(garden, 60 * SECOND_MS);
    expect(garden.openings().at(-1)?.[0]).toBe('closed');
    await garden.stop();
  });

  test.each([[[-600]], [[-600, -1200]]])(
    'an on that was not read before the clock was set to %j s is not done',
    async (steps) => {
      let aheadMs = 0;
      let isCut = false;
      const garden = await startPolledGarden({
        aheadMs: () => aheadMs,
        proxy: (http) => (request, signal) =>
          isCut ? Promise.reject(new HttpError('ECONNREFUSED', false, 'cut')) : http(request, signal),
      });
      isCut = true;
      garden.give('{"set":"on","for":"30s"}');
      await runFor(garden, 3 * SECOND_MS);
      isCut = false;
      for (const toS of steps) {
        aheadMs = toS * SECOND_MS;
        await runFor(garden, 120 * SECOND_MS);
      }
      await runFor(garden, 1_300 * SECOND_MS);
      expect(garden.openings().map(([state]) => state)).toEqual(['closed']);
      await garden.stop();
    },
  );
});

test('servers whose clocks are apart for good do not keep orders from being read, nor the city busy', async () => {
  let count = 0;
  let aparts: readonly number[] = [0];
  const garden = await startPolledGarden({
    proxy: (http) => async (request, signal) => {
      const answer = await http(request, signal);
      count += 1;
      const date = new Date(Date.parse(answer.headers['date'] ?? '') + (aparts[count % aparts.length] ?? 0)).toUTCString();
      return { ...answer, headers: { ...answer.headers, date } };
    },
  });
  aparts = [30 * SECOND_MS, 33 * SECOND_MS];
  const before = garden.asked.length;
  garden.give('on');
  await runFor(garden, 60 * SECOND_MS);
  garden.give('off');
  await runFor(garden, HOUR_MS);
  expect(results(garden)).toEqual([
    ['on', 'done'],
    ['off', 'done'],
  ]);
  expect(garden.asked.slice(before).filter((url) => url.includes('/order/')).length).toBeLessThan(800);
  await garden.stop();
});

test('an order that a server of the city dates half a minute earlier than others is done', async () => {
  const garden = await startPolledGarden();
  const { city, clock } = garden;
  await runFor(garden, 60 * SECOND_MS);
  const body = Buffer.from('{"order":"on"}');
  const request = { method: 'PUT', target: `/order/garden/${VALVE}`, headers: [['IDENTITY_KEY', 'app-token'] as const], body };
  expect(city.handle(request, clock.ofTheWorld().wall().ms - 30 * SECOND_MS).status).toBe(200);
  await runFor(garden, 30 * SECOND_MS);
  expect(results(garden)).toEqual([['on', 'done']]);
  await garden.stop();
});

test.each([
  ['an hour ahead', HOUR_MS],
  ['an hour behind', -HOUR_MS],
])('a date that is %s in one answer alone makes no order late, and hides none', async (_, wrongMs) => {
  let isWrong = false;
  const garden = await startPolledGarden({
    proxy: (http) => async (request, signal) => {
      const answer = await http(request, signal);
      if (!isWrong || !request.url.includes('/order/')) return answer;
      isWrong = false;
      const date = new Date(Date.parse(answer.headers['date'] ?? '') + wrongMs).toUTCString();
      return { ...answer, headers: { ...answer.headers, date } };
    },
  });
  for (let count = 0; count < 4; count++) {
    isWrong = true;
    garden.give(`{"set":"on","for":"2s","id":"n${count}"}`);
    await runFor(garden, 60 * SECOND_MS);
    expect(isWrong).toBe(false);
  }
  expect(garden.answers().map(({ id, result }) => [id, result])).toEqual(['n0', 'n1', 'n2', 'n3'].map((id) => [id, 'done']));
  await garden.stop();
});
