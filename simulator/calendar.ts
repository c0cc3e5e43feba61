const DAY_MS = 86_400_000;
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Date and time of day of simulated devices that have a clock of their own, as texts of two digits each, at `atMs` of
 * monotonic time. They were all set to 1 March 2026, midnight, at the start of time.
 */
export function calendarAt(atMs: number) {
  let [day, month, year] = [1 + Math.floor(atMs / DAY_MS), 3, 26];
  for (let length = daysOf(month, year); day > length; length = daysOf(month, year)) {
    day -= length;
    month += 1;
    if (month > 12) [month, year] = [1, year + 1];
  }
  const seconds = Math.floor((atMs % DAY_MS) / 1000);
  const [hour, minute] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const [dd, mm, yy, hh, min, ss] = [day, month, year, hour, minute, seconds % 60].map((part) => String(part).padStart(2, '0'));
  return { day: dd, month: mm, year: yy, hour: hh, minute: min, second: ss };
}

function daysOf(month: number, year: number): number {
  return month === 2 && year % 4 === 0 ? 29 : (MONTH_DAYS[month - 1] ?? 31);
}
