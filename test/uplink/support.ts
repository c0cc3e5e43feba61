import type { SentiloConfig } from '../../config/config.ts';
import type { WallQuality } from '../../drivers/clock.ts';
import type { Value } from '../../drivers/reading.ts';
import type { Http, HttpRequest, HttpResponse, LogLevel } from '../../gateway/host.ts';
import type { JournalRecord, Observation } from '../../gateway/record.ts';
import { openTimekeeper, type UplinkTime } from '../../gateway/timekeeper.ts';
import type { Wanted } from '../../gateway/uplink/catalog-wanted.ts';
import { openSentilo, type SentiloHost, type Uplink } from '../../gateway/uplink/sentilo.ts';
import { type City, createCity } from '../../simulator/sentilo/city.ts';
import type { StoredObservation } from '../../simulator/sentilo/observation-store.ts';
import type { World } from '../../simulator/sentilo/world.ts';
import { WORLD } from '../simulator/sentilo/support.ts';
import { TestClock } from '../support/test-clock.ts';
import { MemoryJournal } from './memory-journal.ts';

export const TOKEN = 'se/cret "token"';
export const PROVIDER = 'makers@poblenou';
/** 25 November 2026, 12:00:00 UTC. */
export const START_WALL_MS = 1_795_608_000_000;

const CONFIG: SentiloConfig = {
  url: 'http://city.test:8081/',
  provider: PROVIDER,
  tokenSecret: 'sentilo_token',
  send: { everyMs: 1000, batch: 100 },
  catalog: 'off',
  ordersFrom: [],
  alerts: new Map(),
  component: {},
};

/** An observation of `sensor` measured `atMs` after the start. */
export function observation(sensor: string, atMs: number, value: Value, more: Partial<Observation> = {}): Observation {
  return {
    kind: 'observation',
    boot: 'boot',
    monotonicMs: atMs,
    wallMs: START_WALL_MS + atMs,
    wallQuality: 'synced',
    sensor,
    channel: `device.${sensor}`,
    value,
    unit: 'degC',
    precision: 0.01,
    readingKind: 'gauge',
    quality: 'good',
    publish: true,
    ...more,
  };
}

/** `count` observations of one sensor, one a second, ending before the start; values count from 1. */
export function history(sensor: string, count: number): Observation[] {
  return Array.from({ length: count }, (_, index) => observation(sensor, (index - count) * 1000, index + 1));
}

/** What the scripted network does with a request; undefined leaves it to the city. */
export type Script = (
  request: HttpRequest,
  text: string,
  city: Http,
  signal: AbortSignal,
) => Promise<HttpResponse> | HttpResponse | undefined;

export interface Logged {
  readonly level: LogLevel;
  readonly code: string;
  readonly fields: Readonly<Record<string, unknown>> | undefined;
}

/** Takes every stamp at its word. */
export const OWN_TIME: UplinkTime = {
  timeOf: ({ wallQuality, wallMs }) => (wallQuality === 'none' ? { kind: 'unknown' } : { kind: 'known', ms: wallMs }),
  boundsOf: () => ({}),
  onChange: () => {},
  waitsForCity: false,
  heardCity: () => {},
};

/** A city, a network and a clock around one uplink; `restart` is a crash and a new process. */
export class Bench {
  readonly clock: TestClock;
  readonly logged: Logged[] = [];
  readonly requests: HttpRequest[] = [];
  /** Requests with the monotonic time of their start, as `PUT 3` or `GET`. */
  readonly traffic: { readonly atMs: number; readonly method: string; readonly count: number; readonly url: string }[] = [];
  script: Script | undefined;
  random = () => 0.5;
  /** The first number that an uplink draws: how late it begins. At once, unless a test is about that. */
  startChance = 0;
  #isStarting = false;
  latencyMs = 20;
  /** How far the city's clock is ahead of the right time. */
  cityAheadMs = 0;
  journal: MemoryJournal;
  uplink: Uplink | undefined;
  config: SentiloConfig = CONFIG;
  /** What the city's catalogue is to show. */
  wanted: Wanted | undefined;
  /** What is known of the wall clock. */
  quality: WallQuality = 'synced';
  /** Set for times that come from anchors in the journal, as in the gateway; else every stamp is taken at its word. */
  isTimeKept = false;
  /** How long boots without a time are held then; three days unless set. */
  holdMs: number | undefined;
  /** Sensors that the city does not know, and those that are switched off there. */
  readonly unknown = new Set<string>();
  inFlight = 0;
  /** What made an uplink give up although nobody stopped it. */
  readonly failures: unknown[] = [];
  inFlightMax = 0;
  #stop = new AbortController();
  #run: Promise<void> = Promise.resolve();
  readonly #city: City;

