import { localDay } from '../../drivers/local-day.ts';
import { isoTime } from '../../drivers/utc.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/**
 * When it is `time` (`06:30`) on a local day, as a wall time in milliseconds since 1970. Where it is that time twice, because
 * summer time ends, it is the first. Where it never is, because summer time begins, it is the first moment after what is left
 * out: as with cron, and unlike systemd, where such a day has no start at all.
 */
export function momentOf(timeZone: string, day: number, time: string): number {
  const [hours, minutes] = time.split(':').map(Number) as [number, number];
  const localMs = day * DAY_MS + (hours * 60 + minutes) * MINUTE_MS;
  // No zone is further from UTC than 14 hours, and none changes twice within two days.
  const [beforeMs, afterMs] = [localMs - DAY_MS, localMs + DAY_MS];
  const [before, after] = [localOffsetMs(timeZone, beforeMs), localOffsetMs(timeZone, afterMs)];
  const candidates = [before, after].filter((offset) => localOffsetMs(timeZone, localMs - offset) === offset);
  if (candidates.length > 0) return localMs - Math.max(...candidates);
  return changeBetween(timeZone, beforeMs, afterMs);
}

/** The first moment after `fromMs`, and not after `toMs`, at which the zone has the offset that it has at `toMs`. */
function changeBetween(timeZone: string, fromMs: number, toMs: number): number {
  const offset = localOffsetMs(timeZone, toMs);
  let [early, late] = [fromMs, toMs];
  while (late - early > 1) {
    const middle = Math.floor((early + late) / 2);
    if (localOffsetMs(timeZone, middle) === offset) late = middle;
    else early = middle;
  }
  return late;
}

/** What clocks of the zone show at a wall time, for people: `2026-03-29 06:30:00`. */
export function localText(timeZone: string, wallMs: number): string {
  return isoTime(wallMs + localOffsetMs(timeZone, wallMs))
    .slice(0, 19)
    .replace('T', ' ');
}

/** How far local time is ahead of UTC at a wall time: what its clocks show, taken for UTC, minus that. */
function localOffsetMs(timeZone: string, wallMs: number): number {
  const parts = formatOf(timeZone).formatToParts(wallMs);
  const part = (type: Intl.DateTimeFormatPartTypes) => Number(parts.find((each) => each.type === type)?.value);
  const shownMs = localDay(timeZone, wallMs) * DAY_MS + (part('hour') * 60 + part('minute')) * MINUTE_MS + part('second') * 1000;
  return shownMs - Math.floor(wallMs / 1000) * 1000;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Making a format takes a thousand times as long as using it. */
function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const clock = { hour: 'numeric', minute: 'numeric', second: 'numeric' } as const;
  const made = new Intl.DateTimeFormat('en', { timeZone, hourCycle: 'h23', ...clock });
  formats.set(timeZone, made);
  return made;
}
