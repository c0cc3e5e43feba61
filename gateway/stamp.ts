import type { Clock } from '../drivers/clock.ts';
import type { Stamp } from './record.ts';

/**
 * The stamp of something that happened at `atMonotonicMs` of this boot; now, unless told otherwise. In whole milliseconds: a
 * real clock's nanoseconds would be five of every six bytes that a reading takes on the card.
 */
export function stampAt(clock: Clock, boot: string, atMonotonicMs = clock.monotonicMs()): Stamp {
  const wall = clock.wall();
  const agoMs = clock.monotonicMs() - atMonotonicMs;
  return { boot, monotonicMs: Math.floor(atMonotonicMs), wallMs: Math.round(wall.ms - agoMs), wallQuality: wall.quality };
}
