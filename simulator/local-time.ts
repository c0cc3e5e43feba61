/**
 * How far local time in a time zone (`Europe/Madrid`) is ahead of UTC at a wall time, milliseconds.
 * @throws RangeError for a time zone that does not exist
 */
export function localOffsetMs(timeZone: string, wallMs: number): number {
  const parts = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' }).formatToParts(wallMs);
  const name = parts.find((part) => part.type === 'timeZoneName')?.value ?? '';
  // GMT, GMT+01:00, GMT-03:30
  const match = /([+-])(\d{2}):(\d{2})/.exec(name);
  if (match === null) return 0;
  const minutes = Number(match[2]) * 60 + Number(match[3]);
  return (match[1] === '-' ? -1 : 1) * minutes * 60_000;
}
