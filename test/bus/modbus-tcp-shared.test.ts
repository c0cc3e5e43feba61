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
