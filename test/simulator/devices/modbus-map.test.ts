import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { ByteOrder, Encoding } from '../../../drivers/driver.ts';
import { model } from '../../../simulator/devices/modbus-map.ts';
import { bytes, hex } from '../../support/hex.ts';
import { context, type DeviceSketch } from '../site.ts';

/** si-01 has requests and their replies, si-02 one of each. */
interface CaseInput {
  readonly requests: Readonly<Record<string, string>>;
  readonly request: string;
  readonly reply: string;
}

interface Vectors {
  readonly energyMeters: readonly { id: string; input: string; expected: Record<string, number> }[];
  readonly cases: readonly { id: string; input: CaseInput }[];
  readonly dataTypes: readonly {
    id: string;
    input: string;
    context: { type: Encoding; order: ByteOrder };
    expected: { value: number };
  }[];
}
const data: Vectors = JSON.parse(readFileSync(new URL('../../data/simulator/modbus.json', import.meta.url), 'utf8'));

function reported(id: string): CaseInput {
  const found = data.cases.find((each) => each.id === id);
  if (found === undefined) throw new Error(`no case ${id}`);
  return found.input;
}

/** Asks with the PDU of an RTU frame (unit in front, CRC behind) and returns the answer's PDU. */
function ask(slave: ReturnType<typeof model>, frame: string): string {
  return hex(slave.answer(bytes(frame).slice(1, -2), 0).pdu);
}

function pduOf(frame: string): string {
  return frame.slice(2, -4);
}

function slave(sketch: Partial<DeviceSketch>, values: Readonly<Record<string, number>>) {
  return model(context({ driver: 'modbus-map', address: 1, ...sketch }, values));
}

const METER = slave(
  {
    readings: [
      { id: 'voltage', at: 0 },
      { id: 'current', at: 6 },
    ],
  },
  // The manual's bytes are one step of a float32 above 230.2.
  { voltage: 230.20001, current: 1.2 },
);

test.each(data.energyMeters.filter(({ input }) => input.startsWith('{')))(
  'answers as the manual of the meter shows: $id',
  ({ input }) => {
    const { request, response } = JSON.parse(input);
    expect(ask(METER, request)).toBe(pduOf(response));
  },
);

test.each(data.dataTypes)('lays out $id', ({ input, context: { type, order }, expected }) => {
  const shown = slave({ readings: [{ id: 'x', at: 0, encoding: type, byteOrder: order }] }, { x: expected.value });
  const count = (input.length / 4).toString(16).padStart(4, '0');
  expect(ask(shown, `01040000${count}0000`).slice(4)).toBe(input);
});

test.each([
  ['cg-voltage', 231.1],
  ['cg-power-export', -1000],
])('turns the scale round: %s', (id, value) => {
  const vector = data.energyMeters.find((each) => each.id.endsWith(id));
  const reading = { id: 'x', at: 0, encoding: 'int32', byteOrder: 'CDAB', scale: 0.1 } as const;
  expect(ask(slave({ readings: [reading] }, { x: value }), '0104000000020000').slice(4)).toBe(vector?.input);
});

test('begins a bit answer with the bit that was asked for (si-01)', () => {
  const coils = slave(
    {
      modbus: { readWith: 'coil', encoding: 'bool' },
      readings: [1, 2, 3, 4, 5, 6, 7, 8].map((at) => ({ id: `c${at}`, at })),
    },
    { c5: 1, c8: 1 },
  );
  const { requests } = reported('si-01');
  expect(Object.keys(requests)).toHaveLength(2);
  for (const [request, reply] of Object.entries(requests)) expect(ask(coils, request)).toBe(pduOf(reply));
});

test('refuses an address that it does not have, and a range half outside, with exception 2 (si-02)', () => {
  const { request, reply } = reported('si-02');
  const holding = slave({ modbus: { readWith: 'holding', encoding: 'uint16' }, readings: [{ id: 'x', at: 0 }] }, {});
  expect(ask(holding, request)).toBe(pduOf(reply));
  expect(ask(METER, '0104000600030000')).toBe('8402');
  expect(ask(METER, '0104ffff00020000')).toBe('8402');
});

test.each([
  ['a function that it does not have', '0106000000010000', '8601'],
  ['a table without readings', '0103000000010000', '8301'],
  ['a count of nothing', '0104000000000000', '8403'],
  ['a count beyond the limit', '01040000007e0000', '8403'],
  ['a question that is too short', '010400000000', '8403'],
])('refuses %s', (_, request, reply) => {
  expect(ask(METER, request)).toBe(reply);
});

test('shows zeros between its readings, but nothing of a hole', () => {
  expect(ask(METER, '0104000400020000')).toBe('040400000000');
  const holed = slave(
    {
      readings: [
        { id: 'a', at: 0 },
        { id: 'b', at: 8 },
      ],
      modbus: { holes: [[4, 5]] },
    },
    {},
  );
  expect(ask(holed, '0104000200020000')).toBe('040400000000');
  expect(ask(holed, '0104000200030000')).toBe('8402');
});

test('puts bits of several readings into one register, and stops at the end of a whole number', () => {
  const readings = [
    { id: 'low', at: 0, encoding: 'bool', bit: 0 },
    { id: 'high', at: 0, encoding: 'bool', bit: 15 },
    { id: 'full', at: 1, encoding: 'int16' },
    { id: 'none', at: 2, encoding: 'uint16' },
  ] as const;
  expect(ask(slave({ readings }, { low: 1, high: 1, full: 1e6, none: -1 }), '0104000000030000')).toBe('040680017fff0000');
});

test('takes five to twenty milliseconds for an answer', () => {
  for (let i = 0; i < 100; i += 1) {
    const { afterMs } = METER.answer(Uint8Array.of(4, 0, 0, 0, 2), 0);
    expect(afterMs).toBeGreaterThanOrEqual(5);
    expect(afterMs).toBeLessThanOrEqual(20);
  }
});
