import type { ByteOrder, Encoding, ReadingSpec } from './driver.ts';
import { DeviceError } from './errors.ts';
import type { Value } from './reading.ts';

const REGISTER_BYTES = 2;

/** How many 16-bit registers a value of each encoding takes. */
export const REGISTERS_OF: Readonly<Record<Encoding, number>> = {
  bool: 1,
  uint16: 1,
  int16: 1,
  uint32: 2,
  int32: 2,
  float32: 2,
  uint64: 4,
  int64: 4,
  float64: 4,
};

/** What of a reading decides how its registers are understood. */
export type RegisterFormat = Pick<ReadingSpec, 'bit' | 'scale' | 'offset' | 'notAvailable'> & {
  readonly encoding: Encoding;
  readonly byteOrder: ByteOrder;
};

/**
 * Understands one value. `bytes` are its registers as they came over the wire, high byte of each register first, as many
 * as REGISTERS_OF says. A number is raw × scale + offset; a bit, or a register of type `bool`, is a boolean.
 * Letters of the byte order are the bytes of a 32-bit value, A the most significant, in the order of the wire; for other
 * widths CDAB means least significant register first, BADC bytes swapped within each register, and DCBA both.
 * @throws DeviceError `not-available` for the raw values that mean so and for floats that are no finite number;
 *   `implausible` for an integer beyond 2^53, which a number cannot hold exactly
 */
export function decodeRegisters(bytes: Uint8Array, format: RegisterFormat): Value {
  const ordered = inOrder(bytes, format.byteOrder);
  const raw = rawValue(ordered, format.encoding);
  if (isNotAvailable(raw, ordered, format)) {
    throw new DeviceError('not-available', `the device sends ${hex(bytes)}, which means that it has no value`);
  }
  if (format.bit !== undefined) return (BigInt(raw) >> BigInt(format.bit)) % 2n !== 0n;
  if (format.encoding === 'bool') return raw !== 0;
  const value = Number(raw);
  if (typeof raw === 'bigint' && !Number.isSafeInteger(value)) {
    throw new DeviceError('implausible', `the device sends ${raw}, more than a counter can be (2^53)`);
  }
  return value * (format.scale ?? 1) + (format.offset ?? 0);
}

/** The bytes with the most significant first. */
function inOrder(bytes: Uint8Array, order: ByteOrder): Uint8Array {
  const lowRegisterFirst = order === 'CDAB' || order === 'DCBA';
  const lowByteFirst = order === 'BADC' || order === 'DCBA';
  const wire = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ordered = new DataView(new ArrayBuffer(bytes.length));
  for (let at = 0; at < bytes.length; at += REGISTER_BYTES) {
    const register = wire.getUint16(lowRegisterFirst ? bytes.length - REGISTER_BYTES - at : at, lowByteFirst);
    ordered.setUint16(at, register);
  }
  return new Uint8Array(ordered.buffer);
}

function rawValue(ordered: Uint8Array, encoding: Encoding): number | bigint {
  const view = new DataView(ordered.buffer, ordered.byteOffset, ordered.byteLength);
  switch (encoding) {
    case 'bool':
    case 'uint16':
      return view.getUint16(0);
    case 'int16':
      return view.getInt16(0);
    case 'uint32':
      return view.getUint32(0);
    case 'int32':
      return view.getInt32(0);
    case 'uint64':
      return view.getBigUint64(0);
    case 'int64':
      return view.getBigInt64(0);
    case 'float32':
      return view.getFloat32(0);
    case 'float64':
      return view.getFloat64(0);
  }
}

/** Boards write the bit pattern (0x8000) or the number (-32768): for an integer both are meant. */
function isNotAvailable(raw: number | bigint, ordered: Uint8Array, { encoding, notAvailable = [] }: RegisterFormat): boolean {
  const value = Number(raw);
  if (encoding === 'float32' || encoding === 'float64') {
    // A file holds decimal digits: what is meant is the float that is nearest to them.
    const isMeant = (listed: number) => listed === value || (encoding === 'float32' && Math.fround(listed) === value);
    return !Number.isFinite(value) || notAvailable.some(isMeant);
  }
  const pattern = Number(BigInt(`0x${hex(ordered)}`));
  return notAvailable.some((listed) => listed === value || listed === pattern);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
