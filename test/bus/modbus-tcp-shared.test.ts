// Several slaves behind one Modbus TCP connection, asked at once: what one of them does wrong costs the others nothing.

import { expect, test } from 'vitest';
import { modbusFunctions } from '../../drivers/bus/modbus-functions.ts';
import type { ModbusOptions } from '../../drivers/bus/modbus-line.ts';
import type { BusError } from '../../drivers/errors.ts';
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
