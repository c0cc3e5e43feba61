import { InvalidArgumentError } from 'commander';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** A length of time on the command line, in milliseconds. */
function lengthOfTime(value: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|min|h|d)$/.exec(value);
  const unitMs = UNIT_MS[match?.[2] ?? ''];
  const ms = match === null || unitMs === undefined ? Number.NaN : Number(match[1]) * unitMs;
  if (!Number.isFinite(ms)) throw new InvalidArgumentError('Give a length of time with its unit, like 24h or 10min.');
  return ms;
}

/** The same for what has to last: `option` is named where it does not. */
export function someTime(option: string): (value: string) => number {
  return (value) => {
    const ms = lengthOfTime(value);
    if (ms === 0) throw new InvalidArgumentError(`\`${option}\` must be more than 0.`);
    return ms;
  };
}
