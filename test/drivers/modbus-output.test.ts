import { describe, expect, it, test } from 'vitest';
import type { DeviceSpec, ModbusSpec, OutputSpec } from '../../drivers/driver.ts';
import { BusError } from '../../drivers/errors.ts';
import { modbusMap } from '../../drivers/modbus-map.ts';
import { type Bench, framed, openRtu } from '../bus/support.ts';
import { FakeModbus } from '../support/fake-modbus.ts';
import { bytes, hex } from '../support/hex.ts';
import { TestClock } from '../support/test-clock.ts';
import { vectors } from '../support/vectors.ts';

const NO_ABORT = new AbortController().signal;
const MODBUS: ModbusSpec = { readWith: 'input', encoding: 'uint16', byteOrder: 'ABCD', registersMax: 125, holes: [] };
const RELAY: OutputSpec = { id: 'relay', safe: false, coil: 0 };
const MODE: OutputSpec = { id: 'mode', safe: false, register: { at: 0x0010, on: 0x55, off: 0xaa00 } };

function specOf(output: OutputSpec, modbus: Partial<ModbusSpec> = {}): DeviceSpec<{ unit: number }> {
  return { board: 'relays', with: { unit: 1 }, readings: [], outputs: [output], modbus: { ...MODBUS, ...modbus } };
}

async function opened(slave: FakeModbus, output: OutputSpec, modbus: Partial<ModbusSpec> = {}) {
  const device = await modbusMap.open(slave, specOf(output, modbus), new TestClock());
  slave.asked.length = 0;
  return {
    device,
    write: (on: boolean, id = output.id) => device.write?.(id, on) ?? Promise.reject(new Error('no write')),
  };
}

describe('an output is written and read back', () => {
  it.each<[string, OutputSpec, Partial<ModbusSpec>, boolean, string[]]>([
    ['a coil', RELAY, {}, true, ['coil:0=1 single', 'coil:0+1']],
    ['a coil, off', RELAY, { writeWith: 'single' }, false, ['coil:0=0 single', 'coil:0+1']],
    ['a coil as a list of one', RELAY, { writeWith: 'multiple' }, true, ['coil:0=1 multiple', 'coil:0+1']],
    ['a register', MODE, {}, true, ['holding:16=0055 single', 'holding:16+1']],
    ['a register, off', MODE, {}, false, ['holding:16=aa00 single', 'holding:16+1']],
    ['a register as a list of one', MODE, { writeWith: 'multiple' }, true, ['holding:16=0055 multiple', 'holding:16+1']],
  ])('%s', async (_, output, modbus, on, asked) => {
    const slave = new FakeModbus();
    await (await opened(slave, output, modbus)).write(on);
    expect(slave.asked).toEqual(asked);
  });

  it.each<[OutputSpec, string]>([
    [RELAY, 'relay: expected on at coil 0x0000 after writing it, found off'],
    [MODE, 'mode: expected 85 at holding 0x0010 after writing it, found 7'],
  ])('and only what is read back counts: $id', async (output, message) => {
    const slave = new FakeModbus();
    const { write } = await opened(slave, output);
    slave.writeBits = async () => {};
    slave.writeRegisters = async () => {};
    slave.registers.set('holding:16', 7);
    await expect(write(true)).rejects.toMatchObject({ name: 'DeviceError', kind: 'implausible', message });
  });

  it.each([1, 2])('and a failure of request %i comes out as it is, with nothing asked again', async (request) => {
    const slave = new FakeModbus();
    const { write } = await opened(slave, RELAY);
    const error = new BusError('timeout', 'no answer');
    slave.before = () => {
      if (slave.asked.length === request) throw error;
    };
    await expect(write(true)).rejects.toBe(error);
    expect(slave.asked.length).toBe(request);
    await write(true);
  });

  it('and orders at once do not take each other’s state for a mistake', async () => {
    const slave = new FakeModbus();
    const { write } = await opened(slave, RELAY);
    const outcomes = await Promise.allSettled([write(true), write(false), write(true)]);
    // What is safe waits for nothing, the order before it that was not sent is not sent any more, and the third waits for it.
    expect(slave.asked).toEqual(['coil:0=0 single', 'coil:0+1', 'coil:0=1 single', 'coil:0+1']);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(outcomes[0]).toMatchObject({ reason: { kind: 'superseded' } });
  });

  it('and one that the board does not have is a bug', async () => {
    const { write } = await opened(new FakeModbus(), RELAY);
    await expect(write(true, 'valve')).rejects.toThrow('board relays has no output that is called valve');
  });
});

describe('at its opening', () => {
  it.each([
    [true, ['coil:0=1 single', 'coil:0+1']],
    [false, ['coil:0=0 single', 'coil:0+1']],
  ])('an output goes to its safe state, and to nothing else: %s', async (safe, asked) => {
    const slave = new FakeModbus();
    await modbusMap.open(slave, specOf({ ...RELAY, safe }), new TestClock());
    expect(slave.asked).toEqual(asked);
  });

  it('a device that does not take it is not opened, and is when it does', async () => {
    const slave = new FakeModbus();
    const error = new BusError('timeout', 'no answer');
    slave.before = () => {
      throw error;
    };
    await expect(modbusMap.open(slave, specOf(RELAY), new TestClock())).rejects.toBe(error);
    slave.before = () => {};
    await modbusMap.open(slave, specOf(RELAY), new TestClock());
  });
});

