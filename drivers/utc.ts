const MS_PER_DAY = 86_400_000;
const MONTH_NAMES = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** The one form that HTTP servers may send (RFC 9110 §5.6.7). */
const HTTP_DATE = /^[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/;
const DAYS_PER_ERA = 146_097;
/** Days from 1 March of the year 0 to 1 January 1970. */
const EPOCH_DAYS = 719_468;

/** A moment in UTC, as clocks and calendars show it. Month and day count from 1. */
export interface UtcTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly millisecond: number;
}

/**
 * Splits milliseconds since 1970 into the parts of a date in UTC (proleptic Gregorian calendar, no leap seconds). Years
 * are counted from March, so that the leap day is the last of its year and months need no table. Reckoned here and not
 * by the platform's Date, because nothing in the gateway may be able to ask the platform what time it is.
 */
export function utcTime(ms: number): UtcTime {
  const days = Math.floor(ms / MS_PER_DAY);
  const rest = Math.floor(ms - days * MS_PER_DAY);
  const shifted = days + EPOCH_DAYS;
  const era = Math.floor(shifted / DAYS_PER_ERA);
  const dayOfEra = shifted - era * DAYS_PER_ERA;
  const leapDays = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1,
    hour: Math.floor(rest / 3_600_000),
    minute: Math.floor(rest / 60_000) % 60,
    second: Math.floor(rest / 1000) % 60,
    millisecond: rest % 1000,
  };
}

/** `2026-11-25T12:00:00.000Z` */
export function isoTime(ms: number): string {
  const { year, month, day, hour, minute, second, millisecond } = utcTime(ms);
  return `${pad(year, 4)}-${pad(month)}-${pad(day)}T${pad(hour)}:${pad(minute)}:${pad(second)}.${pad(millisecond, 3)}Z`;
}

/** Milliseconds since 1970 of a date of HTTP, whole seconds; undefined for anything else. */
export function httpDateMs(text: string): number | undefined {
  const [, day, month = '', ...rest] = HTTP_DATE.exec(text) ?? [];
  const [year = 0, hour = 0, minute = 0, second = 0] = rest.map(Number);
  if (day === undefined) return undefined;
  return utcMs({ year, month: MONTH_NAMES.indexOf(month) + 1, day: Number(day), hour, minute, second, millisecond: 0 });
}

/** A number with leading zeros, for dates. */
export function pad(value: number, width = 2): string {
  return String(value).padStart(width, '0');
}

/**
 * Milliseconds since 1970 of a moment in UTC, or undefined when the calendar has no such day or the day no such time; a
 * leap second is none.
 */
export function utcMs(time: UtcTime): number | undefined {
  const { year, month, day, hour, minute, second, millisecond } = time;
  const shiftedYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(shiftedYear / 400);
  const yearOfEra = shiftedYear - era * 400;
  const dayOfYear = Math.floor((153 * (month <= 2 ? month + 9 : month - 3) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  const days = era * DAYS_PER_ERA + dayOfEra - EPOCH_DAYS;
  const ms = days * MS_PER_DAY + hour * 3_600_000 + minute * 60_000 + second * 1000 + millisecond;
  // What does not exist, such as 30 February or 24:00, comes back as something else.
  const back = utcTime(ms);
  return (Object.keys(back) as (keyof UtcTime)[]).every((part) => back[part] === time[part]) ? ms : undefined;
}
