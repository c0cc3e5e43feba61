import { normaliseUnit, QUANTITIES } from '../drivers/quantities.ts';
import { REGISTERS_OF } from '../drivers/registers.ts';
import { closest } from './closest.ts';
import { manualNumber } from './manual-number.ts';
import { boardLimits, isNumeric, parseBoardParameter, parseType } from './parameters.ts';
import type { Problem } from './problem.ts';
import type { BoardFile, BoardOutput, BoardReading, ParameterEntry } from './schema-board.ts';
import { signalMisfits, textMisfits } from './text-readings.ts';
import type { YamlDocument } from './yaml-document.ts';
import { nodeAt, type Path } from './yaml-tree.ts';

/** What a schema cannot say about a board file: whether its parts fit each other. */
export function checkBoard(document: YamlDocument, board: BoardFile): Problem[] {
  return [
    ...checkUnits(document, 'readings', board.readings ?? {}),
    ...checkUnits(document, 'outputs', board.outputs ?? {}),
    ...checkParameters(document, board),
    ...checkReadings(document, board),
    ...checkHoles(document, board),
    ...checkOutputs(document, board),
    ...checkPorts(document, board),
    ...checkPlaces(document, board),
    ...checkTimes(document, board),
    ...checkSimulation(document, board),
    ...checkConnection(document, board),
    ...noteInactive(document, board),
  ];
}

/**
 * One note for the keys that no code acts on yet and that change no value; those that would are a matter of each device
 * (readiness.ts). `identify` is not among them: a fixed I2C address is taken from it.
 */
function noteInactive(
  document: YamlDocument,
  { modbus, timing, readback, uses, readings, outputs, provides }: BoardFile,
): Problem[] {
  const all = Object.values(readings ?? {});
  const writes = outputs !== undefined || provides !== undefined;
  const keys = [
    ...(modbus?.write_with === undefined || writes ? [] : ['modbus.write_with']),
    ...(timing?.warmup === undefined ? [] : ['timing.warmup']),
    ...(readback === undefined ? [] : ['readback']),
    ...(uses?.location === undefined ? [] : ['uses.location']),
    ...(['resets', 'calibrate_with'] as const).filter((key) =>
      // What counts pulses begins its totals again.
      all.some((reading) => reading[key] !== undefined && (key !== 'resets' || reading.per === undefined)),
    ),
  ];
  return keys.length === 0 ? [] : [document.problem('C060', [], { keys }, 'note')];
}

function checkUnits(
  document: YamlDocument,
  block: 'readings' | 'outputs',
  entries: Readonly<Record<string, { readonly quantity: string; readonly unit: string }>>,
): Problem[] {
  return Object.entries(entries).flatMap(([id, { quantity, unit }]) => {
    const path = [block, id];
    const known = QUANTITIES.get(quantity);
    if (!known) {
      const candidates = closest(quantity, QUANTITIES.keys());
      return [document.problem('C106', [...path, 'quantity'], { quantity, candidates, known: [...QUANTITIES.keys()] })];
    }
    const normal = normaliseUnit(unit);
    if (normal === undefined) {
      const allowed = Object.keys(known.units);
      // Any letter is one letter away from any other.
      const candidates = unit.length === 1 ? [] : closest(unit, allowed);
      return [document.problem('C107', [...path, 'unit'], { unit, quantity, candidates, allowed })];
    }
    if (Object.hasOwn(known.units, normal)) return [];
    return [document.problem('C105', [...path, 'unit'], { unit: normal, quantity, allowed: Object.keys(known.units) })];
  });
}

/** Defaults and examples must be values that a person could write. */
function checkParameters(document: YamlDocument, board: BoardFile): Problem[] {
  return Object.entries(board.with ?? {}).flatMap(([name, parameter]) => {
    const limits = checkLimits(document, name, parameter);
    if (limits.length > 0) return limits;
    return (['default', 'example'] as const).flatMap((key) => {
      const value = parameter[key];
      if (value === undefined) return [];
      const path = ['with', name, key];
      const outcome = parseBoardParameter(board, name, parameter, { value, written: writtenAt(document, path) });
      return 'code' in outcome ? [document.problem(outcome.code, path, { ...outcome.parameters, key })] : [];
    });
  });
}

/** The limits of a parameter are values of its type, the lower one first. */
function checkLimits(document: YamlDocument, name: string, { type, choices, valid }: ParameterEntry): Problem[] {
  if (valid === undefined) return [];
  const path = ['with', name, 'valid'];
  if (choices !== undefined || !isNumeric(type)) return [document.problem('C158', path, { parameter: name })];
  const [low, high] = [writtenAt(document, [...path, 0]), writtenAt(document, [...path, 1])];
  const ends = [parseType(type, { value: valid[0], written: low }), parseType(type, { value: valid[1], written: high })];
  const wrong = ends.flatMap((end, at) =>
    'code' in end ? [document.problem(end.code, [...path, at], { ...end.parameters, key: 'valid' })] : [],
  );
  const limits = boardLimits({ type, valid });
  if (limits === undefined || limits.least < limits.most) return wrong;
  return [document.problem('C043', path, { low, high })];
}

