import { readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import { textOf } from '../../cli/messages/catalogue.ts';
import { en } from '../../cli/messages/en.ts';
import { checkBoardDocument } from '../../config/board-library.ts';
import { parseYaml } from '../../config/yaml-document.ts';
import { HEAD, loadText } from './site-files.ts';

const COMMON = readFileSync(new URL('../data/boards/sunspec-common.board.yaml', import.meta.url), 'utf8');

/** A lift whose state is a text of eight registers, with what else a test says of it. */
const board = (state = '', { modbus = '', more = '', driver = 'modbus-map', rest = '' } = {}) => `schema: board/v1
id: lift
version: 1.0.0
label: Lift
needs: modbus
driver: ${driver}
with: { unit: { type: modbus_unit, default: 1 } }
modbus: { read_with: holding${modbus} }
readings:
  state: { at: 10, quantity: text, unit: text${state === '' ? ', kind: state, encoding: text, registers: 8' : state} }
  power: { at: 0, quantity: active_power, unit: W }
  door: { at: 1, encoding: bool, quantity: contact, unit: bool, kind: state }
${rest}${more}`;

const TEXT = ', kind: state, encoding: text, registers: 8';

/** `code path` of every problem of the board that is no note, with the first line of its text. */
function problemsOf(text: string): string[] {
  const { problems } = checkBoardDocument(parseYaml('lift.board.yaml', text));
  return problems
    .filter(({ severity }) => severity !== 'note')
    .map(({ code, path, parameters }) => `${code} ${path}: ${textOf(en, code, parameters).what}`);
}

const load = (device: string, defaults = '') =>
  loadText(`${HEAD}${defaults}devices:\n  lift: { board: lift@1, via: meters${device} }\n`, {
    'boards/lift.board.yaml': board('', { rest: 'simulate:\n  state: { text: OK }\n  power: { constant: 100 }\n' }),
  });

test('a reading of texts reaches its driver with its length, and is a state without a location of its own kind', async () => {
  const { config } = await loadText(`${HEAD}devices:\n  plant: { board: sunspec-common@1, via: meters }\n`, {
    'boards/sunspec-common.board.yaml': COMMON,
  });
  const device = config?.devices.get('plant');
  expect(device?.spec.readings[2]).toEqual({ id: 'options', at: 40_036, encoding: 'text', registers: 8, notAvailable: [0] });
  expect(device?.channels[0]).toMatchObject({ reading: 'manufacturer', unit: 'text', kind: 'state', precision: 1 });
  expect(device?.simulate.get('model')).toEqual({ type: 'text', text: 'MODEL ZX-3' });
});

describe('a board with a text', () => {
  it('is right with a length, and with an order of bytes within the registers', () => {
    expect(problemsOf(board())).toEqual([]);
    expect(problemsOf(board(`${TEXT}, byte_order: BADC, not_available: [0xFFFF, 0]`))).toEqual([]);
    // The order of registers is that of the board's numbers.
    expect(problemsOf(board(TEXT, { modbus: ', byte_order: CDAB, max_registers: 8' }))).toEqual([]);
  });

  it.each([
    [', kind: state, encoding: text', 'C022 readings.state.registers: `registers` is missing'],
    [', encoding: text, registers: 8', 'C045 readings.state.kind: `kind: gauge` does not go with `encoding: text`'],
    [`${TEXT}, bit: 3`, 'C045 readings.state.bit: `bit` does not go with `encoding: text`'],
    [`${TEXT}, scale: 0.1`, 'C045 readings.state.scale: `scale` does not go with `encoding: text`'],
    [`${TEXT}, valid: [0, 1]`, 'C045 readings.state.valid: `valid` does not go with `encoding: text`'],
    [`${TEXT}, precision: 1`, 'C045 readings.state.precision: `precision` does not go with `encoding: text`'],
    [`${TEXT}, flat_after: 1h`, 'C045 readings.state.flat_after: `flat_after` does not go with `encoding: text`'],
    [`${TEXT}, convert: [{ scale: 2 }]`, 'C045 readings.state.convert: `convert` does not go with `encoding: text`'],
    [`${TEXT}, byte_order: CDAB`, 'C045 readings.state.byte_order: `byte_order: CDAB` does not go with `encoding: text`'],
    [`${TEXT}, read_with: coil`, 'C045 readings.state.read_with: `read_with: coil` does not go with `encoding: text`'],
    [', kind: state, encoding: text, registers: 61', 'C025 readings.state.registers: `61` is too large for `registers`'],
    [', kind: state, encoding: text, registers: 0', 'C025 readings.state.registers: `0` is too small for `registers`'],
    [', kind: state', 'C022 readings.state.encoding: `encoding` is missing'],
    [', kind: state, encoding: uint16', 'C045 readings.state.encoding: `encoding: uint16` does not go with `unit: text`'],
  ])('is told what is wrong: "%s"', (state, expected) => {
    expect(problemsOf(board(state))).toEqual([expected]);
  });

  it.each<[string, Parameters<typeof board>[1], string]>([
    [TEXT, { modbus: ', max_registers: 7' }, 'C025 readings.state.registers: `8` is too large for `registers`'],
    [TEXT, { modbus: ', encoding: text' }, 'C024 modbus.encoding: `encoding` cannot be `text`'],
    [
      '',
      { rest: '  volts: { at: 2, quantity: voltage, unit: V, registers: 2 }\n' },
      'C045 readings.volts.registers: `registers` does not go with `unit: V`',
    ],
    [
      '',
      { rest: '  volts: { at: 2, quantity: voltage, unit: V, encoding: text, registers: 2, kind: state }\n' },
      'C045 readings.volts.unit: `unit: V` does not go with `encoding: text`',
    ],
  ])('is told what is wrong with the rest of it: "%s" %o', (state, parts, expected) => {
    expect(problemsOf(board(state, parts))).toEqual([expected]);
  });

  it.each([', kind: state', TEXT])('is of the one driver that gives texts: "%s"', (state) => {
    expect(problemsOf(board(state, { driver: 'digital-in' }))).toEqual([
      'C045 readings.state.unit: `unit: text` does not go with `driver: digital-in`',
    ]);
  });

  it.each([
    ['power: { text: OK }', 'C045 simulate.power.text: `text` does not go with `unit: W`'],
    ['state: { constant: 1 }', 'C045 simulate.state.constant: `constant` does not go with `encoding: text`'],
    ['power: { integrate: state }', 'C045 simulate.power.integrate: `state` does not go with `integrate`'],
    ['power: { ratio: [power, state] }', 'C045 simulate.power.ratio: `state` does not go with `ratio`'],
    ['state: { text: OK, noise: 1 }', 'C045 simulate.state.noise: `noise` does not go with `text`'],
    [`state: { text: ${'à'.repeat(61)} }`, 'C153 simulate.state.text: this text cannot be the value of a reading'],
    [`state: { text: ${'x'.repeat(121)} }`, 'C046 simulate.state.text: this text takes at most 120 characters'],
  ])('simulates texts as texts: %s', (simulate, expected) => {
    expect(problemsOf(board('', { rest: `simulate:\n  ${simulate}\n` }))).toEqual([expected]);
  });

  it('simulates what is written as a number as the text that it is', () => {
    const { board: loaded } = checkBoardDocument(
      parseYaml('lift.board.yaml', board('', { rest: 'simulate:\n  state: { text: 0012 }\n' })),
    );
    expect(loaded?.simulate?.['state']).toEqual({ type: 'text', text: '0012' });
  });
});

describe('a site with a text', () => {
  it.each(['on_change: true', 'on_change: true, at_least: 1h', 'last_of: 5min'])('may report %s', async (report) => {
    const { problems } = await load(`, readings: { state: { report: { ${report} } } }`);
    expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  });

  it('has no mean of texts, and the default of all readings leaves them out', async () => {
    const { problems } = await load(', readings: { state: { report: { mean_of: 5min } } }');
    expect(problems.filter(({ severity }) => severity === 'error').map(({ code, path }) => `${code} ${path}`)).toEqual([
      'C143 devices.lift.readings.state.report.mean_of',
    ]);
    const { config } = await load('', 'defaults: { report: { mean_of: 5min } }\n');
    const channels = config?.devices.get('lift')?.channels ?? [];
    expect(channels.map(({ reading, report }) => [reading, report !== undefined])).toEqual([
      ['state', false],
      ['power', true],
      ['door', false],
    ]);
  });

  it.each(['calibrate: { offset: 1 }', 'valid: [0, 1]', 'max_step: { by: 1, within: 1min }', 'flat_after: 1h'])(
    'has no %s for what is no number, a text or a state',
    async (own) => {
      const { problems } = await load(`, readings: { state: { ${own} }, power: { ${own} }, door: { ${own} } }`);
      const key = own.split(':')[0];
      expect(problems.filter(({ severity }) => severity === 'error').map(({ code, path }) => `${code} ${path}`)).toEqual([
        `C152 devices.lift.readings.state.${key}`,
        `C152 devices.lift.readings.door.${key}`,
      ]);
    },
  );

  it('simulates texts as texts', async () => {
    const { problems } = await load(', simulate: { state: { constant: 3 }, power: { text: "3" } }');
    expect(problems.filter(({ severity }) => severity === 'error').map(({ code, path }) => `${code} ${path}`)).toEqual([
      'C045 devices.lift.simulate.state.constant',
      'C045 devices.lift.simulate.power.text',
    ]);
    const { config } = await load(', simulate: { state: { text: "DOOR OPEN" } }');
    expect(config?.devices.get('lift')?.simulate.get('state')).toEqual({ type: 'text', text: 'DOOR OPEN' });
  });
});
