// Frames that others recorded or printed, through the production bus code and the boards, down to the values they give.

import { describe, expect, it, test } from 'vitest';
import type { DeviceSpec, ModbusSpec, ReadingSpec } from '../../drivers/driver.ts';
import { BusError, DeviceError } from '../../drivers/errors.ts';
import { modbusMap } from '../../drivers/modbus-map.ts';
import { isReading, type MissingReading, type Reading } from '../../drivers/reading.ts';
import { framed, openRtu } from '../bus/support.ts';
import { loadText } from '../config/site-files.ts';
import { bytes, hex } from '../support/hex.ts';
import { type Vector, vectors } from '../support/vectors.ts';

const NO_ABORT = new AbortController().signal;

type Spec = DeviceSpec<{ unit: number }>;

/** The device as the site's loader makes it of a board of the library, with exactly these readings. */
async function boardSpec(board: string, unit: number, wanted: readonly string[]): Promise<Spec> {
  const site = (readings: string) =>
    loadText(`schema: gateway/v1
gateway: { id: trial }
buses: { meters: { type: modbus-rtu, port: /dev/ttyAMA0, baud: 9600 } }
devices: { thing: { board: ${board}@1, via: meters, with: { unit: ${unit} }${readings} } }
`);
  const switched = wanted.map((id) => `${id}: { enabled: true }`).join(', ');
  const { config, problems } = await site(`, readings: { ${switched} }`);
  const spec = config?.devices.get('thing')?.spec as Spec | undefined;
  if (spec === undefined) throw new Error(JSON.stringify(problems));
  return { ...spec, readings: spec.readings.filter(({ id }) => wanted.includes(id)) };
}

function ownSpec(unit: number, readings: readonly ReadingSpec[], modbus: Partial<ModbusSpec> = {}): Spec {
  const common: ModbusSpec = { readWith: 'holding', encoding: 'uint16', byteOrder: 'ABCD', registersMax: 125, holes: [] };
  return { board: 'of this test', with: { unit }, readings, outputs: [], modbus: { ...common, ...modbus } };
}

/** One read of a device whose slave answers this one request and no other; also what it was asked. */
async function exchange(spec: Spec, request: string, response: string, echo = false) {
  const asked: string[] = [];
  const { bus, clock } = await openRtu(
    (frame, { stream }) => {
      asked.push(hex(frame));
      if (hex(frame) === request) stream.receive(bytes(response));
    },
    { echo },
  );
  const device = await modbusMap.open(bus, spec, clock);
  const results: readonly (Reading | MissingReading)[] | BusError | DeviceError = await clock
    .run(device.read?.(NO_ABORT) ?? Promise.reject(new Error('no read')))
    .catch((error: unknown) => {
      if (error instanceof BusError || error instanceof DeviceError) return error;
      throw error;
    });
  return { asked, results };
}

function vector(id: string): Vector {
  const [file = ''] = id.split('/');
  const found = vectors(file).find((one) => one.id === id);
  if (found === undefined) throw new Error(`no vector ${id}`);
  return found;
}

/** Compares with a vector's values; `names` says what the board calls them. */
function expectValues(
  results: readonly (Reading | MissingReading)[] | Error,
  { expected, tolerance }: Vector,
  names: Readonly<Record<string, string>> = {},
): void {
  if (results instanceof Error) throw results;
  expect(results.length).toBe(Object.keys(expected).length);
  for (const [name, value] of Object.entries(expected)) {
    const id = names[name] ?? name;
    const result = results.find((one) => one.id === id);
    if (result === undefined || !isReading(result)) throw new Error(`no value of ${id}: ${result?.error}`);
    if (typeof result.value !== 'number') expect(result.value, id).toBe(value);
    // 257 × 0.1 is not the number next to 25.7.
    else expect(Math.abs(result.value - Number(value)), id).toBeLessThanOrEqual((tolerance[name] ?? 0) + 1e-9);
  }
}

