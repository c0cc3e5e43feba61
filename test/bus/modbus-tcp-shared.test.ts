// Several slaves behind one Modbus TCP connection, asked at once: what one of them does wrong costs the others nothing.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { modbusFunctions } from '../../drivers/bus/modbus-functions.ts';
import type { ModbusOptions } from '../../drivers/bus/modbus-line.ts';
import type { BusError } from '../../drivers/errors.ts';
import { drain } from '../support/test-clock.ts';
import { type Answer, openTcpModbus, outcome } from './support.ts';

/** A connection that takes any number of questions at once, and what was told of its end. */
async function openShared(answer: Answer, options: Partial<ModbusOptions> = {}) {
  const broken: BusError[] = [];
  const bench = await openTcpModbus(answer, { timeoutMs: 1000, onBroken: (cause) => broken.push(cause), ...options });
  return { ...bench, broken, bus: modbusFunctions((question) => bench.line.ask(question)) };
}

/** The answer of the unit that was asked: as many registers, all bytes of which are its number. */
function answerTo(request: Uint8Array): Uint8Array {
  const [high = 0, low = 0, , , , , unit = 0, code = 0] = request;
  const bytes = 2 * (request[11] as number);
  return Uint8Array.of(high, low, 0, 0, 0, 3 + bytes, unit, code, bytes, ...new Array<number>(bytes).fill(unit));
}

test('three that are dead and asked at once do not cost the connection of one that answers', async () => {
  const { clock, bus, broken } = await openShared((request, { stream, clock: on }) => {
    if (request[6] === 2) on.timer(500, () => stream.receive(answerTo(request)));
  });
  const read = (unit: number) => outcome(bus.readRegisters(unit, 'holding', 0, 1));
  for (let round = 0; round < 5; round++) {
    const dead = [10, 11, 12].map(read);
    const live: unknown[] = [];
    for (let i = 0; i < 3; i++) live.push(await clock.run(read(2)));
    expect(live).toEqual(live.map(() => ({ value: Uint8Array.of(2, 2) })));
    await clock.run(Promise.all(dead));
  }
  expect(broken).toEqual([]);
});

test('a peer that has gone silent is given up after three rounds of questions, however many are asked at once', async () => {
  const { clock, bus, broken } = await openShared(() => {});
  const units = [10, 11, 12, 13];
  const round = () => clock.run(Promise.all(units.map((unit) => outcome(bus.readRegisters(unit, 'holding', 0, 1)))));
  await round();
  await round();
  expect(broken).toEqual([]);
  await round();
  expect(broken).toMatchObject([{ kind: 'timeout' }]);
});

/** A register of unit 10 is asked, and what comes in a good header is not the answer to that. */
const UNFIT: readonly (readonly [string, readonly number[]])[] = [
  ['one more register', [10, 3, 4, 0, 1, 0, 2]],
  ['no register', [10, 3, 0]],
  ['another byte count', [10, 3, 4, 0, 1]],
  ['another function', [10, 4, 2, 0, 1]],
  ['an exception with more behind it', [10, 0x83, 2, 0, 0]],
];

test.each(UNFIT)('a slave that answers with %s in a good header fails alone and at once', async (_what, body) => {
  const { clock, bus, line, broken } = await openShared((request, { stream }) => {
    if (request[6] === 2) stream.receive(answerTo(request));
    else stream.receive(Uint8Array.of(...request.subarray(0, 4), 0, body.length, ...body));
  });
  for (let round = 0; round < 5; round++) {
    const [bad, good] = [10, 2].map((unit) => outcome(bus.readRegisters(unit, 'holding', 0, 1)));
    expect(await bad).toMatchObject({
      error: { kind: 'bad-checksum', message: expect.stringMatching(/^inverter: unit 10, function 3: expected .* found/) },
    });
    expect(await good).toEqual({ value: Uint8Array.of(2, 2) });
  }
  expect(clock.monotonicMs()).toBe(0);
  expect(broken).toEqual([]);
  expect(line.stats()).toMatchObject({ damagedCount: 5, answerCount: 5 });
  expect(line.stats().units.get(10)?.counts).toMatchObject({ damagedCount: 5, answerCount: 0, timeoutCount: 0 });
  expect(clock.timerCount).toBe(0);
});

test('a slave that sends more than its header tells gives no wrong value, and its neighbour the right one', async () => {
  const { clock, stream, bus } = await openShared((request, { stream: on }) => {
    const answer = answerTo(request);
    if (request[6] === 10) answer[5] = 5;
    on.receive(answer);
  });
  const read = (unit: number, count: number) => clock.run(outcome(bus.readRegisters(unit, 'holding', 0, count)));
  for (let round = 0; round < 5; round++) {
    expect(await read(10, 2)).toMatchObject({ error: { kind: 'bad-checksum' } });
    const good = await read(2, 1);
    if ('value' in good) expect(good.value).toEqual(Uint8Array.of(2, 2));
    stream.unplug();
    stream.isOpen = true;
    expect(await read(2, 1)).toEqual({ value: Uint8Array.of(2, 2) });
  }
});

/** Asks six registers of unit 1 and of unit 2, and sends what `wire` makes of both answers, in pieces. */
async function bothOf(wire: (one: Uint8Array, two: Uint8Array) => readonly Uint8Array[], options: Partial<ModbusOptions> = {}) {
  const bench = await openShared(() => {}, options);
  const { clock, stream, bus } = bench;
  const both = [1, 2].map((unit) => outcome(bus.readRegisters(unit, 'holding', 0, 6)));
  await drain();
  const [one, two] = stream.written.map(answerTo) as [Uint8Array, Uint8Array];
  for (const piece of wire(one, two)) stream.receive(piece);
  const failedMs = both.map((each) => each.then(() => clock.monotonicMs()));
  return { ...bench, results: await clock.run(Promise.all(both)), endedMs: await Promise.all(failedMs) };
}

