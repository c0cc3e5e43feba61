// Orders to make safe that come over a broker while a slow bus is at the one before, and somebody else orders in between.

import { expect, test } from 'vitest';
import { BusError } from '../../drivers/errors.ts';
import { openCommands } from '../../gateway/mqtt/commands.ts';
import { topicsOf } from '../../gateway/mqtt/topics.ts';
import { openOutputs } from '../../gateway/outputs/outputs.ts';
import { loadText } from '../config/site-files.ts';
import { drain, TestClock } from '../support/test-clock.ts';
import { MemoryJournal } from '../uplink/memory-journal.ts';

const SWITCHING_MS = 2_000;
const KEEPING_MS = 100;

/** A valve that takes two seconds to move, a card that takes a tenth of one, and orders of a broker. */
async function openBench() {
  const site =
    'schema: gateway/v1\ngateway: { id: trial }\nmqtt: { url: "mqtt://broker.test" }\ndevices: { valve: { board: solenoid-valve@1, via: gpio.pin15, outputs: { open: { safe: off, max_on: 10min, orders: [mqtt, local] } } } }\n';
  const { config } = await loadText(site);
  const valve = config?.devices.get('valve');
  if (valve === undefined) throw new Error('the site has errors');
  const clock = new TestClock({ ms: 1_795_608_000_000, quality: 'synced' });
  const after = (ms: number) => new Promise<void>((resolve) => clock.timer(ms, resolve));
  const moves: boolean[] = [];
  let newest = 0;
  const switchTo = async (_output: string, on: boolean) => {
    newest += 1;
    const mine = newest;
    await after(SWITCHING_MS);
    if (mine !== newest) return new BusError('superseded', 'something newer was asked of it');
    moves.push(on);
    return undefined;
  };
  const journal = new MemoryJournal();
  const append: MemoryJournal['append'] = async (record) => {
    await after(KEEPING_MS);
    return await journal.append(record);
  };
  const host = { clock, bootId: 'boot', log: () => {} };
  const fatal = (error: unknown) => {
    throw error;
  };
  const around = { ...host, journal: { append }, fatal, keep: () => {}, latest: () => undefined, lastHeardMs: () => undefined };
  const outputs = openOutputs([{ config: valve, switchTo, safeMs: 0, holdFor: () => () => {} }], around);
  outputs.opened('valve', undefined);
  const topics = topicsOf({ prefix: 'barri/trial', topic: 'barri/trial/{device}/{reading}' });
  const commands = openCommands({
    host,
    time: { timeOf: ({ wallMs }) => ({ kind: 'known', ms: wallMs }) },
    topics,
    outputs: [{ output: 'valve.open', safe: false }],
    order: (request) => outputs.order(request),
    refused: (one) => outputs.refused(one),
    newest: (output) => outputs.newest(output),
    fatal,
  });
  const answers: unknown[] = [];
  await commands.open({ subscribe: async () => {}, publish: async (_topic, payload) => void answers.push(JSON.parse(payload)) });
  const send = async (text: string) => {
    commands.take({ topic: topics.orders('valve.open'), payload: new TextEncoder().encode(text), isRetained: false });
    await drain();
  };
  return { clock, outputs, journal, moves, answers, send };
}

test('the last one counts, though one before it is under way and somebody here has ordered in between', async () => {
  const { clock, outputs, moves, answers, send } = await openBench();
  await send('off');
  await clock.advance(500);
  const local = outputs.order({ output: 'valve.open', on: true, source: 'local', by: 'test' });
  await clock.advance(KEEPING_MS / 2);
  await send('{"state":"off","id":"last"}');
  await clock.advance(60_000);
  expect(await local).toMatchObject({ reason: 'superseded' });
  expect(moves.at(-1)).toBe(false);
  expect(answers).toContainEqual({ id: 'last', done: true });
  outputs.stop();
});

test('a thousand of them are one order, and a hundred of those that wait are answered', async () => {
  const { clock, outputs, journal, moves, answers, send } = await openBench();
  for (let each = 0; each < 1000; each += 1) await send('off');
  await clock.advance(60_000);
  expect(moves).toEqual([false]);
  expect(answers).toHaveLength(100);
  // The first is that of the start.
  expect((await journal.read(1, 100)).map(({ record }) => record.kind)).toEqual(['event', 'order', 'intent', 'result']);
  outputs.stop();
});
