import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { ByteOrder, FixedEncoding as Encoding } from '../../drivers/driver.ts';
import { DeviceError } from '../../drivers/errors.ts';
import { decodeExponent, decodeRegisters, REGISTERS_OF, type RegisterFormat } from '../../drivers/registers.ts';
import { bytes } from '../support/hex.ts';
import { MUTATED_COUNT, MUTATED_MS_MAX, untraced } from '../support/mutated.ts';
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

test('decodes noark-ex9em, each register as its project does', () => {
  const vector = vectors('energy_meters').find((one) => one.id.endsWith('noark-ex9em'));
  const wire = vector?.input ?? '';
  const rows: readonly (readonly [string, number, Encoding, number])[] = [
    ['voltage', 0, 'uint16', 0.1],
    ['current', 1, 'uint16', 0.1],
    ['frequency', 2, 'uint16', 0.1],
    ['power', 3, 'uint16', 1],
    ['reactive_power', 4, 'uint16', 1],
    ['apparent_power', 5, 'uint16', 1],
    ['power_factor', 6, 'uint16', 0.001],
    ['energy', 7, 'uint32', 0.01],
  ];
  for (const [name, at, encoding, scale] of rows) {
    const text = wire.slice(4 * at, 4 * (at + REGISTERS_OF[encoding]));
    expect(decode(text, encoding, { scale }), name).toBeCloseTo(Number(vector?.expected[name]), 9);
  }
});

interface Floats {
  readonly id: string;
  readonly data: string;
  readonly byteOrder: ByteOrder;
  readonly floats: readonly number[];
}

test.each(
  vectors('modbus_rtu').flatMap(({ id, input, context }): Floats[] => {
    const [cdab, be] = [context['float_cdab'] as number | null | undefined, context['floats_be'] as number[] | null | undefined];
    const data = input.startsWith('{') ? (JSON.parse(input).response as string).slice(6, -4) : '';
    if (typeof cdab === 'number') return [{ id, data, byteOrder: 'CDAB', floats: [cdab] }];
    return be ? [{ id, data, byteOrder: 'ABCD', floats: be }] : [];
  }),
)('decodes the floats that a capture shows: $id', ({ data, byteOrder, floats }) => {
  for (const [i, expected] of floats.entries()) {
    const value = decode(data.slice(8 * i, 8 * (i + 1)), 'float32', { byteOrder }) as number;
    // The captures' own decoder printed six decimals, or nine digits.
    expect(Math.abs(value - expected)).toBeLessThanOrEqual(Math.max(1e-6, Math.abs(expected) * 1e-8));
  }
});

test('reads a counter above 2^31 low word first as what it is (mb-21)', () => {
  expect(decode('4ace0000', 'uint32', { byteOrder: 'CDAB' })).toBe(19_150);
  expect(decode('00008001', 'uint32', { byteOrder: 'CDAB' })).toBe(2_147_549_184);
});

