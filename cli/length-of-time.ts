import { InvalidArgumentError } from 'commander';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** A length of time on the command line, in milliseconds. */
export function lengthOfTime(value: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|min|h|d)$/.exec(value);
  const unitMs = UNIT_MS[match?.[2] ?? ''];
  if (match === null || unitMs === undefined)
    throw new InvalidArgumentError('Give a length of time with its unit, like 24h or 10min.');
  return Number(match[1]) * unitMs;
}
