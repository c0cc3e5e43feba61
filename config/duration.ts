import type { ProblemParameters } from './problem.ts';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 };
/** The form of a length of time: `30s`, `1h30min`. */
export const DURATION = /^(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|min|h|d))+$/;

/** A year and a bit: more is a mistake, and timers and windows stay far from the limits of numbers. */
const DURATION_MOST = '400d';

/**
 * What a length of time says, in milliseconds, or the code of what is wrong with it and the parameters of its text.
 *
 * @param isShort it usually is less than a second, so that a number without a unit is meant in milliseconds
 */
export function parseDuration(text: string, isShort = false): number | ({ readonly code: string } & ProblemParameters) {
  if (DURATION.test(text)) {
    const totalMs = durationMs(text);
    if (totalMs <= durationMs(DURATION_MOST)) return totalMs;
    return { code: 'C025', written: text, bound: 'most', of: 'number', amount: DURATION_MOST };
  }
  const number = /^[0-9]+(?:\.[0-9]+)?/.exec(text)?.[0] ?? '';
  const found = { written: text, number, candidates: meantDuration(text) };
  if (text === number && number !== '') {
    const { number: _number, ...rest } = found;
    return { code: 'C033', ...(isShort ? { ...rest, short: number } : found) };
  }
  if (text === `${number}m`) return { code: 'C034', ...found };
  return { code: 'C035', ...found };
}

function durationMs(text: string): number {
  const parts = [...text.matchAll(/([0-9.]+)(ms|s|min|h|d)/g)];
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNIT_MS[unit ?? ''] ?? 0), 0);
}

/** A length of time as it is written in a file, in the largest unit that it is a whole number of. */
export function durationText(ms: number): string {
  const [unit, factor] = Object.entries(UNIT_MS).findLast(([, unitMs]) => ms >= unitMs && ms % unitMs === 0) ?? ['ms', 1];
  return `${ms / factor}${unit}`;
}

/** How long something takes, for people, never too short: `18 ms`, `1.5 s`, `9 min 55 s`, `3 h 59 min`, `2 d 4 h`. */
export function timeTaken(ms: number): string {
  if (ms < 1_000) return `${Math.ceil(ms)} ms`;
  if (ms < 10_000) return `${Math.ceil(ms / 100) / 10} s`;
  const seconds = Math.ceil(ms / 1_000);
  if (seconds < 3_600) return inUnits(seconds, 60, 'min', 's');
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 24 * 60) return inUnits(minutes, 60, 'h', 'min');
  return inUnits(Math.ceil(minutes / 60), 24, 'd', 'h');
}

/** For how long something has been so, for people, never too long and without needless detail: `4 s`, `12 min`, `3 h 5 min`, `2 d 4 h`. */
export function timePassed(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 24 * 60) return inUnits(minutes, 60, 'h', 'min');
  return inUnits(Math.floor(minutes / 60), 24, 'd', 'h');
}

/** `count` of the small unit, of which the large one has so many. */
function inUnits(count: number, perLarge: number, large: string, small: string): string {
  const [whole, rest] = [Math.floor(count / perLarge), count % perLarge];
  return [...(whole > 0 ? [`${whole} ${large}`] : []), ...(rest > 0 || whole === 0 ? [`${rest} ${small}`] : [])].join(' ');
}

/** Units as people write them: a space before, in full, in the plural, in the languages of the texts. */
const UNIT_WORDS: readonly (readonly [string, RegExp])[] = [
  ['ms', /^(?:ms|msec|milli\w+|mil·li\w+)$/i],
  ['s', /^(?:s|secs?|seconds?|seg|segon?s?|segundos?)$/i],
  ['min', /^(?:mins?|minutes?|minuts?|minutos?)$/i],
  ['h', /^(?:h|hrs?|hours?|hora|horas|hores)$/i],
  ['d', /^(?:d|days?|dia|dies|días?)$/i],
];

/** `5 minutes` → `5min`; empty for what is nothing like a length of time. */
function meantDuration(text: string): string[] {
  const [, amount = '', word = ''] = /^([0-9]+(?:[.,][0-9]+)?)\s*([\p{L}·]{1,20})$/u.exec(text.trim()) ?? [];
  const meant = UNIT_WORDS.filter(([, words]) => words.test(word)).map(([unit]) => amount.replace(',', '.') + unit);
  return meant.filter((candidate) => durationMs(candidate) <= durationMs(DURATION_MOST));
}
