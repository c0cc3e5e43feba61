import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { ByteOrder, DeviceSpec, ModbusSpec, ReadingSpec } from '../../drivers/driver.ts';
import { DeviceError } from '../../drivers/errors.ts';
import { modbusMap } from '../../drivers/modbus-map.ts';
import { isTextValue, TEXT_BYTES_MAX } from '../../drivers/reading.ts';
import { decodeRegisters } from '../../drivers/registers.ts';
import { FakeModbus } from '../support/fake-modbus.ts';
import { bytes } from '../support/hex.ts';
import { TestClock } from '../support/test-clock.ts';
import { vectors } from '../support/vectors.ts';

const NO_ABORT = new AbortController().signal;
const UINT16: ModbusSpec = { readWith: 'holding', encoding: 'uint16', byteOrder: 'ABCD', registersMax: 125, holes: [] };
const ORDERS: readonly ByteOrder[] = ['ABCD', 'CDAB', 'BADC', 'DCBA'];

function specOf(readings: readonly ReadingSpec[], modbus: Partial<ModbusSpec> = {}): DeviceSpec<{ unit: number }> {
  return { board: 'test', with: { unit: 1 }, readings, outputs: [], modbus: { ...UINT16, ...modbus } };
}

async function read(slave: FakeModbus, readings: readonly ReadingSpec[]) {
  const device = await modbusMap.open(slave, specOf(readings), new TestClock());
  return await device.read?.(NO_ABORT);
}

function decode(wire: Uint8Array, byteOrder: ByteOrder = 'ABCD', notAvailable: readonly number[] = []) {
  return decodeRegisters(wire, { encoding: 'text', byteOrder, notAvailable });
}

/** The text of some registers, with Node's own writer; the rest is filled with this byte. */
function written(text: string, registers: number, byteOrder: ByteOrder = 'ABCD', fill = 0): Uint8Array {
  const buffer = Buffer.alloc(2 * registers, fill);
  buffer.write(text, 'utf8');
  return byteOrder === 'BADC' || byteOrder === 'DCBA' ? buffer.swap16() : buffer;
}

const found = (id: string) => {
  const vector = vectors('modbus_texts').find((one) => one.id === `modbus_texts/${id}`);
  if (vector === undefined) throw new Error(`no vector ${id}`);
  return { ...vector, at: Number(vector.context['at']), value: vector.expected['value'] };
};

test.each(vectors('modbus_texts'))('decodes $id', ({ input, context, expected }) => {
  const { order, notAvailable } = context as { order: ByteOrder; notAvailable?: number[] };
  const work = () => decode(bytes(input), order, notAvailable);
  if (expected['value'] === undefined) expect(work).toThrow(expect.objectContaining({ kind: 'not-available' }));
  else expect(work()).toBe(expected['value']);
});

describe('a text', () => {
  it('ends at the first NUL, whatever stands behind it', () => {
    expect(decode(bytes('4f4b00ff410a'))).toBe('OK');
  });

  it('fills all of its registers, or is padded with white space', () => {
    expect(decode(bytes('4f4b'))).toBe('OK');
    expect(decode(bytes('4f4b202020200d0a'))).toBe('OK');
    expect(decode(bytes('204f4b20'))).toBe(' OK');
  });

  it('may be empty', () => {
    expect(decode(bytes('00000000'))).toBe('');
    expect(decode(bytes('20202020'))).toBe('');
  });

  it.each([
    ['ffffffff', [0xffff]],
    ['ffffffff', [-1]],
    ['20202020', [0x2020]],
    ['00000000', [0xffff, 0]],
  ])('is not available where all registers hold what means so: %s', (wire, notAvailable) => {
    expect(() => decode(bytes(wire), 'BADC', notAvailable)).toThrow(expect.objectContaining({ kind: 'not-available' }));
  });

  it('is there where only some of them do, and NaN is none of them', () => {
    expect(decode(bytes('4f4b0000'), 'ABCD', [0])).toBe('OK');
    expect(decode(bytes('00000000'), 'ABCD', [Number.NaN])).toBe('');
  });

  it.each([
    ['bytes of another encoding than UTF-8', 'b04300'],
    ['registers that were never written', 'ffffffff'],
    ['half a character at the end', '61c3'],
    ['a surrogate', 'eda080'],
    ['an escape of a terminal', '1b5b324a'],
    ['a line feed inside', '4f4b0a4f4b00'],
    ['a character that turns the writing round', 'e280ae616263'],
    ['a line separator', 'e280a861'],
    ['numbers that somebody takes for a text', '010104d2'],
  ])('is none: %s', (_what, wire) => {
    const even = wire.padEnd(4 * Math.ceil(wire.length / 4), '0');
    const error = { kind: 'implausible', message: `expected a text in UTF-8, found ${even}` };
    expect(() => decode(bytes(even))).toThrow(expect.objectContaining(error));
  });

  it('shows no more than a line of what it found', () => {
    expect(() => decode(new Uint8Array(120).fill(0xff))).toThrow(
      expect.objectContaining({ message: `expected a text in UTF-8, found ${'ff'.repeat(32)}…` }),
    );
  });
});