const TWO = { value: new Uint8Array(12).fill(2) };
const CUT = { error: { kind: 'bad-checksum', message: expect.stringContaining('unit 1, function 3: only a part of an answer') } };

test.each(Array.from({ length: 13 }, (_, i) => i + 8))(
  'of an answer of 21 bytes %i came, and it is not filled up with the answer behind it, which counts',
  async (bytes) => {
    const { results, endedMs, broken, line } = await bothOf((one, two) => [one.subarray(0, bytes), two]);
    expect(results).toMatchObject([CUT, TWO]);
    expect(endedMs).toEqual([0, 0]);
    expect(broken).toEqual([]);
    expect(line.stats().units.get(1)?.counts).toMatchObject({ damagedCount: 1, timeoutCount: 0 });
  },
);

test.each([4, 5, 6, 7])('also where of the header behind it only %i bytes are there at first', async (bytes) => {
  const { results } = await bothOf((one, two) => [one.subarray(0, -bytes), two.subarray(0, bytes), two.subarray(bytes)]);
  expect(results).toMatchObject([CUT, TWO]);
});

test('also where what comes behind it is a refusal, of no use, or too late', async () => {
  const refusal = await bothOf((one, two) => [one.subarray(0, -9), two.with(5, 3).with(7, 0x83).with(8, 2).subarray(0, 9)]);
  expect(refusal.results).toMatchObject([CUT, { error: { code: 2 } }]);
  const useless = await bothOf((one, two) => [one.subarray(0, -11), two.with(5, 5).with(8, 2).subarray(0, 11)]);
  expect(useless.results).toMatchObject([CUT, { error: { message: expect.stringContaining('unit 2, function 3: expected') } }]);

  const { clock, stream, bus, line } = await openShared(() => {});
  await clock.run(outcome(bus.readRegisters(2, 'holding', 0, 6)));
  const one = outcome(bus.readRegisters(1, 'holding', 0, 6));
  await drain();
  const [late, cut] = stream.written.map(answerTo) as [Uint8Array, Uint8Array];
  stream.receive(Buffer.concat([cut.subarray(0, 11), late]));
  expect(await one).toMatchObject(CUT);
  expect(line.stats().lateCount).toBe(1);
});

test('an answer whose data ends like the header of its own question counts at once', async () => {
  const { clock, stream, bus } = await openShared((request) => {
    stream.receive(answerTo(request).with(9, 0).with(10, 1).with(11, 0).with(12, 0));
  });
  expect(await outcome(bus.readRegisters(1, 'holding', 0, 2))).toEqual({ value: Uint8Array.of(0, 1, 0, 0) });
  expect(clock.monotonicMs()).toBe(0);
});

test('an answer whose data ends like the header of a question that nobody answers comes at its deadline', async () => {
  const { clock, bus, broken } = await openShared((request, { stream }) => {
    // Registers 2 and 0: transaction 2 and the protocol of the other question.
    if (request[6] === 1) stream.receive(answerTo(request).with(9, 0).with(10, 2).with(11, 0).with(12, 0));
  });
  const [answered, dead] = [1, 2].map((unit) => outcome(bus.readRegisters(unit, 'holding', 0, 2)));
  expect(await clock.run(answered as Promise<unknown>)).toEqual({ value: Uint8Array.of(0, 2, 0, 0) });
  expect(await clock.run(dead as Promise<unknown>)).toMatchObject({ error: { kind: 'timeout' } });
  expect(broken).toEqual([]);
});

test('an answer that is sent again because it was cut counts', async () => {
  const { results } = await bothOf((one, two) => [one.subarray(0, 11), one, two]);
  expect(results).toEqual([{ value: new Uint8Array(12).fill(1) }, TWO]);
});

test.each([1, 2, 3, 5])('%i bytes too many do no harm to the answer behind them', async (bytes) => {
  const { results, broken } = await bothOf((one, two) => [one, new Uint8Array(bytes).fill(7), two]);
  expect(results).toEqual([{ value: new Uint8Array(12).fill(1) }, TWO]);
  expect(broken).toEqual([]);
});

test('whatever is cut, and however it comes in pieces, nobody gets the bytes of another', async () => {
  const frames = fc.array(fc.record({ cut: fc.integer({ min: -20, max: 40 }), fits: fc.boolean() }), {
    minLength: 2,
    maxLength: 6,
  });
  const edges = fc.array(fc.nat(400), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(frames, edges, async (sent, cuts) => {
      const { clock, stream, bus } = await openShared(() => {});
      const reads = sent.map((_, i) => outcome(bus.readRegisters(0x50 + i, 'holding', 0, 3 * (i + 1))));
      await drain();
      const wire = Buffer.concat(
        stream.written.map((request, i) => {
          const { cut, fits } = sent[i] as (typeof sent)[number];
          const answer = fits ? answerTo(request) : answerTo(request.with(11, 1));
          // Of a header in three bytes nothing can be known yet, nor of one without its unit and function.
          return cut < 4 ? answer : answer.subarray(0, Math.max(8, answer.length - cut));
        }),
      );
      const at = [0, ...cuts.map((edge) => Math.min(edge, wire.length)).sort((a, b) => a - b), wire.length];
      for (const [i, end] of at.slice(1).entries()) stream.receive(wire.subarray(at[i], end));
      for (const [i, result] of (await clock.run(Promise.all(reads))).entries()) {
        if ('value' in result) expect(result.value).toEqual(new Uint8Array(6 * (i + 1)).fill(0x50 + i));
      }
    }),
    { numRuns: 2000 },
  );
});
