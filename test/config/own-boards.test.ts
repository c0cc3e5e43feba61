import { describe, expect, it, test } from 'vitest';
import { textOf } from '../../cli/messages/catalogue.ts';
import { en } from '../../cli/messages/en.ts';
import { checkBoardDocument } from '../../config/board-library.ts';
import type { ChannelConfig } from '../../config/config.ts';
import { parseYaml } from '../../config/yaml-document.ts';
import { errors, HEAD, loadText } from './site-files.ts';

/** A meter with the given readings, and what else a board file may hold. */
const board = (readings: string, more = '', parameters = '') => `schema: board/v1
id: own
version: 1.0.0
label: Own meter
needs: modbus
driver: modbus-map
with: { unit: { type: modbus_unit, default: 1 }${parameters} }
readings: { ${readings} }
${more}`;

const load = (readings: string, { site = '', device = '', more = '', parameters = '' } = {}) =>
  loadText(`${HEAD}${site}devices:\n  own: { board: own@1, via: meters${device} }\n`, {
    'boards/own.board.yaml': board(readings, more, parameters),
  });

async function channelOf(readings: string, parts: Parameters<typeof load>[1] = {}): Promise<ChannelConfig | undefined> {
  const { config, problems } = await load(readings, parts);
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  return config?.devices.get('own')?.channels[0];
}

describe('the precision of a reading without one', () => {
  // One step in the usual unit of the quantity is the same amount in every other unit.
  it.each([
    ['active_power', 'W', 1],
    ['active_power', 'kW', 0.001],
    ['air_pressure', 'hPa', 0.1],
    ['air_pressure', 'Pa', 10],
    ['air_pressure', 'kPa', 0.01],
    ['voltage', 'mV', 100],
    ['current', 'mA', 10],
    ['apparent_power', 'kVA', 0.001],
    ['reactive_power', 'kvar', 0.001],
    ['energy_imported', 'Wh', 10],
    ['water_volume', 'm3', 0.0001],
  ])('of %s in %s is %d', async (quantity, unit, precision) => {
    expect((await channelOf(`x: { quantity: ${quantity}, unit: ${unit}, at: 0 }`))?.precision).toBe(precision);
  });
});

describe('a key that makes the value and that no code acts on', () => {
  const power = 'power: { quantity: active_power, unit: W, at: 0';

  it.each([['per: pulse, scale_by: unit, starts_at: unit', ['power.per', 'power.scale_by', 'power.starts_at']]])(
    '%s keeps the device from running, with its name',
    async (key, keys) => {
      const site = await load(`${power}, ${key} }`);
      expect(site.config?.skipped).toEqual(new Map([['own', 'C142']]));
      expect(site.problems.find(({ code }) => code === 'C142')).toMatchObject({ severity: 'warning', parameters: { keys } });
    },
  );

  it('matters only where its reading is switched on', async () => {
    const site = await load(`volts: { quantity: voltage, unit: V, at: 2 }, ${power}, per: pulse }`, {
      device: ', readings: { power: { enabled: false } }',
    });
    expect([...(site.config?.devices.keys() ?? [])]).toEqual(['own']);
  });
});

test('the power of ten in a register of the device reaches its driver, and so does the speed of the line', async () => {
  const site = await load('power: { quantity: active_power, unit: W, at: 0, scale_from: 7 }');
  const spec = site.config?.devices.get('own')?.spec;
  expect(spec?.readings).toEqual([{ id: 'power', at: 0, scaleFrom: 7 }]);
  expect(spec?.modbus?.baud).toBe(2400);
});

test('the range of a value reaches the driver that understands registers, unless the value is converted further', async () => {
  const dc = 'dc: { at: 0, scale: 0.1, quantity: voltage, unit: V, valid: [0, 1000] }';
  const ac = 'ac: { at: 1, quantity: voltage, unit: V, valid: [0, 300] }';
  const soil = 'soil: { at: 2, quantity: soil_moisture, unit: "%", valid: [0, 100], convert: [{ scale: 0.01 }] }';
  const { config, problems } = await load([dc, ac, soil].join(', '), { device: ', readings: { ac: { valid: [200, 260] } }' });
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  const valid = config?.devices.get('own')?.spec.readings.map((reading) => reading.valid);
  expect(valid).toEqual([[0, 1000], [200, 260], undefined]);
});

