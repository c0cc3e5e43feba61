import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { ByteOrder, Encoding, OutputSpec } from '../../../drivers/driver.ts';
import { model } from '../../../simulator/devices/modbus-map.ts';
import { bytes, hex } from '../../support/hex.ts';
import { vectors } from '../../support/vectors.ts';
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

function slave(sketch: Partial<DeviceSketch>, values: Readonly<Record<string, number | string>>) {
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

test.each(vectors('modbus_texts'))('lays out $id', ({ input, context: { order }, expected }) => {
  const count = input.length / 4;
  const reading = { id: 'x', at: 0, encoding: 'text', registers: count, byteOrder: order as ByteOrder } as const;
  const shown = slave({ readings: [reading] }, { x: expected['value'] ?? '' });
  expect(ask(shown, `01040000${count.toString(16).padStart(4, '0')}0000`).slice(4)).toBe(input);
});

test('shows as much of a text as its registers hold, and gives any part of it', () => {
  const readings = [
    { id: 'before', at: 0, encoding: 'uint16' },
    { id: 'state', at: 1, encoding: 'text', registers: 3 },
    { id: 'after', at: 4, encoding: 'uint16' },
  ] as const;
  const shown = slave({ readings }, { before: 1, state: 'DOOR OPEN', after: 2 });
  // "DOOR O" in ASCII.
  expect(ask(shown, '0104000000050000')).toBe('040a0001444f4f52204f0002');
  expect(ask(shown, '0104000200010000')).toBe('04024f52');
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

/** Holding registers and coils that can be written, as the specification's examples need them. */
function switches(registers: readonly number[], coils: readonly number[]) {
  const outputs: OutputSpec[] = [
    ...registers.map((at) => ({ id: `r${at}`, safe: false, register: { at, on: 1, off: 0 } })),
    ...coils.map((coil) => ({ id: `c${coil}`, safe: false, coil })),
  ];
  return slave({ readings: [], outputs }, {});
}

const RANGE = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);

describe('writes as the specification shows', () => {
  const exchange = (id: string): { request: string; response: string } =>
    JSON.parse(vectors('modbus_rtu').find((one) => one.id.endsWith(id))?.input ?? '');

  test.each([
    ['spec-fc05', [], [172], '010100ac00010000', '010101'],
    ['spec-fc06', [1], [], '0103000100010000', '03020003'],
    ['spec-fc15', [], RANGE(19, 10), '01010013000a0000', '0102cd01'],
    ['spec-fc16', [1, 2], [], '0103000100020000', '0304000a0102'],
  ])('%s, and reads back what was written', (id, registers, coils, question, reply) => {
    const written = switches(registers, coils);
    const { request, response } = exchange(id);
    expect(ask(written, request)).toBe(pduOf(response));
    expect(ask(written, question)).toBe(reply);
  });

  // V1.1b3 §6.16: current 0x12, AND mask 0xF2, OR mask 0x25 give 0x17.
  test('spec-fc22', () => {
    const written = switches([4], []);
    ask(written, '0106000400120000');
    const { request, response } = exchange('spec-fc22');
    expect(ask(written, request)).toBe(pduOf(response));
    expect(ask(written, '0103000400010000')).toBe('03020017');
  });

  test('spec-fc23: what was written in the same request is read', () => {
    const written = switches(RANGE(3, 14), []);
    for (const [i, value] of ['00fe', '0acd', '0001', '0003', '000d', '00ff'].entries())
      ask(written, `01060${`00${(3 + i).toString(16)}`.slice(-3)}${value}0000`);
    const { request, response } = exchange('spec-fc23');
    expect(ask(written, request)).toBe(pduOf(response));
    expect(ask(written, '0103000e00030000')).toBe('030600ff00ff00ff');
  });

  test.each([
    ['a coil that is not there', '0105000aff000000', '8502'],
    ['a coil with a value that is neither on nor off', '0105000000010000', '8503'],
    ['a register that is not there', '0106000a00010000', '8602'],
    ['coils one of which is not there', '010f000000090201010000', '8f02'],
    ['coils whose bytes are too few', '010f0000000901010000', '8f03'],
    ['no coil', '010f00000000000000', '8f03'],
    ['registers one of which is not there', '01100000000204000100010000', '9002'],
    ['registers whose bytes are too many', '01100000000104000100010000', '9003'],
    ['no register', '011000000000000000', '9003'],
    ['a mask that is too short', '011600000000000000', '9603'],
    ['a read along with a write elsewhere', '0117000000010009000102ffff0000', '9702'],
    ['nothing to read along with a write', '0117000000000000000102ffff0000', '9703'],
  ])('refuses %s, and writes nothing', (_, request, reply) => {
    const written = switches([0], [0]);
    expect(ask(written, request)).toBe(reply);
    expect(ask(written, '0101000000010000')).toBe('010100');
    expect(ask(written, '0103000000010000')).toBe('03020000');
  });

  test('a slave without outputs has no function that writes', () => {
    for (const [code, reply] of [
      ['05', '8501'],
      ['06', '8601'],
      ['0f', '8f01'],
      ['10', '9001'],
      ['16', '9601'],
      ['17', '9701'],
    ])
      expect(ask(METER, `01${code}0000000102ff000000`)).toBe(reply);
  });

  test('a reading of the coil that an output switches shows what was written', () => {
    const readings = [{ id: 'state', at: 7, readWith: 'coil' }] as const;
    const relay = slave({ readings, outputs: [{ id: 'relay', safe: false, coil: 7 }] }, { state: 1 });
    expect(ask(relay, '0101000700010000')).toBe('010100');
    ask(relay, '01050007ff000000');
    expect(ask(relay, '0101000700010000')).toBe('010101');
  });
});

describe('a relay that goes off by itself', () => {
  const onFor = { coil: 0x0200, stepMs: 100, mostMs: 3_276_700 };
  /** Answers at moments; what the relay does is told as it happens or ahead. */
  function board() {
    const told: [boolean, number][] = [];
    const outputs = [{ id: 'relay', safe: false, coil: 0, onFor }];
    const switched = (_output: string, isOn: boolean, atMs: number) => told.push([isOn, atMs]);
    const relay = model({ ...context({ driver: 'modbus-map', address: 1, outputs }, {}), switched });
    return { told, at: (atMs: number, pdu: string) => hex(relay.answer(bytes(pdu), atMs).pdu) };
  }

  test('is on at once, and off when its time is over', () => {
    const { told, at } = board();
    expect(at(1_000, '0502000007')).toBe('0502000007');
    expect([1_000, 1_699, 1_700].map((atMs) => at(atMs, '0100000001'))).toEqual(['010101', '010101', '010100']);
    expect(told).toEqual([
      [true, 1_000],
      [false, 1_700],
    ]);
  });

  test('begins its time anew with each that is written, and forgets it when its coil is written', () => {
    const { at } = board();
    at(0, '0502000007');
    at(600, '0502000007');
    expect([1_299, 1_300].map((atMs) => at(atMs, '0100000001'))).toEqual(['010101', '010100']);
    at(2_000, '0502000007');
    at(2_100, '050000ff00');
    expect(at(60_000, '0100000001')).toBe('010101');
    at(60_000, '0502000007');
    at(60_100, '0500000000');
    expect(at(60_200, '0100000001')).toBe('010100');
  });

  test('takes no time where there is no relay, and shows no coil where times are written', () => {
    const { at } = board();
    expect(at(0, '0502010007')).toBe('8503');
    expect(at(0, '0102000001')).toBe('8102');
  });
});

test('has the power of ten that its precision needs where its readings say that it stands', () => {
  const readings = [
    { id: 'a', at: 0, encoding: 'uint16', scaleFrom: 4 },
    { id: 'b', at: 1, encoding: 'int16', scaleFrom: 4 },
  ] as const;
  const meter = slave({ readings, precision: 0.01 }, { a: 12.34, b: -4.1 });
  expect(ask(meter, '0104000000050000')).toBe('040a04d2fe6600000000fffe');
});

test.each([
  ['a function that it does not have', '0107000000010000', '8701'],
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
