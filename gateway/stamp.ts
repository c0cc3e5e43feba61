import type { Clock, WallTime } from '../drivers/clock.ts';
import type { Stamp } from './record.ts';

/**
 * The stamp of something that happened at `atMonotonicMs` of this boot; now, unless told otherwise. In whole milliseconds: a
 * real clock's nanoseconds would be five of every six bytes that a reading takes on the card.
 */
export function stampAt(clock: Clock, boot: string, atMonotonicMs = clock.monotonicMs()): Stamp {
  const wall = clock.wall();
  const agoMs = clock.monotonicMs() - atMonotonicMs;
  // A wall clock has its fraction cut off, so that of the time since then must go too: otherwise what ended on the full
  // second would now and then end up in the one before.
  const wallMs = Math.floor(wall.ms) - Math.floor(agoMs);
  return { boot, monotonicMs: Math.floor(atMonotonicMs), wallMs, wallQuality: wall.quality };
}

/**
 * When a wall clock was looked at, in whole milliseconds as records are stamped, and never before `nowMs`: what was stamped
 * before that keeps its time.
 */
export function wholeMoment(wall: WallTime, nowMs: number): Pick<Stamp, 'monotonicMs' | 'wallMs' | 'wallQuality'> {
  const monotonicMs = Math.ceil(nowMs);
  return { monotonicMs, wallMs: wall.ms + monotonicMs - Math.floor(nowMs), wallQuality: wall.quality };
}