describe('an output of registers', () => {
  const pump = (place: string) => `outputs: { pump: { quantity: switch_state, unit: bool, safe: off, max_on: 1h${place} } }\n`;

  it.each([
    [', coil: 3', { coil: 3 }],
    [', register: 7', { register: { at: 7, on: 1, off: 0 } }],
    [', register: 7, on: 0x5500, off: 0xAA00', { register: { at: 7, on: 0x5500, off: 0xaa00 } }],
  ])('reaches its driver with its place: %s', async (place, expected) => {
    const site = await load('', { more: `modbus: { write_with: multiple }\n${pump(place)}` });
    expect(site.problems.filter(({ severity }) => severity === 'error')).toEqual([]);
    const spec = site.config?.devices.get('own')?.spec;
    expect(spec?.outputs).toEqual([{ id: 'pump', safe: false, ...expected }]);
    expect(spec?.modbus?.writeWith).toBe('multiple');
  });

  it.each([
    ['', ['C022 outputs.pump']],
    [', coil: 3, register: 7', ['C045 outputs.pump.register']],
    [', coil: 3, on: 1, off: 0', ['C045 outputs.pump.on', 'C045 outputs.pump.off']],
  ])('must say its place once: "%s"', (place, expected) => {
    const { problems } = checkBoardDocument(
      parseYaml('own.board.yaml', board('x: { quantity: voltage, unit: V, at: 0 }', pump(place))),
    );
    expect(problems.map(({ code, path }) => `${code} ${path}`)).toEqual(expected);
  });

  it.each([
    ['a time of whole steps', '', 'coil: 3, on_for: { coil: 0x0200, step: 100ms, most: 6553.5s }', []],
    ['no whole step', '', 'coil: 3, on_for: { coil: 0x0200, step: 1s, most: 1500ms }', ['C146 outputs.pump.on_for.most']],
    ['more than 16 bits', '', 'coil: 3, on_for: { coil: 0x0200, step: 100ms, most: 2h }', ['C025 outputs.pump.on_for.most']],
    ['steps of no time', '', 'coil: 3, on_for: { coil: 0x0200, step: 0ms, most: 2h }', ['C025 outputs.pump.on_for.step']],
    [
      'nothing but its place',
      '',
      'coil: 3, on_for: { coil: 4 }',
      ['C022 outputs.pump.on_for.step', 'C022 outputs.pump.on_for.most'],
    ],
    ['the place of a relay', '', 'coil: 3, on_for: { coil: 3, step: 1s, most: 1h }', ['C131 outputs.pump']],
    ['the place of a register', '', 'register: 3, on_for: { coil: 3, step: 1s, most: 1h }', ['C045 outputs.pump.on_for']],
    [
      'another function',
      'modbus: { write_with: multiple }\n',
      'coil: 3, on_for: { coil: 4, step: 1s, most: 1h }',
      ['C045 outputs.pump.on_for'],
    ],
  ])('can have a time-out of its board, which is %s', async (_what, modbus, place, expected) => {
    const text = board('x: { quantity: voltage, unit: V, at: 0 }', `${modbus}${pump(`, ${place}`)}`);
    const { problems } = checkBoardDocument(parseYaml('own.board.yaml', text));
    expect(problems.map(({ code, path }) => `${code} ${path}`)).toEqual(expected);
  });

  it('gives its driver that time-out in milliseconds', async () => {
    const place = ', coil: 3, on_for: { coil: 0x0200, step: 100ms, most: 3276.7s }';
    const { config } = await load('', { more: pump(place) });
    const onFor = { coil: 0x0200, stepMs: 100, mostMs: 3_276_700 };
    expect(config?.devices.get('own')?.spec.outputs).toEqual([{ id: 'pump', safe: false, coil: 3, onFor }]);
  });

  it('makes write_with a key that is acted on', () => {
    const text = board('x: { quantity: voltage, unit: V, at: 0 }', `modbus: { write_with: single }\n${pump(', coil: 0')}`);
    expect(checkBoardDocument(parseYaml('own.board.yaml', text)).problems).toEqual([]);
  });
});

test('a counter that begins anew has a place in totals and in what they go on by, and in nothing else', async () => {
  const own = (kind: string) => board(`x: { quantity: rain, unit: mm, at: 0, rollover: 25.6, ${kind} }`);
  const problems = (kind: string) =>
    checkBoardDocument(parseYaml('own.board.yaml', own(kind))).problems.map(({ code, path }) => `${code} ${path}`);
  expect(problems('kind: total')).toEqual([]);
  expect(problems('kind: delta')).toEqual([]);
  expect(problems('kind: gauge')).toEqual(['C045 readings.x.rollover']);
  expect(problems('kind: delta, per: tip')).toEqual(['C045 readings.x.rollover']);
  const total = await channelOf('x: { quantity: rain, unit: mm, at: 0, rollover: 25.6, kind: total }');
  expect(total).toMatchObject({ rollover: 25.6 });
  const { config } = await load('x: { quantity: rain, unit: mm, at: 0, rollover: 25.6, kind: delta, valid: [0, 5] }');
  expect(config?.devices.get('own')?.channels[0]).toMatchObject({ counterRange: 25.6, valid: [0, 5] });
  // The range is not that of the register.
  expect(config?.devices.get('own')?.spec.readings).toEqual([{ id: 'x', at: 0 }]);
});

