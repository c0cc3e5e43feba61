import { type Clock, withDeadline } from '../drivers/clock.ts';
import { BusError } from '../drivers/errors.ts';

/** A call that has not come back this long after its deadline hangs. */
const HUNG_MS = 1_000;

/** One transaction at a time on one bus, first come first served, each with a deadline. */
export interface BusQueue {
  /**
   * Runs `work` when those before it are done, and rejects with BusError `timeout` when it has not settled `deadlineMs`
   * after it began. A call that ignores its deadline keeps the bus: those who wait are refused, and so is every further
   * call until it settles. A hung native call costs one thread, and nothing piles up behind it.
   */
  run<T>(deadlineMs: number, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

interface Waiter {
  readonly begin: () => void;
  readonly refuse: (error: BusError) => void;
}

/** `bus` names the bus in messages. The number of waiters is bounded by the callers: the poller keeps one a device. */
export function busQueue(bus: string, clock: Clock): BusQueue {
  const waiting: Waiter[] = [];
  let busy = false;
  let hungSinceMs: number | undefined;

  const hung = () => {
    const forS = Math.round((clock.monotonicMs() - (hungSinceMs ?? 0)) / 1000);
    return new BusError('timeout', `bus ${bus}: a call has not come back for ${forS} s; unplug the adapter or restart`);
  };
  const next = () => {
    hungSinceMs = undefined;
    const waiter = waiting.shift();
    if (waiter === undefined) busy = false;
    else waiter.begin();
  };
  const turn = async () => {
    if (hungSinceMs !== undefined) throw hung();
    if (busy) await new Promise<void>((begin, refuse) => waiting.push({ begin, refuse }));
    busy = true;
  };

  return {
    run: async (deadlineMs, signal, work) => {
      await turn();
      if (signal.aborted) {
        next();
        throw signal.reason;
      }
      let settled = false;
      const startedMs = clock.monotonicMs();
      const running = (inner: AbortSignal) =>
        work(inner).finally(() => {
          settled = true;
          next();
        });
      try {
        return await withDeadline(clock, deadlineMs, signal, () => late(bus, deadlineMs), running);
      } finally {
        if (!settled) {
          clock.timer(HUNG_MS, () => {
            if (settled) return;
            hungSinceMs = startedMs;
            for (const waiter of waiting.splice(0)) waiter.refuse(hung());
          });
        }
      }
    },
  };
}

function late(bus: string, deadlineMs: number): BusError {
  return new BusError('timeout', `bus ${bus}: no answer within ${Math.round(deadlineMs)} ms`);
}
