const DAY_MS = 86_400_000;
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Date and time of day in UTC, as texts of two digits each (the year's last two), of a moment in milliseconds since 1970: for
 * simulated devices that have a clock of their own.
 */
export function calendarAt(wallMs: number) {
  let [day, month, year] = [1 + Math.floor(wallMs / DAY_MS), 1, 1970];
  for (let length = yearDays(year); day > length; length = yearDays(year)) [day, year] = [day - length, year + 1];
  for (let length = daysOf(month, year); day > length; length = daysOf(month, year)) [day, month] = [day - length, month + 1];
  const seconds = Math.floor((wallMs % DAY_MS) / 1000);
  const [hour, minute] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const parts = [day, month, year % 100, hour, minute, seconds % 60].map((part) => String(part).padStart(2, '0'));
  const [dd = '', mm = '', yy = '', hh = '', min = '', ss = ''] = parts;
  return { day: dd, month: mm, year: yy, hour: hh, minute: min, second: ss };
}

function yearDays(year: number): number {
  return isLeap(year) ? 366 : 365;
}

function daysOf(month: number, year: number): number {
  return month === 2 && isLeap(year) ? 29 : (MONTH_DAYS[month - 1] ?? 31);
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}