/** What shows a counter can begin anew. A gauge falls as it likes, and pulses that we count have no end. */
function checkRollover(document: YamlDocument, id: string, { rollover, kind, per }: BoardReading): Problem[] {
  if (rollover === undefined || ((kind === 'total' || kind === 'delta') && per === undefined)) return [];
  const parameters = per === undefined ? { kind: `kind: ${kind}`, owner: 'kind: total, kind: delta' } : { kind: `per: ${per}` };
  return [document.problem('C045', ['readings', id, 'rollover'], { case: 'key', key: 'rollover', ...parameters })];
}

/** What came since the time before is converted by factors alone: anything else would change each of its values. */
function checkConvert(document: YamlDocument, id: string, { kind, convert = [] }: BoardReading): Problem[] {
  if (kind !== 'delta') return [];
  return convert.flatMap((step, at) =>
    (['offset', 'points', 'clamp'] as const)
      .filter((key) => step[key] !== undefined)
      .map((key) => document.problem('C161', ['readings', id, 'convert', at, key], { key, reading: id })),
  );
}

function checkReadings(document: YamlDocument, board: BoardFile): Problem[] {
  const problems: Problem[] = [];
  for (const [id, reading] of Object.entries(board.readings ?? {})) {
    if (board.driver === 'modbus-map' && reading.at === undefined) {
      problems.push(document.problem('C022', ['readings', id, 'at'], { key: 'at', parent: `readings.${id}` }));
    }
    const { at, read_with: table = board.modbus?.read_with ?? 'input' } = reading;
    const path = ['readings', id, 'at'];
    const manual = at === undefined ? undefined : manualNumber(at, writtenAt(document, path), table);
    if (manual !== undefined) problems.push(document.problem('C129', path, manual, 'note'));
    for (const { path, code, parameters } of textMisfits(id, reading, board))
      problems.push(document.problem(code, ['readings', id, ...path], parameters));
    problems.push(...checkRollover(document, id, reading), ...checkConvert(document, id, reading));
    for (const key of ['scale_by', 'starts_at'] as const) {
      const name = reading[key];
      const names = Object.keys(board.with ?? {});
      if (name === undefined || names.includes(name)) continue;
      problems.push(
        document.problem('C121', ['readings', id, key], {
          board: board.id,
          name,
          candidates: closest(name, names),
          known: names,
        }),
      );
    }
  }
  return problems;
}

/**
 * What lies in a hole would be asked for all the same, and the device refuses it. Holes are those of the table that the
 * board reads: a reading that comes from another table is left alone.
 */
function checkHoles(document: YamlDocument, { driver, modbus, readings = {} }: BoardFile): Problem[] {
  const table = modbus?.read_with ?? 'input';
  if (driver !== 'modbus-map' || (table !== 'input' && table !== 'holding')) return [];
  return Object.entries(readings).flatMap(([id, reading]) => {
    const { at, registers, read_with, encoding = modbus?.encoding ?? 'uint16' } = reading;
    if (at === undefined || (read_with ?? table) !== table) return [];
    const last = at + (encoding === 'text' ? (registers ?? 1) : REGISTERS_OF[encoding]) - 1;
    const index = modbus?.holes?.findIndex((hole) => hole[0] <= last && hole[1] >= at) ?? -1;
    if (index < 0) return [];
    const [from, to] = [0, 1].map((end) => writtenAt(document, ['modbus', 'holes', index, end]));
    return [document.problem('C156', ['readings', id, 'at'], { reading: id, hole: `[${from}, ${to}]` })];
  });
}

function writtenAt(document: YamlDocument, path: Path): string {
  const node = nodeAt(document.root, path);
  return node?.source ?? String(node?.scalar);
}

/** A port of a table of registers is a relay, and says where it lies. */
function checkPorts(document: YamlDocument, { driver, provides = {} }: BoardFile): Problem[] {
  if (driver !== 'modbus-map') return [];
  return Object.entries(provides).flatMap(([id, port]) => {
    const kind = typeof port === 'string' ? port : port.kind;
    if (kind !== 'digital_out')
      return [
        document.problem('C045', ['provides', id], {
          case: 'value',
          key: kind,
          kind: `driver: ${driver}`,
          allowed: ['digital_out'],
        }),
      ];
    const lies = typeof port === 'object' && (port.coil === undefined) !== (port.register === undefined);
    const found = typeof port === 'object' && port.coil !== undefined ? ['coil', 'register'] : [];
    const parameters = { key: id, case: found.length === 0 ? 'none' : 'several', choices: ['coil', 'register'], found };
    return lies
      ? []
      : [document.problem('C044', ['provides', id], { ...parameters, example: `${id}: { kind: digital_out, coil: 0 }` })];
  });
}

