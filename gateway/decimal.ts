import type { Value } from '../drivers/reading.ts';

/** A decimal number: `digits` × 10^-`scale`, the sign in `digits`. */
interface Decimal {
  readonly digits: bigint;
  readonly scale: number;
}

/** Decimal places of the usual precisions. */
const PLACES: ReadonlyMap<number, number> = new Map([
  [1, 0],
  [0.1, 1],
  [0.01, 2],
  [0.001, 3],
  [0.0001, 4],
]);

/**
 * The text of a value as it leaves the gateway: rounded to a multiple of `precision`, half away from zero, with a dot,
 * no exponent and no trailing zeros; `true` or `false` for a state, and a text as it is. Rounding works on the shortest decimal that stands
 * for the number, which is what a person reads, so that 2.675 at 0.01 is 2.68 although its binary form lies below it.
 * @throws RangeError when the value is not finite or the precision is not a positive number: such a value must never
 *   have come this far, and no text stands for it
 */
export function valueText(value: Value, precision: number): string {
  if (typeof value !== 'number') return String(value);
  if (!Number.isFinite(value)) throw new RangeError(`${value} has no text that the city takes`);
  if (!Number.isFinite(precision) || precision <= 0) throw new RangeError(`${precision} is no precision: a number above 0 is`);
  const short = asItIs(value, precision);
  if (short !== undefined) return short;
  const number = parse(value);
  const step = parse(precision);
  const scale = Math.max(number.scale, step.scale);
  const stepDigits = step.digits * powerOfTen(scale - step.scale);
  const size = absolute(number.digits) * powerOfTen(scale - number.scale);
  const rounded = ((2n * size + stepDigits) / (2n * stepDigits)) * stepDigits;
  return write({ digits: number.digits < 0n ? -rounded : rounded, scale });
}

/** What JavaScript prints, when that is a multiple of a precision such as 0.01 already: nearly always, and far less work. */
function asItIs(value: number, precision: number): string | undefined {
  const places = PLACES.get(precision);
  const text = String(value);
  if (places === undefined || text.includes('e')) return undefined;
  const point = text.indexOf('.');
  return point < 0 || text.length - point - 1 <= places ? text : undefined;
}

/** Reads what JavaScript prints for a number (`-1.5`, `1e-7`, `2.5e+21`): the shortest decimal that means it. */
function parse(value: number): Decimal {
  const [mantissa = '', exponent = '0'] = String(value).split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const scale = fraction.length - Number(exponent);
  const digits = BigInt(whole + fraction);
  return scale >= 0 ? { digits, scale } : { digits: digits * powerOfTen(-scale), scale: 0 };
}

function write({ digits, scale }: Decimal): string {
  const text = absolute(digits)
    .toString()
    .padStart(scale + 1, '0');
  const point = text.length - scale;
  const fraction = text.slice(point).replace(/0+$/, '');
  const sign = digits < 0n ? '-' : '';
  return sign + text.slice(0, point) + (fraction === '' ? '' : `.${fraction}`);
}

function absolute(digits: bigint): bigint {
  return digits < 0n ? -digits : digits;
}

/** Integers, so that no Node version can differ in a last bit. */
function powerOfTen(exponent: number): bigint {
  return 10n ** BigInt(exponent);
}
