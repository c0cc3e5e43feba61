// What can go wrong between a gateway and the city, as data: one script each, which script-run.ts runs.

import type { Fault } from '../../simulator/faults.ts';

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
/** Trouble begins when everything has gone well for a while. */
export const BEGIN_MS = 2 * MINUTE_MS;
const IS_DEEP = process.env['BARRI_DEEP'] === '1';
/** The usual run has less time: still the longest waits between two tries are reached. */
const LONG_MS = IS_DEEP ? HOUR_MS : 10 * MINUTE_MS;
const VERY_LONG_MS = IS_DEEP ? 3 * HOUR_MS : 20 * MINUTE_MS;
/** From then on a held sensor is asked about after ten minutes at most, and a refused gateway tries after five. */
export const HEALING_MS = IS_DEEP ? 20 * MINUTE_MS : 12 * MINUTE_MS;
const DAYS_MS = IS_DEEP ? 72 * HOUR_MS : 40 * MINUTE_MS;

/** What becomes of requests on their way, beside what the simulated city has faults for. */
export type Mishap = Window &
  (
    | { readonly kind: 'name-unknown' | 'body-cut' | 'answer-long' | 'answer-half' | 'redirect' | 'prefix-then-gone' }
    /** Half of the time passes before the city acts. */
    | { readonly kind: 'slow'; readonly byMs: number }
    /** Every batch is refused that holds what this sensor measured in the ten seconds from `fromMs` on: one reading. */
    | { readonly kind: 'poison'; readonly sensor: string }
  );

interface Window {
  readonly fromMs: number;
  readonly toMs: number;
  /** Of the requests, in (0, 1]. */
  readonly rate: number;
}

export interface CityScript {
  readonly name: string;
  /** From BEGIN_MS on. What waits at its end must have arrived soon after. */
  readonly troubleMs: number;
  readonly faults?: readonly Fault[];
  readonly mishaps?: readonly Mishap[];
  /** How often is measured and sent; every ten seconds unless it says otherwise. */
  readonly every?: string;
  readonly catalog?: 'check';
  readonly quotaPerHour?: number;
  /** Requests that the city takes from everybody in an hour, all of which somebody else makes when the trouble begins. */
  readonly usedUpQuota?: number;
  /** How far the city's clock is ahead of the world's. */
  readonly cityAheadMs?: number;
  /** Readings that the city refuses for good. */
  readonly setAsideCount?: number;
  /** Power cuts that have to meet a request on its way. */
  readonly cutRequestsMin?: number;
  /** How far behind the city may be at the end because it takes no more than its quota. */
  readonly behindMs?: number;
  /** For trouble in which nothing gets through: the longest wait between two tries. */
  readonly waitMaxMs?: number;
  /** In any hour of the trouble. */
  readonly requestsPerHourMax: number;
}

/** What is new is sent every ten seconds, and with it what could not be sent before; every quarter of an hour a value is read back. */
const TRAFFIC = 360 + 4;
/** Five sensors are measured, and the city is asked about each of a batch in doubt. */
export const SENSOR_COUNT = 5;
/** Both lanes may try after each wait, which is three quarters of the longest on average; before, it doubles from a second or five. */
const tries = (waitMaxMs: number) => (2 * HOUR_MS) / (0.75 * waitMaxMs) + 8;
const A_MINUTE = MINUTE_MS;
const FIVE_MINUTES = 5 * MINUTE_MS;
/** Nothing is answered: what is new is tried, and the city is asked about what is in doubt. */
const TRIED_AND_ASKED = 2 * tries(A_MINUTE);

/** `share` of the batches are in doubt and then asked about; of the answers to that as many are lost as `lostShare` says, or some more by chance. */
function doubts(share: number, lostShare: number): number {
  const sentCount = TRAFFIC / (1 - share);
  return 1.05 * (sentCount + (sentCount * share * SENSOR_COUNT) / (1 - lostShare));
}

function during(troubleMs: number, rate = 1): Window {
  return { fromMs: BEGIN_MS, toMs: BEGIN_MS + troubleMs, rate };
}

type CityKind = Extract<Fault, { at: 'city' }>['kind'];

function city(kind: CityKind, window: Window): Fault {
  return { at: 'city', kind, ...window };
}

function status(code: number, window: Window): Fault {
  return { at: 'city', kind: 'status', status: code, ...window };
}