test('what is counted since the last time is calibrated by a factor alone', async () => {
  const reading = 'x: { quantity: rain, unit: mm, kind: delta, at: 0 }';
  const own = (calibrate: string) => ({ device: `, readings: { x: { calibrate: { ${calibrate} } } }` });
  expect(errors(await load(reading, own('scale: 1.02')))).toEqual([]);
  expect(errors(await load(reading, own('offset: 0.2, scale: 1.02')))).toEqual(['C161']);
  expect(errors(await load(reading, own('points: [[0, 1], [1, 2]]')))).toEqual(['C161']);
  const converted = (step: string) => {
    const text = board(`x: { quantity: rain, unit: mm, kind: delta, at: 0, convert: [{ ${step} }] }`);
    return checkBoardDocument(parseYaml('own.board.yaml', text)).problems.map(({ code, path }) => `${code} ${path}`);
  };
  expect(converted('scale: 0.2')).toEqual([]);
  expect(converted('offset: 0.2')).toEqual(['C161 readings.x.convert.0.offset']);
  expect(converted('clamp: [1, 5]')).toEqual(['C161 readings.x.convert.0.clamp']);
});

describe('a key that changes no value and that no code acts on', () => {
  it('is a note of the board file', () => {
    const text = board(
      'x: { quantity: energy_imported, unit: kWh, kind: total, at: 0, rollover: 1000, resets: daily, calibrate_with: { dry: {} } }',
      'modbus: { min_pause: 5ms, write_with: single }\ntiming: { warmup: 30s }\nreadback: { every: 10s }\nuses: { location: true }\n',
    );
    const { problems } = checkBoardDocument(parseYaml('own.board.yaml', text));
    expect(problems.map(({ code, severity, parameters }) => [code, severity, parameters])).toEqual([
      [
        'C060',
        'note',
        {
          keys: ['modbus.write_with', 'timing.warmup', 'readback', 'uses.location', 'resets', 'calibrate_with'],
        },
      ],
    ]);
  });
});

describe('a mean of what is no amount', () => {
  it.each([
    ['a state', 'quantity: contact, unit: bool, kind: state'],
    ['a state that is called a gauge', 'quantity: contact, unit: bool'],
    ['a direction', 'quantity: wind_direction, unit: deg'],
    ['a total', 'quantity: energy_imported, unit: kWh, kind: total'],
    ['an amount since the last reading', 'quantity: rain, unit: mm, kind: delta'],
  ])('is left out from the defaults of the site and refused where it is written: %s', async (_title, kind) => {
    const reading = `x: { ${kind}, at: 0 }`;
    expect((await channelOf(reading, { site: 'defaults: { report: { mean_of: 5min } }\n' }))?.report).toBeUndefined();
    expect(errors(await load(reading, { device: ', readings: { x: { report: { max_of: 5min } } }' }))).toEqual(['C143']);
  });

  it('leaves an amount and other reports alone', async () => {
    const site = 'defaults: { report: { mean_of: 5min } }\n';
    expect((await channelOf('x: { quantity: voltage, unit: V, at: 0 }', { site }))?.report).toEqual({
      of: 'mean',
      windowMs: 300_000,
    });
    const last = 'defaults: { report: { last_of: 5min } }\n';
    expect((await channelOf('x: { quantity: contact, unit: bool, kind: state, at: 0 }', { site: last }))?.report).toEqual({
      of: 'last',
      windowMs: 300_000,
    });
  });
});

