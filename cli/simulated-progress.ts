import type { ProgressPlace } from './journal-progress.ts';
import { text } from './messages/live.ts';

const RENEW_MS = 500;

/**
 * Shows on a terminal how far a run in simulated time is: one line that renews itself, and nothing elsewhere. `nowMs` is the
 * simulated time since the start, undefined before it. The returned function ends it and clears the line.
 */
export function showSimulatedTime(
  nowMs: () => number | undefined,
  forMs: number,
  place: Pick<ProgressPlace, 'write' | 'isTerminal'>,
): () => void {
  if (!place.isTerminal) return () => {};
  const timer = setInterval(() => {
    const atMs = nowMs();
    if (atMs !== undefined) place.write(`\r${text.simulatedSoFar(atMs, forMs)}\x1b[K`);
  }, RENEW_MS);
  return () => {
    clearInterval(timer);
    place.write('\r\x1b[K');
  };
}
