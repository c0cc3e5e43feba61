/** How the wait between two attempts grows: doubled from `baseMs` up to `maxMs`. */
export interface Pace {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** The network or the city is in trouble: it may be over at any moment. */
export const TRANSPORT_PACE: Pace = { baseMs: 1_000, maxMs: 60_000 };
/** Somebody has to do something first; asking every few minutes is enough. */
export const REFUSED_PACE: Pace = { baseMs: 5_000, maxMs: 300_000 };
/** The quota of the hour is used up and the city did not say until when. */
export const QUOTA_PACE: Pace = { baseMs: 30_000, maxMs: 300_000 };
/** The city does not know a sensor; it synchronises every 30 s (Sentilo reference §1.5.10). */
export const HELD_PACE: Pace = { baseMs: 30_000, maxMs: 600_000 };
/** One sensor makes requests fail: it is asked for seldom enough to disturb nobody, often enough to get through its readings. */
export const SUSPECT_PACE: Pace = { baseMs: 5_000, maxMs: 60_000 };
/** One observation of such a sensor fails alone: the others have been sent, and it costs a few requests each time. */
export const PASSED_PACE: Pace = { baseMs: 30_000, maxMs: 300_000 };
/** How long it is remembered that an observation of a sensor was refused. */
export const TRUST_PACE: Pace = { baseMs: 300_000, maxMs: 1_200_000 };

/**
 * The wait before attempt `attempt` + 1, when `attempt` (from 1) have failed. `random` in [0, 1) spreads it over the
 * upper half, so that a neighbourhood of gateways does not come back to a recovering city all at once.
 */
export function backOffMs(pace: Pace, attempt: number, random: number): number {
  let delayMs = pace.baseMs;
  for (let doubled = 1; doubled < attempt && delayMs < pace.maxMs; doubled++) delayMs *= 2;
  return Math.min(delayMs, pace.maxMs) * (0.5 + random / 2);
}