describe('a parameter that the driver does not take', () => {
  const digital = (parameters: string) => `schema: board/v1
id: own
version: 1.0.0
label: Own
needs: digital_in
driver: digital-in
with: { ${parameters} }
readings: { closed: { quantity: contact, unit: bool, kind: state } }
`;
  const PULL = 'pull: { type: choice, default: up, choices: [up, down, none] }';
  const ACTIVE = 'active: { type: choice, default: low, choices: [low, high] }';
  const DEBOUNCE = 'debounce: { type: duration, default: 30ms }';

  /** What is wrong with a device, as a person reads it. */
  async function told(device: string, file = ''): Promise<readonly string[]> {
    const files = file === '' ? {} : { 'boards/own.board.yaml': file };
    const { problems } = await loadText(`${HEAD}devices:\n  it: { ${device} }\n`, files);
    const found = problems
      .filter(({ severity }) => severity === 'error')
      .map(({ code, parameters }) => textOf(en, code, parameters));
    return found.map(({ what, hints }) => `${what}: ${hints.join('; ')}`);
  }

  it('is named with its range where the value lies outside, as it was written', async () => {
    // Sensirion SCD4x data sheet, 3.6.3: the altitude that the chip takes is from 0 to 3000 m.
    expect(await told('board: scd41@1, via: i2c1, with: { altitude: 5km }')).toEqual([
      'scd41 cannot work with `altitude: 5km`: `altitude` is from 0m to 3000m',
    ]);
    expect(await told('board: flow-meter@1, via: gpio.pin11, with: { pulses_per_litre: 0 }')).toEqual([
      'flow-meter cannot work with `pulses_per_litre: 0`: `pulses_per_litre` is more than 0',
    ]);
  });

  it('is looked for in the board file where the site says nothing of it', async () => {
    const [text = ''] = await told(
      'board: own@1, via: gpio.pin11',
      digital(`${PULL}, active: { type: text, default: lo }, ${DEBOUNCE}`),
    );
    expect(text).toMatch(/^own cannot work with `active: lo`: `active` can be `low` or `high`; .*`default:` of the board file/);
  });

  it('is asked for where the board file does not declare it, in words that can be pasted', async () => {
    const missing = await told('board: own@1, via: gpio.pin11', digital(`${ACTIVE}, ${DEBOUNCE}`));
    expect(missing).toHaveLength(1);
    expect(missing[0]).toMatch(/^the board file of own lacks the parameter `pull`/);
    const declaration = /pull: \{[^}]*\}/.exec(missing[0] ?? '')?.[0] ?? '';
    expect(await told('board: own@1, via: gpio.pin11', digital(`${ACTIVE}, ${DEBOUNCE}, ${declaration}`))).toEqual([]);
  });

  it('has a type that the driver takes', async () => {
    const [text = ''] = await told(
      'board: own@1, via: gpio.pin11',
      digital(`${PULL}, ${ACTIVE}, debounce: { type: text, default: 30ms }`),
    );
    expect(text).toMatch(/declares `debounce` as `type: text`, and its driver takes a number: .*duration/);
  });

  it('is removed where the driver does not know it', async () => {
    const [text = ''] = await told(
      'board: own@1, via: gpio.pin11',
      digital(`${PULL}, ${ACTIVE}, ${DEBOUNCE}, spare: { type: integer, default: 3 }`),
    );
    expect(text).toMatch(/declares `spare`, which its driver `digital-in` does not know: remove it/);
  });

  it('is sought in a manual where nobody here knows the values', async () => {
    const file = `schema: board/v1
id: own
version: 1.0.0
label: Own
needs: i2c
driver: ads1115
with: { address: { type: i2c_address, default: 0x48 }, range: { type: voltage, default: 4.096V } }
provides: { ain0: analog }
`;
    expect(await told('board: own@1, via: i2c1, with: { range: 3V }', file)).toEqual([
      'own cannot work with `range: 3V`: own works with other values: its manual says which',
    ]);
  });
});

describe('a unit of a board', () => {
  it.each(['\u00B5S/cm', '\u03BCS/cm', 'uS/cm', 'us/cm'])('is one and the same however it is written: %s', async (unit) => {
    expect((await channelOf(`x: { quantity: conductivity, unit: "${unit}", at: 0 }`))?.unit).toBe('uS/cm');
  });

  it.each([
    ['temperature', 'K', ['units of temperature: degC']],
    ['conductivity', 'mS/cm', ['did you mean `uS/cm`?', 'units of conductivity: uS/cm']],
    ['voltage', 'volt', ['units of voltage: V, mV']],
  ])('of %s that is none is told with those that there are: %s', (quantity, unit, hints) => {
    const { problems } = checkBoardDocument(
      parseYaml('own.board.yaml', board(`x: { quantity: ${quantity}, unit: ${unit}, at: 0 }`)),
    );
    expect(problems.map(({ code, parameters }) => [code, textOf(en, code, parameters).hints])).toEqual([['C107', hints]]);
  });
});