/** A relay has one owner: two names for it would switch against each other. */
function checkPlaces(document: YamlDocument, { outputs = {}, provides = {} }: BoardFile): Problem[] {
  const owners = new Map<string, string>();
  return switchesOf({ outputs, provides }).flatMap(([block, id, { coil, register, on_for: onFor }]) => {
    const own = coil === undefined ? (register === undefined ? [] : [`register ${register}`]) : [`coil ${coil}`];
    return [...own, ...(onFor === undefined ? [] : [`coil ${onFor.coil}`])].flatMap((what) => {
      const other = owners.get(what);
      owners.set(what, other ?? id);
      return other === undefined ? [] : [document.problem('C131', [block, id], { kind: 'place', what, other })];
    });
  });
}

type Switches = Pick<BoardFile, 'outputs' | 'provides'>;
type Switch = Pick<BoardOutput, 'coil' | 'register' | 'on_for'>;

/** Outputs and ports alike, with the block in which each stands. */
function switchesOf({ outputs = {}, provides = {} }: Switches): (readonly ['outputs' | 'provides', string, Switch])[] {
  return [
    ...Object.entries(outputs).map(([id, place]) => ['outputs', id, place] as const),
    ...Object.entries(provides).map(([id, port]) => ['provides', id, typeof port === 'string' ? {} : port] as const),
  ];
}

/** A time is written with function 5 to a board that knows coils: anything else would never use it, and nobody would be told. */
function checkTimes(document: YamlDocument, { driver, modbus, ...board }: BoardFile): Problem[] {
  return switchesOf(board).flatMap(([block, id, { register, on_for: onFor }]) => {
    if (onFor === undefined) return [];
    const wrong = [
      ...(driver === 'modbus-map' ? [] : [[`driver: ${driver}`, 'driver: modbus-map']]),
      ...(register === undefined ? [] : [['register', 'coil']]),
      ...(modbus?.write_with === 'multiple' ? [['write_with: multiple', 'write_with: single']] : []),
    ];
    return wrong.map(([kind = '', owner = '']) =>
      document.problem('C045', [block, id, 'on_for'], { case: 'key', key: 'on_for', kind, owner }),
    );
  });
}

/** An output of a table of registers must say where it lies: as a coil, or as a register with its two values. */
function checkOutputs(document: YamlDocument, { driver, outputs = {} }: BoardFile): Problem[] {
  if (driver !== 'modbus-map') return [];
  return Object.entries(outputs).flatMap(([id, { coil, register, on, off }]) => {
    const path = ['outputs', id];
    if (coil === undefined && register === undefined)
      return [document.problem('C022', path, { key: 'coil', parent: `outputs.${id}` })];
    const values = [...(on === undefined ? [] : ['on']), ...(off === undefined ? [] : ['off'])];
    const besideCoil = [...(register === undefined ? [] : ['register']), ...values];
    if (coil === undefined) return [];
    const allowed = ['coil', 'on_for', 'quantity', 'unit', 'safe', 'max_on', 'min_off'];
    return besideCoil.map((key) => document.problem('C045', [...path, key], { case: 'key', key, kind: 'coil', allowed }));
  });
}

function checkSimulation(document: YamlDocument, board: BoardFile): Problem[] {
  const readings = Object.keys(board.readings ?? {});
  const problems: Problem[] = [];
  const mustExist = (name: string, path: Path) => {
    if (readings.includes(name)) return;
    problems.push(
      document.problem('C120', path, { board: board.id, reading: name, candidates: closest(name, readings), known: readings }),
    );
  };
  for (const [id, signal] of Object.entries(board.simulate ?? {})) {
    mustExist(id, ['simulate', id]);
    if (signal.type === 'integrate') mustExist(signal.reading, ['simulate', id, 'integrate']);
    if (signal.type === 'ratio')
      for (const [index, name] of signal.of.entries()) mustExist(name, ['simulate', id, 'ratio', index]);
  }
  for (const { path, code, parameters } of signalMisfits(board.readings ?? {}, board.simulate ?? {}))
    problems.push(document.problem(code, ['simulate', ...path], parameters));
  if (board.status === 'verified' && readings.length > 0 && board.simulate === undefined) {
    problems.push(document.problem('C108', ['status'], { board: board.id }, 'warning'));
  }
  return problems;
}

function checkConnection(document: YamlDocument, board: BoardFile): Problem[] {
  const problems: Problem[] = [];
  if (board.needs === 'serial' && board.serial === undefined)
    problems.push(document.problem('C022', ['serial'], { key: 'serial', parent: '' }));
  if (board.needs === 'modbus' && !Object.values(board.with ?? {}).some(({ type }) => type === 'modbus_unit')) {
    problems.push(document.problem('C109', ['needs'], { type: 'modbus_unit', name: 'unit' }));
  }
  if (Object.keys({ ...board.readings, ...board.outputs, ...board.provides }).length === 0) {
    problems.push(document.problem('C103', [], { board: board.id }));
  }
  return problems;
}
