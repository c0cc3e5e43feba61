// An order that waits for its turn, and whose time is over by then, or whose asker has gone.

import { expect, test } from 'vitest';
import type { OrderOutcome } from '../../gateway/outputs/output.ts';
import { openOutputs } from '../../gateway/outputs/outputs.ts';
import { loadText } from '../config/site-files.ts';
import { TestClock } from '../support/test-clock.ts';
import { MemoryJournal } from '../uplink/memory-journal.ts';

const SECOND_MS = 1_000;
const FIRST_MS = 5 * SECOND_MS;

/** Three relays of which one is on at a time; switching takes so long. Of the second the newest order waits for the first. */
async function openBench(min = '') {
  const relay = (name: string, pin: number, more: string) =>
    `  ${name}: { board: relay@1, via: gpio.pin${pin}, outputs: { switch: { safe: off, max_on: 1h${more} } } }\n`;
  const never = ', never_with: [first.switch, third.switch]';
  const devices = `${relay('first', 11, '')}${relay('second', 13, `${never}${min}`)}${relay('third', 15, '')}`;
  const { config } = await loadText(`schema: gateway/v1\ngateway: { id: trial }\ndevices:\n${devices}`);
  if (config === undefined) throw new Error('the site has errors');
  const clock = new TestClock({ ms: 0, quality: 'synced' });
  const moves: string[] = [];
  const switchable = [...config.devices.values()].map((device) => ({
    config: device,
    safeMs: 0,
    holdFor: () => () => {},
    switchTo: (_output: string, on: boolean) => {
      moves.push(`${device.id} ${on ? 'on' : 'off'}`);
      return new Promise<undefined>((resolve) => clock.timer(FIRST_MS, () => resolve(undefined)));
    },
  }));
  const fatal = (error: unknown) => {
    throw error;
  };
  const host = { clock, bootId: 'boot', log: () => {}, journal: new MemoryJournal() };
  const outputs = openOutputs(switchable, {
    ...host,
    fatal,
    keep: () => {},
    latest: () => undefined,
    lastHeardMs: () => undefined,
  });
  for (const device of config.devices.keys()) outputs.opened(device, undefined);
  const order = (output: string, on: boolean, more: { untilMs?: number; gone?: AbortSignal } = {}): Promise<OrderOutcome> =>
    outputs.order({ output: `${output}.switch`, on, source: 'local', by: 'test', ...more });
  return { clock, moves, order };
}

const GONE = AbortSignal.abort(new Error('gone'));

test('an order is not begun when its asker has gone while it waited, and switches nothing off for it', async () => {
  const { clock, moves, order } = await openBench();
  const asker = new AbortController();
  const first = order('first', true);
  await clock.advance(SECOND_MS);
  const second = order('second', true, { gone: asker.signal });
  asker.abort();
  await clock.advance(30 * SECOND_MS);
  expect(await first).toEqual({ done: true });
  expect(await second).toMatchObject({ done: false, reason: 'withdrawn' });
  expect(moves).toEqual(['first on']);
});

test('nor when its time is over then', async () => {
  const { clock, moves, order } = await openBench();
  const first = order('first', true);
  await clock.advance(SECOND_MS);
  const second = order('second', true, { untilMs: clock.monotonicMs() + SECOND_MS });
  await clock.advance(30 * SECOND_MS);
  expect(await first).toEqual({ done: true });
  expect(await second).toMatchObject({ done: false, reason: 'expired' });
  expect(moves).toEqual(['first on']);
});

test('what is safe is done whoever has gone', async () => {
  const { clock, moves, order } = await openBench();
  expect(await clock.run(order('first', true))).toEqual({ done: true });
  expect(await clock.run(order('first', false, { gone: GONE }))).toEqual({ done: true });
  expect(moves).toEqual(['first on', 'first off']);
});

test('an output that has to rest although nobody has switched it says why', async () => {
  const { clock, order } = await openBench(', min_off: 30s');
  await clock.advance(12 * SECOND_MS);
  expect(await clock.run(order('second', true))).toEqual({
    done: false,
    reason: 'min-off',
    message:
      'it has to stay off for another 18 s: the gateway has seen it off for 12 s, and does not know when it was on before it started',
  });
  await clock.advance(18 * SECOND_MS);
  expect(await clock.run(order('second', true))).toEqual({ done: true });
  expect(await clock.run(order('second', false))).toEqual({ done: true });
  expect(await clock.run(order('second', true))).toMatchObject({
    message: expect.stringMatching(/^it has to stay off for another \d+ s$/),
  });
});
