import type { Clock } from '../../drivers/clock.ts';
import type { BusError, DeviceError } from '../../drivers/errors.ts';
import { isSilence } from '../silence.ts';

type Outcome = BusError | DeviceError | undefined;

/** Tries to make outputs safe that could not be made so: a board that is not there costs one wait, and not one for each of its outputs. */
export interface BoardTries {
  /**
   * Tries one output by `work`, unless its board is being asked for another one, or was less than `freshMs` ago, and did not answer:
   * then it resolves to that.
   */
  ask(board: string, freshMs: number, work: () => Promise<Outcome>): Promise<Outcome>;
}

export function openBoardTries(clock: Clock): BoardTries {
  const underWay = new Map<string, Promise<Outcome>>();
  /** The newest try of each board that does not answer. */
  const unanswered = new Map<string, { readonly atMs: number; readonly error: Outcome }>();
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
      return failure;
    },
  };
}