describe('a device that only switches', () => {
  it('is asked for its outputs, so that it is noticed when it is gone', async () => {
    const slave = new FakeModbus();
    const { device } = await opened(slave, RELAY);
    expect(await device.read?.(NO_ABORT)).toEqual([]);
    expect(slave.asked).toEqual(['coil:0+1']);
    const error = new BusError('timeout', 'no answer');
    slave.before = () => {
      throw error;
    };
    await expect(device.read?.(NO_ABORT)).rejects.toBe(error);
    expect(modbusMap.plan(specOf(RELAY)).map(({ readings }) => readings)).toEqual([[]]);
  });

  it('and one that only measures has nothing to write', async () => {
    const spec = { ...specOf(RELAY), outputs: [], readings: [{ id: 'x', at: 0 }] };
    expect((await modbusMap.open(new FakeModbus(), spec, new TestClock())).write).toBeUndefined();
  });
});

/** A slave of function codes: what it has, it does; of what it has not it says exception 1. */
async function slaveWith(codes: () => readonly number[], heard: string[]): Promise<Bench> {
  const state = new Map<string, number>();
  return openRtu((request, bench) => {
    heard.push(hex(request));
    const [unit = 0, code = 0] = request;
    const at = hex(request.subarray(2, 4));
    if (!codes().includes(code)) return bench.stream.receive(framed([unit, code | 0x80, 1]));
    if (code === 5 || code === 6) {
      state.set(`${code === 5 ? 'coil' : 'holding'}:${at}`, Buffer.from(request).readUInt16BE(4));
      return bench.stream.receive(request);
    }
    if (code === 15) state.set(`coil:${at}`, request[7] ?? 0);
    if (code === 16) state.set(`holding:${at}`, Buffer.from(request).readUInt16BE(7));
    if (code >= 15) return bench.stream.receive(framed([...request.subarray(0, 6)]));
    const value = state.get(`${code === 1 ? 'coil' : 'holding'}:${at}`) ?? 0;
    const data = code === 1 ? [1, value === 0 ? 0 : 1] : [2, value >> 8, value & 0xff];
    return bench.stream.receive(framed([unit, code, ...data]));
  });
}

describe('devices that know only one of the write functions (mb-24)', () => {
  it.each<[string, number[], OutputSpec, Partial<ModbusSpec>, number]>([
    ['16 and not 06', [3, 16], MODE, { writeWith: 'single' }, 6],
    ['06 and not 16', [3, 6], MODE, { writeWith: 'multiple' }, 16],
    ['05 and not 15', [1, 5], RELAY, { writeWith: 'multiple' }, 15],
    ['15 and not 05', [1, 15], RELAY, {}, 5],
  ])('%s: failed, function not supported, and no other function is tried', async (_, codes, output, modbus, tried) => {
    const heard: string[] = [];
    let has = [1, 3, 5, 6, 15, 16];
    const { bus, clock } = await slaveWith(() => has, heard);
    const device = await clock.run(modbusMap.open(bus, specOf(output, modbus), clock));
    const refused = {
      name: 'DeviceError',
      kind: 'refused',
      message: expect.stringMatching(new RegExp(`^${output.id}: function not supported: .* function ${tried}; .*write_with`)),
      cause: expect.objectContaining({ code: 1 }),
    };
    has = codes;
    heard.length = 0;
    await expect(clock.run(device.write?.(output.id, true) ?? Promise.resolve())).rejects.toMatchObject(refused);
    // Its outputs cannot be made safe: it is not opened a second time.
    await expect(clock.run(modbusMap.open(bus, specOf(output, modbus), clock))).rejects.toMatchObject(refused);
    expect(heard.map((request) => Number.parseInt(request.slice(2, 4), 16))).toEqual([tried, tried]);
  });

  it.each<[string, number[], OutputSpec, Partial<ModbusSpec>]>([
    ['16', [3, 16], MODE, { writeWith: 'multiple' }],
    ['06', [3, 6], MODE, { writeWith: 'single' }],
    ['05', [1, 5], RELAY, { writeWith: 'single' }],
    ['15', [1, 15], RELAY, { writeWith: 'multiple' }],
  ])('%s works when the board says so', async (_, codes, output, modbus) => {
    const heard: string[] = [];
    const { bus, clock } = await slaveWith(() => codes, heard);
    const device = await clock.run(modbusMap.open(bus, specOf(output, modbus), clock));
    for (const on of [true, false]) await clock.run(device.write?.(output.id, on) ?? Promise.resolve());
    // To its safe state at the opening, on and off; each with what reads it back.
    expect(heard.length).toBe(6);
  });
});

test.each([
  ['on-0', true],
  ['off-0', false],
])('a relay is switched with the frame of its manual: %s', async (id, on) => {
  const frame = vectors('modbus_relay').find((one) => one.id.endsWith(id))?.input ?? '';
  const heard: string[] = [];
  const { bus, clock } = await slaveWith(() => [1, 5], heard);
  const device = await clock.run(modbusMap.open(bus, specOf(RELAY), clock));
  heard.length = 0;
  await clock.run(device.write?.('relay', on) ?? Promise.resolve());
  expect(heard[0]).toBe(frame);
});

test('eight relays are read with the frame of their manual, lowest bit first', async () => {
  const vector = vectors('modbus_relay').find((one) => one.id.endsWith('read-8'));
  const { request, response } = JSON.parse(vector?.input ?? '') as { request: string; response: string };
  const { bus, clock } = await openRtu((asked, { stream }) => hex(asked) === request && stream.receive(bytes(response)));
  const readings = Array.from({ length: 8 }, (_, at) => ({ id: `relay${at}`, at, readWith: 'coil' as const }));
  const device = await modbusMap.open(bus, { ...specOf(RELAY), outputs: [], readings }, clock);
  const results = await clock.run(device.read?.(NO_ABORT) ?? Promise.reject(new Error('no read')));
  const coils = vector?.expected['coils'] as unknown as boolean[];
  expect(results).toEqual(coils.map((value, at) => ({ id: `relay${at}`, value })));
});
