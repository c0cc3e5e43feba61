import type { Clock } from '../../drivers/clock.ts';

/** Until when an order of the city would have come here. */
export interface Heard {
  /** Monotonic; undefined before the first time. */
  readonly lastMs: () => number | undefined;
  /** The city was asked for its orders, and has answered. */
  readonly asked: () => void;
  /** A push was taken that is so old: by its own time, as whoever sends an old one again and again proves nothing. */
  readonly pushed: (ageMs: number) => void;
}

/** Nothing was heard yet. */
export function openHeard(clock: Pick<Clock, 'monotonicMs'>): Heard {
  let lastMs: number | undefined;
  const heard = (ageMs: number) => {
    const atMs = clock.monotonicMs() - Math.max(0, ageMs);
    lastMs = Math.max(lastMs ?? atMs, atMs);
  };
  return { lastMs: () => lastMs, asked: () => heard(0), pushed: heard };
}
