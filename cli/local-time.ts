import { localText } from '../gateway/rules/time-of-day.ts';
import { isoText } from './journal-time.ts';

/** By zone; making one takes a thousand times as long as using it. */
const formats = new Map<string, Intl.DateTimeFormat>();

/** What people call the zone at that moment: `CET`. Without `timeZone` that of this machine. */
export function zoneName(wallMs: number, timeZone = zoneOfMachine()): string {
  const format = formats.get(timeZone) ?? new Intl.DateTimeFormat('en-GB', { timeZone, timeZoneName: 'short' });
  formats.set(timeZone, format);
  return format.formatToParts(wallMs).find(({ type }) => type === 'timeZoneName')?.value ?? '';
}

/** Date and time of the zone, with its name: `2026-11-25 13:00:00 CET`; empty for what is outside the calendar. Without `timeZone` that of this machine. */
export function zonedText(wallMs: number, timeZone = zoneOfMachine()): string {
  return isoText(wallMs) === '' ? '' : `${localText(timeZone, wallMs)} ${zoneName(wallMs, timeZone)}`;
}

function zoneOfMachine(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}
