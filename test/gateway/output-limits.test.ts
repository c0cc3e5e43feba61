import type { OutputsSurroundings } from '../../gateway/outputs/output.ts';
// The limit of an order that has begun is not lost to what becomes known of the one before it.

import { expect, test } from 'vitest';
import type { BusError } from '../../drivers/errors.ts';
import { openOutputs } from '../../gateway/outputs/outputs.ts';
import { loadText } from '../config/site-files.ts';
import { TestClock } from '../support/test-clock.ts';
import { MemoryJournal } from '../uplink/memory-journal.ts';

test('an output that is on while its order waits for an answer goes back in time, whatever came of being switched off before', async () => {
  const site =
    'schema: gateway/v1\ngateway: { id: trial }\ndevices: { valve: { board: solenoid-valve@1, via: gpio.pin15, outputs: { open: { safe: off, max_on: 10s } } } }\n';
  const { config } = await loadText(site);
  const valve = config?.devices.get('valve');
  if (valve === undefined) throw new Error('the site has errors');
  const clock = new TestClock({ ms: 0, quality: 'synced' });
  const asked: { atMs: number; on: boolean; answer: () => void }[] = [];
  const switchTo = (_output: string, on: boolean) =>
    new Promise<BusError | undefined>((resolve) => {
      asked.push({ atMs: clock.monotonicMs(), on, answer: () => resolve(undefined) });
    });
  const around: OutputsSurroundings = {
    clock,
    bootId: 'boot',
    log: () => {},
    journal: new MemoryJournal(),
    fatal: (error) => {
      throw error;
    },
    keep: () => {},
    latest: () => undefined,
    lastHeardMs: () => undefined,
  };
  const outputs = openOutputs([{ config: valve, switchTo, safeMs: 0, holdFor: () => () => {} }], around);
  const order = (on: boolean) => outputs.order({ output: 'valve.open', on, source: 'local', by: 'test' });
  const settled = [order(true)];
  await clock.advance(100);
  asked[0]?.answer();
  await clock.advance(1_000);
  settled.push(order(false));
  await clock.advance(100);
  settled.push(order(true));
  await clock.advance(100);
  const onMs = asked.at(-1)?.atMs ?? 0;
  expect(asked.map(({ on }) => on)).toEqual([true, false, true]);
  // Only now it is known that it was off.
  asked[1]?.answer();
  await clock.advance(10_000);
  expect(asked.map(({ on }) => on)).toEqual([true, false, true, false]);
  expect((asked[3]?.atMs ?? Number.POSITIVE_INFINITY) - onMs).toBeLessThanOrEqual(10_000);
  outputs.stop();
});
