import type { Haste, ModbusBus, WriteWith } from './bus/modbus.ts';
import { ModbusException } from './bus/modbus-exception.ts';
import type { SwitchSpec } from './driver.ts';
import { BusError, DeviceError } from './errors.ts';
import { stepsFor } from './modbus-on-for.ts';
import { placeOf } from './modbus-plan.ts';

const REGISTER_BYTES = 2;
/** The exceptions for a function, an address and a value that the slave does not have (Modbus V1.1b3 §7). */
const ILLEGAL_FUNCTION = 1;
const ILLEGAL_VALUE = 3;
/** The function codes that write. */
const FUNCTION: Readonly<Record<'coil' | 'register', Readonly<Record<WriteWith, number>>>> = {
  coil: { single: 5, multiple: 15 },
  register: { single: 6, multiple: 16 },
};

/** Where a switch lies, and with which function it is written. */
export interface ModbusSwitch {
  readonly bus: ModbusBus;
  readonly unit: number;
  readonly place: SwitchSpec;
  /** `single` when absent. */
  readonly writeWith?: WriteWith | undefined;
}

/**
 * Switches a coil, or a holding register that stands for a switch, and reads it back with a request of its own: that the
 * slave repeated what was written does not say that it took it. Asks once, unless it is urgent, and by no other function than the
 * board says.
 * @throws as writeSwitch and readSwitch do; DeviceError `implausible` when it reads back another state
 */
export async function setSwitch(to: ModbusSwitch, on: boolean, haste?: Haste): Promise<void> {
  await writeSwitch(to, on, haste);
  const { id, register } = to.place;
  const found = await readRaw(to, haste);
  if (found === rawOf(to.place, on)) return;
  const [expected, seen] = register === undefined ? [onOff(on), onOff(!on)] : [rawOf(to.place, on), found];
  throw new DeviceError('implausible', `${id}: expected ${expected} at ${placeText(to.place)} after writing it, found ${seen}`);
}

/**
 * Writes it and believes the slave's echo. What leads away from the safe state by switching a coil on (`Haste.leftMs`) is written as a
 * time, where the board has a time-out for that coil and can count so far.
 * @throws BusError of the bus: whether the output moved is then not known. DeviceError `refused`, with the words
 *   "function not supported" where the slave does not have the function, and "no time-out of its own" where it does not take a time
 */
export async function writeSwitch(
  { bus, unit, place, writeWith = 'single' }: ModbusSwitch,
  on: boolean,
  haste?: Haste,
): Promise<void> {
  const { coil, register, onFor } = place;
  const leftMs = on ? haste?.leftMs?.() : undefined;
  const steps = onFor === undefined || leftMs === undefined ? undefined : stepsFor(onFor, leftMs);
  if (onFor !== undefined && steps !== undefined) {
    await taken(place, onFor.coil, () => bus.writeCoilValue(unit, onFor.coil, steps, haste));
  } else if (register !== undefined) {
    const bytes = word(rawOf(place, on));
    await written(place, 'register', writeWith, () => bus.writeRegisters(unit, register.at, bytes, writeWith, haste));
  } else if (coil !== undefined) {
    await written(place, 'coil', writeWith, () => bus.writeBits(unit, coil, [on], writeWith, haste));
  } else throw nowhere(place);
}

/**
 * Reads the state.
 * @throws BusError, and DeviceError `implausible` when a register holds neither of its two values
 */
export async function readSwitch(of: ModbusSwitch, haste?: Haste): Promise<boolean> {
  const found = await readRaw(of, haste);
  const { id } = of.place;
  const [on, off] = [rawOf(of.place, true), rawOf(of.place, false)];
  if (found === on || found === off) return found === on;
  throw new DeviceError('implausible', `${id}: expected ${on} or ${off} at ${placeText(of.place)}, found ${found}`);
}

/** A register's number, or 1 and 0 of a coil. */
async function readRaw({ bus, unit, place }: ModbusSwitch, haste?: Haste): Promise<number> {
  const { id, coil, register } = place;
  if (register !== undefined) {
    const bytes = await bus.readRegisters(unit, 'holding', register.at, 1, haste);
    if (bytes.length !== REGISTER_BYTES) throw new BusError('bad-checksum', `expected 2 bytes of ${id}, found ${bytes.length}`);
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint16(0);
  }
  if (coil === undefined) throw nowhere(place);
  const bits = await bus.readBits(unit, 'coil', coil, 1, haste);
  if (bits.length !== 1) throw new BusError('bad-checksum', `expected one bit of ${id}, found ${bits.length}`);
  return Number(bits[0]);
}

function rawOf({ register }: SwitchSpec, on: boolean): number {
  if (register === undefined) return Number(on);
  return on ? register.on : register.off;
}

function placeText({ coil, register }: SwitchSpec): string {
  return register === undefined ? placeOf({ table: 'coil', at: coil ?? 0 }) : placeOf({ table: 'holding', at: register.at });
}

function nowhere({ id }: SwitchSpec): Error {
  return new Error(`${id} says neither coil nor register. Correct the board file.`);
}

async function written(
  { id }: SwitchSpec,
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

/** A board that does not know a time is told so: switched on without one it would stay on when the gateway dies, and nobody would know. */
async function taken({ id }: SwitchSpec, coil: number, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!(error instanceof ModbusException) || error.code > ILLEGAL_VALUE) throw error;
    const what = `this board has no time-out of its own: it takes no time at ${placeOf({ table: 'coil', at: coil })}`;
    const hint = 'use the board modbus-relay-8 for it, or one without `on_for`';
    throw new DeviceError('refused', `${id}: ${what} (exception ${error.code}); ${hint}`, { cause: error });
  }
}

export function onOff(on: boolean): string {
  return on ? 'on' : 'off';
}

function word(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}
