import type { SentiloConfig } from '../../config/config.ts';
import { sleep } from '../../drivers/clock.ts';
import type { Http, HttpRequest } from '../../gateway/host.ts';
import type { Observation } from '../../gateway/record.ts';
import { openSentilo, type Uplink } from '../../gateway/uplink/sentilo.ts';
import { VirtualClock } from '../../simulator/clock.ts';
import type { Fault } from '../../simulator/faults.ts';
import { createRandom, type Random } from '../../simulator/random.ts';
import { type City, createCity } from '../../simulator/sentilo/city.ts';
import { cityHttp } from '../../simulator/sentilo/city-http.ts';
import type { StoredObservation } from '../../simulator/sentilo/observation-store.ts';
import { turn } from '../../simulator/wire/turn.ts';
import { WORLD } from '../simulator/sentilo/support.ts';
import type { MemoryJournal } from './memory-journal.ts';
import { OWN_TIME, START_WALL_MS } from './support.ts';

export const CITY_URL = 'http://city.test:8081';
const LATENCY_MS = 40;

export interface DistrictOptions {
  readonly providers: readonly string[];
  /** The same of every provider. */
  readonly sensors: readonly string[];
  readonly seed: number;
  readonly faults?: readonly Fault[];
}

interface MadeRequest {
  /** When it was made, monotonic milliseconds. */
  readonly atMs: number;
  readonly method: HttpRequest['method'];
  /** Of its answer; undefined while there is none, and when it was lost. */
  status: number | undefined;
}

/** Gateways, each an uplink on a journal in memory, and one simulated city, under one virtual clock that begins at 0. */
export class District {
  readonly clock = new VirtualClock(START_WALL_MS, turn);
  readonly http: Http;
  readonly requests: MadeRequest[] = [];
  /** What made an uplink give up although nobody stopped it. */
  readonly failures: unknown[] = [];
  readonly #city: City;
  readonly #random: Random;
  readonly #stop = new AbortController();
  readonly #runs: Promise<void>[] = [];

  constructor({ providers, sensors, seed, faults = [] }: DistrictOptions) {
    this.#random = createRandom(seed);
    this.#city = createCity({
      ...WORLD,
      entities: providers.map((id) => ({
        ...{ id, kind: 'provider', token: tokenOf(id), isActive: true },
        ...{ isHttpsOnly: false, quotaPerHour: 0 },
      })),
      permissions: [],
      sensors: providers.flatMap((provider) => sensors.map((sensor) => ({ provider, sensor, state: 'online' as const }))),
    });
    const network = { faults, latencyMs: LATENCY_MS, random: this.#random.fork('network') };
    const http = cityHttp(this.#city, this.clock, network);
    this.http = async (request, signal) => {
      const made: MadeRequest = { atMs: this.clock.monotonicMs(), method: request.method, status: undefined };
      this.requests.push(made);
      const response = await http(request, signal);
      made.status = response.status;
      return response;
    };
  }

  /** Starts the uplink of one provider on what its journal holds. */
  async start(provider: string, journal: MemoryJournal): Promise<Uplink> {
    const send = { everyMs: 1_000, batch: 100 };
    const config: SentiloConfig = {
      url: CITY_URL,
      provider,
      tokenSecret: '',
      send,
      catalog: 'off',
      ordersFrom: [],
      alerts: new Map(),
      component: {},
    };
    const host = { clock: this.clock, http: this.http, random: this.#random.fork(provider), log: () => {}, bootId: 'boot' };
    const uplink = await openSentilo(config, tokenOf(provider), host, journal, OWN_TIME);
    const run = uplink.run(this.#stop.signal);
    run.catch((error: unknown) => this.failures.push(error));
    this.#runs.push(run);
    return uplink;
  }

  /** Lets `ms` pass. */
  async pass(ms: number): Promise<void> {
    await this.clock.run(sleep(this.clock, ms, this.#stop.signal));
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('stopping'));
    await this.clock.run(Promise.allSettled(this.#runs));
  }

  /** What the city holds of a provider, in order of arrival. */
  stored(provider: string): StoredObservation[] {
    return this.#city.observations(provider);
  }
}

export function tokenOf(provider: string): string {
  return `token-of-${provider}`;
}

/** What a city lacks of the readings, and what it has more than once; of every sensor and second there is one reading. */
export function compare(measured: readonly Observation[], stored: readonly StoredObservation[]) {
  const keyOf = (sensor: string, wallMs: number, value: string) => `${sensor} ${Math.floor(wallMs / 1000)} ${value}`;
  const counts = new Map<string, number>();
  for (const { sensor, timestampMs, value } of stored) {
    const key = keyOf(sensor, timestampMs, value);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const lost = measured.filter(({ sensor, wallMs, value }) => !counts.has(keyOf(sensor, wallMs, String(value))));
  return { lostCount: lost.length, extraCount: stored.length - (measured.length - lost.length) };
}