  /** `settings` of the city beside those of every test, and how often this provider may ask it in an hour; `clock` for several at once. */
  constructor(
    records: readonly JournalRecord[] = [],
    { quotaPerHour = 0, ...settings }: Partial<World['settings']> & { readonly quotaPerHour?: number } = {},
    clock = new TestClock({ ms: START_WALL_MS, quality: 'synced' }),
  ) {
    this.clock = clock;
    this.journal = new MemoryJournal(records);
    this.#city = createCity({
      entities: [{ id: PROVIDER, kind: 'provider', token: TOKEN, isActive: true, isHttpsOnly: false, quotaPerHour }],
      permissions: [],
      sensors: [],
      alerts: [],
      settings: { ...WORLD.settings, rejectsUnknownSensors: false, ...settings },
    });
  }

  get host(): SentiloHost {
    const { clock } = this;
    return {
      clock: {
        monotonicMs: () => clock.monotonicMs(),
        wall: () => ({ ms: Math.floor(clock.wall().ms), quality: this.quality }),
        timer: (delayMs, callback) => clock.timer(delayMs, callback),
      },
      random: () => {
        if (!this.#isStarting) return this.random();
        this.#isStarting = false;
        return this.startChance;
      },
      bootId: 'boot',
      log: (level, code, fields) => this.logged.push({ level, code, fields }),
      http: (request, signal) => this.#http(request, signal),
    };
  }

  async start(): Promise<Uplink> {
    this.#stop = new AbortController();
    const keeper = this.isTimeKept ? await openTimekeeper(this.host, this.journal, this.holdMs) : undefined;
    this.#isStarting = true;
    this.uplink = await openSentilo(this.config, TOKEN, this.host, this.journal, keeper ?? OWN_TIME, {
      ...(this.wanted === undefined ? {} : { wanted: this.wanted }),
    });
    this.#run = this.uplink.run(this.#stop.signal);
    const keeping = keeper?.run(this.#stop.signal);
    keeping?.catch((error: unknown) => this.failures.push(error));
    // Kept until the test ends: an uplink that gave up is a failure even if everything has arrived.
    this.#run.catch((error: unknown) => this.failures.push(error));
    return this.uplink;
  }

  /** Ends the uplink in order. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('stopping'));
    await this.clock.run(this.#run);
  }

  /** Kills the process: nothing is durable that was not, and a new one starts. */
  async crash(): Promise<void> {
    const left = this.journal.crashed();
    this.journal.failing = true;
    this.#stop.abort(new Error('killed'));
    await this.clock.run(this.#run.catch(() => undefined));
    this.journal = left;
    await this.clock.run(this.start());
  }

  async append(...records: readonly JournalRecord[]): Promise<void> {
    await Promise.all(records.map((record) => this.journal.append(record)));
    this.uplink?.notify();
  }

  status() {
    if (this.uplink === undefined) throw new Error('not started');
    return this.uplink.status();
  }

  stored(sensor?: string): StoredObservation[] {
    return this.#city.observations(PROVIDER, sensor);
  }

  /** The city shows the values of these sensors under each other's names. */
  mixUp(sensors: readonly string[]): void {
    this.#city.mixUp(PROVIDER, sensors);
  }

  values(sensor?: string): string[] {
    return this.stored(sensor).map((one) => one.value);
  }

  puts() {
    return this.traffic.filter((one) => one.method === 'PUT');
  }

  /** Everything that a person or a machine could read of it. */
  everythingTold(): string {
    return JSON.stringify([this.logged, this.journal.events, this.uplink?.status()]);
  }

  /** The city without a network in between. Unknown sensors are rejected as the real one does: the others are stored. */
  readonly city: Http = async (request) => {
    const url = new URL(request.url);
    const body = request.body ?? new Uint8Array();
    const target = url.pathname + url.search;
    const sent = request.method === 'PUT' ? sensorsOf(body) : [];
    const rejected = sent.filter((one) => this.unknown.has(one.sensor)).map((one) => one.sensor);
    const accepted = sent.filter((one) => !this.unknown.has(one.sensor));
    const text = rejected.length === 0 ? body : new TextEncoder().encode(JSON.stringify({ sensors: accepted }));
    if (rejected.length === 0 || accepted.length > 0) {
      const answer = this.#city.handle(
        { method: request.method, target, headers: Object.entries(request.headers), body: text },
        this.clock.wall().ms + this.cityAheadMs,
      );
      if (rejected.length === 0 || answer.status !== 200) {
        const headers = Object.entries(answer.headers).map(([name, value]) => [name.toLowerCase(), value]);
        const date = new Date(this.clock.wall().ms + this.cityAheadMs).toUTCString();
        return { status: answer.status, headers: { ...Object.fromEntries(headers), date }, body: answer.body };
      }
    }
    return answerOf(404, {
      code: 404,
      message: `Events associated with resources [${rejected.join(',')}] have been rejected. See the error details`,
      errorDetails: rejected.map((sensor) => `Sensor [${sensor}] not found on Sentilo (404.1).`),
    });
  };

  async #http(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    const text = new TextDecoder().decode(request.body ?? new Uint8Array());
    const count =
      request.method === 'PUT' ? sensorsOf(request.body ?? new Uint8Array()).flatMap((one) => one.observations).length : 0;
    this.requests.push(request);
    this.traffic.push({ atMs: this.clock.monotonicMs(), method: request.method, count, url: request.url });
    this.inFlight++;
    this.inFlightMax = Math.max(this.inFlightMax, this.inFlight);
    try {
      await this.pause(this.latencyMs, signal);
      return await (this.script?.(request, text, this.city, signal) ?? this.city(request, signal));
    } finally {
      this.inFlight--;
    }
  }

  pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = () => {
        cancel();
        reject(signal.reason);
      };
      const cancel = this.clock.timer(ms, () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      });
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}

