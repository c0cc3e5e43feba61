import type { Value } from '../../drivers/reading.ts';

/**
 * The text that the city must get for a value (design.md §5), formed by ICU and not by the gateway: rounded half away
 * from zero at the decimals of the precision, which is a power of ten; no exponent, no trailing zeros. A text as it is.
 */
export function expectedText(value: Value, precision: number): string {
  if (typeof value !== 'number') return String(value);
  const decimals = Math.max(0, Math.round(-Math.log10(precision)));
  const format = { useGrouping: false, maximumFractionDigits: decimals, signDisplay: 'negative' } as const;
  return new Intl.NumberFormat('en', format).format(value);
}
