import type { Config } from '../../../config/config.ts';
import { type Disk, type Host, type Http, HttpError } from '../../../gateway/host.ts';
import type { VirtualClock } from '../../../simulator/clock.ts';
import type { Fault } from '../../../simulator/faults.ts';
import { simulatedPorts } from '../../../simulator/local.ts';
import { type City, createCity } from '../../../simulator/sentilo/city.ts';
import { cityHttp } from '../../../simulator/sentilo/city-http.ts';
import { cityPush, pushesTo } from '../../../simulator/sentilo/city-push.ts';
import type { PushOutcome } from '../../../simulator/sentilo/push-delivery.ts';
import type { Push } from '../../../simulator/sentilo/push-queue.ts';
import { type World, worldForSite } from '../../../simulator/sentilo/world.ts';
import { type SimulatedGateway, startSimulated } from '../simulated-gateway.ts';

/** A valve that takes orders of two applications, one that takes none of the city, and a thermometer. */
const garden = (
  callback: string,
  limits: string,
) => `sentilo: { url: "http://127.0.0.1:8081", provider: garden, token: { secret: sentilo_token }, orders_from: [app, console]${callback} }
buses: { i2c1: { type: i2c } }
devices:
  valve:
    board: solenoid-valve@1
    via: gpio.pin15
    with: { active: high }
    outputs: { open: { safe: off, ${limits}, orders: [local, sentilo] } }
  lamp:
    board: relay@1
    via: gpio.pin18
    outputs: { switch: { safe: off, max_on: 1h, orders: [local] } }
  air: { board: sht31@1, via: i2c1 }
`;
const PORT = 8088;
const ENDPOINT = 'https://garden.test/orders';
const CALLBACK = `, callback: { url: "${ENDPOINT}", secret: { secret: callback_key } }`;
export const VALVE = 'trial-valve-open';
/** The chip line of the valve's pin. */
const VALVE_LINE = 22;

/** A gateway and its city under one virtual clock. */
export interface Garden extends SimulatedGateway {
  readonly city: City;
  /** What somebody asks the city, with the token of one of its entities. */
  ask(method: string, path: string, body?: unknown, token?: string): { readonly status: number; readonly json: unknown };
  /** Gives an order as the application `app`. */
  give(order: unknown, token?: string): void;
  /** A request at the port for pushes, as anybody could make it. */
  push(push: Push): Promise<PushOutcome>;
  /** The answers that the city has, the oldest first. */
  answers(): readonly Readonly<Record<string, unknown>>[];
  /** The addresses of the requests that the gateway made. */
  readonly asked: readonly string[];
  /** When the valve was opened and closed again, by the level of its line. */
  openings(): readonly (readonly [string, number])[];
}

export interface GardenOptions {
  /** The city pushes, and this is what becomes of each push. */
  readonly push?: (push: Push, deliver: (push: Push) => Promise<PushOutcome>) => Promise<PushOutcome>;
  readonly faults?: readonly Fault[];
  /** Of the valve: ten minutes at most, unless it says otherwise. */
  readonly limits?: string;
  /** Somebody else has the port for pushes. */
  readonly isPortBusy?: boolean;
  /** What each sync of the file of the remembered orders waits for. */
  readonly syncing?: () => Promise<void>;
  readonly world?: (world: World) => World;
  /** What the city's clock is ahead. */
  readonly aheadMs?: () => number;
  /** What stands between the gateway and the city. */
  readonly proxy?: (http: Http) => Http;
}

