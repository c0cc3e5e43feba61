const DAY_SECONDS = 86_400;
/** Days from 1 March of year 0 to 1 January 1970 in the Gregorian calendar. */
const EPOCH_DAYS = 719_468;
/** Days of 400, 100 and 4 years; the calendar repeats after 400. */
const ERA_DAYS = 146_097;
const CENTURY_DAYS = 36_524;
const LEAP_CYCLE_DAYS = 1_461;

/** 31 December 9999, 23:59:59 UTC: the last second whose year has the four digits of the city's format. */
export const SECOND_MAX = 253_402_300_799;

/**
 * `dd/MM/yyyyTHH:mm:ss` in UTC for seconds since 1970, up to SECOND_MAX. Without a suffix: with a `Z` the city refuses
 * the whole request (Sentilo reference §1.5.3). Reckoned here and not by the platform's dates, because nothing in the
 * gateway may be able to ask the platform what time it is.
 */
export function timestamp(second: number): string {
  const { year, month, day } = dateOf(Math.floor(second / DAY_SECONDS));
  const rest = second % DAY_SECONDS;
  const time = [Math.floor(rest / 3600), Math.floor(rest / 60) % 60, rest % 60];
  return `${two(day)}/${two(month)}/${String(year).padStart(4, '0')}T${time.map(two).join(':')}`;
}

/** The date of a day counted from 1970. Years are counted from March, so that the leap day is the last day of a year. */
function dateOf(days: number): { readonly year: number; readonly month: number; readonly day: number } {
  const shifted = days + EPOCH_DAYS;
  const era = Math.floor(shifted / ERA_DAYS);
  const dayOfEra = shifted - era * ERA_DAYS;
  // Each division would count a leap day too many at the end of its period; the terms before it take them out.
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / (LEAP_CYCLE_DAYS - 1)) +
      Math.floor(dayOfEra / CENTURY_DAYS) -
      Math.floor(dayOfEra / (ERA_DAYS - 1))) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  // Months from March on: lengths 31 30 31 30 31 repeat, 153 days in five months.
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}
