import type { Config, OutputConfig, SentiloConfig } from '../../config/config.ts';
import { sleep } from '../../drivers/clock.ts';
import { type Outbox, openOutbox } from '../../gateway/alarms/outbox.ts';
import type { Http, HttpRequest } from '../../gateway/host.ts';
import { NO_ORDERS } from '../../gateway/orders/book-file.ts';
import { openOrders } from '../../gateway/orders/orders.ts';
import type { Observation } from '../../gateway/record.ts';
import type { Wanted } from '../../gateway/uplink/catalog-wanted.ts';
import { openSentilo, type SentiloHost, type SentiloUplink, type Uplink } from '../../gateway/uplink/sentilo.ts';
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
/** What takes orders of the city in a gateway that has everything. */
const VALVE: OutputConfig = {
  id: 'open',
  safe: false,
  name: {},
  maxOnMs: 600_000,
  minOffMs: 0,
  neverWith: [],
  orders: ['sentilo'],
  expiryMs: 120_000,
  onLostCityMs: 900_000,
  sensor: 'valve',
  component: 'yard',
  quantity: 'valve_state',
  cityType: 'status',
  answers: { sensor: 'valve_ack', cityType: 'status' },
};

export interface DistrictOptions {
  readonly providers: readonly string[];
  /** The same of every provider. */
  readonly sensors: readonly string[];
  readonly seed: number;
  readonly faults?: readonly Fault[];
  /** Beside its readings each gateway takes orders, every other one pushed, looks at its catalogue, and has an alarm to tell. */
  readonly hasEverything?: boolean;
}

interface MadeRequest {
  /** When it was made, monotonic milliseconds. */
  readonly atMs: number;
  readonly method: HttpRequest['method'];
  /** What for: the first part of its path. */
  readonly service: string;
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
  readonly #wanted: Wanted | undefined;

  constructor({ providers, sensors: measured, seed, faults = [], hasEverything = false }: DistrictOptions) {
    this.#random = createRandom(seed);
    const sensors = hasEverything ? [...measured, VALVE.sensor, 'valve_ack'] : measured;
    this.#wanted = hasEverything ? wantedOf(sensors) : undefined;
    this.#city = createCity({
      ...WORLD,
      entities: providers.map((id) => ({
        ...{ id, kind: 'provider', token: tokenOf(id), isActive: true },
        ...{ isHttpsOnly: false, quotaPerHour: 0 },
      })),
      permissions: [],
      sensors: providers.flatMap((provider) => sensors.map((sensor) => ({ provider, sensor, state: 'online' as const }))),
      alerts: providers.map((entity) => ({ id: alertOf(entity), entity, type: 'EXTERNAL' as const, isActive: true })),
    });
    const network = { faults, latencyMs: LATENCY_MS, random: this.#random.fork('network') };
    const http = cityHttp(this.#city, this.clock, network);
    this.http = async (request, signal) => {
      const service = new URL(request.url).pathname.split('/')[1] ?? '';
      const made: MadeRequest = { atMs: this.clock.monotonicMs(), method: request.method, service, status: undefined };
      this.requests.push(made);
      const response = await http(request, signal);
      made.status = response.status;
      return response;
    };
  }

  /** Starts the uplink of one provider on what its journal holds. */
  async start(provider: string, journal: MemoryJournal): Promise<Uplink> {
    const wanted = this.#wanted;
    const config = configOf(provider, wanted === undefined ? 'off' : 'check');
    const host = { clock: this.clock, http: this.http, random: this.#random.fork(provider), log: () => {}, bootId: 'boot' };
    const options = wanted === undefined ? {} : { wanted, outbox: outboxOf(alertOf(provider)) };
    const uplink = await openSentilo(config, tokenOf(provider), host, journal, OWN_TIME, options);
    this.#run(uplink.run(this.#stop.signal));
    if (wanted !== undefined) this.#takeOrders(config, host, journal, uplink);
    return uplink;
  }

  #takeOrders(config: SentiloConfig, host: SentiloHost, journal: MemoryJournal, { link, notify }: SentiloUplink): void {
    const isPushed = this.#runs.length % 4 === 1;
    const callback = { endpoint: `https://${config.provider}.test/orders`, keySecret: '', port: 8088, listen: 'lan' as const };
    const sentilo = { ...config, ordersFrom: ['app'], ...(isPushed && { callback }) };
    const site = { sentilo, devices: new Map([['valve', { id: 'valve', outputs: [VALVE] }]]) } as unknown as Config;
    const orders = openOrders(site, {
      host: { ...host, serve: async () => async () => {} },
      journal,
      link,
      file: {
        state: NO_ORDERS,
        write: async () => {},
        close: async () => {},
      },
      key: isPushed ? 'key' : undefined,
      order: () => Promise.reject(new Error('nobody ordered anything')),
      refused: () => {},
      answered: notify,
      fatal: (error) => this.failures.push(error),
    });
    if (orders !== undefined) this.#run(orders.run(AbortSignal.any([this.#stop.signal])));
  }

  #run(run: Promise<void>): void {
    run.catch((error: unknown) => this.failures.push(error));
    this.#runs.push(run);
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

function configOf(provider: string, catalog: SentiloConfig['catalog']): SentiloConfig {
  return {
    url: CITY_URL,
    provider,
    tokenSecret: '',
    send: { everyMs: 1_000, batch: 100 },
    catalog,
    ordersFrom: [],
    alerts: new Map(),
    component: {},
  };
}

function wantedOf(sensors: readonly string[]): Wanted {
  const dataType = 'NUMBER' as const;
  return {
    sensors: sensors.map((sensor) => ({ sensor, component: 'yard', type: 'status', dataType, description: sensor })),
    components: new Map([['yard', { component: 'yard' }]]),
  };
}

function alertOf(provider: string): string {
  return `alert-of-${provider}`;
}

/** With an alarm that waits from the start. */
function outboxOf(alert: string): Outbox {
  const outbox = openOutbox();
  outbox.add({ id: 'a1', alert, message: 'The power was off.', bornMs: 0, isDoubtful: false });
  return outbox;
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
