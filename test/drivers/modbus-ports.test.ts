import { expect, test } from 'vitest';
import type { DigitalOutputPort } from '../../drivers/bus/gpio.ts';
import type { DeviceSpec, ModbusSpec, SwitchSpec } from '../../drivers/driver.ts';
import { BusError } from '../../drivers/errors.ts';
import { modbusMap } from '../../drivers/modbus-map.ts';
import { FakeModbus } from '../support/fake-modbus.ts';
import { TestClock } from '../support/test-clock.ts';

const MODBUS: ModbusSpec = { readWith: 'input', encoding: 'uint16', byteOrder: 'ABCD', registersMax: 125, holes: [] };
const COIL: SwitchSpec = { id: 'relay1', coil: 0 };
const REGISTER: SwitchSpec = { id: 'relay1', register: { at: 3, on: 1, off: 0 } };

function relay(bus: FakeModbus, place = COIL, modbus: Partial<ModbusSpec> = {}): DigitalOutputPort {
  const spec: DeviceSpec<{ unit: number }> = {
    board: 'relays',
    with: { unit: 1 },
    readings: [],
    outputs: [],
    ports: [place],
    modbus: { ...MODBUS, ...modbus },
  };
  return modbusMap.ports?.open(spec, new TestClock())('relay1', 'digital_out', bus) as DigitalOutputPort;
}

test.each<[string, SwitchSpec, Partial<ModbusSpec>, string[]]>([
  ['a coil', COIL, {}, ['coil:0=1 single', 'coil:0+1', 'coil:0=0 single', 'coil:0+1']],
  [
    'a coil as a list of one',
    COIL,
    { writeWith: 'multiple' },
    ['coil:0=1 multiple', 'coil:0+1', 'coil:0=0 multiple', 'coil:0+1'],
  ],
  ['a register', REGISTER, {}, ['holding:3=0001 single', 'holding:3+1', 'holding:3=0000 single', 'holding:3+1']],
])('%s is set and read back when it is opened, and afterwards when it is asked', async (_, place, modbus, asked) => {
  const bus = new FakeModbus();
  const output = await relay(bus, place, modbus).open(true);
  await output.write(false);
  expect(await output.read()).toBe(false);
  expect(bus.asked).toEqual(asked);
});

test('a relay that does not take its first state is not opened', async () => {
  const bus = new FakeModbus();
  bus.bits.set('coil:0', true);
  bus.writeBits = async () => {};
  await expect(relay(bus).open(false)).rejects.toMatchObject({
    name: 'DeviceError',
    kind: 'implausible',
    message: 'relay1: expected off at coil 0x0000 after writing it, found on',
  });
});

test('a register that holds neither of its two values is no state', async () => {
  const bus = new FakeModbus();
  const output = await relay(bus, REGISTER).open(true);
  bus.registers.set('holding:3', 7);
  await expect(output.read()).rejects.toMatchObject({
    kind: 'implausible',
    message: 'relay1: expected 1 or 0 at holding 0x0003, found 7',
  });
});

test('a failure of the line comes out as it is, and nothing is asked twice', async () => {
  const bus = new FakeModbus();
  const output = await relay(bus).open(false);
  const error = new BusError('timeout', 'no answer');
  bus.asked.length = 0;
  bus.before = () => {
    throw error;
  };
  await expect(output.write(true)).rejects.toBe(error);
  await expect(output.read()).rejects.toBe(error);
  expect(bus.asked).toEqual(['coil:0=1 single', 'coil:0+1']);
});

test('a port that the board does not provide is a bug', () => {
  const spec = { board: 'relays', with: { unit: 1 }, readings: [], outputs: [], ports: [COIL], modbus: MODBUS };
  const open = modbusMap.ports?.open(spec, new TestClock());
  expect(() => open?.('relay9', 'digital_out', new FakeModbus())).toThrow(
    'board relays provides no digital_out that is called relay9',
  );
  expect(() => open?.('relay1', 'analog', new FakeModbus())).toThrow('board relays provides no analog that is called relay1');
});
