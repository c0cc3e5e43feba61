import type { ModbusBus, WriteWith } from './bus/modbus.ts';
import { ModbusException } from './bus/modbus-exception.ts';
import type { OutputSpec } from './driver.ts';
import { BusError, DeviceError } from './errors.ts';
import { placeOf } from './modbus-plan.ts';

const REGISTER_BYTES = 2;
/** The exception for a function that the slave does not have (Modbus V1.1b3 §7). */
const ILLEGAL_FUNCTION = 1;
/** The function codes that write. */
const FUNCTION: Readonly<Record<'coil' | 'register', Readonly<Record<WriteWith, number>>>> = {
  coil: { single: 5, multiple: 15 },
  register: { single: 6, multiple: 16 },
};

/**
 * Switches a coil, or a holding register that stands for a switch, and reads it back with a request of its own: that the
 * slave repeated what was written does not say that it took it. Asks once; nothing is written a second time, and by no
 * other function than the board says.
 * @throws BusError of the bus: whether the output moved is then not known. DeviceError `refused`, with the words
 *   "function not supported" where the slave does not have the function; `implausible` when it reads back another state
 */
export async function switchOutput(
  bus: ModbusBus,
  unit: number,
  output: OutputSpec,
  on: boolean,
  writeWith: WriteWith = 'single',
): Promise<void> {
  const { id, coil, register } = output;
  if (register !== undefined) {
    const value = on ? register.on : register.off;
    await written(output, 'register', writeWith, () => bus.writeRegisters(unit, register.at, word(value), writeWith));
    const bytes = await bus.readRegisters(unit, 'holding', register.at, 1);
    if (bytes.length !== REGISTER_BYTES) throw new BusError('bad-checksum', `expected 2 bytes of ${id}, found ${bytes.length}`);
    const found = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint16(0);
    if (found !== value) throw notTaken(id, placeOf({ table: 'holding', at: register.at }), value, found);
  } else if (coil !== undefined) {
    await written(output, 'coil', writeWith, () => bus.writeBits(unit, coil, [on], writeWith));
    const bits = await bus.readBits(unit, 'coil', coil, 1);
    if (bits.length !== 1) throw new BusError('bad-checksum', `expected one bit of ${id}, found ${bits.length}`);
    if (bits[0] !== on) throw notTaken(id, placeOf({ table: 'coil', at: coil }), state(on), state(!on));
  } else throw new Error(`output ${id} says neither coil nor register. Correct the board file.`);
}

async function written(
  { id }: OutputSpec,
  what: 'coil' | 'register',
  writeWith: WriteWith,
  write: () => Promise<void>,
): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!(error instanceof ModbusException) || error.code !== ILLEGAL_FUNCTION) throw error;
    const other = writeWith === 'single' ? 'multiple' : 'single';
    const hint = `its board can say write_with: ${other}, which is function ${FUNCTION[what][other]}`;
    const asked = `the device does not write with function ${FUNCTION[what][writeWith]}`;
    throw new DeviceError('refused', `${id}: function not supported: ${asked}; ${hint}`, { cause: error });
  }
}

function notTaken(id: string, place: string, expected: number | string, found: number | string): DeviceError {
  return new DeviceError('implausible', `${id}: expected ${expected} at ${place} after writing it, found ${found}`);
}

function state(on: boolean): string {
  return on ? 'on' : 'off';
}

function word(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}
