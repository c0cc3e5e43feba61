/** Julian day number of 1 January 1970. */
const EPOCH_DAY = 2_440_588;
/** Julian day number of 15 October 1582: before it, java.util.GregorianCalendar counts in the Julian calendar. */
const CUTOVER_DAY = 2_299_161;
const MS_PER_DAY = 86_400_000;
/** 1 January 1970 was a Thursday. */
const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Milliseconds since 1970 of a UTC date and time, or undefined when there is no such day or time: what a non-lenient
 * java.util.GregorianCalendar gives. Months count from 1. The ten days that the reform of October 1582 left out do not exist.
 */
export function utcMs(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): number | undefined {
  if (year < 1 || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59) return undefined;
  const gregorian = dayNumber(year, month, day, true);
  const isGregorian = gregorian >= CUTOVER_DAY;
  const days = isGregorian ? gregorian : dayNumber(year, month, day, false);
  if (!isGregorian && days >= CUTOVER_DAY) return undefined;
  if (day < 1 || day > daysInMonth(year, month, isGregorian)) return undefined;
  return (days - EPOCH_DAY) * MS_PER_DAY + ((hour * 60 + minute) * 60 + second) * 1000;
}

/** `dd/MM/yyyyTHH:mm:ss` in UTC, as the city writes timestamps; milliseconds are dropped. */
export function formatTimestamp(ms: number): string {
  const day = Math.floor(ms / MS_PER_DAY);
  const second = Math.floor((ms - day * MS_PER_DAY) / 1000);
  const date = dateOf(day + EPOCH_DAY);
  const two = (value: number) => String(value).padStart(2, '0');
  const time = `${two(Math.floor(second / 3600))}:${two(Math.floor(second / 60) % 60)}:${two(second % 60)}`;
  return `${two(date.day)}/${two(date.month)}/${String(date.year).padStart(4, '0')}T${time}`;
}

/** `Wed, 25 Nov 2026 12:00:00 GMT`, as the city dates its answers; milliseconds are dropped. */
export function httpDate(ms: number): string {
  const [date = '', time = ''] = formatTimestamp(ms).split('T');
  const [day, month, year] = date.split('/');
  const weekday = WEEKDAYS[(((Math.floor(ms / MS_PER_DAY) + 4) % 7) + 7) % 7];
  return `${weekday}, ${day} ${MONTHS[Number(month) - 1]} ${year} ${time} GMT`;
}

function daysInMonth(year: number, month: number, isGregorian: boolean): number {
  const isLeap = year % 4 === 0 && (!isGregorian || year % 100 !== 0 || year % 400 === 0);
  return month === 2 && isLeap ? 29 : (DAYS_IN_MONTH[month - 1] ?? 0);
}

/** Julian day number of a date at noon (E. G. Richards, Explanatory Supplement to the Astronomical Almanac, §15.11). */
function dayNumber(year: number, month: number, day: number, isGregorian: boolean): number {
  const beforeMarch = month <= 2 ? 1 : 0;
  const y = year + 4800 - beforeMarch;
  const m = month + 12 * beforeMarch - 3;
  const days = day + Math.floor((153 * m + 2) / 5) + 365 * y + Math.floor(y / 4);
  return isGregorian ? days - Math.floor(y / 100) + Math.floor(y / 400) - 32_045 : days - 32_083;
}

/** The date of a Julian day number; the inverse of `dayNumber`, from the same source. */
function dateOf(dayNumber: number): { year: number; month: number; day: number } {
  const century = dayNumber >= CUTOVER_DAY ? Math.floor((Math.floor((4 * dayNumber + 274_277) / 146_097) * 3) / 4) - 38 : 0;
  const e = 4 * (dayNumber + 1401 + century) + 3;
  const h = 5 * Math.floor((((e % 1461) + 1461) % 1461) / 4) + 2;
  const month = ((Math.floor(h / 153) + 2) % 12) + 1;
  return {
    year: Math.floor(e / 1461) - 4716 + Math.floor((14 - month) / 12),
    month,
    day: Math.floor((h % 153) / 5) + 1,
  };
}
