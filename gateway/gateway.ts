import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { type Clock, withDeadline } from '../drivers/clock.ts';
import { type Outbox, openOutbox } from './alarms/outbox.ts';
import { type BusReport, busReports } from './bus-report.ts';
import { openCanary } from './canary.ts';
import type { RunningDevice } from './device.ts';
import { clockWithDevices, type DeviceTime, openDeviceTime } from './device-time.ts';
import type { FrameTap, Host } from './host.ts';
import type { Journal } from './journal/journal.ts';
import { openJournal } from './journal/open-journal.ts';
import { type Keeper, openKeeper } from './keeper.ts';
import { findLastTotals } from './last-totals.ts';
import type { LearnedFile } from './learned.ts';
import { serveLocalApi } from './local-api.ts';
import type { Modules } from './modules.ts';
import { openMqttOf } from './mqtt/open-site.ts';
import type { MqttLogin, MqttUplink } from './mqtt/uplink.ts';
import type { BookFile } from './orders/book-file.ts';
import { type Orders, openOrders, openOrdersFile } from './orders/orders.ts';
import type { OrderRequest, Outputs, OutputsSurroundings } from './outputs/output.ts';
import { openOutputs } from './outputs/outputs.ts';
import type { Refused } from './outputs/refusals.ts';
import { answerUnanswered } from './outputs/unanswered.ts';
import { type OwnHealth, ownHealth } from './own-health.ts';
import type { Observation } from './record.ts';
import { readingRows } from './rows.ts';
import { openSiteDevices, type SiteDevices } from './site-devices.ts';
import type { GatewayStatus, ReadingRow } from './status.ts';
import { gatewayStatus } from './status-of.ts';
import { stopInOrder } from './stop.ts';
import { openTimekeeper, type Timekeeper } from './timekeeper.ts';
import { wantedOf } from './uplink/catalog-wanted.ts';
import { openSentilo, type SentiloUplink } from './uplink/sentilo.ts';
import { VERSION } from './version.ts';
import { openWatchman } from './watchman.ts';

/** What a start that fails may take to close what it has opened. */
const CLOSE_MS_MAX = 1_000;

export interface GatewayOptions {
  /** Holds the journal and the socket of the local API; made if missing. */
  readonly stateFolder: string;
  readonly modules: Modules;
  /** The city's token; required when the site has a `sentilo:` block. */
  readonly token?: string;
  /** What the city signs its pushes with; required when `sentilo.callback` is there. */
  readonly callbackKey?: string;
  /** PEM text of the certificate authority named by `sentilo.ca`. */
  readonly ca?: string;
  /** Who the gateway is to the broker of `mqtt:`, where that asks. */
  readonly mqttLogin?: MqttLogin;
  readonly tap?: FrameTap;
  /** Awaited once the state folder is this gateway's, before anything is opened. */
  readonly leaving?: () => Promise<void>;
  /** Awaited before an output can leave its safe state. */
  readonly taken?: () => Promise<void>;
  /** Takes a broken invariant of ours, which must end the program. */
  readonly fatal: (error: unknown) => void;
}

/** A running gateway. */
export interface Gateway {
  status(): GatewayStatus;
  readings(): readonly ReadingRow[];
  buses(): readonly BusReport[];
  /** The only way to move an output. */
  readonly outputs: Pick<Outputs, 'order' | 'states'>;
  /**
   * Resolves during a stop, as soon as the outputs have been driven to safe or their time for it is over, to those that are not
   * known to be safe (`device.output`).
   */
  readonly outputsSafe: Promise<readonly string[]>;
  /** Outputs to safe, everything durable, buses closed. Never rejects for what hardware does; each step has its time, and
   * after five seconds in all the command line ends the process. */
  stop(): Promise<void>;
}

/**
 * Starts the gateway: takes the state folder, drives the outputs to their safe states, opens the journal meanwhile, and from then on
 * measures, whatever buses, city and clock do.
 * @throws LockHeldError when another gateway uses the state folder; DiskError when the folder cannot be made
 */