export async function startGarden({
  push,
  faults = [],
  limits = 'max_on: 10min',
  isPortBusy = false,
  syncing = async () => {},
  world = (one) => one,
  aheadMs = () => 0,
  proxy = (http) => http,
}: GardenOptions = {}): Promise<Garden> {
  const asked: string[] = [];
  let city: City | undefined;
  let cityClock: Pick<VirtualClock, 'wall'> | undefined;
  const http = (clock: VirtualClock, config: Config): Http => {
    const real = clock.ofTheWorld();
    const ahead = { ...real, wall: () => ({ ms: real.wall().ms + aheadMs(), quality: 'synced' as const }) };
    cityClock = ahead;
    city = createCity(world(worldForSite(config, 'demo-token')), { startedMs: 0 });
    const over = proxy(cityHttp(city, ahead, { faults, latencyMs: 40, random: () => 0.5 }));
    return (request, signal) => {
      asked.push(request.url);
      return over(request, signal);
    };
  };
  const ports = simulatedPorts();
  const between = (host: Host) => ({ ...host, disk: heldUp(host.disk, syncing) });
  const site = garden(push === undefined ? '' : CALLBACK, limits);
  const busy: Host['serve'] = () => Promise.reject(new HttpError('EADDRINUSE', false, 'somebody else has it'));
  const running = await startSimulated(site, { http, faults, serve: isPortBusy ? busy : ports.serve, between });
  if (city === undefined || cityClock === undefined) throw new Error('the garden has no city');
  const [theCity, theClock] = [city, cityClock];
  const toGateway = pushesTo({ endpoint: ENDPOINT, port: PORT }, ports.request);
  const deliver = async (one: Push): Promise<PushOutcome> => toGateway(one, new AbortController().signal);
  if (push !== undefined) cityPush(theCity, running.clock.ofTheWorld(), (one) => push(one, deliver));
  const ask: Garden['ask'] = (method, path, body, token = 'app-token') => {
    const bytes = body === undefined ? new Uint8Array() : Buffer.from(JSON.stringify(body));
    const request = { method, target: path, headers: [['IDENTITY_KEY', token] as const], body: bytes };
    const answer = theCity.handle(request, theClock.wall().ms);
    const answered = Buffer.from(answer.body).toString();
    return { status: answer.status, json: answered === '' ? {} : JSON.parse(answered) };
  };
  return {
    ...running,
    city: theCity,
    asked,
    push: deliver,
    ask,
    give: (order, token) => {
      const { status, json } = ask('PUT', `/order/garden/${VALVE}`, { order }, token);
      if (status !== 200) throw new Error(`the city refused the order: ${JSON.stringify(json)}`);
    },
    answers: () => {
      const { json } = ask('GET', `/data/garden/${VALVE}_ack?limit=200&to=01/01/2030T00:00:00`, undefined, 'demo-token');
      const { observations } = json as { readonly observations: readonly { readonly value: string }[] };
      return observations.map(({ value }) => JSON.parse(value)).reverse();
    },
    openings: () =>
      running.levels
        .filter(({ line }) => line === VALVE_LINE)
        .map(({ level, atMs }) => [level ? 'open' : 'closed', atMs] as const),
  };
}

/** A garden past the first answer of the city. */
export async function startPolledGarden(options?: GardenOptions): Promise<Garden> {
  const garden = await startGarden(options);
  await garden.clock.runUntil(30_000);
  await untilPolled(garden);
  return garden;
}

/** Lets so much time pass. */
export function runFor({ clock }: Garden, ms: number): Promise<void> {
  return clock.runUntil(clock.monotonicMs() + ms);
}

/** Lets time pass until the city was asked for orders once more: the next asking is then seconds away. */
export async function untilPolled({ clock, asked }: Garden): Promise<void> {
  const before = asked.length;
  const isPolled = () => asked.slice(before).some((url) => url.includes('/order/') && !url.includes('/subscribe/'));
  while (!isPolled()) await clock.runUntil(clock.monotonicMs() + 500);
}

/** The same disk, whose file of the remembered orders waits at each sync. */
function heldUp(disk: Disk, syncing: () => Promise<void>): Disk {
  const open: Disk['open'] = async (path, mode) => {
    const file = await disk.open(path, mode);
    if (!path.includes('city-orders')) return file;
    const fdatasync = () => syncing().then(() => file.fdatasync());
    return new Proxy(file, {
      get: (of, key) => {
        const value = key === 'fdatasync' ? fdatasync : Reflect.get(of, key);
        return typeof value === 'function' ? value.bind(of) : value;
      },
    });
  };
  return new Proxy(disk, {
    get: (of, key) => {
      const value = key === 'open' ? open : Reflect.get(of, key);
      return typeof value === 'function' ? value.bind(of) : value;
    },
  });
}