export function sensorsOf(
  body: Uint8Array,
): { sensor: string; observations: { value: string; timestamp: string; location?: string }[] }[] {
  return JSON.parse(new TextDecoder().decode(body)).sensors;
}

export function answerOf(status: number, json?: unknown, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  const body =
    json === undefined ? new Uint8Array() : new TextEncoder().encode(typeof json === 'string' ? json : JSON.stringify(json));
  return { status, headers, body };
}

/** How the real city begins a 400 about data. */
export const SIE03 =
  'SIE03-1795608000000  Bad request data: could not read JSON payload. Please review the following error and try again';

/** What the real city says while it starts, with 503. */
export const STARTING = { code: 503, message: 'API Server is temporarily unavailable because it is starting...' };

/** A city that refuses every batch holding this value, as the real one does: nothing of it is stored. */
export function refusing(value: string): Script {
  return (request, text, city) => {
    if (request.method !== 'PUT' || !text.includes(`"value":"${value}"`)) return city(request, new AbortController().signal);
    return answerOf(400, { code: 400, message: SIE03, errorDetails: [`Wrong timestamp value: ${value}`] });
  };
}

/** Answers like this for the first `times` PUTs; `isStored` lets the city act first. */
export function once(answer: () => ReturnType<typeof answerOf>, times = 1, isStored = false): Script {
  let left = times;
  return async (request, _text, city, signal) => {
    if (request.method !== 'PUT' || left === 0) return await city(request, signal);
    left--;
    if (isStored) await city(request, signal);
    return answer();
  };
}

/** What the city has of a sensor, as numbers in their order. */
export function numbers(bench: Bench, sensor: string): number[] {
  return bench
    .values(sensor)
    .map(Number)
    .sort((x, y) => x - y);
}

/** The numbers from 0 on, so many. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
