import type { Clock } from '../../drivers/clock.ts';
import type { PushDesk } from './callback.ts';

/** Until when an order of the city would have come here. */
export interface Heard {
  /** Monotonic; undefined before the first time. */
  readonly lastMs: () => number | undefined;
  /** The city was asked for its orders, and has answered. */
  readonly asked: () => void;
  /** The desk for what is pushed: a push that is taken tells that the city reached this gateway when it was published. */
  readonly ofPushes: (desk: PushDesk) => PushDesk;
}

export function openHeard(clock: Pick<Clock, 'monotonicMs'>): Heard {
  let lastMs: number | undefined;
  const heard = (atMs: number) => {
    lastMs = Math.max(lastMs ?? atMs, atMs);
  };
  return {
    lastMs: () => lastMs,
    asked: () => heard(clock.monotonicMs()),
    ofPushes: (desk) => ({
      get cursorMs() {
        return desk.cursorMs;
      },
      get seenMs() {
        return desk.seenMs;
      },
      async take(orders, via, cityMs) {
        const cityAheadMs = cityMs - clock.monotonicMs();
        const isTaken = await desk.take(orders, via, cityMs);
        // By its own time: whoever sends an old one again and again proves nothing.
        if (isTaken) for (const { timeMs } of orders) heard(Math.min(timeMs - cityAheadMs, clock.monotonicMs()));
        return isTaken;
      },
    }),
  };
}