describe('a scale factor', () => {
  const exponent = (text: string, byteOrder: ByteOrder = 'ABCD') => decodeExponent(bytes(text), byteOrder);

  it.each([
    ['0000', 0],
    ['0003', 3],
    ['ffff', -1],
    ['fffe', -2],
    ['000a', 10],
    ['fff6', -10],
  ])('%s is the power %i of ten', (text, expected) => {
    expect(exponent(text)).toBe(expected);
  });

  it('comes in the order of the bytes in a register', () => {
    expect([exponent('feff', 'BADC'), exponent('feff', 'DCBA'), exponent('fffe', 'CDAB')]).toEqual([-2, -2, -2]);
  });

  it.each([
    ['8000', 'not-available'],
    ['000b', 'implausible'],
    ['fff5', 'implausible'],
    ['7fff', 'implausible'],
  ])('%s is none: %s', (text, kind) => {
    expect(() => exponent(text)).toThrow(expect.objectContaining({ kind }));
  });

  it('is applied first, exactly, and then scale and offset', () => {
    expect(decodeRegisters(bytes('08fd'), { encoding: 'uint16', byteOrder: 'ABCD' }, -1)).toBe(230.1);
    expect(decodeRegisters(bytes('0017'), { encoding: 'uint16', byteOrder: 'ABCD' }, 2)).toBe(2300);
    expect(decodeRegisters(bytes('08fd'), { encoding: 'int16', byteOrder: 'ABCD', scale: 2, offset: -0.2 }, -1)).toBe(460);
  });

  it('that makes a float infinite gives no value', () => {
    expect(() => decodeRegisters(bytes('7f7fffff'), { encoding: 'float32', byteOrder: 'ABCD', scale: 1e300 }, 10)).toThrow(
      expect.objectContaining({ kind: 'implausible' }),
    );
  });
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

  // SunSpec information model specification, "Data types"; the largest int is that of others.
  it.each<[string, Encoding, readonly [number, number]]>([
    ['ffff', 'uint16', [0, 1000]],
    ['8000', 'int16', [-40, 80]],
    ['7fff', 'int16', [-40, 80]],
    ['ffffffff', 'uint32', [0, 23_000]],
    ['80000000', 'int32', [-23_000, 23_000]],
    ['7fffffff', 'int32', [-23_000, 23_000]],
  ])(
    '%s as %s means that there is none where nothing else is listed and its value is not valid (mb-18)',
    (text, encoding, valid) => {
      const missing = expect.objectContaining({ kind: 'not-available', message: expect.stringContaining(text) });
      expect(() => decode(text, encoding, { valid, scale: 0.1 })).toThrow(missing);
      const raw = Number(BigInt(`0x${text}`));
      const number = encoding.startsWith('int') && Number.parseInt(text.slice(0, 1), 16) > 7 ? raw - 16 ** text.length : raw;
      // A value that can be is one; a board that lists other values does not mean this one; one beside it is only wrong.
      expect(decode(text, encoding, { valid: [-1e10, 1e10] })).toBe(number);
      expect(decode(text, encoding)).toBe(number);
      expect(decode(text, encoding, { valid, notAvailable: [] })).toBe(number);
      expect(decode(text.replace(/.$/, '1'), encoding, { valid })).toEqual(expect.any(Number));
    },
  );

  it('depends on what the value is once it is scaled', () => {
    expect(decode('ffff', 'uint16', { valid: [0, 100], scale: 0.001 })).toBeCloseTo(65.535, 9);
    expect(() => decode('ffff', 'uint16', { valid: [0, 100], scale: 0.001, offset: 40 })).toThrow('no value');
    expect(decode('ffff', 'uint16', { valid: [0, 1], bit: 3 })).toBe(true);
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

/** Writes numbers with Node's own writers: the big-endian one, and the little-endian one, of each encoding. */
const WRITERS: Readonly<Record<Exclude<Encoding, 'bool'>, readonly [(value: number) => Buffer, (value: number) => Buffer]>> = {
  uint16: [writer(2, (to, value) => to.writeUInt16BE(value)), writer(2, (to, value) => to.writeUInt16LE(value))],
  int16: [writer(2, (to, value) => to.writeInt16BE(value)), writer(2, (to, value) => to.writeInt16LE(value))],
  uint32: [writer(4, (to, value) => to.writeUInt32BE(value)), writer(4, (to, value) => to.writeUInt32LE(value))],
  int32: [writer(4, (to, value) => to.writeInt32BE(value)), writer(4, (to, value) => to.writeInt32LE(value))],
  float32: [writer(4, (to, value) => to.writeFloatBE(value)), writer(4, (to, value) => to.writeFloatLE(value))],
  uint64: [
    writer(8, (to, value) => to.writeBigUInt64BE(BigInt(value))),
    writer(8, (to, value) => to.writeBigUInt64LE(BigInt(value))),
  ],
  int64: [
    writer(8, (to, value) => to.writeBigInt64BE(BigInt(value))),
    writer(8, (to, value) => to.writeBigInt64LE(BigInt(value))),
  ],
  float64: [writer(8, (to, value) => to.writeDoubleBE(value)), writer(8, (to, value) => to.writeDoubleLE(value))],
};

function writer(sizeBytes: number, write: (to: Buffer, value: number) => void): (value: number) => Buffer {
  return (value) => {
    const buffer = Buffer.alloc(sizeBytes);
    write(buffer, value);
    return buffer;
  };
}

/** In each order: little end first is every byte turned round, and the others move whole registers. */
function written(value: number, encoding: keyof typeof WRITERS, order: ByteOrder): Uint8Array {
  const [big, little] = WRITERS[encoding];
  const buffer = order === 'ABCD' || order === 'BADC' ? big(value) : little(value);
  return order === 'BADC' || order === 'CDAB' ? buffer.swap16() : buffer;
}

const whole = (bits: number, isSigned: boolean) => {
  const size = 2 ** bits;
  return isSigned ? fc.integer({ min: -size / 2, max: size / 2 - 1 }) : fc.integer({ min: 0, max: size - 1 });
};
const safe = { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER };
const NUMBERS: Readonly<Record<keyof typeof WRITERS, fc.Arbitrary<number>>> = {
  uint16: whole(16, false),
  int16: whole(16, true),
  uint32: whole(32, false),
  int32: whole(32, true),
  uint64: fc.maxSafeNat(),
  int64: fc.integer(safe),
  float32: fc.float({ noDefaultInfinity: true, noNaN: true }),
  float64: fc.double({ noDefaultInfinity: true, noNaN: true }),
};

test.each(Object.keys(WRITERS) as (keyof typeof WRITERS)[])('every order gives back every %s', (encoding) => {
  fc.assert(
    fc.property(NUMBERS[encoding], fc.constantFrom(...ORDERS), (value, byteOrder) => {
      const decoded = decodeRegisters(written(value, encoding, byteOrder), { encoding, byteOrder });
      expect(decoded).toBe(value + 0);
    }),
  );
});

test('every order gives back every bit', () => {
  fc.assert(
    fc.property(whole(16, false), fc.constantFrom(...ORDERS), (value, byteOrder) => {
      const wire = written(value, 'uint16', byteOrder);
      const bits = Array.from({ length: 16 }, (_, bit) => decodeRegisters(wire, { encoding: 'uint16', byteOrder, bit }));
      expect(bits.map(Number).reverse().join('')).toBe(value.toString(2).padStart(16, '0'));
    }),
  );
});

test(
  'any registers give a finite number, a boolean, or a DeviceError',
  () => {
    const format = fc.record({
      encoding: fc.constantFrom(...(Object.keys(REGISTERS_OF) as Encoding[])),
      byteOrder: fc.constantFrom(...ORDERS),
      scale: fc.constantFrom(1, 0.1, -1000, 1e300),
      notAvailable: fc.constantFrom([], [0x8000, 0xffff], [Number.NaN]),
    });
    const registers = fc.uint8Array({ minLength: 8, maxLength: 8 });
    const exponent = fc.integer({ min: -10, max: 10 });
    const decoded = fc.property(format, registers, exponent, (each, all, power) => {
      try {
        const value = decodeRegisters(all.subarray(0, 2 * REGISTERS_OF[each.encoding]), each, power);
        return typeof value === 'boolean' ? each.encoding === 'bool' : Number.isFinite(value);
      } catch (error) {
        return error instanceof DeviceError;
      }
    });
    return untraced(() => fc.assert(decoded, { numRuns: MUTATED_COUNT }));
  },
  MUTATED_MS_MAX,
);
