/*
 * A column is an array of numbers with one item for each record, or a single number when all are the same, or null when
 * there is nothing to say. Numbers become integers where they come back exactly, and small ones where they change slowly:
 *
 *   steps     integers that grow evenly (times, sequences): how much more than the interval each is later than the one
 *             before. The first of a run counts from the first of the run before. The interval stays as long as that
 *             is little, so that jitter is told once, and not twice as by the change of the change; a step of more than
 *             STEP_MAX in either direction is added to the interval, which goes on from run to run. Or all as float64.
 *   times     two items: the exponent of all, and their steps: values and base times ten to the exponent, STEP_MAX as it
 *             is. Exponent -1: all as float64.
 *   numbers   three items: for each run the exponent, the changes of the integers, the floats of the other runs. An
 *             integer divided by ten to the exponent is the number; exponent -1: the run is among the floats. Changes
 *             begin at 0 and go on from run to run, over runs of floats and whatever the exponents are.
 *
 * Floats are typed arrays as in RFC 8746: tag 85 (4 bytes each) when every one of them is a float32, else 86 (8 bytes),
 * both little-endian. All sums and products are those of float64, to the rounding.
 */

/** How many records follow each other of one series, and so on: each at least 1. */
export type Runs = readonly number[];

/** An array by position: plain or typed. */
export type Numbers = ArrayLike<number>;

/** Multiplying by an entry and dividing by it again is exact where a decimal is; `10 ** n` differs between engines. */
const POWERS_OF_TEN = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9] as const;
/** Stands where an exponent would: the numbers are among the floats. */
const FLOATS = -1;
/** Milliseconds of jitter, where the integers are milliseconds. */
const STEP_MAX = 255;
const INTEGER_MAX = 0x20_0000_0000_0000;

/** An array without change becomes one number, an empty one null. */
export function packColumn(values: number[]): number[] | number | null {
  const first = values[0];
  if (first === undefined) return null;
  for (let i = 1; i < values.length; i++) {
    if (values[i] !== first) return values;
  }
  return first;
}

/** The `count` numbers of a column; undefined when they are not as many. What is no number in it makes sums that are none. */
export function unpackColumn(item: unknown, count: number): number[] | undefined {
  if (typeof item === 'number') return new Array(count).fill(item);
  if (item === null || item === undefined) return count === 0 ? [] : undefined;
  return Array.isArray(item) && item.length === count ? item : undefined;
}

/** Where steps begin. Integers. */
export interface StepBase {
  readonly first: number;
  readonly interval: number;
}

/** Integers that grow evenly; floats where a change is not exact. */
export function packSteps(values: Numbers, runs: Runs, base: StepBase): unknown {
  const steps = new Array<number>(values.length);
  let { first, interval } = base;
  let i = 0;
  for (let run = 0; run < runs.length; run++) {
    const end = i + (runs[run] as number);
    let value = values[i] as number;
    const change = value - first;
    if (first + change !== value) return Float64Array.from(values, withoutMinus);
    steps[i++] = change;
    first = value;
    for (; i < end; i++) {
      const next = values[i] as number;
      const step = next - value - interval;
      if (value + (interval + step) !== next) return Float64Array.from(values, withoutMinus);
      steps[i] = step;
      if (step > STEP_MAX || step < -STEP_MAX) interval += step;
      value = next;
    }
  }
  return packColumn(steps);
}

export function unpackSteps(item: unknown, runs: Runs, count: number, base: StepBase): Numbers | undefined {
  if (item instanceof Float64Array) return item.length === count ? item : undefined;
  const steps = unpackColumn(item, count);
  if (steps === undefined) return undefined;
  const values: number[] = [];
  let { first, interval } = base;
  let value = 0;
  let i = 0;
  for (const length of runs) {
    const end = i + length;
    first += steps[i++] as number;
    value = first;
    values.push(value);
    for (; i < end; i++) {
      const step = steps[i] as number;
      value += interval + step;
      if (step > STEP_MAX || step < -STEP_MAX) interval += step;
      values.push(value);
    }
  }
  return Number.isFinite(value) && Number.isFinite(first) ? values : undefined;
}

/** Times: the exponent of all of them and their steps. */
export function packTimes(values: Numbers, runs: Runs, base: StepBase): [exponent: number, steps: unknown] {
  const exponent = exponentOf(values, 0, values.length);
  if (exponent === 0) return [0, packSteps(values, runs, base)];
  if (exponent !== FLOATS) {
    const power = POWERS_OF_TEN[exponent] as number;
    const integers = toIntegers(values, 0, values.length, power);
    const steps = integers && packSteps(integers, runs, scaled(base, power));
    if (steps !== undefined && !(steps instanceof Float64Array)) return [exponent, steps];
  }
  return [FLOATS, Float64Array.from(values, withoutMinus)];
}