/** The power is gone for half a minute, so many times, in irregular distances of some minutes. */
function cuts(count: number, everyMs: number): Fault[] {
  return Array.from({ length: count }, (_, index) => {
    const fromMs = BEGIN_MS + (index + 0.37 + 0.11 * (index % 3)) * everyMs;
    return { at: 'power', fromMs, toMs: fromMs + 30 * SECOND_MS };
  });
}

/** The city is killed in the middle of a request, refuses connections for eight seconds and is starting for one (sentilo.md §1.5.10). */
function restart(atMs: number): { readonly mishap: Mishap; readonly faults: readonly Fault[] } {
  const downMs = atMs + 12 * SECOND_MS;
  return {
    mishap: { kind: 'prefix-then-gone', fromMs: atMs, toMs: downMs, rate: 1 },
    faults: [
      { at: 'city', kind: 'refuse', fromMs: downMs, toMs: downMs + 8 * SECOND_MS, rate: 1 },
      { at: 'city', kind: 'status', status: 503, fromMs: downMs + 8 * SECOND_MS, toMs: downMs + 9 * SECOND_MS, rate: 1 },
    ],
  };
}

const RESTARTS = [0, 2, 3, 7].map((minute) => restart(BEGIN_MS + minute * MINUTE_MS));

function diskFull(): Fault {
  const third = LONG_MS / 3;
  return {
    at: 'disk',
    code: 'ENOSPC',
    operations: ['pwrite', 'fdatasync'],
    fromMs: BEGIN_MS + third,
    toMs: BEGIN_MS + 2 * third,
  };
}

/** Nothing gets through, and certainly nothing is stored: one kind of try. */
const CLOSED: readonly CityScript[] = [
  { name: 'connections refused', ...closed(LONG_MS, A_MINUTE), faults: [city('refuse', during(LONG_MS))] },
  { name: 'name not found', ...closed(LONG_MS, A_MINUTE), mishaps: [{ kind: 'name-unknown', ...during(LONG_MS) }] },
  { name: 'starting (503)', ...closed(LONG_MS, A_MINUTE), faults: [status(503, during(LONG_MS))] },
  { name: 'token revoked in the middle (401)', ...closed(LONG_MS, FIVE_MINUTES), faults: [status(401, during(LONG_MS))] },
  {
    name: 'no permission for days (403)',
    ...closed(DAYS_MS, FIVE_MINUTES),
    every: '1min',
    faults: [status(403, during(DAYS_MS))],
  },
  { name: 'redirected to a page', ...closed(LONG_MS, FIVE_MINUTES), mishaps: [{ kind: 'redirect', ...during(LONG_MS) }] },
  {
    name: 'disk full while connections are refused',
    ...closed(LONG_MS, A_MINUTE),
    // A try that the disk refuses asks the city nothing, so one wait can follow another.
    waitMaxMs: 2 * A_MINUTE,
    faults: [city('refuse', during(LONG_MS)), diskFull()],
  },
];

/** No answer can be used, whatever the city has done. */
const UNANSWERED: readonly CityScript[] = [
  { name: 'no answer at all', faults: [city('timeout', during(LONG_MS))] },
  { name: 'reset in the middle of the body', mishaps: [{ kind: 'body-cut', ...during(LONG_MS) } as const] },
  { name: '500 to everything', faults: [status(500, during(LONG_MS))] },
  { name: 'every answer lost after it was applied', faults: [city('drop-answer', during(LONG_MS))] },
  { name: 'garbage for an answer', faults: [city('garbage', during(LONG_MS))] },
  { name: 'answers of 10 MB', mishaps: [{ kind: 'answer-long', ...during(LONG_MS) } as const] },
  { name: 'half an answer', mishaps: [{ kind: 'answer-half', ...during(LONG_MS) } as const] },
  { name: 'acts when nobody waits any more', mishaps: [{ kind: 'slow', byMs: 50 * SECOND_MS, ...during(LONG_MS) } as const] },
].map((script) => ({ ...script, troubleMs: LONG_MS, requestsPerHourMax: TRIED_AND_ASKED }));

