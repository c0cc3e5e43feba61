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

  it('makes write_with a key that is acted on', () => {
    const text = board('x: { quantity: voltage, unit: V, at: 0 }', `modbus: { write_with: single }\n${pump(', coil: 0')}`);
    expect(checkBoardDocument(parseYaml('own.board.yaml', text)).problems).toEqual([]);
  });
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

describe('a parameter that the driver does not know', () => {
  it('is named', async () => {
    const site = await load('x: { quantity: voltage, unit: V, at: 0 }', { parameters: ', spare: { type: integer, default: 3 }' });
    expect(errors(site)).toEqual(['C138']);
    const problem = site.problems.find(({ code }) => code === 'C138');
    expect(textOf(en, 'C138', problem?.parameters ?? {}).what).toBe(
      'the driver `modbus-map` knows no parameter `spare`, which own declares',
    );
  });
});
