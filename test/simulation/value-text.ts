/**
 * The text that the city must get for a value (design.md §5), formed by ICU and not by the gateway: rounded half away
 * from zero at the decimals of the precision, which is a power of ten; no exponent, no trailing zeros.
 */
export function expectedText(value: number | boolean, precision: number): string {
  if (typeof value === 'boolean') return String(value);
  const decimals = Math.max(0, Math.round(-Math.log10(precision)));
  const format = { useGrouping: false, maximumFractionDigits: decimals, signDisplay: 'negative' } as const;
  return new Intl.NumberFormat('en', format).format(value);
}
