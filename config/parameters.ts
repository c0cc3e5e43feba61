import { closest } from './closest.ts';
import { durationText, parseDuration } from './duration.ts';
import type { ProblemParameters } from './problem.ts';
import type { BoardFile, ParameterEntry } from './schema-board.ts';
import { meantAmount } from './schema-types.ts';
import { isOddNumber, wrongNumber } from './wrong-number.ts';

/** A value under `with:` as drivers get it: durations in milliseconds, lengths in millimetres, voltages in volts. */
export type ParameterValue = number | boolean | string;

/** A value as YAML gave it, and as it was written. */
export interface WrittenValue {
  readonly value: ParameterValue;
  readonly written: string;
}

type Outcome = { readonly value: ParameterValue } | { readonly code: string; readonly parameters: ProblemParameters };

const LENGTH_MM: Readonly<Record<string, number>> = { mm: 1, cm: 10, m: 1000, km: 1_000_000 };
const VOLTAGE_V: Readonly<Record<string, number>> = { mV: 0.001, V: 1 };

/** Addresses that the I2C specification leaves to devices (UM10204 §3.1.12). */
const I2C_ADDRESS = { least: 0x08, most: 0x77 };

/** All that one byte can say: over Modbus TCP some devices are addressed as 0 or 255. Where it is a serial line, conflicts.ts allows less. */
const MODBUS_UNIT = { least: 0, most: 255 };

/** Reads the value of a parameter of `board`: of its type, and more than zero where readings are multiplied by it. */
export function parseBoardParameter(board: BoardFile, name: string, parameter: ParameterEntry, given: WrittenValue): Outcome {
  const outcome = parseParameter(parameter, given);
  const isFactor = Object.values(board.readings ?? {}).some(({ scale_by }) => scale_by === name);
  if ('code' in outcome || !isFactor || typeof outcome.value !== 'number' || outcome.value > 0) return outcome;
  return { code: 'C025', parameters: { written: given.written, bound: 'more', of: 'number', amount: 0 } };
}

/** Brings a value into the form of the parameter's type, or says what is wrong with it. */
function parseParameter(parameter: ParameterEntry, given: WrittenValue): Outcome {
  const outcome = parseType(parameter.type, given, String(parameter.default ?? parameter.example ?? ''));
  // Where a few values are all there are, they say more than what is wrong with another one.
  const isOther = 'code' in outcome && (outcome.code === 'C023' || outcome.code === 'C025');
  if (parameter.choices === undefined) return withinLimits(parameter, given, outcome);
  if ('code' in outcome && !isOther) return outcome;
  const choices = parameter.choices.map((choice) => parseType(parameter.type, { value: choice, written: String(choice) }));
  if ('value' in outcome && choices.some((choice) => 'value' in choice && choice.value === outcome.value)) return outcome;
  const words = parameter.choices.map((choice) => show(parameter.type, choice));
  const candidates = closest(meantAddress(parameter.type, given.written), words);
  return { code: 'C024', parameters: { written: given.written, choices: words, candidates } };
}

function withinLimits(parameter: ParameterEntry, { written }: WrittenValue, outcome: Outcome): Outcome {
  const limits = boardLimits(parameter);
  if (limits === undefined || 'code' in outcome || typeof outcome.value !== 'number') return outcome;
  const bound = outcome.value < limits.least ? 'least' : outcome.value > limits.most ? 'most' : undefined;
  if (bound === undefined) return outcome;
  const [from, to] = [inFile(parameter.type, limits.least), inFile(parameter.type, limits.most)];
  return { code: 'C025', parameters: { written, bound, of: 'number', from, to } };
}

/** What a board says under `valid:` of one of its parameters; undefined where it says nothing, or nothing that is right. */
export function boardLimits({
  type,
  valid,
}: Pick<ParameterEntry, 'type' | 'valid'>): { readonly least: number; readonly most: number } | undefined {
  const [least, most] = (valid ?? []).map((value) => parseType(type, { value, written: String(value) }));
  if (least === undefined || most === undefined || 'code' in least || 'code' in most) return undefined;
  return typeof least.value === 'number' && typeof most.value === 'number' ? { least: least.value, most: most.value } : undefined;
}

/** Addresses of chips are printed in hexadecimal: who writes 76 means 0x76. */
function meantAddress(type: ParameterEntry['type'], written: string): string {
  return type === 'i2c_address' && /^[0-7][0-9a-f]$/i.test(written) ? `0x${written.toUpperCase()}` : written;
}

/** An address as chips and manuals print it. */
export function show(type: ParameterEntry['type'], value: ParameterValue): string {
  return type === 'i2c_address' && typeof value === 'number' ? hex(value) : String(value);
}

/** A value as drivers get it, written as in a file: 30 → `30ms`, 10_000 → `10m`, 3.3 → `3.3V`. */
export function inFile(type: ParameterEntry['type'], value: ParameterValue): string {
  if (typeof value !== 'number') return String(value);
  if (type === 'duration') return durationText(value);
  if (type === 'length') return value % 1000 === 0 ? `${value / 1000}m` : `${value}mm`;
  return type === 'voltage' ? `${value}V` : show(type, value);
}

/** Whether drivers get a number for it: an amount, a time, an address. */
export function isNumeric(type: ParameterEntry['type']): boolean {
  return type !== 'choice' && type !== 'boolean' && type !== 'text' && type !== 'onewire_rom';
}

