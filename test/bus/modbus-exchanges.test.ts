// Frames that others recorded or printed, of writes and of single answers, through the production bus code.

import { describe, expect, it, test } from 'vitest';
import type { ModbusBus } from '../../drivers/bus/modbus.ts';
import { BusError } from '../../drivers/errors.ts';
import { bytes, hex } from '../support/hex.ts';
import { type Vector, vectors } from '../support/vectors.ts';
import { framed, openRtu, openTcpModbus, outcome } from './support.ts';

/** A question of a vector, as its `expected` spells it out. */
interface Asked {
  readonly fc: number;
  readonly address: number;
  readonly value: number | boolean;
  readonly values: readonly (number | boolean)[];
  readonly and_mask: number;
  readonly or_mask: number;
  readonly read_address: number;
  readonly read_quantity: number;
  readonly write_address: number;
}

interface Exchange {
  readonly id: string;
  readonly request: string;
  readonly response: string;
  readonly asked: Asked;
  /** What function 23 gives. */
  readonly registers: readonly number[] | undefined;
}

const WRITING = [5, 6, 15, 16, 22, 23];

/** The recorded writes of a file. */
function writesOf(file: string): readonly Exchange[] {
  return vectors(file).flatMap(({ id, input, expected }) => {
    const asked = (expected['request'] ?? expected) as unknown as Asked;
    if (!input.startsWith('{') || !WRITING.includes(asked.fc)) return [];
    const { registers } = (expected['response'] ?? {}) as unknown as { registers?: readonly number[] };
    return [{ id, ...(JSON.parse(input) as { request: string; response: string }), asked, registers }];
  });
}

function vector(id: string): Vector {
  const found = vectors(id.split('/')[0] ?? '').find((one) => one.id === id);
  if (found === undefined) throw new Error(`no vector ${id}`);
  return found;
}

function words(values: readonly (number | boolean)[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [Number(value) >> 8, Number(value) & 0xff]));
}

function write(bus: ModbusBus, unit: number, asked: Asked): Promise<unknown> {
  const { fc, address, value, values } = asked;
  switch (fc) {
    case 5:
      return bus.writeBits(unit, address, [value === true], 'single');
    case 6:
      return bus.writeRegisters(unit, address, words([value]), 'single');
    case 15:
      return bus.writeBits(unit, address, values.map(Boolean), 'multiple');
    case 16:
      return bus.writeRegisters(unit, address, words(values), 'multiple');
    case 22:
      return bus.maskRegister(unit, address, asked.and_mask, asked.or_mask);
    default: {
      const read = { address: asked.read_address, count: asked.read_quantity };
      return bus.readWriteRegisters(unit, read, { address: asked.write_address, registers: words(values) });
    }
  }
}

describe('writes', () => {
  const [rtu, tcp] = [writesOf('modbus_rtu'), writesOf('modbus_tcp')];

  it.each(rtu)('asks and understands $id', async ({ request, response, asked, registers }) => {
    const { clock, bus, stream } = await openRtu((sent, bench) => {
      if (hex(sent) === request) bench.stream.receive(bytes(response));
    });
    const result = await clock.run(write(bus, bytes(request)[0] as number, asked));
    expect(stream.written.map(hex)).toEqual([request]);
    expect(result).toEqual(registers && words(registers));
  });

  it.each(tcp)('asks and understands $id', async ({ request, response, asked, registers }) => {
    // Our transaction ids count from 1; the recording's are put into ours.
    const { clock, bus, stream } = await openTcpModbus((sent, bench) => {
      bench.stream.receive(Buffer.concat([sent.subarray(0, 2), bytes(response).subarray(2)]));
    });
    const result = await clock.run(write(bus, bytes(request)[6] as number, asked));
    expect(stream.written.map(hex)).toEqual([`0001${request.slice(4)}`]);
    expect(result).toEqual(registers && words(registers));
  });

  it('are of every function, from the specification and from real devices', () => {
    expect(new Set(rtu.map(({ asked }) => asked.fc))).toEqual(new Set(WRITING));
    expect(rtu.length + tcp.length).toBe(15);
  });
});

