import type { SentiloConfig } from '../../config/config.ts';

/**
 * Why the last request did not simply succeed. `code` is stable: `S` and the HTTP status; S000 when no answer came, S001
 * when what came was none of Sentilo's answers, S002 when it takes this provider's readings over TLS only, S003 when TLS itself
 * failed, S005 when the answer was longer than is read, S006 when it
 * lacks the version by which Sentilo's are known, S900 when the gateway's own journal cannot record what is sent.
 */
export interface CityProblem {
  readonly code: string;
  /** Among them `words`: what the city or the system itself said, cut and without the token. */
  readonly parameters: Readonly<Record<string, string | number>>;
}

/**
 * `starting` nothing tried yet; `ok` the city takes what is sent; `waiting` it asked for a pause or had trouble of its
 * own, or this gateway's disk has; `unreachable` no answer; `refused` somebody has to do something: see the problem.
 */
export type UplinkState = 'starting' | 'ok' | 'waiting' | 'unreachable' | 'refused';

/** A sensor that the city does not take readings of for now. They are kept. */
export interface HeldSensor {
  readonly sensor: string;
  readonly sinceWallMs: number;
  /** The city's own words. */
  readonly words: string;
  /** This gateway has just told the catalogue of it, which takes the city half a minute to know. */
  readonly isRegistered?: boolean;
}

/** The quota by which requests are spaced: in the last hour `perHour` are allowed, and `remaining` were left at the last answer. */
export interface QuotaStatus {
  readonly perHour: number;
  readonly remaining: number;
  /** The time between two requests with readings. */
  readonly everyMs: number;
}

/** How the delivery to the city stands. Counts are of this process; wall times in milliseconds since 1970. */
export interface UplinkStatus {
  readonly state: UplinkState;
  readonly sinceWallMs: number;
  /** When the city last took readings. */
  readonly lastSuccessWallMs?: number;
  /** Records that are not settled yet; among them may be some that are not meant for the city and stand between others. */
  readonly waitingCount: number;
  readonly oldestWaitingWallMs?: number;
  /**
   * Those of them of which nobody knows when they were measured, as far as seen. They are sent once that is known; of a boot
   * that ended without a time they are dropped after three days, and counted under `rejected` as `no-time`.
   */
  readonly noTimeCount: number;
  /** Until the next try, and how many have failed in a row. Present while a back-off runs. */
  readonly nextTryInMs?: number;
  readonly attempt: number;
  /** Present while the city's quota and not `send.every` sets the pace. */
  readonly quota?: QuotaStatus;
  /** How far the city's clock is ahead of this machine's; negative when behind. Present when that is more than some seconds. */
  readonly cityClockAheadMs?: number;
  /** The last one, kept until the next success of the same kind makes it history. */
  readonly problem?: CityProblem;
  /** Why Home Assistant is not told of everything, over a broker; present while that is so. Readings go on. */
  readonly homeAssistant?: CityProblem;
  readonly held: readonly HeldSensor[];
  /** What this gateway does about the city's catalogue. Missing where there is none, and from a gateway of an earlier version. */
  readonly catalog?: SentiloConfig['catalog'];
  /** Until the city is asked again about held sensors. */
  readonly heldNextTryInMs?: number;
  /** When the city last showed a value as it was sent. */
  readonly confirmedWallMs?: number;
  /** Sensors under whose names the city shows other values than were sent: it mixes them up. */
  readonly differing: readonly string[];
  /** Batches whose outcome is being looked up. */
  readonly lookUpCount: number;
  readonly deliveredCount: number;
  /** Observations that shared sensor and second with one that was sent. */
  readonly foldedCount: number;
  /** Set aside for good, by reason. */
  readonly rejected: Readonly<Record<string, number>>;
}