export async function openGateway(config: Config, host: Host, options: GatewayOptions): Promise<Gateway> {
  const { stateFolder, modules, fatal, tap } = options;
  await host.disk.mkdir(stateFolder);
  const unlock = await host.lock(stateFolder);
  const opened: { close(): Promise<void> }[] = [];
  let timekeeper: Timekeeper | undefined;
  let site: SiteDevices | undefined;
  try {
    await options.leaving?.();
    // One small file, and a second for it; all else that is slow on a card, or long in the searching, comes when outputs are safe already.
    const learned = await modules.openLearned?.(host, stateFolder);
    if (learned !== undefined) opened.push(learned);
    const deviceTime = openDeviceTime(host.clock, host.log);
    let own: OwnHealth | undefined;
    const ownLater = { stateFolder, health: () => own?.health() ?? {} };
    site = openSiteDevices({ config, host, modules, learned, deviceTime, own: ownLater, tap, fatal });
    await options.taken?.();
    const journal = await openJournal(host.disk, join(stateFolder, 'journal'), {
      clock: believedClock(host.clock, () => timekeeper),
      log: host.log,
      boot: host.bootId,
      uplinks: (['sentilo', 'mqtt'] as const).filter((uplink) => config[uplink] !== undefined),
      ...config.buffer,
    });
    opened.push(journal);
    timekeeper = await openTimekeeper({ ...host, clock: clockWithDevices(host.clock, deviceTime) }, journal);
    const outbox = openOutbox();
    const uplink = await openUplink(config, host, journal, timekeeper, { ...options, outbox });
    const ordersFile = await openOrdersFile(host.disk, stateFolder);
    opened.push(ordersFile);
    own = ownHealth(host, timekeeper, uplink, stateFolder);
    site.goOnFrom(await findLastTotals(config.devices.values(), modules, journal, host.log));
    const parts = { journal, timekeeper, uplink, ordersFile, outbox, learned };
    return await start({ config, host, options, site, deviceTime, unlock, ...parts });
  } catch (error) {
    await site?.giveUp();
    // Why it did not start is what matters; a card that hangs keeps the folder from nobody.
    const late = () => new Error('files that do not close');
    const close = () => Promise.allSettled(opened.map((each) => each.close()));
    await withDeadline(host.clock, CLOSE_MS_MAX, new AbortController().signal, late, close).catch(() => {});
    await unlock();
    throw error;
  }
}

/** The same clock, with the wall time as far as it is believed: one that has jumped ahead must not make history old. */
function believedClock(clock: Clock, keeper: () => Timekeeper | undefined): Clock {
  return {
    monotonicMs: () => clock.monotonicMs(),
    wall: () => keeper()?.wall() ?? { ms: clock.wall().ms, quality: 'none' },
    timer: (delayMs, callback) => clock.timer(delayMs, callback),
  };
}

interface Parts {
  readonly config: Config;
  readonly host: Host;
  readonly options: GatewayOptions;
  readonly journal: Journal;
  readonly timekeeper: Timekeeper;
  readonly deviceTime: DeviceTime;
  readonly uplink: SentiloUplink | undefined;
  readonly ordersFile: BookFile;
  readonly outbox: Outbox;
  readonly site: SiteDevices;
  readonly learned: LearnedFile | undefined;
  readonly unlock: () => Promise<void>;
}

async function openUplink(
  config: Config,
  host: Host,
  journal: Journal,
  timekeeper: Timekeeper,
  { token, ca, callbackKey, outbox }: GatewayOptions & { readonly outbox: Outbox },
): Promise<SentiloUplink | undefined> {
  if (config.sentilo === undefined) return undefined;
  if (token === undefined) throw new Error('a site with sentilo: is started with its token');
  if (config.sentilo.callback !== undefined && callbackKey === undefined)
    throw new Error('a site with sentilo.callback: is started with its secret');
  const userAgent = `barri/${VERSION} (${config.gateway.id})`;
  const wanted = wantedOf(config);
  return await openSentilo(config.sentilo, token, host, journal, timekeeper, {
    userAgent,
    wanted,
    outbox,
    ...(ca !== undefined && { ca }),
  });
}

