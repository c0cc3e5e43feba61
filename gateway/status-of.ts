import type { Config } from '../config/config.ts';
import type { NewestTimes } from '../drivers/newest-times.ts';
import type { Bus } from './buses.ts';
import type { Canary } from './canary.ts';
import type { RunningDevice } from './device.ts';
import type { DeviceState } from './device-state.ts';
import type { Journal } from './journal/journal.ts';
import type { Keeper } from './keeper.ts';
import type { Orders } from './orders/orders.ts';
import type { Outputs } from './outputs/output.ts';
import { BUS_SATURATED, NO_ANSWER, problemCode } from './problem-code.ts';
import { deviceStatuses, readingTroubles } from './rows.ts';
import type { BusStatus, GatewayStatus } from './status.ts';
import type { Timekeeper } from './timekeeper.ts';
import type { Uplink } from './uplink/sentilo.ts';
import { VERSION } from './version.ts';

/** The parts of a running gateway that a status is made of. */
export interface StatusSources {
  readonly config: Config;
  readonly journal: Journal;
  readonly timekeeper: Timekeeper;
  readonly uplink: Uplink | undefined;
  /** The delivery to the site's broker. */
  readonly broker: Uplink | undefined;
  readonly orders: Pick<Orders, 'status'> | undefined;
  readonly buses: ReadonlyMap<string, Bus>;
  readonly devices: readonly RunningDevice[];
  readonly outputs: Pick<Outputs, 'states'>;
  readonly lateness: NewestTimes;
  readonly keeper: Keeper;
  readonly canary: Canary;
  readonly watched: Pick<GatewayStatus, 'alarms' | 'rules'>;
  /** Monotonic time of the start, and now. */
  readonly startedMs: number;
  readonly nowMs: number;
}

/** Takes the picture that `barri status` shows. */
export function gatewayStatus(sources: StatusSources): GatewayStatus {
  const { config, journal, timekeeper, uplink, orders, broker, buses, devices, outputs } = sources;
  const { lateness, keeper, canary, watched, startedMs, nowMs } = sources;
  const ages = devices.flatMap(({ channels }) => channels.flatMap(({ latest }) => (latest ? [nowMs - latest.monotonicMs] : [])));
  const optional = {
    newestAgeMs: ages.length === 0 ? undefined : Math.min(...ages),
    firstObservationMs: keeper.firstMs === undefined ? undefined : keeper.firstMs - startedMs,
    lateMsP50: lateness.percentile(0.5),
    lateMsP99: lateness.percentile(0.99),
  };
  return {
    gateway: config.gateway.id,
    version: VERSION,
    uptimeMs: nowMs - startedMs,
    measuring: {
      deviceCount: devices.length,
      answeringCount: devices.filter(({ health }) => health.state.state === 'ok').length,
      observationCount: keeper.count,
      ...defined(optional),
    },
    devices: deviceStatuses(devices, nowMs),
    buses: [...buses.values()].map((bus) => busStatus(bus, devicesOf(bus, devices))),
    readings: readingTroubles(devices),
    outputs: outputs.states().flatMap(({ output, problem }) => (problem === undefined ? [] : [{ output, problem }])),
    skipped: [...config.skipped].map(([device, code]) => ({ device, code })),
    stored: journal.stats(),
    ...defined({ threadsStuckMs: canary.stuckMs }),
    clock: timekeeper.status(),
    ...watched,
    ...(uplink === undefined ? {} : { city: uplink.status() }),
    ...(orders === undefined ? {} : { orders: orders.status() }),
    ...(broker === undefined ? {} : { broker: broker.status() }),
  };
}

export function devicesOf({ config }: Bus, devices: readonly RunningDevice[]): RunningDevice[] {
  return devices.filter(({ config: { via } }) => via.bus === config.id);
}

/** That one device is silent is its own affair; that all of several are is the bus. */
export function noneAnswers(devices: readonly RunningDevice[]): boolean {
  // The ports of one chip are silent together.
  const places = new Set(devices.map(({ config }) => config.address ?? config.id));
  return places.size > 1 && devices.every(({ health }) => isUnanswered(health.state));
}

/** Not where the port itself is gone or there is no connection, which says all. */
function isUnanswered({ state, problem }: DeviceState): boolean {
  return state === 'not-answering' && problem?.code === NO_ANSWER;
}

/** How one bus is doing, with these devices on it. */
export function busStatus({ config, failure, queue, load }: Bus, devices: readonly RunningDevice[]): BusStatus {
  const { demand, isSaturated, roundMs, shortestPeriodMs } = load;
  const common = { bus: config.id, type: config.type, ...queue.use, demand, roundMs, shortestPeriodMs };
  if (failure !== undefined)
    return { ...common, state: 'failed', problem: { code: problemCode(failure), message: failure.message } };
  if (noneAnswers(devices)) {
    return { ...common, state: 'failed', problem: { code: NO_ANSWER, message: 'none of its devices answers' } };
  }
  if (!isSaturated) return { ...common, state: 'ok' };
  const message = `its devices ask for ${Math.round(100 * demand)} % of its time; the shortest period that fits is ${shortestPeriodMs} ms`;
  return { ...common, state: 'saturated', problem: { code: BUS_SATURATED, message } };
}

type Defined<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

/** Leaves out the entries that are undefined, as JSON would. */
function defined<T extends object>(entries: T): Defined<T> {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as Defined<T>;
}
