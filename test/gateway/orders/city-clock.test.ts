// Orders are as old as the city's own clock says, however that is set: none is lost, none is done late, and none twice.

import { describe, expect, test } from 'vitest';
import { type Garden, runFor, startPolledGarden, untilPolled } from './garden.ts';

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