async function start(parts: Parts): Promise<Gateway> {
  const { config, host, options, journal, timekeeper, uplink, site } = parts;
  const { devices, buses, lateness, lines, measuring, carrying } = site;
  const startedMs = host.clock.monotonicMs();
  const order = (request: OrderRequest) => outputs.order(request);
  const refused = (one: Refused) => outputs.refused(one);
  const newest = (output: string) => outputs.newest(output);
  const broker = await openMqttOf(config, {
    host,
    journal,
    time: timekeeper,
    login: options.mqttLogin ?? {},
    order,
    refused,
    newest,
    fatal: options.fatal,
  });
  const uplinks = [uplink, broker].filter((each) => each !== undefined);
  const keeper = openKeeper(journal, uplinks, host);
  const orders = ordersOf(parts, { order, refused });
  const { outputs, watchman } = openSite({ ...parts, broker, orders }, keeper);
  const canary = openCanary(host);
  const sources = { ...parts, buses, broker, orders, canary, devices, outputs, lateness, keeper, startedMs };
  const status = () => gatewayStatus({ ...sources, watched: watchman.status(), nowMs: host.clock.monotonicMs() });
  const readings = () => readingRows(devices, host.clock.monotonicMs());
  const reports = () => busReports(buses, devices);
  // The last thing that can fail: from here on the gateway measures until it is stopped.
  const answers = { status, readings, buses: reports, outputs: () => outputs.states(), order: outputs.order.bind(outputs) };
  const stopServing = await serveLocalApi(host, options.stateFolder, answers, options.fatal);

  const sendingOut = new AbortController();
  const background = (work: Promise<unknown>) => work.then(() => {}, options.fatal);
  const timing = background(Promise.all([timekeeper.run(ownSignal(sendingOut)), canary.run(ownSignal(sendingOut))]));
  const loops = devices.map((device) => background(site.outputsOpen.then(() => device.run(ownSignal(measuring)))));
  loops.push(background(watchman.run(ownSignal(measuring))), background(answerUnanswered(journal, host)));
  if (orders !== undefined) loops.push(background(orders.run(ownSignal(measuring))));
  const sending = uplinks.map((each) => background(each.run(ownSignal(sendingOut))));
  keeper.note('gateway-started', { version: VERSION });
  const started = { gateway: config.gateway.id, devices: devices.length, stateFolder: options.stateFolder };
  host.log('info', 'gateway-started', { ...started, ...(orders && pushesServed(config)) });
  const outputsSafe = resolvable<readonly string[]>();
  const running = { devices, outputs, keeper, loops, sending: [...sending, timing], lines, stopServing };
  const stop = () => stopInOrder({ ...parts, ...running, measuring, sendingOut, carrying, outputsAreSafe: outputsSafe.resolve });
  let stopping: Promise<void> | undefined;
  return { status, readings, buses: reports, outputs, outputsSafe: outputsSafe.promise, stop: () => (stopping ??= stop()) };
}

/** Where the city's pushes are waited for, which the address that it was given need not tell. */
function pushesServed({ sentilo }: Config): Readonly<Record<string, string | number>> {
  return sentilo?.callback === undefined ? {} : { pushPort: sentilo.callback.port, pushListen: sentilo.callback.listen };
}

/** The orders of the city, where an output takes any. */
function ordersOf(
  { config, host, journal, uplink, ordersFile, options }: Parts,
  taking: Pick<Outputs, 'order' | 'refused'>,
): Orders | undefined {
  if (uplink === undefined) return undefined;
  const { callbackKey: key, fatal } = options;
  const answered = () => uplink.notify();
  return openOrders(config, { host, journal, link: uplink.link, file: ordersFile, key, ...taking, answered, fatal });
}

/** A promise that somebody else resolves. */
function resolvable<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** Where orders from afar come from. */
interface FarAway {
  readonly broker: MqttUplink | undefined;
  readonly orders: Orders | undefined;
}

/** What the outputs need of the gateway around them. */
function outputsAround(
  { host, journal, broker, orders, options }: Parts & FarAway,
  devices: readonly RunningDevice[],
  keep: OutputsSurroundings['keep'],
): OutputsSurroundings {
  const channels = new Map(devices.flatMap((device) => device.channels.map((channel) => [channel.id, channel])));
  return {
    ...host,
    journal,
    keep,
    fatal: options.fatal,
    latest: (reading) => channels.get(reading)?.latest,
    lastHeardMs: (source) => (source === 'sentilo' ? orders : broker)?.lastHeardMs(),
  };
}

/** What is moved, and who watches over that and over what is measured. */
function openSite(parts: Parts & FarAway, keeper: Keeper) {
  const { config, host, options, journal, timekeeper, outbox, site } = parts;
  const { buses, devices } = site;
  const keep = (states: readonly Observation[]) => {
    keeper.keep(states);
    watchman.changed();
  };
  const outputs = openOutputs(devices, outputsAround(parts, devices, keep));
  const delivery = { city: () => parts.uplink?.status(), broker: () => parts.broker?.status() };
  const around = { host, journal, timekeeper, outbox, buses, devices, outputs, ...delivery, fatal: options.fatal };
  const watchman = openWatchman(config, around);
  site.tellTo({
    keep: keeper.keep,
    note: keeper.note,
    opened: outputs.opened.bind(outputs),
    strayed: outputs.strayed.bind(outputs),
    taken: watchman.taken.bind(watchman),
  });
  return { outputs, watchman };
}

/** A signal of its own for each listener's work: one for all would warn of a leak with the eleventh device. */
function ownSignal(controller: AbortController): AbortSignal {
  return AbortSignal.any([controller.signal]);
}
