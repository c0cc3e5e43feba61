import type { Config, OutputConfig } from '../../../config/config.ts';
import type { Clock } from '../../../drivers/clock.ts';
import { NO_ORDERS, type OrdersState } from '../../../gateway/orders/book-file.ts';
import type { OrderRequest } from '../../../gateway/outputs/output.ts';
import { VirtualClock } from '../../../simulator/clock.ts';
import type { Fault } from '../../../simulator/faults.ts';
import { simulatedPorts } from '../../../simulator/local.ts';
import { createRandom, type Random } from '../../../simulator/random.ts';
import { createCity } from '../../../simulator/sentilo/city.ts';
import type { World } from '../../../simulator/sentilo/world.ts';
import { turn } from '../../../simulator/wire/turn.ts';
import { MemoryJournal } from '../../uplink/memory-journal.ts';

export const SECOND_MS = 1_000;
const START_WALL_MS = 1_795_608_000_000;
export const PROVIDER = 'garden';
export const SENSOR = 'valve-open';
export const PORT = 8088;
export const KEY = 'key';
/** Orders are given within this time, and everything else goes wrong. */
export const TROUBLE_MS = 50 * SECOND_MS;
/** After that all is calm, and polled until nothing is left. */
export const CALM_MS = 130 * SECOND_MS;
export const EXPIRY_MS = 20 * SECOND_MS;
const PUSH_EARLIER_MS_MAX = 13;
/** Two that are less apart could not be told from each other, as one push has the time of the other. */
export const APART_MS = 30;
/** Of a storm, which fills what is remembered several times over. */
export const STORM_COUNT = 150;

export const OUTPUT: OutputConfig = {
  id: 'open',
  safe: false,
  name: {},
  maxOnMs: 15 * SECOND_MS,
  minOffMs: 0,
  neverWith: [],
  orders: ['sentilo'],
  expiryMs: EXPIRY_MS,
  onLostCityMs: 900_000,
  sensor: SENSOR,
  component: PROVIDER,
  quantity: 'valve_state',
  cityType: 'status',
  answers: { sensor: `${SENSOR}_ack`, cityType: 'status' },
};
export const SENTILO = {
  url: 'http://city.test',
  provider: PROVIDER,
  ordersFrom: ['app'],
  callback: { endpoint: 'https://gateway.test/orders', keySecret: 'key', port: PORT, listen: 'lan' },
};
export const CONFIG = {
  sentilo: SENTILO,
  devices: new Map([['valve', { id: 'valve', outputs: [OUTPUT] }]]),
} as unknown as Config;

const entity = (id: string, kind: 'provider' | 'application') =>
  ({ id, kind, token: id, isActive: true, isHttpsOnly: false, quotaPerHour: 0 }) as const;
const online = (sensor: string) => ({ provider: PROVIDER, sensor, state: 'online' }) as const;
const WORLD: World = {
  entities: [entity(PROVIDER, 'provider'), entity('app', 'application'), entity('stranger', 'application')],
  permissions: [
    { source: 'app', target: PROVIDER, type: 'WRITE' },
    { source: 'stranger', target: PROVIDER, type: 'WRITE' },
  ],
  sensors: [online(SENSOR), online(`${SENSOR}_ack`), online('air')],
  alerts: [],
  settings: {
    rejectsUnknownSensors: true,
    bodyBytesMax: 0,
    quotaPerHour: 0,
    startingMs: 0,
    syncDelayMs: 0,
    tokenCacheMs: 0,
    pushRetries: 'documented',
  },
};

/** An order as it was given. */
interface Given {
  readonly text: string;
  readonly sender: string;
  readonly isForAll: boolean;
  /** When, on the city's clock and on that of the machine. */
  readonly atMs: number;
  readonly monotonicMs: number;
}

/** What became of a schedule, as far as it is wrong. */
export interface Verdict {
  readonly givenCount: number;
  readonly placedCount: number;
  readonly crashCount: number;
  readonly results: readonly string[];
  readonly faults: readonly string[];
}

/** What a schedule leaves behind: the card, the city's view, and every move of the valve. */
export class Trial {
  readonly random: Random;
  readonly clock = new VirtualClock(START_WALL_MS, turn);
  /** What the city's clock is ahead, and when it was set back. */
  aheadMs: number;
  setBackMs = Number.NEGATIVE_INFINITY;
  ports = simulatedPorts();
  readonly given: Given[] = [];
  readonly placed: { readonly request: OrderRequest; readonly bootMs: number }[] = [];
  readonly faults: string[] = [];
  readonly cityFaults: Fault[] = [];
  readonly city = createCity(WORLD, { startedMs: 0 });
  journal = new MemoryJournal();
  /** What is durable of the remembered orders. */
  kept: OrdersState = NO_ORDERS;
  crashCount = 0;

  /** What the time of a push is before that with which the city shows the order. */
  readonly pushEarlierMs: number;

  constructor(seed: number) {
    this.random = createRandom(seed);
    this.pushEarlierMs = this.random() < 0.5 ? 0 : Math.floor(this.random() * (PUSH_EARLIER_MS_MAX + 1));
    this.aheadMs = this.random() < 0.3 ? Math.round((this.random() - 0.5) * 7_200_000) : 0;
  }

  get cityClock(): Clock {
    const real = this.clock.ofTheWorld();
    return { ...real, wall: () => ({ ms: real.wall().ms + this.aheadMs, quality: 'synced' }) };
  }

  between(fromMs: number, toMs: number): number {
    return fromMs + Math.floor(this.random() * (toMs - fromMs));
  }

  at(ms: number, work: () => void): void {
    this.clock.timer(ms, work);
  }
}
