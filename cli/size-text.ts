const UNITS: readonly (readonly [bytes: number, unit: string])[] = [
  [1e12, 'TB'],
  [1e9, 'GB'],
  [1e6, 'MB'],
  [1e3, 'kB'],
];

/** A size as a person says it: `12 MB`, in powers of 1000, as on the card and in `max_size`. */
export function sizeText(bytes: number): string {
  for (const [factor, unit] of UNITS) {
    const value = bytes / factor;
    if (value >= 1) return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
  }
  return `${Math.round(bytes)} B`;
}
