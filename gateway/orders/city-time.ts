import type { HttpResponse } from '../host.ts';
import { dateOf } from '../uplink/city-clock.ts';

/** The longest that the second of a Date header may already have lasted. */
const SECOND_MS_MAX = 999;

/** What the city's clock shows, as what it is ahead of our monotonic one: at least and at most. Milliseconds. */
export interface CityTime {
  readonly leastMs: number;
  readonly mostMs: number;
}

/**
 * The city's time by the `Date` of an answer, which it has looked at between the request and its answer; undefined without one.
 * Times of orders are its own, so that neither our clock nor that of the district has to be right.
 */
export function cityTimeOf(
  response: HttpResponse,
  askedMs: number,
  answeredMs: number,
): (CityTime & { readonly dateMs: number }) | undefined {
  const dateMs = dateOf(response);
  if (dateMs === undefined) return undefined;
  return { dateMs, leastMs: dateMs - answeredMs, mostMs: dateMs + SECOND_MS_MAX - askedMs };
}
