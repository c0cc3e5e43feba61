/** Takes part in making JSON: what a clock has beyond milliseconds tells nobody anything. */
export function inWholeMs(key: string, value: unknown): unknown {
  return key.endsWith('Ms') ? Math.round(Number(value)) : value;
}
