import { sleep } from '../drivers/clock.ts';
import type { Host } from './host.ts';
import { orAborted } from './or-aborted.ts';

/** How often the threads are asked for a turn. */
const EVERY_MS = 10_000;
/** Without a free thread for this long, calls that hang hold all of them: what is only busy takes turns. */
const STUCK_MS = 5_000;

/**
 * Watches the few threads in which native calls run: those of drivers, every write of the journal, and looking up names. When
 * calls that hang hold all of them nothing reaches the disk any more, and the disk would be blamed for it.
 */
export interface Canary {
  /** How long no thread has been free, once that is long. */
  readonly stuckMs: number | undefined;
  /** Watches until `signal` is aborted. */
  run(signal: AbortSignal): Promise<void>;
}

export function openCanary({ clock, log, threadTurn }: Pick<Host, 'clock' | 'log' | 'threadTurn'>): Canary {
  let stuckSinceMs: number | undefined;
  const stuckMs = () => (stuckSinceMs === undefined ? undefined : clock.monotonicMs() - stuckSinceMs);

  const takeTurn = async (signal: AbortSignal) => {
    const askedMs = clock.monotonicMs();
    const cancel = clock.timer(STUCK_MS, () => {
      stuckSinceMs = askedMs;
      const message = 'calls into drivers hang and hold every thread: nothing can be stored until the gateway is restarted';
      log('error', 'native-calls-hang', { forMs: STUCK_MS, message });
    });
    await orAborted(threadTurn(), signal);
    cancel();
    if (stuckSinceMs !== undefined && !signal.aborted) log('info', 'native-calls-returned', { afterMs: stuckMs() });
    stuckSinceMs = undefined;
  };

  return {
    get stuckMs() {
      return stuckMs();
    },
    run: async (signal) => {
      while (!signal.aborted) {
        await takeTurn(signal);
        await sleep(clock, EVERY_MS, signal).catch(() => {});
      }
    },
  };
}
