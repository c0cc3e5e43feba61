import { normaliseUnit } from '../drivers/quantities.ts';
import type { SignalConfig } from './config.ts';
import type { ProblemParameters } from './problem.ts';
import type { BoardFile, BoardReading } from './schema-board.ts';
import type { ReadingEntry } from './schema-gateway.ts';
import type { Path } from './yaml-tree.ts';

/** What is wrong at a place: `path` leads there from the reading, or from the block that the check is about. */
export interface Misfit {
  readonly path: Path;
  readonly code: string;
  readonly parameters: ProblemParameters;
}

const TEXT = 'encoding: text';
/** Keys of a board's reading that a text takes beside those that every reading has. */
const TEXT_KEYS = ['at', 'registers', 'read_with', 'byte_order', 'not_available'] as const;
/** Keys that make, judge or simulate a number. */
const NUMBER_KEYS = [
  'precision',
  'valid',
  'convert',
  'calibrate_with',
  'bit',
  'scale',
  'offset',
  'scale_from',
  'rollover',
  'flat_after',
  'resets',
  'per',
  'scale_by',
  'starts_at',
  'reject',
] as const;
/** Of a site's reading. */
const SITE_NUMBER_KEYS = ['calibrate', 'valid', 'max_step', 'flat_after'] as const;
/** Units whose values are no numbers. */
const NO_NUMBERS: ReadonlySet<string> = new Set(['bool', 'text']);
const REGISTERS_MAX = 125;

/** Whether the values of a reading are texts. */
function isText({ unit }: Pick<BoardReading, 'unit'>): boolean {
  return normaliseUnit(unit) === 'text';
}

/** What of a board's reading does not fit a text, or what of a text does not fit the reading. */
export function textMisfits(
  id: string,
  reading: BoardReading,
  { driver, modbus }: Pick<BoardFile, 'driver' | 'modbus'>,
): Misfit[] {
  const missing = (key: string): Misfit => ({ path: [key], code: 'C022', parameters: { key, parent: `readings.${id}` } });
  const { encoding, registers, kind, unit } = reading;
  // A driver that says of itself which of its readings are texts (`produces`), and has nothing to be told about them.
  if (isText(reading) && driver === 'gateway-self') return [];
  // The only other one that gives texts.
  if (isText(reading) && driver !== 'modbus-map')
    return [misfit('unit', 'unit: text', `driver: ${driver}`, ['driver: modbus-map'])];
  if (encoding !== 'text') {
    if (!isText(reading)) return registers === undefined ? [] : [misfit('registers', 'registers', `unit: ${unit}`, [], true)];
    // Any other encoding gives numbers.
    return encoding === undefined ? [missing('encoding')] : [misfit('encoding', `encoding: ${encoding}`, 'unit: text', [TEXT])];
  }
  const readWith = reading.read_with ?? modbus?.read_with ?? 'input';
  const most = modbus?.max_registers ?? REGISTERS_MAX;
  return [
    ...(isText(reading) ? [] : [misfit('unit', `unit: ${unit}`, TEXT, ['unit: text'])]),
    ...(kind === 'state' ? [] : [misfit('kind', `kind: ${kind}`, TEXT, ['kind: state'])]),
    ...(readWith === 'input' || readWith === 'holding'
      ? []
      : [misfit('read_with', `read_with: ${readWith}`, TEXT, ['read_with: input', 'read_with: holding'])]),
    // Masters do not agree on what the others would mean for a text (register-text.ts).
    ...(reading.byte_order === 'CDAB' || reading.byte_order === 'DCBA'
      ? [misfit('byte_order', `byte_order: ${reading.byte_order}`, TEXT, ['byte_order: ABCD', 'byte_order: BADC'])]
      : []),
    ...NUMBER_KEYS.filter((key) => reading[key] !== undefined).map((key) => misfit(key, key, TEXT, TEXT_KEYS, true)),
    ...(registers === undefined ? [missing('registers')] : []),
    ...(registers !== undefined && registers > most
      ? [
          {
            path: ['registers'],
            code: 'C025',
            parameters: { key: 'registers', written: registers, bound: 'most', of: 'number', amount: most },
          },
        ]
      : []),
  ];
}

/** Simulated texts of readings that are none, and the other way round; and numbers that are made from a text. */
export function signalMisfits(
  readings: Readonly<Record<string, BoardReading>>,
  simulate: Readonly<Record<string, SignalConfig>>,
): Misfit[] {
  const numbers = Object.keys(readings).filter((id) => readings[id] !== undefined && !isText(readings[id]));
  return Object.entries(simulate).flatMap(([id, signal]): Misfit[] => {
    const reading = Object.hasOwn(readings, id) ? readings[id] : undefined;
    if (reading === undefined) return [];
    const { type } = signal;
    if (isText(reading)) return type === 'text' ? [] : [under(id, misfit(type, type, TEXT, ['text']))];
    if (type === 'text') return [under(id, misfit(type, type, `unit: ${reading.unit}`, ['constant']))];
    const sources = type === 'integrate' ? [signal.reading] : type === 'ratio' ? signal.of : [];
    const texts = sources.filter((source) => Object.hasOwn(readings, source) && !numbers.includes(source));
    return texts.map((source) => under(id, misfit(type, source, type, numbers)));
  });
}

/** Keys of a site's reading that are for numbers, where the board's has none, or for amounts, where it has what they rose by. */
export function numberMisfits(own: ReadingEntry, { unit, kind }: Pick<BoardReading, 'unit' | 'kind'>, reading: string): Misfit[] {
  if (kind === 'delta') {
    const keys = (['offset', 'points'] as const).filter((key) => own.calibrate?.[key] !== undefined);
    return keys.map((key) => ({ path: ['calibrate', key], code: 'C161', parameters: { key, reading } }));
  }
  if (!NO_NUMBERS.has(normaliseUnit(unit) ?? unit)) return [];
  const keys = SITE_NUMBER_KEYS.filter((key) => own[key] !== undefined);
  return keys.map((key) => ({ path: [key], code: 'C152', parameters: { key, reading } }));
}

/** A key that has to go, or a value in whose place another one belongs. */
function misfit(at: string, key: string, kind: string, allowed: readonly string[], isKey = false): Misfit {
  return { path: [at], code: 'C045', parameters: { case: isKey ? 'key' : 'value', key, kind, allowed } };
}

function under(id: string, { path, ...rest }: Misfit): Misfit {
  return { ...rest, path: [id, ...path] };
}
