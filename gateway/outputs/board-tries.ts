import type { Clock } from '../../drivers/clock.ts';
import type { BusError, DeviceError } from '../../drivers/errors.ts';
import { isSilence } from '../silence.ts';

type Outcome = BusError | DeviceError | undefined;

/**
 * An output that could not be made safe is tried again so often after this time: a line that loses every third frame lets one get
 * through. Who has not followed then is gone, and is tried after twice as long each time, up to the longest.
 */
const AGAIN_MS_FIRST = 250;
const AGAIN_SOON_COUNT = 16;
const AGAIN_MS_MAX = 30_000;

/** How long after a vain try the next one comes: of the first `triedCount` is 0, and `lastMs` is what was waited before it. */
export function nextTryMs(triedCount: number, lastMs: number): number {
  return triedCount < AGAIN_SOON_COUNT ? AGAIN_MS_FIRST : Math.min(AGAIN_MS_MAX, 2 * lastMs);
}

/** Tries to make outputs safe that could not be made so: a board that is not there costs one wait, and not one for each of its outputs. */
export interface BoardTries {
  /**
   * Tries one output by `work`, unless its board is being asked for another one, or was less than `freshMs` ago, and did not answer:
   * then it resolves to that.
   */
  ask(board: string, freshMs: number, work: () => Promise<Outcome>): Promise<Outcome>;
  /**
   * Calls `callback` once, after `delayMs` or as soon as a try of another output of the board has succeeded: what took the answer of
   * that one in vain must not wait on by itself when the board is back. Returns what cancels it.
   */
  later(board: string, delayMs: number, callback: () => void): () => void;
}

export function openBoardTries(clock: Clock): BoardTries {
  const underWay = new Map<string, Promise<Outcome>>();
  /** The newest try of each board that does not answer. */
  const unanswered = new Map<string, { readonly atMs: number; readonly error: Outcome }>();
  /** What begins the tries that are due later, by board. */
  const waiting = new Map<string, Set<() => void>>();
  return {
    async ask(board, freshMs, work) {
      const other = underWay.get(board);
      const error = other && (await other);
      if (error !== undefined && isSilence(error)) return error;
      const last = unanswered.get(board);
      if (last !== undefined && clock.monotonicMs() - last.atMs < freshMs) return last.error;
      const asked = work();
      underWay.set(board, asked);
      const failure = await asked.finally(() => {
        if (underWay.get(board) === asked) underWay.delete(board);
      });
      if (failure !== undefined && isSilence(failure)) unanswered.set(board, { atMs: clock.monotonicMs(), error: failure });
      else unanswered.delete(board);
      // Only what succeeded: what a board refuses would be tried again and again, each try by the one before.
      if (failure === undefined) for (const begin of [...(waiting.get(board) ?? [])]) begin();
      return failure;
    },
    later(board, delayMs, callback) {
      const those = waiting.get(board) ?? new Set();
      waiting.set(board, those);
      const end = () => {
        cancelTimer();
        those.delete(begin);
      };
      const begin = () => {
        end();
        callback();
      };
      const cancelTimer = clock.timer(delayMs, begin);
      those.add(begin);
      return end;
    },
  };
}
