import { BusError } from './errors.ts';

/** The most calls that may wait for the one under way; more of them means that it hangs. */
export const CALLS_WAITING_MAX = 8;

/**
 * Makes calls of `work` run one after another, in the order of calling; a failure does not stop the next one. An
 * exchange of several transactions with one device would otherwise be torn apart by a second one.
 * @throws BusError `hung` when `waitingMax` calls are waiting already
 */
export function oneAtATime<Args extends unknown[], T>(
  work: (...args: Args) => Promise<T>,
  waitingMax: number = CALLS_WAITING_MAX,
): (...args: Args) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  let unfinishedCount = 0;
  return async (...args) => {
    if (unfinishedCount > waitingMax) {
      throw new BusError('hung', `${waitingMax} calls wait already for one that does not come back: the bus hangs`);
    }
    unfinishedCount += 1;
    const run = last.then(() => work(...args));
    last = run.catch(() => undefined).finally(() => (unfinishedCount -= 1));
    return run;
  };
}
