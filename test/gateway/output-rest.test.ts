// `min_off` while orders wait for the card: an output that was switched off in the meantime rests.

import { expect, test } from 'vitest';
import { openOutputs } from '../../gateway/outputs/outputs.ts';
import { loadText } from '../config/site-files.ts';
import { TestClock } from '../support/test-clock.ts';
import { MemoryJournal } from '../uplink/memory-journal.ts';

const SECOND_MS = 1_000;
const REST_MS = 60 * SECOND_MS;

/** A pump whose card takes `keepingMs` for each record, and every movement of it. */
async function openBench(keepingMs: number) {
  const site =
    'schema: gateway/v1\ngateway: { id: trial }\ndevices: { pump: { board: relay@1, via: gpio.pin15, outputs: { switch: { safe: off, max_on: 10min, min_off: 60s } } } }\n';
  const { config } = await loadText(site);
  const pump = config?.devices.get('pump');
  if (pump === undefined) throw new Error('the site has errors');
  const clock = new TestClock({ ms: 0, quality: 'synced' });
  const after = (ms: number) => new Promise<true>((resolve) => clock.timer(ms, () => resolve(true)));
  const moves: { readonly on: boolean; readonly atMs: number }[] = [];
  const switchTo = async (_output: string, on: boolean) => {
    moves.push({ on, atMs: clock.monotonicMs() });
    return undefined;
  };
  const journal = new MemoryJournal();
  const append: MemoryJournal['append'] = async (record) => {
    await after(keepingMs);
    return await journal.append(record);
  };
  const fatal = (error: unknown) => {
    throw error;
  };
  const host = { clock, bootId: 'boot', log: () => {} };
  const around = { ...host, journal: { append }, fatal, keep: () => {}, latest: () => undefined, lastHeardMs: () => undefined };
  const outputs = openOutputs([{ config: pump, switchTo, safeMs: 0, holdFor: () => () => {} }], around);
  outputs.opened('pump', undefined);
  await clock.advance(REST_MS);
  const order = (on: boolean, kept?: Promise<boolean>) =>
    outputs.order({ output: 'pump.switch', on, source: 'local', by: 'test', ...(kept !== undefined && { kept }) });
  return { clock, after, moves, order, stop: () => outputs.stop() };
}

test('an output that is switched off while an order to switch it on waits for the card rests after that', async () => {
  const { clock, after, moves, order, stop } = await openBench(300);
  await clock.run(order(true));
  const off = order(false, after(300));
  await clock.advance(100);
  const on = order(true);
  await clock.advance(10 * SECOND_MS);
  expect(await off).toEqual({ done: true });
  expect(await on).toMatchObject({ done: false, reason: 'min-off' });
  expect(moves.map((move) => move.on)).toEqual([true, false]);
  await clock.advance(REST_MS);
  expect(await clock.run(order(true))).toEqual({ done: true });
  stop();
});

test('it rests however long the card and whoever gave the order take', async () => {
  const waitsMs = [0, 50, 150, 300, 450, 700];
  const rests: number[] = [];
  for (const keepingMs of waitsMs)
    for (const keptMs of waitsMs)
      for (const laterMs of waitsMs) {
        const { clock, after, moves, order, stop } = await openBench(keepingMs);
        await clock.run(order(true));
        const orders = [order(false, after(keptMs))];
        await clock.advance(laterMs);
        orders.push(order(true));
        await clock.advance(10 * SECOND_MS);
        await Promise.all(orders);
        for (const [index, { on, atMs }] of moves.entries()) {
          const before = moves[index - 1];
          if (on && before?.on === false) rests.push(atMs - before.atMs);
        }
        stop();
      }
  expect(rests.filter((restMs) => restMs < REST_MS)).toEqual([]);
});