describe('single frames', () => {
  it.each(['modbus_rtu/pymodbus-rsp-0', 'modbus_rtu/pymodbus-rsp-255', 'modbus_rtu/aldas-fc03-rsp'])(
    'understands the answer %s',
    async (id) => {
      const { input, expected } = vector(id);
      const { clock, bus } = await openRtu((_, { stream }) => stream.receive(bytes(input)));
      const registers = expected['registers'] as unknown as number[];
      const work = bus.readRegisters(expected['unit'] as number, 'holding', 0, registers.length);
      expect(await clock.run(work)).toEqual(words(registers));
    },
  );

  test('modbus_tcp/pymodbus-rsp, the answer to a question of its transaction', async () => {
    const { input, expected } = vector('modbus_tcp/pymodbus-rsp');
    const { clock, bus } = await openTcpModbus((sent, { stream }) => {
      stream.receive(Buffer.concat([sent.subarray(0, 2), bytes(input).subarray(2)]));
    });
    const registers = await clock.run(bus.readRegisters(expected['unit'] as number, 'holding', 0, 2));
    expect(registers).toEqual(words(expected['registers'] as unknown as number[]));
  });

  test('modbus_rtu/pymodbus-req-17 is what we ask', async () => {
    const { input, expected } = vector('modbus_rtu/pymodbus-req-17');
    const { clock, bus, stream } = await openRtu(() => {});
    const { unit, address, quantity } = expected as Record<string, number>;
    await outcome(clock.run(bus.readRegisters(unit ?? 0, 'holding', address ?? 0, quantity ?? 0)));
    expect(hex(stream.written[0] as Uint8Array)).toBe(input);
  });

  test('modbus_rtu/pymodbus-exc-17 and modbus_tcp/node-slave-failure are refusals', async () => {
    const rtu = vector('modbus_rtu/pymodbus-exc-17');
    const line = await openRtu((_, { stream }) => stream.receive(bytes(rtu.input)));
    await expect(line.clock.run(line.bus.readRegisters(17, 'holding', 0, 1))).rejects.toMatchObject({ kind: 'refused', code: 2 });
    const { response } = JSON.parse(vector('modbus_tcp/node-slave-failure').input) as { response: string };
    const network = await openTcpModbus((_, { stream }) => stream.receive(bytes(response)));
    const work = network.clock.run(network.bus.readRegisters(1, 'holding', 62, 1));
    await expect(work).rejects.toMatchObject({ kind: 'refused', code: 4 });
  });

  test('modbus_rtu/tokio-partial gives nothing, and an answer like it gives its bits when the last byte has come', async () => {
    const partial = bytes(vector('modbus_rtu/tokio-partial').input);
    const line = await openRtu((_, { stream }) => stream.receive(partial));
    const work = line.clock.run(line.bus.readBits(18, 'discrete', 0, 24));
    await expect(work).rejects.toMatchObject({ name: 'BusError' });
    const whole = framed([...partial.subarray(0, -1)]);
    const { clock, bus } = await openRtu((_, bench) => {
      bench.stream.receive(whole.subarray(0, -1));
      bench.clock.timer(5, () => bench.stream.receive(whole.subarray(-1)));
    });
    expect(await clock.run(bus.readBits(18, 'discrete', 0, 24))).toEqual(Array(24).fill(false));
  });

  test('modbus_tcp/fault-bad-length, whose header says less than comes, gives no value', async () => {
    const input = bytes(vector('modbus_tcp/fault-bad-length').input);
    const { clock, bus } = await openTcpModbus((sent, { stream }) => {
      stream.receive(Buffer.concat([sent.subarray(0, 2), input.subarray(2)]));
    });
    await expect(clock.run(bus.readRegisters(255, 'holding', 0, 1))).rejects.toThrow(BusError);
  });
});
