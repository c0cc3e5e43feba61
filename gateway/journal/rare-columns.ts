import type { Observation, Window } from '../record.ts';
import { packColumn, packNumbers, type Runs, unpackColumn, unpackNumbers } from './column-codec.ts';

/*
 * Optional fields of observations. Each takes a column of kinds (0: absent) and, for each of its numbers, three items
 * with the numbers (column-codec.ts) that are there, run by run, without the runs that have none; all are null when no
 * record has the field.
 *
 *   12  uncalibrated: kind 1 number, 2 boolean; the number, or true as 1
 *   16  held from: kind 1; the sequence
 *   20  window: kind 1, + 2 with min, + 4 with max; from monotonic time, count, min, max
 *   33  first place: kind 1; the sequence
 */

/** Where they begin in a chunk. */
export const RARE_AT = 12;
const AT = { uncalibrated: RARE_AT, heldFrom: RARE_AT + 4, windows: RARE_AT + 8, firstPlace: RARE_AT + 21 } as const;
const ABSENT = 0;
const NUMBER = 1;
const BOOLEAN = 2;
/** Of a window: 1, and what it has besides. */
const HAS_MIN = 2;
const HAS_MAX = 4;

type Field<T> = (observation: Observation) => T;

const uncalibratedKind: Field<number> = ({ uncalibrated }) =>
  uncalibrated === undefined ? ABSENT : typeof uncalibrated === 'number' ? NUMBER : BOOLEAN;
const heldFromKind: Field<number> = ({ heldFrom }) => (heldFrom === undefined ? ABSENT : NUMBER);
const firstPlaceKind: Field<number> = ({ firstPlace }) => (firstPlace === undefined ? ABSENT : NUMBER);
const windowKind: Field<number> = ({ window }) =>
  window === undefined ? ABSENT : NUMBER + (window.min === undefined ? 0 : HAS_MIN) + (window.max === undefined ? 0 : HAS_MAX);

/** The columns of what few records have, for the end of a chunk. */
export function packRare(observations: readonly Observation[], runs: Runs): unknown[] {
  return [
    ...packOptional(observations, runs, uncalibratedKind, [
      ({ uncalibrated }) => (uncalibrated === undefined ? undefined : Number(uncalibrated)),
    ]),
    ...packOptional(observations, runs, heldFromKind, [({ heldFrom }) => heldFrom]),
    ...packOptional(observations, runs, windowKind, [
      ({ window }) => window?.fromMonotonicMs,
      ({ window }) => window?.count,
      ({ window }) => window?.min,
      ({ window }) => window?.max,
    ]),
    ...packOptional(observations, runs, firstPlaceKind, [({ firstPlace }) => firstPlace]),
  ];
}

/** The kinds of all, then for each of the numbers those that are there; all null when none is. */
function packOptional(
  observations: readonly Observation[],
  runs: Runs,
  kindOf: Field<number>,
  numbersOf: readonly Field<number | undefined>[],
): unknown[] {
  const kinds = observations.map(kindOf);
  const columns: unknown[] = [packColumn(kinds)];
  if (columns[0] === ABSENT) return new Array(1 + 3 * numbersOf.length).fill(null);
  for (const numberOf of numbersOf) {
    const present: number[] = [];
    const presentRuns: number[] = [];
    let i = 0;
    for (const count of runs) {
      const before = present.length;
      for (const end = i + count; i < end; i++) {
        const number = numberOf(observations[i] as Observation);
        if (number !== undefined) present.push(number);
      }
      if (present.length > before) presentRuns.push(present.length - before);
    }
    columns.push(...packNumbers(present, presentRuns));
  }
  return columns;
}

/** How many are there in each run, without the runs that have none. */
function runsOfPresent(runs: Runs, isPresent: (i: number) => boolean): number[] {
  let i = 0;
  return runs
    .map((count) => {
      let present = 0;
      for (const end = i + count; i < end; i++) if (isPresent(i)) present++;
      return present;
    })
    .filter((count) => count > 0);
}

/** What few records have, one item for each record. */
export interface Rare {
  readonly uncalibrated?: readonly Observation['uncalibrated'][];
  readonly heldFrom?: readonly (number | undefined)[];
  readonly windows?: readonly (Window | undefined)[];
  readonly firstPlace?: readonly (number | undefined)[];
}

/** Of a chunk without rare columns: told by identity. */
export const NOTHING_RARE: Rare = {};

/** The rare columns of a chunk; undefined when they do not fit it. */
export function unpackRare(item: readonly unknown[], runs: Runs, count: number): Rare | undefined {
  const uncalibrated = unpackOptional(item, AT.uncalibrated, runs, count, 1);
  const heldFrom = unpackOptional(item, AT.heldFrom, runs, count, 1);
  const windows = unpackOptional(item, AT.windows, runs, count, 4);
  const firstPlace = unpackOptional(item, AT.firstPlace, runs, count, 1);
  if (uncalibrated === undefined || heldFrom === undefined || windows === undefined || firstPlace === undefined) return undefined;
  return {
    ...(uncalibrated && {
      uncalibrated: uncalibrated.kinds.map((kind, i) => {
        const number = uncalibrated.numbers[0]?.[i];
        return kind === BOOLEAN ? number === 1 : number;
      }),
    }),
    ...(heldFrom && { heldFrom: heldFrom.numbers[0] as (number | undefined)[] }),
    ...(firstPlace && { firstPlace: firstPlace.numbers[0] as (number | undefined)[] }),
    ...(windows && { windows: windows.kinds.map((_kind, i) => windowOf(windows.numbers.map((numbers) => numbers[i]))) }),
  };
}

function windowOf([fromMonotonicMs, count, min, max]: (number | undefined)[]): Window | undefined {
  if (fromMonotonicMs === undefined || count === undefined) return undefined;
  return { fromMonotonicMs, count, ...(min !== undefined && { min }), ...(max !== undefined && { max }) };
}

/** The kinds and, for each of the numbers, one or undefined for each record. Null when there are none; undefined when the items do not fit. */
function unpackOptional(
  item: readonly unknown[],
  at: number,
  runs: Runs,
  count: number,
  numberCount: number,
): { kinds: readonly number[]; numbers: (number | undefined)[][] } | null | undefined {
  if (item[at] === null || item[at] === undefined) return null;
  const kinds = unpackColumn(item[at], count);
  if (kinds === undefined) return undefined;
  const numbers: (number | undefined)[][] = [];
  for (let which = 0; which < numberCount; which++) {
    const isPresent = (i: number) => isThere(kinds[i] as number, which);
    const present = runsOfPresent(runs, isPresent);
    const presentCount = present.reduce((sum, length) => sum + length, 0);
    const values = unpackNumbers(item, at + 1 + 3 * which, present, presentCount);
    if (values === undefined) return undefined;
    let next = 0;
    numbers.push(kinds.map((_kind, i) => (isPresent(i) ? values[next++] : undefined)));
  }
  return { kinds, numbers };
}

/** Whether a record of this kind has the first, second, … of its numbers: only the third and fourth of a window may be absent. */
function isThere(kind: number, which: number): boolean {
  if (which === 2) return (kind & HAS_MIN) !== 0;
  if (which === 3) return (kind & HAS_MAX) !== 0;
  return kind !== ABSENT;
}
