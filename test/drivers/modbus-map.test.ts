import { describe, expect, it } from 'vitest';
import { ModbusException } from '../../drivers/bus/modbus-exception.ts';
import type { DeviceSpec, ModbusSpec, ReadingSpec } from '../../drivers/driver.ts';
import { BusError } from '../../drivers/errors.ts';
import { modbusMap } from '../../drivers/modbus-map.ts';
import { FakeModbus } from '../support/fake-modbus.ts';
import { bytes } from '../support/hex.ts';
import { TestClock } from '../support/test-clock.ts';
import { vectors } from '../support/vectors.ts';

const NO_ABORT = new AbortController().signal;
const UINT16: ModbusSpec = { readWith: 'holding', encoding: 'uint16', byteOrder: 'ABCD', registersMax: 125, holes: [] };
const SDM: ModbusSpec = { readWith: 'input', encoding: 'float32', byteOrder: 'ABCD', registersMax: 40, holes: [] };

function specOf(readings: readonly ReadingSpec[], modbus: Partial<ModbusSpec> = {}): DeviceSpec<{ unit: number }> {
  return { board: 'test', with: { unit: 1 }, readings, outputs: [], modbus: { ...UINT16, ...modbus } };
}

/** One uint16 reading for each address, named after it. */
function at(...addresses: readonly number[]): ReadingSpec[] {
  return addresses.map((address) => ({ id: `r${address}`, at: address }));
}

/** A slave that has these registers, each holding its address. */
function slaveWith(...addresses: readonly number[]): FakeModbus {
  const slave = new FakeModbus();
  for (const address of addresses) slave.registers.set(`holding:${address}`, address);
  return slave;
}

async function deviceOn(slave: FakeModbus, spec: DeviceSpec<{ unit: number }>) {
  const device = await modbusMap.open(slave, spec, new TestClock());
  return () => device.read?.(NO_ABORT) ?? Promise.reject(new Error('no read'));
}

async function read(slave: FakeModbus, spec: DeviceSpec<{ unit: number }>) {
  return (await deviceOn(slave, spec))();
}

/** The readings of each request that is planned. */
function planned(spec: DeviceSpec<{ unit: number }>): string[] {
  return modbusMap.plan(spec).map((request) => request.readings.join(' '));
}

describe('the plan', () => {
  it.each([
    ['neighbours go together', at(0, 1, 2), {}, ['r0 r1 r2']],
    ['twelve unwanted registers are read along', at(0, 13), {}, ['r0 r13']],
    ['thirteen are not', at(0, 14), {}, ['r0', 'r14']],
    ['twelve at 9600 baud', at(0, 13, 27), { baud: 9600 }, ['r0 r13', 'r27']],
    ['fourteen at 19200', at(0, 15, 31), { baud: 19_200 }, ['r0 r15', 'r31']],
    ['fifty-one at 115200', at(0, 52, 105), { baud: 115_200 }, ['r0 r52', 'r105']],
    ['a scale factor is read with its value', [{ id: 'r0', at: 0, scaleFrom: 10 }, ...at(4)], {}, ['r0 r4']],
    ['and apart from it where it is far away', [{ id: 'r0', at: 0, scaleFrom: 40 }, ...at(41)], {}, ['r0', 'r41']],
    ['not across a hole', at(0, 5), { holes: [[3, 3]] as const }, ['r0', 'r5']],
    ['a hole elsewhere does not matter', at(0, 5), { holes: [[6, 9]] as const }, ['r0 r5']],
    ['no more than the board allows', at(0, 1, 2, 3), { registersMax: 3 }, ['r0 r1 r2', 'r3']],
    ['the order of the file does not matter', at(2, 0, 1), {}, ['r0 r1 r2']],
    ['tables stay apart', [...at(0), { id: 'in', at: 1, readWith: 'input' as const }], {}, ['r0', 'in']],
    [
      'two readings of one register',
      [
        { id: 'a', at: 0, bit: 0 },
        { id: 'b', at: 0, bit: 1 },
      ],
      {},
      ['a b'],
    ],
    [
      'a value is not cut in two',
      [...at(0), { id: 'big', at: 1, encoding: 'uint64' as const }],
      { registersMax: 4 },
      ['r0', 'big'],
    ],
  ])('%s', (_, readings, modbus, expected) => {
    expect(planned(specOf(readings, modbus))).toEqual(expected);
  });

  it('asks for 2000 bits at once and no more', () => {
    const bit = (address: number): ReadingSpec => ({ id: `b${address}`, at: address, readWith: 'coil', encoding: 'bool' });
    const readings = Array.from({ length: 2100 / 100 + 1 }, (_, index) => bit(index * 100));
    expect(modbusMap.plan(specOf(readings)).map((request) => request.readings.length)).toEqual([20, 2]);
  });

  it('says what goes over the wire: SDM120, voltage to power', () => {
    const readings = [
      { id: 'voltage', at: 0 },
      { id: 'current', at: 6 },
      { id: 'power', at: 12 },
    ];
    // Registers 0 to 13, two bytes each, and unit, function, byte count and CRC around them.
    expect(modbusMap.plan(specOf(readings, SDM))).toEqual([
      { writeBytes: 8, readBytes: 5 + 28, waitMs: 50, readings: ['voltage', 'current', 'power'] },
    ]);
  });

  it('reads 347 registers in a row with requests the protocol allows (mb-15)', async () => {
    const addresses = Array.from({ length: 347 }, (_, address) => address);
    const slave = slaveWith(...addresses);
    const results = await read(slave, specOf(at(...addresses)));
    expect(results).toEqual(addresses.map((address) => ({ id: `r${address}`, value: address })));
    expect(slave.asked).toEqual(['holding:0+125', 'holding:125+125', 'holding:250+97']);
  });
});