describe('boards of the library', () => {
  const PZEM = ['voltage', 'current', 'power', 'energy_in', 'frequency', 'power_factor', 'alarm'];
  const SOIL = ['moisture', 'temperature', 'conductivity', 'ph'];

  it.each([
    ['pzem/esphome', 1],
    ['pzem/lora-a', 1],
    ['pzem/lora-c', 3],
  ])('pzem-016: %s', async (id, unit) => {
    const one = vector(id);
    const request = hex(framed([unit, 4, 0, 0, 0, 10]));
    // The vector names the request of unit 1.
    if (unit === 1) expect(request).toBe((one.context['request'] as string).replaceAll(' ', ''));
    const { results } = await exchange(await boardSpec('pzem-016', unit, PZEM), request, one.input);
    expectValues(results, one, { energy: 'energy_in' });
  });

  it('pzem-016: an alarm is one', async () => {
    const response = hex(framed([...bytes(vector('pzem/esphome').input).subarray(0, 21), 0xff, 0xff]));
    const { results } = await exchange(await boardSpec('pzem-016', 1, PZEM), '01040000000a700d', response);
    expect(results).toContainEqual({ id: 'alarm', value: true });
  });

  it.each(['pzem/fault-crc', 'rs485_environment/soil-vms3001-wrong-crc-in-blogs'])('%s gives no value', async (id) => {
    const isPzem = id.startsWith('pzem');
    const spec = isPzem ? await boardSpec('pzem-016', 1, PZEM) : await boardSpec('rs485-soil', 1, SOIL);
    const { asked, results } = await exchange(spec, isPzem ? '01040000000a700d' : '0103000000044409', vector(id).input);
    expect(results).toBeInstanceOf(BusError);
    expect(results).toMatchObject({ kind: 'bad-checksum' });
    expect(asked.length).toBe(1);
  });

  it('rs485-soil: the example of the manual, below zero', async () => {
    const one = vector('rs485_environment/soil-vms3001');
    const { request, response } = JSON.parse(one.input);
    const { results } = await exchange(await boardSpec('rs485-soil', 1, SOIL), request, response);
    expectValues(results, one, { soil_moisture: 'moisture', soil_temperature: 'temperature', ec: 'conductivity' });
  });

  it('rs485-temperature-humidity: the example of the manual, below zero', async () => {
    const one = vector('rs485_environment/th-unit2');
    const { request, response } = JSON.parse(one.input);
    const spec = await boardSpec('rs485-temperature-humidity', 2, ['humidity', 'temperature']);
    expectValues((await exchange(spec, request, response)).results, one);
  });

  it('xy-md02: temperature and humidity of its test', async () => {
    const one = vector('rs485_environment/xymd1-temp');
    const response = hex(framed([1, 4, 4, ...bytes(one.input)]));
    const spec = await boardSpec('xy-md02', 1, ['temperature', 'humidity']);
    const { results } = await exchange(spec, hex(framed([1, 4, 0, 1, 0, 2])), response);
    expect(results).toEqual([
      { id: 'temperature', value: one.expected['temperature'] },
      { id: 'humidity', value: 0 },
    ]);
  });

  it('rs485-wind-speed: the request of its manual', async () => {
    const { asked } = await exchange(await boardSpec('rs485-wind-speed', 1, ['wind_speed']), '', '');
    expect(asked).toEqual([vector('rs485_environment/jingxun-req-01').input]);
  });

  it('sensecap-one: below zero, and the request of the wiki', async () => {
    const one = vector('rs485_environment/sensecap-one-temp-neg');
    const { request, response } = JSON.parse(one.input);
    expectValues((await exchange(await boardSpec('sensecap-one', 1, ['temperature']), request, response)).results, one);
    const spec = await boardSpec('sensecap-one', 10, ['temperature', 'humidity', 'pressure']);
    const { asked } = await exchange(spec, '', '');
    expect(asked).toEqual([vector('rs485_environment/sensecap-req-s500-unit-10').input]);
  });
});

