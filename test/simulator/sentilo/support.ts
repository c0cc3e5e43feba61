import type { CityRequest } from '../../../simulator/sentilo/answer.ts';
import type { Mishap } from '../../../simulator/sentilo/city.ts';
import { type City, createCity } from '../../../simulator/sentilo/city.ts';
import type { World } from '../../../simulator/sentilo/world.ts';

/** 17/09/2012T12:34:45 UTC, the example of sentilo.md §1.5.3. */
export const EXAMPLE_MS = 1_347_885_285_000;
/** The city's wall clock in these tests, with milliseconds. */
export const NOW_MS = EXAMPLE_MS + 3_600_123;

/** A provider `rec` with online sensors s and t, an offline one, and three others who may read, write or nothing. */
export const WORLD: World = {
  entities: [
    { id: 'sentilo-catalog', kind: 'application', token: 'master', isActive: true, isHttpsOnly: false, quotaPerHour: 0 },
    { id: 'rec', kind: 'provider', token: 'rec-token', isActive: true, isHttpsOnly: false, quotaPerHour: 0 },
    { id: 'reader', kind: 'application', token: 'reader-token', isActive: true, isHttpsOnly: false, quotaPerHour: 0 },
    { id: 'writer', kind: 'application', token: 'writer-token', isActive: true, isHttpsOnly: false, quotaPerHour: 0 },
    { id: 'stranger', kind: 'application', token: 'stranger-token', isActive: true, isHttpsOnly: false, quotaPerHour: 0 },
    { id: 'gone', kind: 'provider', token: 'gone-token', isActive: false, isHttpsOnly: false, quotaPerHour: 0 },
    { id: 'secure', kind: 'provider', token: 'secure-token', isActive: true, isHttpsOnly: true, quotaPerHour: 0 },
  ],
  permissions: [
    { source: 'reader', target: 'rec', type: 'READ' },
    { source: 'writer', target: 'rec', type: 'WRITE' },
    { source: 'sentilo-catalog', target: 'rec', type: 'ADMIN' },
  ],
  sensors: [
    { provider: 'rec', sensor: 's', state: 'online' },
    { provider: 'rec', sensor: 't', state: 'online' },
    { provider: 'rec', sensor: 'off', state: 'offline' },
  ],
  alerts: [],
  settings: {
    rejectsUnknownSensors: true,
    bodyBytesMax: 0,
    quotaPerHour: 0,
    startingMs: 0,
    syncDelayMs: 30_000,
    tokenCacheMs: 60_000,
    pushRetries: 'documented',
  },
};

export function worldWith(settings: Partial<World['settings']>): World {
  return { ...WORLD, settings: { ...WORLD.settings, ...settings } };
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** The parsed body; `{}` when it is empty. */
  readonly json: { code?: number; message?: string; errorDetails?: string[]; observations?: Read[]; sensors?: ReadSensor[] };
}
export interface Read {
  value: string;
  timestamp: string;
  location?: string;
  time: number;
}
export interface ReadSensor {
  sensor: string;
  observations: Read[];
}

/** A city and a short way to ask it. */
export function cityOf(world: World = WORLD): { city: City; ask: typeof ask } {
  const city = createCity(world);
  function ask(method: string, target: string, body: unknown = '', options: AskOptions = {}): Answer {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const token = options.token === undefined ? 'rec-token' : options.token;
    const request: CityRequest = {
      method,
      target,
      headers: [...(options.headers ?? []), ...(token === null ? [] : [['IDENTITY_KEY', token] as const])],
      body: Buffer.from(text),
      ...(options.bodyFailure === undefined ? {} : { bodyFailure: options.bodyFailure }),
    };
    const answer = city.handle(request, options.nowMs ?? NOW_MS, options.mishap);
    const answerText = Buffer.from(answer.body).toString();
    return { ...answer, text: answerText, json: answerText === '' ? {} : JSON.parse(answerText) };
  }
  return { city, ask };
}

export interface AskOptions {
  /** Null: none is sent. */
  readonly token?: string | null;
  readonly headers?: readonly (readonly [string, string])[];
  readonly nowMs?: number;
  readonly mishap?: Mishap;
  readonly bodyFailure?: string;
}

export const SIE03 = `SIE03-${NOW_MS}  Bad request data: could not read JSON payload. Please review the following error and try again`;
export const SIE99 =
  'Something went wrong. Please try again. If the problem persists, contact your support site and provide the following ' +
  `error code: SIE99-${NOW_MS}`;
