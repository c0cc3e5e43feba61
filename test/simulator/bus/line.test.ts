import { expect, test } from 'vitest';
import type { Clock } from '../../../drivers/clock.ts';
import { simulatedLine, type Wire } from '../../../simulator/bus/line.ts';
import { createRandom } from '../../../simulator/random.ts';

test('what is sent arrives in its order, also where a busy machine turns timers round', async () => {
  const timers: (() => void)[] = [];
  const clock: Clock = {
    monotonicMs: () => 0,
    wall: () => ({ ms: 0, quality: 'synced' }),
    timer: (_delayMs, callback) => {
      timers.push(callback);
      return () => {};
    },
  };
  let wire: Wire | undefined;
  const attach = (made: Wire) => {
    wire = made;
    return { receive: () => {} };
  };
  const options = { bus: 'line', name: 'line', byteMs: 0.001, latencyMs: 0.3, echo: false, attach };
  const stream = await simulatedLine(options, { clock, random: createRandom(1), faults: [], epochWallMs: 0 }).open();
  const heard: number[] = [];
  stream.onBytes((bytes) => heard.push(...bytes));
  const sent = Array.from({ length: 250 }, (_, at) => at);
  wire?.send(Uint8Array.from(sent));
  expect(timers.length).toBeGreaterThan(5);
  for (const fire of timers.reverse()) fire();
  expect(heard).toEqual(sent);
});
