import { text } from './messages/journal.ts';

/** Work that is over by then needs no progress. */
const QUIET_MS = 1_000;
const REWRITE_MS = 200;
const LINE_MS = 5_000;

/** Where progress is shown, and the time. */
export interface ProgressPlace {
  readonly write: (text: string) => void;
  readonly isTerminal: boolean;
  /** Monotonic. */
  readonly nowMs: () => number;
}

/** Progress of a long run. `end` clears the line. */
export interface Progress {
  /** So much is done altogether. Cheap: shows it only now and then. */
  to(count: number): void;
  end(): void;
}

/**
 * Shows how far work on so many records is: on a terminal one line that is rewritten, elsewhere a plain line every few
 * seconds. `total` is undefined when nobody knows: then there is no percentage.
 */
export function openProgress(what: string, total: number | undefined, place: ProgressPlace): Progress {
  const startMs = place.nowMs();
  let shownMs = startMs;
  let width = 0;
  return {
    to(count) {
      const nowMs = place.nowMs();
      const everyMs = place.isTerminal ? REWRITE_MS : LINE_MS;
      if (nowMs - startMs < QUIET_MS || nowMs - shownMs < everyMs) return;
      shownMs = nowMs;
      const part = total === undefined || total === 0 ? undefined : Math.min(1, count / total);
      const leftMs = part === undefined || part === 0 ? undefined : ((nowMs - startMs) * (1 - part)) / part;
      const line = text.progress({ what, count, total, part, leftMs });
      if (!place.isTerminal) return place.write(`${line}\n`);
      place.write(`\r${line.padEnd(width)}`);
      width = line.length;
    },
    end() {
      if (width > 0) place.write(`\r${' '.repeat(width)}\r`);
      width = 0;
    },
  };
}

/** The error output of this process. */
export function errorOutput(write: (text: string) => void): ProgressPlace {
  return { write, isTerminal: process.stderr.isTTY === true, nowMs: () => performance.now() };
}
