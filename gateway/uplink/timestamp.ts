import { pad, utcTime } from '../../drivers/utc.ts';

/** 31 December 9999, 23:59:59 UTC: the last second whose year has the four digits of the city's format. */
export const SECOND_MAX = 253_402_300_799;

/**
 * `dd/MM/yyyyTHH:mm:ss` in UTC for seconds since 1970, up to SECOND_MAX. Without a suffix: with a `Z` the city refuses
 * the whole request (Sentilo reference §1.5.3).
 */
export function timestamp(second: number): string {
  const { year, month, day, hour, minute, second: ofMinute } = utcTime(second * 1000);
  return `${pad(day)}/${pad(month)}/${pad(year, 4)}T${[hour, minute, ofMinute].map((part) => pad(part)).join(':')}`;
}