describe('values', () => {
  it.each(['sdm-voltage-230.2', 'sdm-current-1.2'])('of %s', async (id) => {
    const vector = vectors('energy_meters').find((one) => one.id === `energy_meters/${id}`);
    const { response } = JSON.parse(vector?.input ?? '') as { response: string };
    const register = vector?.context['register'] as number;
    const [[name = '', value] = []] = Object.entries(vector?.expected ?? {});
    const slave = new FakeModbus().put('input', register, bytes(response).subarray(3, -2));
    expect(await read(slave, specOf([{ id: name, at: register }], SDM))).toEqual([
      { id: name, value: expect.closeTo(Number(value), 3) },
    ]);
  });

  it('bits in the order of their addresses (mb-11)', async () => {
    const slave = new FakeModbus();
    const states = [1, 0, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];
    for (const [index, state] of states.entries()) slave.bits.set(`coil:${256 + index}`, state === 1);
    const readings = states.map(
      (_, index): ReadingSpec => ({ id: `c${256 + index}`, at: 256 + index, readWith: 'coil', encoding: 'bool' }),
    );
    const results = await read(slave, specOf(readings));
    expect(results).toEqual(states.map((state, index) => ({ id: `c${256 + index}`, value: state === 1 })));
    expect(slave.asked).toEqual(['coil:256+16']);
  });

  it.each<[string, Partial<ReadingSpec>]>([
    ['its board lists what means so', { notAvailable: [0xffff] }],
    ['its range excludes what usually means so', { valid: [0, 1000] }],
  ])('one that is not available does not take the others with it (mb-18): %s', async (_says, more) => {
    const slave = new FakeModbus().put('holding', 0, bytes('ffff00e6'));
    const results = await read(
      slave,
      specOf([
        { id: 'dc', at: 0, scale: 0.1, ...more },
        { id: 'ac', at: 1, valid: [0, 300] },
      ]),
    );
    expect(results).toEqual([
      {
        id: 'dc',
        error: expect.objectContaining({ kind: 'not-available', message: expect.stringContaining('dc at holding 0x0000') }),
      },
      { id: 'ac', value: 230 },
    ]);
  });

  it('with a scale factor of the device, in the same request (scale_from)', async () => {
    // As SunSpec's inverter model 103 lays out AC current: a total, three phases and their common factor.
    const slave = new FakeModbus().put('holding', 40_071, bytes('04d2 019a 019b ffff fffe'.replaceAll(' ', '')));
    const phase = (id: string, address: number): ReadingSpec => ({ id, at: address, scaleFrom: 40_075, notAvailable: [0xffff] });
    const results = await read(
      slave,
      specOf([phase('total', 40_071), phase('a', 40_072), phase('b', 40_073), phase('c', 40_074)]),
    );
    expect(results).toEqual([
      { id: 'total', value: 12.34 },
      { id: 'a', value: 4.1 },
      { id: 'b', value: 4.11 },
      { id: 'c', error: expect.objectContaining({ kind: 'not-available' }) },
    ]);
    expect(slave.asked).toEqual(['holding:40071+5']);
  });

  it.each([
    ['8000', 'not-available', 'no scale factor'],
    ['000b', 'implausible', 'from -10 to 10 as scale factor, found 11'],
  ])('are missing, not wrong, with the factor %s: %s', async (factor, kind, text) => {
    const slave = new FakeModbus().put('holding', 0, bytes(`04d2${factor}0007`));
    const results = await read(slave, specOf([{ id: 'power', at: 0, scaleFrom: 1 }, ...at(2)]));
    const error = expect.objectContaining({ kind, message: expect.stringMatching(`power at holding 0x0000.*${text}`) });
    expect(results).toEqual([
      { id: 'power', error },
      { id: 'r2', value: 7 },
    ]);
  });

  it('are missing when the factor could not be read', async () => {
    const slave = slaveWith(0);
    const results = await read(slave, specOf([{ id: 'power', at: 0, scaleFrom: 100 }, ...at(0)]));
    expect(results).toEqual([
      { id: 'power', error: expect.objectContaining({ kind: 'refused' }) },
      { id: 'r0', value: 0 },
    ]);
  });

  it('of a state take no factor', async () => {
    const slave = slaveWith(1);
    expect(await read(slave, specOf([{ id: 'on', at: 1, bit: 0, scaleFrom: 9 }]))).toEqual([{ id: 'on', value: true }]);
    expect(slave.asked).toEqual(['holding:1+1']);
  });

  it('none available at all fails the read', async () => {
    const slave = new FakeModbus().put('holding', 0, bytes('ffff'));
    const result = read(slave, specOf([{ id: 'dc', at: 0, notAvailable: [0xffff] }]));
    await expect(result).rejects.toMatchObject({ kind: 'not-available' });
  });
});

