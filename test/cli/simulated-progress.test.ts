// How far a run in simulated time is: told on a terminal while it runs, and nowhere else.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { showSimulatedTime } from '../../cli/simulated-progress.ts';

const HOUR_MS = 3_600_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** What is written in two seconds, while half an hour of 24 passes in each half of a second. */
function written(isTerminal: boolean): string {
  let out = '';
  let nowMs: number | undefined;
  const end = showSimulatedTime(
    () => {
      nowMs = nowMs === undefined ? 0 : nowMs + HOUR_MS / 2;
      return nowMs;
    },
    24 * HOUR_MS,
    {
      isTerminal,
      write: (text) => {
        out += text;
      },
    },
  );
  vi.advanceTimersByTime(2_000);
  end();
  vi.advanceTimersByTime(2_000);
  return out;
}

test('on a terminal one line renews itself, and is cleared at the end', () => {
  const lines = ['0 s', '30 min', '1 h', '1 h 30 min'].map((time) => `\r${time} of 1 d\x1b[K`);
  expect(written(true)).toBe(`${lines.join('')}\r\x1b[K`);
});

test('where a program reads it nothing is written', () => {
  expect(written(false)).toBe('');
});
