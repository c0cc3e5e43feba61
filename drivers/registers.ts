import type { ByteOrder, Encoding, FixedEncoding, ReadingSpec } from './driver.ts';
import { DeviceError } from './errors.ts';
import { hex } from './hex.ts';
import type { Value } from './reading.ts';
import { decodeText } from './register-text.ts';

const REGISTER_BYTES = 2;

/** How many 16-bit registers a value of each encoding takes. */
export const REGISTERS_OF: Readonly<Record<FixedEncoding, number>> = {
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

/** 10^0 … 10^10, exactly: the scale factors of SunSpec go from -10 to 10. */
const POWERS_OF_TEN = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10] as const;
/** SunSpec's scale factor that is not implemented. */
const NO_SCALE_FACTOR = -0x8000;
/**
 * What SunSpec sends for "not implemented" (information model specification, "Data types"), and others for an integer that they
 * do not have: the largest one. Such a number can be a value all the same, so its `valid` range has to exclude it.
 */
const NOT_IMPLEMENTED: Partial<Record<Encoding, readonly number[]>> = {
  uint16: [0xffff],
  int16: [-0x8000, 0x7fff],
  uint32: [0xffffffff],
  int32: [-0x80000000, 0x7fffffff],
};

/** What of a reading decides how its registers are understood. */
export type RegisterFormat = Pick<ReadingSpec, 'bit' | 'scale' | 'offset' | 'notAvailable' | 'valid'> & {
  readonly encoding: Encoding;
  readonly byteOrder: ByteOrder;
};

/**
 * Understands one value. `bytes` are its registers as they came over the wire, high byte of each register first, as many
 * as REGISTERS_OF says, or of a text (register-text.ts) any number. A number is raw × scale × 10^`exponent` + offset; a bit, or a register of type `bool`, is a boolean.
 * Letters of the byte order are the bytes of a 32-bit value, A the most significant, in the order of the wire; for other
 * widths CDAB means least significant register first, BADC bytes swapped within each register, and DCBA both.
 * @param exponent -10 to 10, of decodeExponent
 * @throws DeviceError `not-available` for the raw values that mean so, which of an integer that does not list any are those
 *   that usually do and give a value that is not `valid`, and for floats that are no finite number;
 *   `implausible` for an integer beyond 2^53, which a number cannot hold exactly, and for a value that scaling makes infinite
 */
export function decodeRegisters(bytes: Uint8Array, format: RegisterFormat, exponent = 0): Value {
  const { encoding } = format;
  if (encoding === 'text') return decodeText(bytes, format);
  const ordered = inOrder(bytes, format.byteOrder);
  const raw = rawValue(ordered, encoding);
  if (isNotAvailable(raw, ordered, format)) throw noValue(bytes);
  if (format.bit !== undefined) return (BigInt(raw) >> BigInt(format.bit)) % 2n !== 0n;
  if (encoding === 'bool') return raw !== 0;
  const number = Number(raw);
  if (typeof raw === 'bigint' && !Number.isSafeInteger(number)) {
    throw new DeviceError('implausible', `the device sends ${raw}, more than a counter can be (2^53)`);
  }
  const value = timesPowerOfTen(number, exponent) * (format.scale ?? 1) + (format.offset ?? 0);
  if (isNotImplemented(number, value, format)) throw noValue(bytes);
  if (Number.isFinite(value)) return value;
  throw new DeviceError('implausible', `the device sends ${number}, which is no number any more when it is scaled`);
}

/**
 * The power of ten in a register of scale factors, as it came over the wire: SunSpec's `sunssf`, an int16 from -10 to 10
 * (SunSpec information model specification, "Data types").
 * @throws DeviceError `not-available` for 8000, which SunSpec sends for "not implemented"; `implausible` for any other
 *   number beyond ten: a value without its factor would be wrong
 */
export function decodeExponent(bytes: Uint8Array, byteOrder: ByteOrder): number {
  const exponent = Number(rawValue(inOrder(bytes, byteOrder), 'int16'));
  if (Math.abs(exponent) < POWERS_OF_TEN.length) return exponent;
  if (exponent === NO_SCALE_FACTOR) throw new DeviceError('not-available', 'the device sends 8000: it has no scale factor');
  throw new DeviceError('implausible', `expected a power of ten from -10 to 10 as scale factor, found ${exponent}`);
}

/** Divides where it can: 2301 / 10 is the number next to 230.1, 2301 × 0.1 is not. */
function timesPowerOfTen(value: number, exponent: number): number {
  const power = POWERS_OF_TEN[Math.abs(exponent)] ?? Number.NaN;
  return exponent < 0 ? value / power : value * power;
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

function rawValue(ordered: Uint8Array, encoding: FixedEncoding): number | bigint {
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

function isNotImplemented(raw: number, value: number, { encoding, notAvailable, valid }: RegisterFormat): boolean {
  if (notAvailable !== undefined || valid === undefined) return false;
  return NOT_IMPLEMENTED[encoding]?.includes(raw) === true && (value < valid[0] || value > valid[1]);
}

function noValue(bytes: Uint8Array): DeviceError {
  return new DeviceError('not-available', `the device sends ${hex(bytes)}, which means that it has no value`);
}
