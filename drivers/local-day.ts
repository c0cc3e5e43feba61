/**
 * The number of the local day (days since 1 January 1970) at a wall time in a time zone such as `Europe/Madrid`. The day of
 * the change to summer time has 23 hours, so it is asked of the zone and not reckoned from an offset.
 * @throws RangeError for a time zone that does not exist
 */
export function localDay(timeZone: string, wallMs: number): number {
  const parts = formatOf(timeZone).formatToParts(wallMs);
  const part = (type: Intl.DateTimeFormatPartTypes) => Number(parts.find((each) => each.type === type)?.value);
  return daysFromCivil(part('year'), part('month'), part('day'));
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Making a format takes a thousand times as long as using it. */
function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en', {
    timeZone,
    calendar: 'gregory',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
  });
  formats.set(timeZone, made);
  return made;
}

/** Days since 1970 of a date; years are counted from March, so that the leap day is the last of its year. */
function daysFromCivil(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const marchMonth = (month + 9) % 12;
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return 365 * marchYear + leapDays + Math.floor((153 * marchMonth + 2) / 5) + day - 1 - 719_468;
}