/** The least and the most that a number of this type can be, whatever its driver; undefined where there is no limit. */
export function typeLimits(type: ParameterEntry['type']): { readonly least: number; readonly most: number } | undefined {
  return type === 'i2c_address' ? I2C_ADDRESS : type === 'modbus_unit' ? MODBUS_UNIT : undefined;
}

export function hex(value: number): string {
  return `0x${value.toString(16).toUpperCase().padStart(2, '0')}`;
}

/** @param usual a value that is right for it, as it is written; empty where the board has none */
export function parseType(type: ParameterEntry['type'], { value, written }: WrittenValue, usual = ''): Outcome {
  switch (type) {
    case 'i2c_address':
    case 'modbus_unit':
    case 'integer':
      return oddNumber(value, written) ?? integer(value, written, typeLimits(type));
    case 'number':
      return oddNumber(value, written) ?? (typeof value === 'number' ? { value } : wrongType(written, value, 'number'));
    case 'boolean':
      return boolean(value, written);
    case 'duration': {
      const usually = parseDuration(usual);
      const parsed = parseDuration(written, typeof usually === 'number' && usually < 1000);
      if (typeof parsed === 'number') return { value: parsed };
      const { code, ...parameters } = parsed;
      return { code, parameters };
    }
    case 'length':
      return withUnit(written, LENGTH_MM, usual || '0.2mm');
    case 'voltage':
      return withUnit(written, VOLTAGE_V, usual || '3.3V');
    case 'onewire_rom':
      return onewireRom(written);
    case 'choice':
    case 'text':
      return { value: written };
  }
}

/** A number that is written so that it can be read as another one; not as JavaScript writes one that stands in no file. */
function oddNumber(value: ParameterValue, written: string): Outcome | undefined {
  if (typeof value !== 'number' || written === String(value) || !isOddNumber(written)) return undefined;
  return { code: 'C028', parameters: { written, number: String(value) } };
}

function integer(value: ParameterValue, written: string, limits?: { least: number; most: number }): Outcome {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) return wrongType(written, value, 'integer');
  if (limits && (value < limits.least || value > limits.most)) {
    const [bound, amount] = value < limits.least ? (['least', limits.least] as const) : (['most', limits.most] as const);
    return { code: 'C025', parameters: { written, bound, of: 'number', amount } };
  }
  return { value };
}

function boolean(value: ParameterValue, written: string): Outcome {
  if (typeof value === 'boolean') return { value };
  const meant = /^(?:yes|on)$/i.test(written) ? 'true' : /^(?:no|off)$/i.test(written) ? 'false' : undefined;
  return meant === undefined ? wrongType(written, value, 'boolean') : { code: 'C027', parameters: { written, meant } };
}

function withUnit(written: string, factors: Readonly<Record<string, number>>, example: string): Outcome {
  const units = Object.keys(factors);
  const match = new RegExp(`^(-?[0-9]+(?:\\.[0-9]+)?) ?(${units.join('|')})$`).exec(written);
  const factor = factors[match?.[2] ?? ''];
  if (!match || factor === undefined)
    return { code: 'C039', parameters: { written, example, units, candidates: meantAmount(written, units, unitOf(example)) } };
  return { value: Number(match[1]) * factor };
}

/** The unit of an amount that has one: `10m` → `m`. */
function unitOf(amount: string): string {
  return /[A-Za-z]+$/.exec(amount)?.[0] ?? '';
}

/** `28-0316a2799dff`, as Linux names it: the family, and the 48-bit serial number in 12 hexadecimal digits. */
function onewireRom(written: string): Outcome {
  if (/^[0-9a-f]{2}-[0-9a-f]{12}$/i.test(written)) return { value: written.toLowerCase() };
  const letters = [...new Set(written.match(/[g-z]/gi) ?? [])];
  const length = written.replace(/[^0-9a-z]/gi, '').length;
  if (letters.length > 0 && (length === 14 || length === 12)) {
    // O and l are what people read for 0 and 1.
    const meant = written.replace(/o/gi, '0').replace(/[il]/gi, '1');
    const digits = meant.replace(/[^0-9a-z]/gi, '').toLowerCase();
    const candidates = /[g-z]/.test(digits) ? [] : [romOf(digits)];
    return { code: 'C124', parameters: { kind: 'letters', letters, candidates } };
  }
  const all = written.replace(/[^0-9a-f]/gi, '').toLowerCase();
  const candidates = all.length === 14 || all.length === 12 ? [romOf(all)] : [];
  const kind = all.length === 14 ? 'marks' : 'digits';
  return { code: 'C124', parameters: { kind, written, digits: Math.max(0, all.length - 2), candidates } };
}

/** Some tools print the digits alone, or with other marks between them, or without the family, which is 28 of a DS18B20. */
function romOf(digits: string): string {
  return `${digits.length === 12 ? '28' : digits.slice(0, 2)}-${digits.slice(-12)}`;
}

function wrongType(written: string, value: ParameterValue, expected: string): Outcome {
  const number = typeof value === 'string' && expected !== 'boolean' ? wrongNumber(value) : undefined;
  if (number) return number;
  const found = typeof value === 'string' ? 'text' : typeof value === 'boolean' ? 'boolean' : 'number';
  return { code: 'C023', parameters: { case: 'value', written, found, expected: [expected] } };
}