describe('devices without a board', () => {
  const tenth = (id: string, at: number): ReadingSpec => ({ id, at, scale: 0.1 });

  it.each<[string, Spec, boolean]>([
    [
      'datalogger-raw',
      ownSpec(
        5,
        [2, 3, 4, 5].map((at) => ({ id: `r${at - 2}`, at })),
      ),
      false,
    ],
    ['soil-es-sm-th', ownSpec(1, [{ id: 'soil_moisture_raw', at: 0x12 }]), false],
    ['sen0658-th-noise', ownSpec(1, [tenth('humidity', 504), tenth('temperature', 505), tenth('noise', 506)]), true],
    ['sen0658-light', ownSpec(1, [{ id: 'illuminance', at: 510, encoding: 'uint32' }]), true],
    ['rain-xm9505', ownSpec(1, [{ id: 'tips', at: 0 }, tenth('rain', 0)]), false],
  ])('%s', async (id, spec, echo) => {
    const one = vector(`rs485_environment/${id}`);
    const { request, response, tx, rx } = JSON.parse(one.input);
    expectValues((await exchange(spec, tx ?? request, rx ?? response, echo)).results, one);
  });

  it('pzem-017-dc: 32 bits with the low word first', async () => {
    const one = vector('pzem/pzem-017-dc');
    const spec = ownSpec(
      1,
      [
        { id: 'voltage', at: 0, scale: 0.01 },
        { id: 'current', at: 1, scale: 0.01 },
        { id: 'power', at: 2, encoding: 'uint32', scale: 0.1 },
        { id: 'energy', at: 4, encoding: 'uint32' },
        // The recorded question asked for all eight registers.
        { id: 'rest', at: 6, encoding: 'uint32' },
      ],
      { readWith: 'input', byteOrder: 'CDAB' },
    );
    const { results } = await exchange(spec, hex(framed([1, 4, 0, 0, 0, 8])), one.input);
    if (results instanceof Error) throw results;
    expectValues(results.slice(0, 4), one);
  });

  it.each<[string, Spec]>([
    [
      'sensecap-req-s900-pm',
      ownSpec(
        38,
        [48, 50].map((at) => ({ id: `pm${at}`, at })),
        { readWith: 'input', encoding: 'int32' },
      ),
    ],
    ['sensecap-req-s1000-co2', ownSpec(43, [{ id: 'co2', at: 64 }], { readWith: 'input', encoding: 'int32' })],
    ['jingxun-req-03', ownSpec(3, [{ id: 'snow', at: 16 }])],
  ])('%s is what we ask', async (id, spec) => {
    expect((await exchange(spec, '', '')).asked).toEqual([vector(`rs485_environment/${id}`).input]);
  });

  it('sensecap-req-s700-doc-typo: our checksum is the right one', async () => {
    const printed = vector('rs485_environment/sensecap-req-s700-doc-typo');
    const readings = Array.from({ length: 16 }, (_, i) => ({ id: `r${i}`, at: 2 * i }));
    const { asked } = await exchange(ownSpec(20, readings, { readWith: 'input', encoding: 'int32' }), '', '');
    expect(asked).toEqual([`${printed.input.slice(0, -4)}f317`]);
  });
});

describe('register maps of another project', () => {
  it.each([
    ['eastron-sdm120', 'sdm120', { voltage: 'Voltage', current: 'Current', power: 'Power', apparent_power: 'ApparentPower' }],
    ['eastron-sdm120', 'sdm120', { reactive_power: 'ReactivePower', power_factor: 'Cosphi', frequency: 'Frequency' }],
    ['eastron-sdm120', 'sdm120', { energy_in: 'Import', energy_out: 'Export' }],
    ['eastron-sdm630', 'sdm630', { voltage_l1: 'VoltageL1', voltage_l2: 'VoltageL2', voltage_l3: 'VoltageL3', power: 'Power' }],
    ['eastron-sdm630', 'sdm630', { current_l1: 'CurrentL1', current_l2: 'CurrentL2', current_l3: 'CurrentL3' }],
  ])('have the addresses of %s', async (board, map, names: Readonly<Record<string, string>>) => {
    const addresses = JSON.parse(vector(`energy_meters/${map}-register-map`).input) as Record<string, string>;
    const spec = await boardSpec(board, 1, Object.keys(names));
    for (const { id, at } of spec.readings) expect(at, id).toBe(Number(addresses[names[id] ?? '']));
    expect(spec.readings.length).toBe(Object.keys(names).length);
  });
});

