import type { ProblemParameters } from './problem.ts';

/**
 * Register numbers as manuals print them, whose first digit is the table: 40001 is the first holding register, 30001 the first
 * input register. 10001, the first discrete input, is an address like others in the other tables.
 */
const TABLES = [
  { table: 'discrete', first: 10_001 },
  { table: 'input', first: 30_001 },
  { table: 'holding', first: 40_001 },
] as const;

/** A manual that has more than 9999 of a table writes one digit more. */
const LONG = /^([134])([0-9]{5})$/;
const ADDRESS_MOST = 65_535;

/** Numbers that are told, whatever table is read. */
const TOLD = { from: 30_001, to: 49_999 };

/**
 * What is told of an address that looks like the number of a manual; undefined for one that does not.
 *
 * @param written as it stands in the file: nobody writes a manual's number in hexadecimal
 * @param table the table that is read there
 */
export function manualNumber(at: number, written: string, table: string): ProblemParameters | undefined {
  const own = TABLES.find(({ first }) => at >= first && at < first + 9999);
  const isTold = (at >= TOLD.from && at <= TOLD.to) || (own?.table === 'discrete' && table === 'discrete');
  if (!isTold || /^0x/i.test(written)) return undefined;
  const parameters = { at, bytes: at.toString(16).padStart(4, '0') };
  if (own === undefined) return parameters;
  const other = { ...parameters, first: own.first, other: at - own.first };
  return own.table === table ? other : { ...other, table: own.table };
}

/** Of a number that is no address: what it is if it is the number of a manual, with six digits. */
export function longManualNumber(written: string): ProblemParameters {
  const [, digit = '', number = ''] = LONG.exec(written) ?? [];
  const address = Number(number) - 1;
  return digit === '' || address < 0 || address > ADDRESS_MOST ? {} : { first: `${digit}00001`, other: String(address) };
}
