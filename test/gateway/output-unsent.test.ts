// Orders that are given up before they are sent, and tries that come too late: what was under way beside them is not lost.

import { expect, test } from 'vitest';
import { BusError } from '../../drivers/errors.ts';
import { type CoilWrite, lossyLines } from '../support/lossy-lines.ts';
import { oneValve } from './one-output.ts';
import { startSimulated } from './simulated-gateway.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

const SITE = `buses: { line: { type: modbus-rtu, port: /dev/ttyAMA0, baud: 9600, timeout: 1s } }
devices:
  relays: { board: modbus-relay-8@1, via: line, with: { unit: 30 } }
  x: { board: relay@1, via: relays.relay1, every: 60s, outputs: { switch: { safe: off, max_on: 1h } } }
  y: { board: relay@1, via: relays.relay2, every: 60s, outputs: { switch: { safe: off, max_on: 1h } } }
`;

/** Both on, on a board that hears nothing from 70 s until `goOn` says. */
async function start() {
  const writes: CoilWrite[] = [];
  let untilMs = Number.POSITIVE_INFINITY;
  const trial = await startSimulated(SITE, {
    between: (host) => {
      const isLost = () => host.clock.monotonicMs() > 70 * SECOND_MS && host.clock.monotonicMs() < untilMs;
      return lossyLines(host, isLost, (write) => writes.push(write));
    },
  });
  const order = (output: string, on: boolean, gone?: AbortSignal) =>
    trial.gateway.outputs.order({ output: `${output}.switch`, on, source: 'local', by: 'test', ...(gone && { gone }) });
  await trial.clock.runUntil(15 * SECOND_MS);
  await trial.clock.run(Promise.all([order('x', true), order('y', true)]));
  await trial.clock.runUntil(70_500);
  return { ...trial, writes, order, goOn: (atMs: number) => (untilMs = atMs) };
}

test('an off that the board did not hear is tried again, also where an on after it is taken back', async () => {
  const trial = await start();
  const off = trial.order('x', false);
  await trial.clock.runUntil(70_700);
  const asker = new AbortController();
  const on = trial.order('x', true, asker.signal);
  await trial.clock.runUntil(71_000);
  asker.abort(new Error('whoever asked has gone'));
  trial.goOn(73 * SECOND_MS);
  await trial.clock.runUntil(80 * SECOND_MS);
  expect(await off).toMatchObject({ done: false });
  expect(await on).toMatchObject({ done: false, reason: 'withdrawn' });
  expect(trial.writes.filter(({ atMs, coil }) => atMs > 73 * SECOND_MS && coil === 0).map((write) => write.on)).toContain(false);
  expect(trial.gateway.outputs.states()[0]).toMatchObject({ seen: false });
  await trial.stop();
});

test.each(Array.from({ length: 12 }, (_, i) => 73_500 + 370 * i))(
  'an on is not undone by a try that waited for another output of its board (at %i ms)',
  async (onMs) => {
    const trial = await start();
    const offs = [trial.order('x', false), trial.order('y', false)];
    await trial.clock.runUntil(onMs);
    const on = trial.order('y', true);
    trial.goOn(onMs + 60);
    await trial.clock.runUntil(onMs + 20 * SECOND_MS);
    const outcome = await on;
    const last = trial.writes.findLast(({ coil }) => coil === 1);
    const shown = trial.gateway.outputs.states().find(({ output }) => output === 'y.switch');
    expect(shown?.seen).toBe(last?.on);
    if (!outcome.done) expect(outcome.reason).toBe('failed');
    await Promise.all(offs);
    await trial.stop();
  },
);

test('an order that waits for the bus keeps nobody from the end of the one before it', async () => {
  const asked: [number, boolean][] = [];
  let isBusy = false;
  const { clock, outputs } = await oneValve('max_on: 1h', (time) => async (_output, on, isInTime = () => true) => {
    if (on && isBusy) await new Promise<void>((resolve) => time.timer(MINUTE_MS, resolve));
    if (!isInTime()) return new BusError('expired', 'too old');
    asked.push([time.monotonicMs(), on]);
    return undefined;
  });
  const on = { output: 'valve.open', on: true, source: 'local', by: 'test' } as const;
  await outputs.order({ ...on, forMs: 10 * SECOND_MS });
  await clock.advance(9 * SECOND_MS);
  isBusy = true;
  const late = outputs.order({ ...on, forMs: 10 * MINUTE_MS, untilMs: 54 * SECOND_MS });
  await clock.advance(100 * SECOND_MS);
  expect(await late).toMatchObject({ done: false });
  expect(asked).toEqual([
    [0, true],
    [10 * SECOND_MS, false],
  ]);
  outputs.stop();
});