const texts = fc
  .string({ unit: 'grapheme', maxLength: 30 })
  .map((text) => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '').trimEnd())
  .filter((text) => Buffer.byteLength(text) <= 60);

test('every order gives back every text, padded with NUL or with spaces', () => {
  fc.assert(
    fc.property(texts, fc.constantFrom(...ORDERS), fc.constantFrom(0, 0x20), (text, byteOrder, fill) => {
      expect(decode(written(text, 30, byteOrder, fill), byteOrder)).toBe(text);
    }),
  );
});

test('any registers give a text that can be shown, or a DeviceError', () => {
  const registers = fc
    .uint8Array({ minLength: 1, maxLength: TEXT_BYTES_MAX / 2 })
    .map((half) => Uint8Array.from([...half, ...half]));
  const likelier = fc
    .array(fc.oneof(fc.integer({ min: 0x20, max: 0x7e }), fc.nat({ max: 255 })), { minLength: 2, maxLength: 8 })
    .map((all) => Uint8Array.from(all.length % 2 === 0 ? all : [...all, 0]));
  fc.assert(
    fc.property(fc.oneof(registers, likelier), fc.constantFrom(...ORDERS), (wire, byteOrder) => {
      try {
        expect(isTextValue(String(decode(wire, byteOrder)))).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(DeviceError);
      }
    }),
  );
});

describe('a device with texts', () => {
  it('is asked for a text and a number at the end of all addresses in one request (Telegraf issue 15138)', async () => {
    const { input, context, at, value } = found('telegraf-issue-15138');
    const slave = new FakeModbus().put('holding', at, bytes(input));
    slave.registers.set(`holding:${context['next']}`, Number(context['nextValue']));
    const readings: ReadingSpec[] = [
      { id: 'name', at, encoding: 'text', registers: input.length / 4 },
      { id: 'status', at: Number(context['next']) },
    ];
    expect(await read(slave, readings)).toEqual([
      { id: 'name', value },
      { id: 'status', value: context['nextValue'] },
    ]);
    expect(slave.asked).toEqual(['holding:65524+11']);
  });

  it('gives the other texts of the same answer when one is missing: the common model of SunSpec', async () => {
    const points = ['mn', 'md', 'opt', 'vr', 'sn'].map((id) => ({ ...found(`sunspec-${id}`), id }));
    const slave = new FakeModbus();
    for (const { at, input } of points) slave.put('holding', at, bytes(input));
    const readings = points.map(
      ({ id, at, input }): ReadingSpec => ({ id, at, encoding: 'text', registers: input.length / 4, notAvailable: [0] }),
    );
    const missing = { kind: 'not-available', message: expect.stringContaining('opt at holding 0x9c64') };
    expect(await read(slave, readings)).toEqual(
      points.map(({ id, value }) => (value === undefined ? { id, error: expect.objectContaining(missing) } : { id, value })),
    );
    expect(slave.asked).toEqual(['holding:40004+64']);
  });

  it('takes no scale factor for a text', async () => {
    const slave = new FakeModbus().put('holding', 0, bytes('4f4b'));
    const readings: ReadingSpec[] = [{ id: 'state', at: 0, encoding: 'text', registers: 1, scaleFrom: 9 }];
    expect(await read(slave, readings)).toEqual([{ id: 'state', value: 'OK' }]);
    expect(slave.asked).toEqual(['holding:0+1']);
  });

  it('is asked for each text as a whole, also when it refuses a request for several', async () => {
    const slave = new FakeModbus().put('holding', 0, bytes('4f4b000041420000')).put('holding', 6, bytes('58590000'));
    const readings: ReadingSpec[] = [0, 2, 6].map((at) => ({ id: `t${at}`, at, encoding: 'text', registers: 2 }));
    expect(await read(slave, readings)).toEqual([
      { id: 't0', value: 'OK' },
      { id: 't2', value: 'AB' },
      { id: 't6', value: 'XY' },
    ]);
    expect(slave.asked).toEqual(['holding:0+8', 'holding:0+4', 'holding:6+2']);
  });

  it('never has a text cut in two by the size of its requests', () => {
    const readings: ReadingSpec[] = [
      { id: 'number', at: 0 },
      { id: 'text', at: 1, encoding: 'text', registers: 16 },
      { id: 'next', at: 17 },
    ];
    const requests = modbusMap.plan(specOf(readings, { registersMax: 16 }));
    expect(requests.map((request) => request.readings)).toEqual([['number'], ['text'], ['next']]);
  });
});
