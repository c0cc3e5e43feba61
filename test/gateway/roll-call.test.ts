import { expect, test } from 'vitest';
import { type Called, openRollCall } from '../../gateway/roll-call.ts';
import { TestClock } from '../support/test-clock.ts';

/** Devices of one bus that note when they are called. */
function rig(countMin = 2) {
  const clock = new TestClock();
  const rollCall = openRollCall(clock, countMin);
  const called: string[] = [];
  const device = (name: string, everyMs = 10_000) => {
    const it = { isSilent: false, everyMs, tryNow: () => void called.push(`${name} ${clock.monotonicMs() / 1000}`) };
    const leave = rollCall.join(it);
    return { it, leave };
  };
  /** It is tried, in vain. */
  const failed = (it: Called & { isSilent: boolean }) => {
    it.isSilent = true;
    rollCall.failed(it);
  };
  const answered = (it: Called & { isSilent: boolean }) => {
    it.isSilent = false;
    rollCall.answered(it);
  };
  return { clock, called, device, failed, answered };
}

test('while all are silent one is tried every eight seconds, and the one first that waited longest', async () => {
  const { clock, called, device, failed } = rig();
  const [{ it: air }, { it: hall }, { it: lux }] = [device('air'), device('hall'), device('lux')];
  for (const it of [air, hall, lux]) failed(it);
  await clock.advance(8_000);
  failed(air);
  await clock.advance(3_000);
  // Its own wait was over.
  failed(hall);
  await clock.advance(8_000);
  failed(lux);
  await clock.advance(8_000);
  expect(called).toEqual(['air 8', 'lux 19', 'air 27']);
});

test('when one answers all others are tried at once and once more, and nobody is called any more', async () => {
  const { clock, called, device, failed, answered } = rig();
  const [{ it: air }, { it: hall }, { it: lux }] = [device('air'), device('hall'), device('lux')];
  for (const it of [air, hall, lux]) failed(it);
  await clock.advance(1_000);
  answered(hall);
  expect(called).toEqual(['air 1', 'lux 1']);
  failed(air);
  await clock.advance(60_000);
  // Answers to what was asked before may still have been on their way.
  expect(called).toEqual(['air 1', 'lux 1', 'lux 6', 'air 6']);
  expect(clock.timerCount).toBe(0);
});

test('a silent device beside one that answers waits for its own try', async () => {
  const { clock, called, device, failed, answered } = rig();
  const [{ it: dead }, { it: live }] = [device('dead'), device('live')];
  for (let i = 0; i < 10; i++) {
    failed(dead);
    await clock.advance(10_000);
    answered(live);
  }
  expect(called).toEqual([]);
});

test('one that is polled once an hour is not waited for', async () => {
  const { clock, called, device, failed } = rig();
  const [{ it: air }] = [device('air'), device('soil', 3_600_000)];
  for (let i = 0; i < 3; i++) failed(air);
  await clock.advance(8_000);
  expect(called).toEqual(['air 8']);
});

test('a single device tells of its bus only where that is asked for', async () => {
  for (const [countMin, calls] of [
    [2, []],
    [1, ['air 8']],
  ] as const) {
    const { clock, called, device, failed } = rig(countMin);
    const { it: air, leave } = device('air');
    for (let i = 0; i < 3; i++) failed(air);
    await clock.advance(8_000);
    expect(called).toEqual(calls);
    leave();
    expect(clock.timerCount).toBe(0);
  }
});
