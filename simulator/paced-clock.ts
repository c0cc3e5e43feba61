import type { Clock } from '../drivers/clock.ts';

/**
 * A clock that runs `speed` times as fast as `base`, for a person who watches. Like a virtual clock it starts at monotonic
 * 0, and its wall clock where that of `base` stands now; a later step of the base's wall clock is not followed. There is
 * nothing that it could be checked against: in its world it is right.
 */
export function pacedClock(base: Clock, speed: number): Clock {
  if (!(speed > 0 && Number.isFinite(speed))) throw new RangeError(`the speed must be a number above 0, not ${speed}`);
  const startMs = base.monotonicMs();
  const startWall = base.wall();
  const passedMs = () => (base.monotonicMs() - startMs) * speed;
  return {
    monotonicMs: passedMs,
    wall: () => ({ ms: Math.floor(startWall.ms + passedMs()), quality: 'synced' }),
    timer: (delayMs, callback) => base.timer(delayMs / speed, callback),
  };
}
