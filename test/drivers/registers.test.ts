import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { ByteOrder, Encoding } from '../../drivers/driver.ts';
import { DeviceError } from '../../drivers/errors.ts';
import { decodeRegisters, REGISTERS_OF, type RegisterFormat } from '../../drivers/registers.ts';
import { bytes } from '../support/hex.ts';
import { vectors } from '../support/vectors.ts';

const ORDERS: readonly ByteOrder[] = ['ABCD', 'CDAB', 'BADC', 'DCBA'];

function decode(text: string, encoding: Encoding, rest: Partial<RegisterFormat> = {}) {
  return decodeRegisters(bytes(text), { encoding, byteOrder: 'ABCD', ...rest });
}

test.each(vectors('modbus_datatypes'))('decodes $id', ({ input, context, expected, tolerance }) => {
  const { type, order } = context as { type: Encoding; order: ByteOrder };
  const value = decode(input, type, { byteOrder: order }) as number;
  expect(Math.abs(value - (expected['value'] as number))).toBeLessThanOrEqual(tolerance['value'] ?? 0);
});

test.each([
  ['cg-voltage', 231.1],
  ['cg-power-export', -1000],
])('decodes the low word first of %s', (id, expected) => {
  const vector = vectors('energy_meters').find((one) => one.id.endsWith(id));
  expect(decode(vector?.input ?? '', 'int32', { byteOrder: 'CDAB', scale: 0.1 })).toBeCloseTo(expected, 6);
});

test('reads a counter above 2^31 low word first as what it is (mb-21)', () => {
  expect(decode('4ace0000', 'uint32', { byteOrder: 'CDAB' })).toBe(19_150);
  expect(decode('00008001', 'uint32', { byteOrder: 'CDAB' })).toBe(2_147_549_184);
});

test('363 × 0.1 rounds to 36.3', () => {
  expect((decode('016b', 'uint16', { scale: 0.1 }) as number).toFixed(1)).toBe('36.3');
});

test('scales first, then adds the offset', () => {
  expect(decode('0064', 'uint16', { scale: 0.5, offset: -40 })).toBe(10);
});

describe('no value', () => {
  it.each<[string, Encoding, readonly number[]]>([
    // SunSpec's "not implemented" values; mb-18 is the first of them.
    ['ffff', 'uint16', [0xffff]],
    ['8000', 'int16', [0x8000]],
    ['8000', 'int16', [-32_768]],
    ['ffffffff', 'uint32', [0xffffffff]],
    ['80000000', 'int32', [0x80000000]],
    ['ffffffffffffffff', 'uint64', [Number(0xffffffffffffffffn)]],
    ['8000000000000000', 'int64', [Number(0x8000000000000000n)]],
    ['7fc00000', 'float32', []],
    ['7f800000', 'float32', []],
    ['ff800000', 'float32', []],
    ['7ff8000000000000', 'float64', []],
    // The largest of a meter that has no reading, as its manual prints it.
    ['7f7fffff', 'float32', [3.4028235e38]],
    ['7fff', 'bool', [0x7fff]],
  ])('%s as %s means that there is none', (text, encoding, notAvailable) => {
    const work = () => decode(text, encoding, { notAvailable, scale: 0.1 });
    expect(work).toThrow(expect.objectContaining({ kind: 'not-available', message: expect.stringContaining(text) }));
  });

  it('is not what looks like it in another encoding', () => {
    expect(decode('ffff', 'int16', { notAvailable: [0x8000] })).toBe(-1);
    expect(decode('ffff', 'uint16')).toBe(65_535);
  });
});

describe('64 bits', () => {
  it('are exact up to 2^53 - 1', () => {
    expect(decode('001fffffffffffff', 'uint64')).toBe(Number.MAX_SAFE_INTEGER);
    expect(decode('ffe0000000000001', 'int64')).toBe(Number.MIN_SAFE_INTEGER);
  });

  it.each<[string, Encoding]>([
    ['0020000000000000', 'uint64'],
    ['ffe0000000000000', 'int64'],
  ])('beyond that are refused: %s', (text, encoding) => {
    expect(() => decode(text, encoding)).toThrow(expect.objectContaining({ kind: 'implausible' }));
  });
});

test.each([
  ['8001', 0, true],
  ['8001', 1, false],
  ['8001', 15, true],
  ['7ffe', 15, false],
])('bit %s of %i', (text, bit, expected) => {
  expect(decode(text, 'uint16', { bit })).toBe(expected);
  expect(decode(text, 'int16', { bit })).toBe(expected);
});

test('a whole register as a state', () => {
  expect([decode('0000', 'bool'), decode('0001', 'bool'), decode('ff00', 'bool')]).toEqual([false, true, true]);
});

/** Writes a number in each order with Node's own little- and big-endian writers, and by moving whole registers. */
function written(value: number, order: ByteOrder): Uint8Array {
  const buffer = Buffer.alloc(8);
  if (order === 'ABCD') buffer.writeDoubleBE(value);
  if (order === 'DCBA') buffer.writeDoubleLE(value);
  if (order === 'BADC') buffer.writeDoubleBE(value);
  if (order === 'CDAB') buffer.writeDoubleLE(value);
  return order === 'BADC' || order === 'CDAB' ? buffer.swap16() : buffer;
}

test('every order gives back every double', () => {
  const numbers = fc.double({ noDefaultInfinity: true, noNaN: true });
  fc.assert(
    fc.property(numbers, fc.constantFrom(...ORDERS), (value, byteOrder) => {
      const decoded = decodeRegisters(written(value, byteOrder), { encoding: 'float64', byteOrder });
      expect(decoded).toBe(value + 0);
    }),
  );
});

test('any registers give a finite number, a boolean, or a DeviceError', () => {
  const encodings = Object.keys(REGISTERS_OF) as Encoding[];
  fc.assert(
    fc.property(
      fc.constantFrom(...encodings),
      fc.constantFrom(...ORDERS),
      fc.uint8Array({ minLength: 8, maxLength: 8 }),
      (encoding, byteOrder, all) => {
        try {
          const value = decodeRegisters(all.subarray(0, 2 * REGISTERS_OF[encoding]), { encoding, byteOrder });
          expect(typeof value === 'boolean' || Number.isFinite(value)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(DeviceError);
        }
      },
    ),
  );
});
