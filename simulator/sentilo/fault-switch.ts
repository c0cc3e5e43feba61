import { z } from 'zod';
import { parseDuration } from '../../config/duration.ts';
import type { CityFaultKind } from '../faults.ts';
import type { CityFault } from './city-faults.ts';

/** Every fault that a city can have, in the words of scenarios, and what it is for whoever looks for one. */
export const CITY_FAULTS: Readonly<Record<CityFaultKind, string>> = {
  refuse: 'nobody listens: connections are refused',
  timeout: 'takes the request and never answers',
  'cut-request': 'resets the connection amid the request; nothing is done',
  status: 'answers with "status" (500 without it): 401, 429, 503 …',
  partial: 'stores the beginning of a batch, then answers 500',
  'drop-answer': 'does what it is asked, then resets the connection',
  'cut-answer': 'does what it is asked and sends half of the answer',
  'long-answer': 'does what it is asked and answers with 10 MB',
  garbage: 'answers like a captive portal, or with no HTTP at all',
  slow: 'takes "ms" longer (2000 without it)',
  'forget-sensors': 'has lost its registry: 404 until a sensor is changed',
};

const KINDS = Object.keys(CITY_FAULTS) as [CityFaultKind, ...CityFaultKind[]];
const SLOW_MS_MAX = 600_000;
/** What a length of time beyond the largest is told with. */
const TOO_LONG = 'C025';
const FOR = { error: '"for" is a length of time with its unit, such as "30s" or "10min"' };

const RATE = { error: '"rate" is a part of the requests, above 0 and at most 1' };
const STATUS = { error: '"status" is a number from 200 to 599' };
const MS = { error: `"ms" is a number of milliseconds from 0 to ${SLOW_MS_MAX}` };

const written = z.strictObject(
  {
    fault: z.enum(KINDS, { error: `"fault" is one of ${KINDS.join(', ')}` }),
    status: z.int(STATUS).min(200, STATUS).max(599, STATUS).optional(),
    ms: z.number(MS).min(0, MS).max(SLOW_MS_MAX, MS).optional(),
    rate: z.number(RATE).gt(0, RATE).max(1, RATE).optional(),
    for: z.string(FOR).optional(),
  },
  { error: 'a fault is {"fault": "slow"}, with "ms" or "status" where it has one, "rate" and "for", and nothing else' },
);

/** A fault as it is shown: with the words that switched it on. */
export interface ShownFault {
  readonly fault: CityFaultKind;
  readonly status?: number;
  readonly ms?: number;
  readonly rate: number;
  /** Undefined: until it is switched off. */
  readonly leftMs?: number;
}

/** The words of a fault that nobody can make out; the message says what is expected. */
export class FaultNotUnderstood extends Error {
  override readonly name = 'FaultNotUnderstood';
}

/** The faults of a city that are switched while it runs. Times are monotonic milliseconds. */
export class FaultSwitch {
  readonly #faults: CityFault[] = [];

  /** One of each kind at most: for whoever gives the city its faults. It changes as they are switched. */
  get faults(): readonly CityFault[] {
    return this.#faults;
  }

  /**
   * Switches a fault on, in the place of one of the same kind.
   *
   * @param text JSON: `{"fault": "slow", "ms": 2000, "rate": 0.5, "for": "30s"}`, of which only `fault` must be there
   * @throws FaultNotUnderstood
   */
  on(text: string, nowMs: number): void {
    const { fault: kind, status, ms: byMs, rate = 1, for: time } = understood(text);
    const forMs = time === undefined ? Number.POSITIVE_INFINITY : lastingMs(time);
    if (status !== undefined && kind !== 'status')
      throw new FaultNotUnderstood(`"status" belongs to the fault status, not to ${kind}`);
    if (byMs !== undefined && kind !== 'slow') throw new FaultNotUnderstood(`"ms" belongs to the fault slow, not to ${kind}`);
    this.off(kind);
    this.#faults.push({
      ...{ at: 'city', kind, rate, fromMs: nowMs, toMs: nowMs + forMs },
      ...(status !== undefined && { status }),
      ...(byMs !== undefined && { byMs }),
    });
  }

  /** Ends one fault, or all. */
  off(kind?: CityFaultKind): void {
    const kept = kind === undefined ? [] : this.#faults.filter((fault) => fault.kind !== kind);
    this.#faults.splice(0, this.#faults.length, ...kept);
  }

  /** Those that are on. Of several the one that was switched on first counts, where its rate hits. */
  shown(nowMs: number): ShownFault[] {
    const isOn = this.#faults.filter(({ toMs }) => nowMs < toMs);
    return isOn.map(({ kind: fault, status, byMs, rate, toMs }) => ({
      ...{ fault, rate },
      ...(status !== undefined && { status }),
      ...(byMs !== undefined && { ms: byMs }),
      ...(Number.isFinite(toMs) && { leftMs: Math.ceil(toMs - nowMs) }),
    }));
  }
}

/** How long a fault is on. */
function lastingMs(text: string): number {
  const ms = parseDuration(text);
  if (ms === 0) throw new FaultNotUnderstood(`"for" is longer than ${text}: such a fault would never be on`);
  if (typeof ms === 'number') return ms;
  throw new FaultNotUnderstood(
    ms.code === TOO_LONG ? `"for" is at most ${ms['amount']}; without it the fault stays on` : FOR.error,
  );
}

/** The kind of fault that a word names; undefined for none. */
export function faultKind(word: string): CityFaultKind | undefined {
  return KINDS.find((kind) => kind === word);
}

function understood(text: string): z.output<typeof written> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new FaultNotUnderstood('the body is no JSON: expected {"fault": "slow", "ms": 2000, "for": "30s"}');
  }
  const { data, error } = written.safeParse(json);
  if (data !== undefined) return data;
  throw new FaultNotUnderstood(error.issues[0]?.message ?? '');
}
