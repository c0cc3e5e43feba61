import type { Clock } from '../drivers/clock.ts';
import type { Stamp } from './record.ts';

/** The stamp of something that happened at `atMonotonicMs` of this boot; now, unless told otherwise. */
export function stampAt(clock: Clock, boot: string, atMonotonicMs = clock.monotonicMs()): Stamp {
  const wall = clock.wall();
  const agoMs = clock.monotonicMs() - atMonotonicMs;
  return { boot, monotonicMs: atMonotonicMs, wallMs: Math.round(wall.ms - agoMs), wallQuality: wall.quality };
}
