import { expect, test } from 'vitest';
import { sleep } from '../../drivers/clock.ts';
import { type Stoppable, stopInOrder } from '../../gateway/stop.ts';
import { VirtualClock } from '../../simulator/clock.ts';
import { turn } from '../../simulator/wire/turn.ts';

test('what a device has counted is read at once at a stop, however long something else takes to end', async () => {
  const clock = new VirtualClock(0, turn);
  const leftMs: number[] = [];
  const nothing = async () => {};
  const device = {
    config: { id: 'gauge', outputs: [] },
    isSilent: false,
    toSafe: nothing,
    leave: async () => {
      leftMs.push(clock.monotonicMs());
    },
    finish: () => [],
    close: nothing,
  };
  const gateway = {
    host: { clock, log: () => {} },
    journal: { close: nothing },
    outputs: { stop: () => {}, isSafe: () => {} },
    devices: [device],
    keeper: { keep: () => {}, note: () => {} },
    learned: undefined,
    loops: [sleep(clock, 10_000, new AbortController().signal)],
    sending: [],
    lines: [],
    measuring: new AbortController(),
    sendingOut: new AbortController(),
    carrying: new AbortController(),
    outputsAreSafe: () => {},
    stopServing: nothing,
    unlock: nothing,
  };
  await clock.run(stopInOrder(gateway as unknown as Stoppable));
  expect(leftMs).toEqual([0]);
  expect(clock.monotonicMs()).toBeLessThan(1_000);
});