/** Something gets through. */
const PARTLY: readonly CityScript[] = [
  {
    name: 'quota of the whole city gone for an hour (429)',
    troubleMs: HOUR_MS,
    every: '1min',
    usedUpQuota: 1_000,
    // The city says when to come again.
    requestsPerHourMax: 8,
  },
  {
    name: 'a quota that is smaller than what is sent',
    troubleMs: 2 * HOUR_MS,
    every: '1min',
    quotaPerHour: 45,
    // The hour is over a quarter of an hour after the quota.
    behindMs: 20 * MINUTE_MS,
    // And those that are refused.
    requestsPerHourMax: 45 + tries(A_MINUTE),
  },
  {
    name: '500 after a prefix, half of the batches',
    troubleMs: LONG_MS,
    faults: [city('partial', during(LONG_MS, 0.5))],
    requestsPerHourMax: doubts(0.5, 0),
  },
  {
    name: '12 s for each answer',
    troubleMs: LONG_MS,
    mishaps: [{ kind: 'slow', byMs: 12 * SECOND_MS, ...during(LONG_MS) }],
    requestsPerHourMax: TRAFFIC,
  },
  {
    name: 'registry lost, and nobody repairs it',
    troubleMs: VERY_LONG_MS,
    faults: [city('forget-sensors', during(VERY_LONG_MS))],
    // After half a minute, and then ever more rarely.
    requestsPerHourMax: 12,
  },
  {
    name: 'registry lost, and the catalogue told',
    troubleMs: LONG_MS,
    catalog: 'check',
    faults: [city('forget-sensors', during(LONG_MS))],
    // The catalogue is looked at once, and told once.
    requestsPerHourMax: TRAFFIC + 2,
  },
  {
    name: 'one reading that the city refuses (400)',
    troubleMs: LONG_MS,
    mishaps: [{ kind: 'poison', sensor: 'trial-air-temperature', ...during(LONG_MS) }],
    setAsideCount: 1,
    // Five readings are halved until that one stands alone.
    requestsPerHourMax: TRAFFIC + 6,
  },
  {
    name: 'clock of the city an hour ahead, answers lost',
    troubleMs: LONG_MS,
    cityAheadMs: HOUR_MS,
    faults: [city('drop-answer', during(LONG_MS, 0.3))],
    requestsPerHourMax: doubts(0.3, 0.3),
  },
  {
    name: 'clock of the city an hour behind, 500 after a prefix',
    troubleMs: LONG_MS,
    cityAheadMs: -HOUR_MS,
    faults: [city('partial', during(LONG_MS, 0.3))],
    requestsPerHourMax: doubts(0.3, 0),
  },
  {
    name: 'gateway killed in the middle of requests',
    troubleMs: LONG_MS,
    faults: cuts(4, LONG_MS / 5),
    cutRequestsMin: 2,
    mishaps: [{ kind: 'slow', byMs: 9 * SECOND_MS, ...during(LONG_MS) }],
    // Of each cut one batch is asked about.
    requestsPerHourMax: TRAFFIC + 4 * SENSOR_COUNT,
  },
  {
    name: 'city restarted in the middle of a batch',
    troubleMs: LONG_MS,
    faults: RESTARTS.flatMap(({ faults }) => faults),
    mishaps: RESTARTS.map(({ mishap }) => mishap),
    // Of each restart three batches are asked about three times over.
    requestsPerHourMax: TRAFFIC + 4 * 3 * 3 * SENSOR_COUNT,
  },
  {
    name: 'two at once: answers lost and batches cut',
    troubleMs: LONG_MS,
    faults: [city('drop-answer', during(LONG_MS, 0.4)), city('partial', during(LONG_MS, 0.5))],
    requestsPerHourMax: doubts(0.7, 0.4),
  },
  {
    name: 'two at once: garbage and power cuts',
    troubleMs: LONG_MS,
    faults: [city('garbage', during(LONG_MS, 0.5)), ...cuts(3, LONG_MS / 4)],
    requestsPerHourMax: doubts(0.5, 0.5),
  },
  {
    name: 'two at once: answers lost and the disk full',
    troubleMs: LONG_MS,
    faults: [city('drop-answer', during(LONG_MS, 0.5)), diskFull()],
    requestsPerHourMax: doubts(0.5, 0.5),
  },
];

function closed(troubleMs: number, waitMaxMs: number) {
  return { troubleMs, waitMaxMs, requestsPerHourMax: tries(waitMaxMs) };
}

export const SCRIPTS: readonly CityScript[] = [...CLOSED, ...UNANSWERED, ...PARTLY];
