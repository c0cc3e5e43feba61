import type { BusConfig } from '../config/config.ts';
import { BusError } from '../drivers/errors.ts';
import type { BusQueue } from './bus-queue.ts';
import type { Host } from './host.ts';

/** Transfers in a row, to whomever, that came to no end before it is the bus that is stuck and not a chip that takes too long. */
const STUCK_COUNT = 3;

interface Closable {
  close(): Promise<void>;
}

/**
 * What is opened at the first use and, after a failure, at the next. `use` also closes what is not there any more, such as a
 * USB adapter that was pulled out: only a new opening finds the one that was plugged in since. And it tells when it is stuck.
 */
export function onDemand<Opened extends Closable>(config: BusConfig, host: Host, queue: BusQueue, open: () => Promise<Opened>) {
  const state = openState(config, host);
  let opened: Opened | undefined;
  const ready = async (): Promise<Opened> => {
    if (opened !== undefined) return opened;
    try {
      opened = await open();
    } catch (error) {
      if (error instanceof BusError) state.failed(error);
      throw error;
    }
    state.works();
    return opened;
  };
  const notDone = async (error: BusError, mine: Opened): Promise<void> => {
    // A chip that does not acknowledge lets the wires move.
    if (error.kind === 'no-answer') state.works();
    if (error.kind === 'timeout') state.timedOut();
    if (error.kind !== 'absent' && error.kind !== 'closed') return;
    state.failed(error);
    if (opened === mine) opened = undefined;
    // Whether that works changes nothing: there is nothing left to close.
    await mine.close().catch(() => {});
  };
  return {
    opened: ready,
    use: async <T>(work: (opened: Opened) => Promise<T>): Promise<T> => {
      const mine = await ready();
      try {
        const result = await work(mine);
        state.works();
        return result;
      } catch (error) {
        if (error instanceof BusError) await notDone(error, mine);
        throw error;
      }
    },
    bus: {
      config,
      get failure() {
        return queue.hung ?? state.failure;
      },
      tried: Promise.resolve(),
      run: (signal: AbortSignal) =>
        new Promise<void>((resolve, reject) => {
          const close = () => (opened?.close() ?? Promise.resolve()).then(resolve, reject);
          if (signal.aborted) close();
          else signal.addEventListener('abort', close, { once: true });
        }),
    },
  };
}

/** Why the bus cannot be used, and the lines of the log about it. */
function openState({ id }: BusConfig, { log }: Host) {
  let failure: BusError | undefined;
  let timeoutCount = 0;
  const failed = (error: BusError) => {
    if (failure?.message !== error.message) log('warning', 'bus-lost', { bus: id, kind: error.kind, message: error.message });
    failure = error;
  };
  return {
    get failure() {
      return failure;
    },
    failed,
    works: () => {
      if (failure !== undefined) log('info', 'bus-open', { bus: id });
      failure = undefined;
      timeoutCount = 0;
    },
    timedOut: () => {
      timeoutCount += 1;
      if (timeoutCount < STUCK_COUNT) return;
      failed(
        new BusError('stuck', `${id} is stuck: no transfer comes to an end, so that a chip or a short circuit holds a wire low`),
      );
    },
  };
}