describe('registers that do not exist', () => {
  it.each([1, 2, 3, 4, 7])('exception %i: asks in pieces within the same read and remembers them (mb-17)', async (code) => {
    const slave = slaveWith(24, 25, 26, 28);
    slave.exceptionCode = code;
    const readAgain = await deviceOn(slave, specOf(at(24, 25, 26, 28)));
    const values = [24, 25, 26, 28].map((address) => ({ id: `r${address}`, value: address }));
    expect(await readAgain()).toEqual(values);
    expect(slave.asked).toEqual(['holding:24+5', 'holding:24+3', 'holding:28+1']);
    slave.asked.length = 0;
    expect(await readAgain()).toEqual(values);
    expect(slave.asked).toEqual(['holding:24+3', 'holding:28+1']);
  });

  it('finds the one wanted register that the device does not have', async () => {
    const addresses = Array.from({ length: 40 }, (_, index) => index);
    const slave = slaveWith(...addresses.filter((address) => address !== 17));
    const readAgain = await deviceOn(slave, specOf(at(...addresses)));
    for (let round = 0; round < 2; round++) {
      const results = await readAgain();
      for (const [index, result] of results.entries()) {
        if (index === 17) expect(result).toMatchObject({ id: 'r17', error: { kind: 'refused', code: 2 } });
        else expect(result).toEqual({ id: `r${index}`, value: index });
      }
    }
    expect(slave.asked.length).toBeLessThan(25);
  });

  it('does not ask for two bits of one missing register twice', async () => {
    const slave = slaveWith(0);
    const readings = [...at(0), { id: 'a', at: 1, bit: 0 }, { id: 'b', at: 1, bit: 1 }];
    await read(slave, specOf(readings));
    expect(slave.asked).toEqual(['holding:0+2', 'holding:0+1', 'holding:1+1']);
  });

  it('learns nothing from a device that refuses everything, and asks it only so often', async () => {
    const addresses = Array.from({ length: 125 }, (_, index) => index);
    const slave = slaveWith();
    const readAgain = await deviceOn(slave, specOf(at(...addresses)));
    await expect(readAgain()).rejects.toMatchObject({ kind: 'refused', code: 2 });
    expect(slave.asked.length).toBeLessThanOrEqual(33);
    for (const address of addresses) slave.registers.set(`holding:${address}`, address);
    slave.asked.length = 0;
    expect((await readAgain()).length).toBe(125);
    expect(slave.asked).toEqual(['holding:0+125']);
  });

  it.each([1, 4])('of which a single one is refused with exception %i are given, and that one keeps its code', async (code) => {
    const slave = slaveWith(0, 2);
    slave.exceptionCode = code;
    const readAgain = await deviceOn(slave, specOf(at(0, 1, 2)));
    for (let round = 0; round < 3; round++)
      expect(await readAgain()).toMatchObject([
        { id: 'r0', value: 0 },
        { id: 'r1', error: { kind: 'refused', code } },
        { id: 'r2', value: 2 },
      ]);
    expect(slave.asked.slice(-2)).not.toContain('holding:0+3');
  });

  it.each([5, 6, 10, 11])('are no matter of exception %i, of one that is busy or of a gateway', async (code) => {
    const slave = slaveWith(0, 1);
    slave.before = (asked) => {
      throw new ModbusException(code, asked);
    };
    const clock = new TestClock();
    const device = await modbusMap.open(slave, specOf(at(0, 1)), clock);
    await expect(clock.run(device.read?.(NO_ABORT) ?? Promise.reject(new Error('no read')))).rejects.toMatchObject({ code });
    expect(new Set(slave.asked)).toEqual(new Set(['holding:0+2']));
  });
});

