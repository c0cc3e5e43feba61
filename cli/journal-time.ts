import { parseDuration } from '../config/duration.ts';
import type { Journal } from '../gateway/journal/journal.ts';
import type { Stamp } from '../gateway/record.ts';
import { Timeline } from '../gateway/timeline.ts';
import { eventsOf } from './journal-pages.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** A day, or a moment of it, with or without a zone: the extended format of ISO 8601. */
const MOMENT =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?(?: ?([Zz]|[+-]\d{2}(?::?\d{2})?))?$/;

/** When something was, in milliseconds since 1970, or why nobody knows. */
export type KnownTime = { readonly wallMs: number } | { readonly why: string };

/** Tells when something was. */
export type TimeOf = (stamp: Stamp) => KnownTime;

/** The times of a journal's records. */
export interface Times {
  readonly timeOf: TimeOf;
  /** The wall time in a stamp may be wrong by so much: its clock was set right later. Reads all events. */
  correctedMsMax(): Promise<number>;
}

/**
 * Learns from a journal when its records were, from the time anchors in it: a record that was stamped before the clock was
 * set right has no time of its own, or a wrong one. `runningBoot` is the boot of the gateway that is writing it.
 */
export async function timesOf(journal: Pick<Journal, 'read'>, runningBoot = ''): Promise<Times> {
  // Nothing is ever given up here: the journal still has it.
  const timeline = new Timeline(runningBoot, () => 0, Number.POSITIVE_INFINITY);
  for await (const { record } of eventsOf(journal)) timeline.add(record);
  const timeOf: TimeOf = (stamp) => {
    const time = timeline.timeOf(stamp);
    return time.kind === 'known' ? { wallMs: time.ms } : { why: 'clock-not-set' };
  };
  return {
    timeOf,
    // Every boot has events from its beginning on, and anchors where its clock was set right. They are read once more for
    // this: all of their stamps together may be more than fits into memory.
    async correctedMsMax() {
      let most = 0;
      for await (const { record } of eventsOf(journal)) {
        const time = timeOf(record);
        if ('wallMs' in time && record.wallQuality !== 'none') most = Math.max(most, Math.abs(time.wallMs - record.wallMs));
      }
      return most;
    },
  };
}

/**
 * The moment that a person writes: an ISO 8601 day or time, in UTC unless it has a zone, or a length of time: so long
 * before now. As the end of a range a day stands for its end, so that the day is in the range. Undefined when it is
 * neither, or no day of the calendar.
 */
export function parseMoment(written: string, nowMs: number, edge: 'from' | 'to'): number | undefined {
  const ago = parseDuration(written);
  if (typeof ago === 'number') return nowMs - ago;
  const match = MOMENT.exec(written.trim());
  if (match === null) return undefined;
  const [, year = '', month = '', day = '', hour, minute = '0', second = '0', fraction = '', zone = 'Z'] = match;
  const midnight = Date.UTC(Number(year), Number(month) - 1, Number(day));
  // 30 February is 2 March for Date.
  if (Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== `${year}-${month}-${day}`) return undefined;
  const offsetMs = zoneMs(zone);
  if (offsetMs === undefined) return undefined;
  if (hour === undefined) return midnight - offsetMs + (edge === 'to' ? DAY_MS : 0);
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const seconds = (Number(hour) * 60 + Number(minute)) * 60 + Number(second);
  return midnight - offsetMs + seconds * 1000 + Math.floor(Number(`0.${fraction || '0'}`) * 1000);
}

/** How far a zone such as `+01:00` is ahead of UTC. */
function zoneMs(zone: string): number | undefined {
  if (zone.toUpperCase() === 'Z') return 0;
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0');
  const hours = Number(digits.slice(0, 2));
  const minutes = Number(digits.slice(2));
  if (hours > 14 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * MINUTE_MS;
}

/** `2026-11-25T12:00:00.000Z`; empty for what is outside the calendar of ISO 8601. */
export function isoText(wallMs: number): string {
  const date = new Date(wallMs);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString();
}

/** `2026-11-25 12:00`, in UTC: for tables. */
export function minuteText(wallMs: number | undefined): string {
  return wallMs === undefined ? '' : isoText(wallMs).slice(0, 16).replace('T', ' ');
}

/** `2026-11-25 12:00:00`, in UTC: where seconds matter. */
export function secondText(wallMs: number | undefined): string {
  return wallMs === undefined ? '' : isoText(wallMs).slice(0, 19).replace('T', ' ');
}
