// A write that makes an output safe is sent again until it is answered: a question that is lost on its way costs little time.

import { expect, test } from 'vitest';
import { busQueue } from '../../gateway/bus-queue.ts';
import { modbusInTurns } from '../../gateway/buses.ts';
import { type Answer, openRtu, openTcpModbus, outcome, silent } from './support.ts';

/** Switches coil 5 of unit 1 off, which is urgent, and tells when each question went out. */
async function switchOff(open: typeof openRtu, answer: Answer, options: Parameters<typeof openRtu>[1] = {}) {
  const askedMs: number[] = [];
  const bench = await open(
    (request, on) => {
      askedMs.push(on.clock.monotonicMs());
      answer(request, on);
    },
    { timeoutMs: 1000, ...options },
  );
  const result = await bench.clock.run(outcome(bench.bus.writeBits(1, 5, [false], 'single', { isUrgent: true })));
  return { ...bench, askedMs, result, tookMs: bench.clock.monotonicMs() };
}

/** Answers from the question `first` on (1 is the first) with what it repeats. */
const from = (first: number, afterMs = 5): Answer => {
  let count = 0;
  return (request, { clock, stream }) => {
    count += 1;
    const copy = Uint8Array.from(request);
    if (count >= first) clock.timer(afterMs, () => stream.receive(copy));
  };
};

test.each([
  ['RTU', openRtu],
  ['TCP', openTcpModbus],
] as const)('%s: the answer to a later question is one to the first', async (_name, open) => {
  const { askedMs, result, tookMs, clock, line } = await switchOff(open, from(3));
  expect(result).toEqual({ value: undefined });
  expect(askedMs).toEqual([0, 100, 200]);
  expect(tookMs).toBe(205);
  await clock.advance(5_000);
  expect(askedMs).toHaveLength(3);
  expect(clock.timerCount).toBe(0);
  expect(line.stats()).toMatchObject({ requestCount: 1, answerCount: 1, unaskedCount: 0, damagedCount: 0 });
});

test.each([
  ['RTU', openRtu],
  ['TCP', openTcpModbus],
] as const)('%s: answers to all of them, of a slave that is slow, are taken for nothing else', async (_name, open) => {
  const { result, clock, bus, stream, line } = await switchOff(open, from(1, 250));
  expect(result).toEqual({ value: undefined });
  stream.onWrite = (bytes) => {
    const copy = Uint8Array.from(bytes);
    clock.timer(250, () => stream.receive(copy));
  };
  expect(await clock.run(outcome(bus.writeBits(1, 6, [true], 'single')))).toEqual({ value: undefined });
  await clock.advance(5_000);
  expect(line.stats()).toMatchObject({ requestCount: 2, answerCount: 2, unaskedCount: 0, damagedCount: 0, timeoutCount: 0 });
});

test('it ends after its time like any other, and counts as one', async () => {
  const { askedMs, result, line, clock } = await switchOff(openRtu, silent);
  expect(result).toMatchObject({ error: { kind: 'timeout' } });
  expect(askedMs).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]);
  expect(line.stats()).toMatchObject({ requestCount: 1, timeoutCount: 1 });
  expect(clock.timerCount).toBe(0);
});

test('a line that returns what is sent gets it once: nobody could tell the copy of a later one from the answer', async () => {
  const { askedMs } = await switchOff(openRtu, silent, { echo: true });
  expect(askedMs).toEqual([0]);
});

test('what only looks is never sent twice, and what is not wanted any more not at all', async () => {
  const { bus, clock, stream } = await openRtu(silent, { timeoutMs: 1000 });
  await clock.run(outcome(bus.readBits(1, 'coil', 5, 1, { isUrgent: true })));
  expect(stream.written).toHaveLength(1);
  const unwanted = bus.writeBits(1, 5, [true], 'single', { isWanted: () => false });
  expect(await clock.run(outcome(unwanted))).toMatchObject({ error: { kind: 'superseded' } });
  expect(stream.written).toHaveLength(1);
});

test.each([
  ['RTU', openRtu, 0, false],
  ['RTU that returns what is sent', openRtu, 0, true],
  ['TCP', openTcpModbus, 6, false],
] as const)('%s: who does not answer gives way to others after a fifth of the time, and has all of it then', async (...of) => {
  const [, open, unitAt, echo] = of;
  const asked: { readonly unit: number; readonly atMs: number }[] = [];
  const { line, clock } = await open(
    (request, { clock: its, stream }) => {
      const unit = request[unitAt] as number;
      asked.push({ unit, atMs: its.monotonicMs() });
      if (echo) stream.receive(Uint8Array.from(request));
      if (unit === 2) stream.receive(Uint8Array.from(request));
    },
    { timeoutMs: 1000, echo },
  );
  const queue = busQueue('line', clock);
  const off = (unit: number) => {
    const bus = modbusInTurns(line, queue, () => ({ board: String(unit), rank: 'order', deadlineMs: 10_000 }));
    return outcome(bus.writeBits(unit, 5, [false], 'single', { isUrgent: true }));
  };
  const [silentOne, other] = await clock.run(Promise.all([off(1), off(2)]));
  expect(silentOne).toMatchObject({ error: { kind: 'timeout' } });
  expect(other).toEqual({ value: undefined });
  const way = asked.findIndex(({ unit }) => unit === 2);
  expect(asked[way]?.atMs).toBeGreaterThanOrEqual(200);
  expect(asked[way]?.atMs).toBeLessThan(210);
  const again = asked[way + 1];
  expect(again?.unit).toBe(1);
  expect(clock.monotonicMs() - (again?.atMs ?? Number.NaN)).toBeGreaterThanOrEqual(1000);
});
