import type { Clock, WallQuality, WallTime } from '../drivers/clock.ts';
import { isoTime } from '../drivers/utc.ts';
import type { Log } from './host.ts';
import { isInWindow, WALL_MS_MIN } from './timeline.ts';

/** So many times in a row must fit each other before any is believed: a receiver's first ones are wrong now and then. */
const AGREEING_COUNT = 3;
/**
 * What comes from a receiver is late by what it takes to say it, and to wait for it: a read listens for 2.5 s at most, and a
 * receiver sends within half a second. So times that fit each other differ by less, and none is wrong by more.
 */
const LATE_MS_MAX = 3_000;
/** A time is good for so long; then it is as old as a clock without a source. */
const FRESH_MS = 900_000;
/** What the monotonic clock may be wrong by: 100 parts in a million. */
const DRIFT = 1e-4;

/** The time that devices with a clock of their own tell, such as receivers of satellites. */
export interface DeviceTime {
  /** The device `from` has just told the time, milliseconds since 1970 UTC. */
  heard(wallMs: number, from: string): void;
  /** What time it is by that; undefined while no device has told it, often and lately enough. */
  now(): WallTime | undefined;
}

/**
 * Nothing that lies before the first release of Barri is taken: a receiver whose week counter has wrapped tells 2007. That is
 * logged once for each device, because nothing else would say why it sets no clock.
 */
export function openDeviceTime(clock: Clock, log: Log): DeviceTime {
  const refused = new Set<string>();
  /** Wall minus monotonic time: the greatest is that of the device that was heard with the least delay. */
  let offsetMs = 0;
  let heardMs = Number.NEGATIVE_INFINITY;
  let count = 0;
  return {
    heard: (wallMs, from) => {
      if (!isInWindow(wallMs)) {
        if (!refused.has(from)) log('warning', 'device-time-refused', { device: from, message: reasonOf(wallMs) });
        refused.add(from);
        return;
      }
      const nowMs = clock.monotonicMs();
      const heardOffsetMs = wallMs - nowMs;
      // What was told with little delay long ago may be ahead by what the monotonic clock drifts.
      const keptOffsetMs = offsetMs - DRIFT * (nowMs - heardMs);
      const isAgreeing = nowMs - heardMs < FRESH_MS && Math.abs(heardOffsetMs - offsetMs) <= LATE_MS_MAX;
      count = isAgreeing ? count + 1 : 1;
      offsetMs = isAgreeing ? Math.max(heardOffsetMs, keptOffsetMs) : heardOffsetMs;
      heardMs = nowMs;
    },
    now: () => {
      const nowMs = clock.monotonicMs();
      if (count < AGREEING_COUNT || nowMs - heardMs >= FRESH_MS) return undefined;
      return { ms: Math.round(offsetMs + nowMs), quality: 'synced', errorMs: LATE_MS_MAX, source: 'device' };
    },
  };
}

function reasonOf(wallMs: number): string {
  const told = `the device tells the time ${isoTime(wallMs)}, which is not used`;
  if (wallMs >= WALL_MS_MIN) return `${told}: it lies too far ahead`;
  const before = `it lies before ${isoTime(WALL_MS_MIN)}, when there was no Barri yet`;
  return `${told}: ${before}. Old receivers begin anew after 1024 weeks`;
}

/**
 * The same clock, with the wall time of devices as long as nobody has checked the machine's own in this boot: one that was
 * checked once is righter for days than what is told with so much delay.
 */
export function clockWithDevices(clock: Clock, devices: DeviceTime): Clock {
  return {
    monotonicMs: () => clock.monotonicMs(),
    timer: (delayMs, callback) => clock.timer(delayMs, callback),
    wall: () => {
      const wall = clock.wall();
      return isChecked(wall.quality) ? wall : (devices.now() ?? wall);
    },
  };
}

function isChecked(quality: WallQuality): boolean {
  return quality === 'synced' || quality === 'holdover';
}