export function unpackTimes(exponent: unknown, item: unknown, runs: Runs, count: number, base: StepBase): Numbers | undefined {
  if (exponent === 0) return unpackSteps(item, runs, count, base);
  if (exponent === FLOATS) return item instanceof Float64Array && item.length === count ? item : undefined;
  const power = typeof exponent === 'number' ? POWERS_OF_TEN[exponent] : undefined;
  if (power === undefined || !(Array.isArray(item) || typeof item === 'number')) return undefined;
  const values = unpackSteps(item, runs, count, scaled(base, power)) as number[] | undefined;
  if (values === undefined) return undefined;
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) / power;
  return values;
}

/** The three items of numbers: for each run the smallest exponent with which all its decimals come back exactly. */
export function packNumbers(values: Numbers, runs: Runs): [exponents: unknown, changes: unknown, floats: unknown] {
  const exponents: number[] = [];
  const changes: number[] = [];
  const floats: number[] = [];
  let before = 0;
  let i = 0;
  for (let run = 0; run < runs.length; run++) {
    const end = i + (runs[run] as number);
    const changeCount = changes.length;
    const beforeRun = before;
    let exponent = exponentOf(values, i, end);
    if (exponent !== FLOATS) {
      const power = POWERS_OF_TEN[exponent] as number;
      for (let at = i; at < end; at++) {
        const integer = Math.round((values[at] as number) * power);
        const change = integer - before;
        // Not so for integers of 2^53 and opposite signs, nor for what fitted a smaller exponent and no longer does.
        if (before + change !== integer || integer / power !== values[at]) {
          exponent = FLOATS;
          break;
        }
        changes.push(change);
        before = integer;
      }
    }
    if (exponent === FLOATS) {
      changes.length = changeCount;
      before = beforeRun;
      for (let at = i; at < end; at++) floats.push(withoutMinus(values[at] as number));
    }
    exponents.push(exponent);
    i = end;
  }
  return [packColumn(exponents), packColumn(changes), packFloats(floats)];
}

/** The numbers of the runs, `count` in all; undefined when the items do not fit them. */
export function unpackNumbers(items: readonly unknown[], at: number, runs: Runs, count: number): Numbers | undefined {
  const runCount = runs.length;
  const exponents = unpackColumn(items[at], runCount);
  if (exponents === undefined) return undefined;
  let changeCount = 0;
  for (let run = 0; run < runCount; run++) {
    const exponent = exponents[run] as number;
    if (exponent === FLOATS) continue;
    if (typeof exponent !== 'number' || POWERS_OF_TEN[exponent] === undefined) return undefined;
    changeCount += runs[run] as number;
  }
  const changes = unpackColumn(items[at + 1], changeCount);
  const floats = items[at + 2] ?? [];
  if (changes === undefined || !isFloats(floats) || floats.length !== count - changeCount) return undefined;
  if (changeCount === 0) return floats;
  const values: number[] = [];
  let changeAt = 0;
  let floatAt = 0;
  let integer = 0;
  for (let run = 0; run < runCount; run++) {
    const exponent = exponents[run] as number;
    const length = runs[run] as number;
    if (exponent === FLOATS) {
      for (const end = floatAt + length; floatAt < end; floatAt++) values.push(floats[floatAt] as number);
      continue;
    }
    const power = POWERS_OF_TEN[exponent] as number;
    for (const end = changeAt + length; changeAt < end; changeAt++) {
      integer += changes[changeAt] as number;
      values.push(integer / power);
    }
  }
  return Number.isFinite(integer) ? values : undefined;
}

/** The smallest exponent with which all of them are integers that come back exactly; FLOATS when there is none. */
function exponentOf(values: Numbers, start: number, end: number): number {
  let exponent = 0;
  let power = 1;
  for (let i = start; i < end; i++) {
    const value = values[i] as number;
    for (;;) {
      const integer = Math.round(value * power);
      if (integer / power === value && integer <= INTEGER_MAX && integer >= -INTEGER_MAX) break;
      exponent++;
      if (exponent === POWERS_OF_TEN.length) return FLOATS;
      power = POWERS_OF_TEN[exponent] as number;
    }
  }
  return exponent;
}

function scaled({ first, interval }: StepBase, power: number): StepBase {
  return { first: first * power, interval: interval * power };
}

function toIntegers(values: Numbers, start: number, end: number, power: number): number[] | undefined {
  const integers: number[] = [];
  for (let i = start; i < end; i++) {
    const integer = Math.round((values[i] as number) * power);
    if (integer / power !== values[i]) return undefined;
    integers.push(integer);
  }
  return integers;
}

function packFloats(values: number[]): Float32Array | Float64Array | null {
  if (values.length === 0) return null;
  return values.every((value) => Math.fround(value) === value) ? Float32Array.from(values) : Float64Array.from(values);
}

function isFloats(item: unknown): item is Numbers {
  return item instanceof Float64Array || item instanceof Float32Array || (Array.isArray(item) && item.length === 0);
}

/** Minus zero becomes zero. */
function withoutMinus(value: number): number {
  return value + 0;
}