describe('failures of the line', () => {
  /** Fails the second of three requests. */
  function failing(error: Error): FakeModbus {
    const slave = slaveWith(0, 100, 200);
    slave.before = (asked) => {
      if (asked.startsWith('holding:100')) throw error;
    };
    return slave;
  }

  it.each([
    ['a timeout', new BusError('timeout', 'no answer')],
    ['a closed line', new BusError('closed', 'unplugged')],
    ['a gateway that finds no slave', new ModbusException(11, 'gateway')],
  ])('%s ends the read: a dead device costs one deadline', async (_, error) => {
    const slave = failing(error);
    const results = await read(slave, specOf(at(0, 100, 200)));
    expect(results).toEqual([
      { id: 'r0', value: 0 },
      { id: 'r100', error },
      { id: 'r200', error },
    ]);
    expect(slave.asked).toEqual(['holding:0+1', 'holding:100+1']);
  });

  it('a damaged answer costs only its own readings', async () => {
    const error = new BusError('bad-checksum', 'damaged');
    const results = await read(failing(error), specOf(at(0, 100, 200)));
    expect(results).toEqual([
      { id: 'r0', value: 0 },
      { id: 'r100', error },
      { id: 'r200', value: 200 },
    ]);
  });

  it('nothing read at all is a failed read, with the first reason', async () => {
    const slave = slaveWith();
    const error = new BusError('timeout', 'no answer');
    slave.before = () => {
      throw error;
    };
    await expect(read(slave, specOf(at(0, 100)))).rejects.toBe(error);
  });

  it.each<[string, (slave: FakeModbus) => void, string]>([
    ['refused', () => {}, 'refused'],
    ['without a value', (slave) => slave.put('holding', 500, bytes('ffff')), 'not-available'],
  ])(
    'a device that answers in each poll is not called silent because its first reading is: the rest is %s',
    async (_, put, kind) => {
      const slave = new FakeModbus();
      put(slave);
      slave.before = (asked) => {
        if (asked.startsWith('holding:0')) throw new BusError('timeout', 'no answer');
      };
      const readings = [...at(0), { id: 'r500', at: 500, notAvailable: [0xffff] }];
      const readAgain = await deviceOn(slave, specOf(readings));
      // In the first poll it may be the device that is silent: nothing else is asked.
      await expect(readAgain()).rejects.toMatchObject({ kind: 'timeout' });
      for (let i = 0; i < 20; i++) await expect(readAgain()).rejects.toMatchObject({ name: 'DeviceError', kind });
    },
  );

  it('a learned plan survives a round without answers', async () => {
    const slave = slaveWith(24, 28);
    const readAgain = await deviceOn(slave, specOf(at(24, 28)));
    await readAgain();
    slave.before = () => {
      throw new BusError('timeout', 'no answer');
    };
    await expect(readAgain()).rejects.toMatchObject({ kind: 'timeout' });
    slave.before = () => {};
    slave.asked.length = 0;
    await readAgain();
    // The one that was not answered comes last: it must not keep back the other for ever.
    expect(slave.asked).toEqual(['holding:28+1', 'holding:24+1']);
  });

  it('a bug is not taken for missing readings', async () => {
    const bug = new TypeError('bug');
    await expect(read(failing(bug), specOf(at(0, 100, 200)))).rejects.toBe(bug);
  });

  it('an aborted read asks nothing more', async () => {
    const slave = slaveWith(0, 100, 200);
    const abort = new AbortController();
    slave.before = () => abort.abort(new Error('stop'));
    const device = await modbusMap.open(slave, specOf(at(0, 100, 200)), new TestClock());
    await expect(device.read?.(abort.signal)).rejects.toThrow('stop');
    expect(slave.asked.length).toBe(1);
  });
});

describe('with', () => {
  it.each([{ unit: 1 }, { unit: 247 }, { unit: 0 }, { unit: 255 }])('takes %o', (options) => {
    expect(modbusMap.with.safeParse(options).success).toBe(true);
  });

  it.each([{}, { unit: 256 }, { unit: 1.5 }, { unit: '1' }, { unit: 1, speed: 2 }])('refuses %o', (options) => {
    expect(modbusMap.with.safeParse(options).success).toBe(false);
  });
});