describe('faults reported about other products', () => {
  const reported = (id: string) =>
    (vectors('modbus_cases') as unknown as { id: string; input: Record<string, unknown> }[]).find((one) => one.id === id)
      ?.input ?? {};

  it('mb-11: sixteen coils in the order of their addresses', async () => {
    const { start, reply, bits } = reported('mb-11') as { start: number; reply: string; bits: number[] };
    const readings = bits.map((_, i) => ({ id: `c${start + i}`, at: start + i }));
    const spec = ownSpec(1, readings, { readWith: 'coil', encoding: 'bool' });
    const { results } = await exchange(spec, hex(framed([1, 1, 1, 0, 0, 16])), reply);
    expect(results).toEqual(bits.map((bit, i) => ({ id: `c${start + i}`, value: bit === 1 })));
  });

  it('mb-17: a hole that answers exception 3 is split, and the registers that exist are good', async () => {
    const { existing, reply } = reported('mb-17') as { existing: number[]; reply: string };
    const unit = bytes(reply)[0] ?? 0;
    const asked: string[] = [];
    const { bus, clock } = await openRtu((frame, { stream }) => {
      asked.push(hex(frame));
      const [first, count] = [Buffer.from(frame).readUInt16BE(2), Buffer.from(frame).readUInt16BE(4)];
      const range = Array.from({ length: count }, (_, i) => first + i);
      const isThere = range.every((at) => existing.includes(at));
      stream.receive(isThere ? framed([unit, 3, 2 * count, ...range.flatMap((at) => [0, at])]) : bytes(reply));
    });
    const device = await modbusMap.open(
      bus,
      ownSpec(
        unit,
        existing.map((at) => ({ id: `r${at}`, at })),
      ),
      clock,
    );
    for (let round = 0; round < 2; round++) {
      const results = await clock.run(device.read?.(NO_ABORT) ?? Promise.resolve([]));
      expect(results).toEqual(existing.map((at) => ({ id: `r${at}`, value: at })));
    }
    expect(asked.length).toBe(3 + 2);
  });

  it('mb-18: FFFF is not 6553.5 V', async () => {
    const { reply, scale } = reported('mb-18') as { reply: string; scale: number };
    const spec = ownSpec(1, [{ id: 'dc', at: 0, scale, notAvailable: [0xffff] }]);
    const { results } = await exchange(spec, hex(framed([1, 3, 0, 0, 0, 1])), reply);
    expect(results).toMatchObject({ name: 'DeviceError', kind: 'not-available' });
  });

  it('mb-21: low word first, unsigned, above 2^31', async () => {
    const { reply, value, second, second_value } = reported('mb-21') as Record<string, string>;
    for (const [frame, expected] of [
      [reply, value],
      [second, second_value],
    ]) {
      const spec = ownSpec(1, [{ id: 'energy', at: 0, encoding: 'uint32' }], { byteOrder: 'CDAB' });
      const { results } = await exchange(spec, hex(framed([1, 3, 0, 0, 0, 2])), frame ?? '');
      expect(results).toEqual([{ id: 'energy', value: Number(expected) }]);
    }
  });

  it('mb-26: a total that drops for one sample is passed on as the meter sent it: judging it is not the driver’s', async () => {
    const { frame_example, frame_value } = reported('mb-26') as Record<string, string>;
    const spec = ownSpec(1, [{ id: 'energy', at: 0, encoding: 'uint32', scale: 0.01 }]);
    const { results } = await exchange(spec, hex(framed([1, 3, 0, 0, 0, 2])), frame_example ?? '');
    expect(results).toEqual([{ id: 'energy', value: expect.closeTo(Number(frame_value), 9) }]);
  });
});

test('every answer that is cut anywhere gives no value', async () => {
  const one = vector('rs485_environment/soil-vms3001');
  const { request, response } = JSON.parse(one.input) as { request: string; response: string };
  const spec = await boardSpec('rs485-soil', 1, ['moisture', 'temperature', 'conductivity', 'ph']);
  for (let length = 0; length < response.length; length += 2) {
    const { results } = await exchange(spec, request, response.slice(0, length));
    expect(results, `${length / 2} bytes`).toBeInstanceOf(BusError);
  }
});

test('noise before an answer costs at most that answer, and is never part of a value', async () => {
  const one = vector('rs485_environment/soil-vms3001');
  const { request, response } = JSON.parse(one.input) as { request: string; response: string };
  const spec = await boardSpec('rs485-soil', 1, ['moisture', 'temperature', 'conductivity', 'ph']);
  for (const noise of ['00', 'ff', '0103', '010308', '0001030802', 'c4f8c4f8c4f8']) {
    const { results } = await exchange(spec, request, noise + response);
    if (results instanceof Error) continue;
    expectValues(results, one, { soil_moisture: 'moisture', soil_temperature: 'temperature', ec: 'conductivity' });
  }
});
