// Orders of the city on the production gateway: which are carried out, once, and what each is answered.

import { describe, expect, test } from 'vitest';
import { runFor, startGarden, startPolledGarden, VALVE } from './garden.ts';

const SECOND_MS = 1_000;

describe('an order of the city', () => {
  test('moves the output, and its result comes back as an observation of the output’s own answers', async () => {
    const garden = await startPolledGarden();
    garden.give('on');
    await runFor(garden, 20 * SECOND_MS);
    expect(garden.openings().map(([state]) => state)).toEqual(['closed', 'open']);
    expect(garden.answers()).toEqual([{ at: expect.any(Number), from: 'app', set: 'on', result: 'done' }]);
    garden.give('{"set":"off","id":"evening"}');
    await runFor(garden, 20 * SECOND_MS);
    expect(garden.openings().map(([state]) => state)).toEqual(['closed', 'open', 'closed']);
    expect(garden.answers().at(-1)).toMatchObject({ set: 'off', id: 'evening', result: 'done' });
    await runFor(garden, 600 * SECOND_MS);
    expect(garden.answers()).toHaveLength(2);
    await garden.stop();
    expect(garden.fatal).toEqual([]);
  });

  test('with a time goes back by itself', async () => {
    const garden = await startPolledGarden();
    garden.give('{"set":"on","for":"30s"}');
    await runFor(garden, 60 * SECOND_MS);
    const [, opened, closed] = garden.openings();
    expect([opened?.[0], closed?.[0]]).toEqual(['open', 'closed']);
    expect((closed?.[1] ?? 0) - (opened?.[1] ?? 0)).toBe(30 * SECOND_MS);
    await garden.stop();
  });

  test('for longer than max_on lets it is answered with how long it is carried out, and so is the order log told', async () => {
    const garden = await startPolledGarden();
    garden.give('{"set":"on","for":"20min"}');
    await runFor(garden, 20 * SECOND_MS);
    const [answer] = garden.answers();
    expect(answer).toEqual({ at: expect.any(Number), from: 'app', set: 'on', result: 'done', for: '10min', why: 'max_on' });
    garden.give('{"set":"on","for":"10s"}');
    await runFor(garden, 20 * SECOND_MS);
    expect(garden.answers().at(-1)).toEqual({ at: expect.any(Number), from: 'app', set: 'on', result: 'done' });
    await garden.stop();
    const kept = await garden.records();
    expect(kept).toContainEqual(expect.objectContaining({ kind: 'order', on: true, forMs: 1_200_000 }));
    const result = { kind: 'result', output: 'valve.open', done: true, reason: 'for 10 min only (max_on)' };
    expect(kept).toContainEqual(expect.objectContaining(result));
  });

  test.each([
    ['toggle', 'not-understood'],
    ['open sesame', 'not-understood'],
    ['2', 'not-understood'],
    ['{"set":"on","auth":{"accessToken":"CANARY"}}', 'not-understood'],
    ['{"set":"on","for":"5m"}', 'not-understood'],
    [`{"set":"on","id":"${'x'.repeat(65)}"}`, 'not-understood'],
    [`on${' '.repeat(2_000)}`, 'not-understood'],
  ])('that says %.40s is answered %s, and nothing of its text is shown to all', async (order, result) => {
    const garden = await startPolledGarden();
    garden.give(order);
    await runFor(garden, 20 * SECOND_MS);
    expect(garden.openings().map(([state]) => state)).toEqual(['closed']);
    expect(garden.answers()).toEqual([expect.objectContaining({ from: 'app', result, why: expect.any(String) })]);
    expect(JSON.stringify(garden.answers())).not.toMatch(/CANARY|sesame|xxxx/);
    await garden.stop();
    expect(garden.fatal).toEqual([]);
  });

  test('that are refused are in the journal for the order log: three of a flood, and how many more', async () => {
    const garden = await startPolledGarden();
    for (const text of ['on', '1', '{"set":"on","id":"a"}', '{"set":"on","id":"b"}', 'off']) garden.give(text, 'demo-token');
    await runFor(garden, 20 * SECOND_MS);
    garden.give('toggle');
    await runFor(garden, 20 * SECOND_MS);
    const refusals = (await garden.records()).flatMap((record) =>
      record.kind === 'event' && record.code === 'order-refused' ? [record.fields] : [],
    );
    const stranger = { output: 'valve.open', from: 'sentilo: garden', reason: 'sender: orders_from does not name garden' };
    expect(refusals).toEqual([
      ...Array.from({ length: 3 }, () => ({ ...stranger, on: expect.any(Boolean) })),
      { ...stranger, on: expect.any(Boolean), leftOut: 1 },
      { output: 'valve.open', from: 'sentilo: app', reason: expect.stringMatching(/^not-understood: /) },
    ]);
    await garden.stop();
    expect(garden.fatal).toEqual([]);
  });

  test('of somebody who is not named is answered so', async () => {
    const garden = await startPolledGarden();
    garden.give('on', 'demo-token');
    await runFor(garden, 20 * SECOND_MS);
    expect(garden.openings().map(([state]) => state)).toEqual(['closed']);
    expect(garden.answers()).toEqual([expect.objectContaining({ from: 'garden', set: 'on', result: 'sender' })]);
    await garden.stop();
  });

  test('for all sensors of the provider is refused', async () => {
    const garden = await startPolledGarden();
    expect(garden.ask('PUT', '/order/garden', { order: 'on' }).status).toBe(200);
    await runFor(garden, 20 * SECOND_MS);
    expect(garden.openings().map(([state]) => state)).toEqual(['closed']);
    expect(garden.answers()).toEqual([expect.objectContaining({ from: 'app', result: 'provider-wide' })]);
    await garden.stop();
  });

  test('is superseded by a newer one that came with it', async () => {
    const garden = await startPolledGarden();
    garden.give('on');
    await runFor(garden, 100);
    garden.give('off');
    await runFor(garden, 100);
    garden.give('{"set":"on","id":"last"}');
    await runFor(garden, 20 * SECOND_MS);
    expect(garden.openings().map(([state]) => state)).toEqual(['closed', 'open']);
    expect(garden.answers().map(({ result, id }) => [result, id])).toEqual(
      expect.arrayContaining([
        ['superseded', undefined],
        ['superseded', undefined],
        ['done', 'last'],
      ]),
    );
    expect(garden.answers()).toHaveLength(3);
    await garden.stop();
  });

  test('with an id that was used before is a duplicate', async () => {
    const garden = await startPolledGarden();
    garden.give('{"set":"on","for":"10s","id":"a1"}');
    await runFor(garden, 60 * SECOND_MS);
    garden.give('{"set":"on","for":"10s","id":"a1"}');
    await runFor(garden, 60 * SECOND_MS);
    expect(garden.openings().filter(([state]) => state === 'open')).toHaveLength(1);
    expect(garden.answers().map(({ result }) => result)).toEqual(['done', 'duplicate']);
    await garden.stop();
  });

  test('is not carried out when it comes too late', async () => {
    const faults = [{ at: 'city', kind: 'timeout', rate: 1, fromMs: 31 * SECOND_MS, toMs: 300 * SECOND_MS }] as const;
    const garden = await startPolledGarden({ faults });
    await runFor(garden, 5 * SECOND_MS);
    garden.give('on');
    await runFor(garden, 600 * SECOND_MS);
    expect(garden.openings().map(([state]) => state)).toEqual(['closed']);
    expect(garden.answers()).toEqual([expect.objectContaining({ set: 'on', result: 'expired' })]);
    await garden.stop();
  });

  test('given before the gateway was there for the first time is not meant for it', async () => {
    let aheadMs = -3 * SECOND_MS;
    const garden = await startGarden({ aheadMs: () => aheadMs });
    garden.give('on');
    aheadMs = 0;
    await runFor(garden, 120 * SECOND_MS);
    expect(garden.openings().map(([state]) => state)).toEqual(['closed']);
    expect(garden.answers()).toEqual([]);
    await garden.stop();
  });

  test.each([0, 1, 3])('given %d s after the first start is carried out, though the city was not asked yet', async (afterS) => {
    const garden = await startGarden();
    await runFor(garden, afterS * SECOND_MS);
    expect(garden.asked.filter((url) => url.includes('/order/'))).toEqual([]);
    garden.give('on');
    await runFor(garden, 20 * SECOND_MS);
    expect(garden.openings().map(([state]) => state)).toEqual(['closed', 'open']);
    expect(garden.answers()).toMatchObject([{ set: 'on', result: 'done' }]);
    await garden.stop();
  });

  test('is remembered over a start, from the first on; and what is ordered meanwhile is carried out', async () => {
    const garden = await startPolledGarden();
    garden.give('{"set":"on","for":"5s","id":"a1"}');
    await runFor(garden, 30 * SECOND_MS);
    await garden.stop();
    const next = await garden.clock.run(garden.openAnother());
    garden.give('{"set":"on","for":"5s","id":"a1"}');
    await runFor(garden, 30 * SECOND_MS);
    expect(garden.answers().map(({ id, result }) => [id, result])).toEqual([
      ['a1', 'done'],
      ['a1', 'duplicate'],
    ]);
    await garden.clock.run(next.stop());
    garden.give('{"set":"on","for":"5s","id":"a2"}');
    await runFor(garden, 20 * SECOND_MS);
    const third = await garden.clock.run(garden.openAnother());
    await runFor(garden, 30 * SECOND_MS);
    expect(garden.answers().at(-1)).toMatchObject({ id: 'a2', result: 'done' });
    await garden.clock.run(third.stop());
  });

  test('is as old as the city’s own clock says, an hour off or not', async () => {
    for (const aheadMs of [3_600_000, -3_600_000]) {
      const garden = await startPolledGarden({ aheadMs: () => aheadMs });
      garden.give('on');
      await runFor(garden, 20 * SECOND_MS);
      expect(garden.answers()).toEqual([expect.objectContaining({ set: 'on', result: 'done' })]);
      await garden.stop();
    }
  });

  test('is taken after the city’s clock was set back by an hour, too', async () => {
    let aheadMs = 3_600_000;
    const garden = await startPolledGarden({ aheadMs: () => aheadMs });
    garden.give('on');
    await runFor(garden, 20 * SECOND_MS);
    aheadMs = 0;
    await runFor(garden, 20 * SECOND_MS);
    garden.give('off');
    await runFor(garden, 20 * SECOND_MS);
    expect(garden.answers().map(({ set, result }) => [set, result])).toEqual([
      ['on', 'done'],
      ['off', 'done'],
    ]);
    await garden.stop();
  });

  test('is found among hundreds that came at once', async () => {
    const garden = await startPolledGarden();
    for (let count = 0; count < 260; count++) {
      garden.give(`{"set":"off","id":"n${count}"}`);
      await runFor(garden, 20);
    }
    garden.give('{"set":"on","id":"last"}');
    await runFor(garden, 120 * SECOND_MS);
    expect(garden.openings().at(-1)?.[0]).toBe('open');
    await garden.stop();
    const answers = (await garden.records()).filter(
      (record) => record.kind === 'observation' && record.sensor === `${VALVE}_ack`,
    );
    const results = answers.map((answer) => JSON.parse('value' in answer ? String(answer.value) : '').result);
    expect(results).toHaveLength(261);
    // One for each poll that came upon some of them.
    expect(results.filter((result) => result === 'done').length).toBeLessThanOrEqual(2);
    expect(new Set(results)).toEqual(new Set(['done', 'superseded']));
    expect(garden.fatal).toEqual([]);
  });
});

test('the city is asked every ten seconds, and less often where its quota is small', async () => {
  const polls = async (quotaPerHour: number) => {
    const garden = await startPolledGarden({
      world: (world) => ({ ...world, entities: world.entities.map((one) => ({ ...one, quotaPerHour })) }),
    });
    await runFor(garden, 3_600 * SECOND_MS);
    await garden.stop();
    return garden.asked.filter((url) => url.includes('/order/')).length;
  };
  expect(await polls(0)).toBeLessThanOrEqual(363);
  expect(await polls(400)).toBeLessThanOrEqual(102);
});
