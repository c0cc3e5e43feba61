// The limit of an order that has begun is not lost to what becomes known of the one before it.

import { expect, test } from 'vitest';
import { oneValve } from './one-output.ts';

test('an output that is on while its order waits for an answer goes back in time, whatever came of being switched off before', async () => {
  const asked: { atMs: number; on: boolean; answer: () => void }[] = [];
  const { clock, outputs } = await oneValve(
    'max_on: 10s',
    (time) => (_output, on) =>
      new Promise((resolve) => {
        asked.push({ atMs: time.monotonicMs(), on, answer: () => resolve(undefined) });
      }),
  );
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
