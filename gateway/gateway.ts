import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { type Clock, withDeadline } from '../drivers/clock.ts';
import type { DeviceError } from '../drivers/errors.ts';
import { NewestTimes } from '../drivers/newest-times.ts';
import { type BusReport, busReports } from './bus-report.ts';
import { type Bus, prepareBus } from './buses.ts';
import { openCanary } from './canary.ts';
import { RunningDevice } from './device.ts';
import { clockWithDevices, type DeviceTime, openDeviceTime } from './device-time.ts';
import type { FrameTap, Host } from './host.ts';
import type { Journal } from './journal/journal.ts';
import { openJournal } from './journal/open-journal.ts';
import { type Keeper, openKeeper } from './keeper.ts';
import { findLastTotals, type LastTotals } from './last-totals.ts';
import type { LearnedFile } from './learned.ts';
import { serveLocalApi } from './local-api.ts';
import type { Modules } from './modules.ts';
import { Moments } from './moments.ts';
import { openMqttOf } from './mqtt/open-site.ts';
import type { MqttLogin } from './mqtt/uplink.ts';
import type { OrderRequest } from './outputs/output.ts';
import { type Outputs, openOutputs } from './outputs/outputs.ts';
import { openPlaces } from './places.ts';
import { openRollCall, type RollCall } from './roll-call.ts';
import { readingRows } from './rows.ts';
import type { GatewayStatus, ReadingRow } from './status.ts';
import { gatewayStatus } from './status-of.ts';
import { openTimekeeper, type Timekeeper } from './timekeeper.ts';
import { wantedOf } from './uplink/catalog-wanted.ts';
import { openSentilo, type Uplink } from './uplink/sentilo.ts';
import { VERSION } from './version.ts';

/** Over so many of the newest polls of all devices it is told how late they start: enough for a p99. */
const LATE_POLLS_COUNT = 4096;
/** What a stop may take for each of its steps; what takes longer is left behind, outputs already safe. */
const STEP_MS_MAX = 500;
/** What the outputs may take, of the five seconds after which the process is ended: a line may have a slow question under way. */
const OUTPUTS_MS_MAX = 2_500;
const JOURNAL_MS_MAX = 1_000;

export interface GatewayOptions {
  /** Holds the journal and the socket of the local API; made if missing. */
  readonly stateFolder: string;
  readonly modules: Modules;
  /** The city's token; required when the site has a `sentilo:` block. */
  readonly token?: string;
  /** PEM text of the certificate authority named by `sentilo.ca`. */
  readonly ca?: string;
  /** Who the gateway is to the broker of `mqtt:`, where that asks. */
  readonly mqttLogin?: MqttLogin;
  readonly tap?: FrameTap;
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
  /** Resolves during a stop, as soon as the outputs have been driven to safe or their time for it is over. */
  readonly outputsSafe: Promise<void>;
  /** Outputs to safe, everything durable, buses closed. Never rejects for what hardware does; each step has its time, and
   * after five seconds in all the command line ends the process. */
  stop(): Promise<void>;
}

/**
 * Starts the gateway: takes the state folder, opens the journal, and from then on measures, whatever buses, city and
 * clock do.
 * @throws LockHeldError when another gateway uses the state folder; DiskError when the folder cannot be made
 */
export async function openGateway(config: Config, host: Host, options: GatewayOptions): Promise<Gateway> {
  await host.disk.mkdir(options.stateFolder);
  const unlock = await host.lock(options.stateFolder);
  let journal: Journal | undefined;
  let timekeeper: Timekeeper | undefined;
  try {
    journal = await openJournal(host.disk, join(options.stateFolder, 'journal'), {
      clock: believedClock(host.clock, () => timekeeper),
      log: host.log,
      boot: host.bootId,
      ...config.buffer,
    });
    const deviceTime = openDeviceTime(host.clock, host.log);
    timekeeper = await openTimekeeper({ ...host, clock: clockWithDevices(host.clock, deviceTime) }, journal);
    const uplink = await openUplink(config, host, journal, timekeeper, options);
    const buses = new Map<string, Bus>();
    for (const bus of config.buses.values()) buses.set(bus.id, prepareBus(bus, host, options.tap));
    const learned = await options.modules.openLearned?.(host, options.stateFolder);
    const lastTotals = await findLastTotals(config.devices.values(), options.modules, journal, host.log);
    return await start({ config, host, options, journal, timekeeper, deviceTime, uplink, buses, learned, lastTotals, unlock });
  } catch (error) {
    await journal?.close();
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
  readonly uplink: Uplink | undefined;
  readonly buses: ReadonlyMap<string, Bus>;
  readonly learned: LearnedFile | undefined;
  readonly lastTotals: LastTotals;
  readonly unlock: () => Promise<void>;
}

async function openUplink(
  config: Config,
  host: Host,
  journal: Journal,
  timekeeper: Timekeeper,
  { token, ca }: GatewayOptions,
): Promise<Uplink | undefined> {
  if (config.sentilo === undefined) return undefined;
  if (token === undefined) throw new Error('a site with sentilo: is started with its token');
  const userAgent = `barri/${VERSION} (${config.gateway.id})`;
  const wanted = wantedOf(config);
  return await openSentilo(config.sentilo, token, host, journal, timekeeper, {
    userAgent,
    wanted,
    ...(ca !== undefined && { ca }),
  });
}

async function start(parts: Parts): Promise<Gateway> {
  const { config, host, options, journal, timekeeper, uplink, buses, learned, unlock } = parts;
  const startedMs = host.clock.monotonicMs();
  const lateness = new NewestTimes(LATE_POLLS_COUNT);
  const order = (request: OrderRequest) => outputs.order(request);
  const broker = await openMqttOf(config, { host, journal, time: timekeeper, login: options.mqttLogin ?? {}, order });
  const uplinks = [uplink, broker].filter((each) => each !== undefined);
  const keeper = openKeeper(journal, uplinks, host);
  const opened = (device: string, problem: DeviceError | undefined) => outputs.opened(device, problem);
  const devices = runningDevices(parts, keeper, lateness, opened);
  const outputs = openOutputs(devices, { ...host, journal, keep: keeper.keep, fatal: options.fatal });
  const canary = openCanary(host);
  const sources = { ...parts, broker, canary, devices, lateness, keeper, startedMs };
  const status = () => gatewayStatus({ ...sources, nowMs: host.clock.monotonicMs() });
  const readings = () => readingRows(devices, host.clock.monotonicMs());
  const reports = () => busReports(buses, devices);
  // The last thing that can fail: from here on the gateway measures until it is stopped.
  const answers = { status, readings, buses: reports, outputs: () => outputs.states(), order: outputs.order.bind(outputs) };
  const stopServing = await serveLocalApi(host, options.stateFolder, answers, options.fatal);

  const measuring = new AbortController();
  const sendingOut = new AbortController();
  const carrying = new AbortController();
  const background = (work: Promise<unknown>) => work.then(() => {}, options.fatal);
  const timing = background(Promise.all([timekeeper.run(ownSignal(sendingOut)), canary.run(ownSignal(sendingOut))]));
  const lines = [...buses.values()].map((bus) => background(bus.run(ownSignal(carrying))));
  const loops = devices.map((device) => background(device.run(ownSignal(measuring))));
  const sending = Promise.all(uplinks.map((each) => background(each.run(ownSignal(sendingOut)))));
  keeper.note('gateway-started', { version: VERSION });
  host.log('info', 'gateway-started', { gateway: config.gateway.id, devices: devices.length, stateFolder: options.stateFolder });
  let outputsAreSafe = () => {};
  const outputsSafe = new Promise<void>((resolve) => {
    outputsAreSafe = resolve;
  });

  const stop = async () => {
    outputs.stop();
    measuring.abort(new Error('the gateway stops'));
    await step(host, 'outputs', (signal) => makeSafe(devices, outputs, signal), OUTPUTS_MS_MAX);
    outputsAreSafe();
    await step(host, 'devices', async (signal) => {
      await Promise.all(loops);
      // Pulses since the newest read are nowhere but in this process.
      await Promise.all(devices.map((device) => device.leave(signal)));
    });
    for (const device of devices) keeper.keep(device.finish());
    keeper.note('gateway-stopped', {});
    sendingOut.abort(new Error('the gateway stops'));
    await step(host, 'delivery', async () => {
      await Promise.all([sending, timing]);
    });
    await step(host, 'journal', () => journal.close(), JOURNAL_MS_MAX);
    await step(host, 'learned', async () => learned?.close());
    // Last of all: each closing that hangs takes a thread, and the journal needs one.
    await step(host, 'buses', async () => {
      const closings = await Promise.allSettled(devices.map((device) => device.close()));
      carrying.abort(new Error('the gateway stops'));
      await Promise.all(lines);
      // One that could not be closed is told, and keeps no line open.
      for (const closing of closings) if (closing.status === 'rejected') throw closing.reason;
    });
    await stopServing();
    await unlock();
    host.log('info', 'gateway-stopped');
  };
  let stopping: Promise<void> | undefined;
  return { status, readings, buses: reports, outputs, outputsSafe, stop: () => (stopping ??= stop()) };
}

/** Drives every output to its safe state; those that answer first: what is asked in vain takes its whole time of a line. */
async function makeSafe(devices: readonly RunningDevice[], outputs: Outputs, signal: AbortSignal): Promise<void> {
  for (const isSilent of [false, true]) {
    const those = devices.filter((device) => device.isSilent === isSilent);
    await Promise.all(
      those.map((device) =>
        device.toSafe(AbortSignal.any([signal]), (output) => outputs.isSafe(`${device.config.id}.${output}`)),
      ),
    );
  }
}

/** The site's devices, each on its bus. */
function runningDevices(
  { config, host, options, deviceTime, buses, learned, lastTotals }: Parts,
  { keep, note }: Keeper,
  lateness: NewestTimes,
  opened: (device: string, problem: DeviceError | undefined) => void,
): RunningDevice[] {
  const connect = openPlaces(config, options.modules.drivers, host.clock);
  const moments = new Moments(host.clock);
  const rollCalls = new Map<string, RollCall>();
  for (const { id, type } of config.buses.values()) rollCalls.set(id, openRollCall(host.clock, type === 'i2c' ? 1 : 2));
  return [...config.devices.values()].map((device) => {
    const bus = buses.get(device.via.bus);
    const driver = options.modules.drivers.get(device.driver);
    if (bus === undefined || driver === undefined) throw new Error(`${device.id}: its bus or driver was not loaded`);
    const heardTime = (wallMs: number) => deviceTime.heard(wallMs, device.id);
    const shared = { host, connect, lateness, moments, keep, note, heardTime, opened, fatal: options.fatal };
    const ofBus = { bus, driver, learned: learned?.of(device.id), rollCall: rollCalls.get(device.via.bus) };
    return new RunningDevice(device, { ...shared, ...ofBus }, lastTotals.get(device.id));
  });
}

/** A signal of its own for each listener's work: one for all would warn of a leak with the eleventh device. */
function ownSignal(controller: AbortController): AbortSignal {
  return AbortSignal.any([controller.signal]);
}

/** Runs one step of the stop; what fails or hangs is logged and left behind, because the next steps matter more. */
async function step(
  host: Host,
  name: string,
  work: (signal: AbortSignal) => Promise<void>,
  forMsMax: number = STEP_MS_MAX,
): Promise<void> {
  const late = () => new Error(`${name} took longer than ${forMsMax} ms`);
  try {
    await withDeadline(host.clock, forMsMax, new AbortController().signal, late, work);
  } catch (error) {
    host.log('error', 'stop-step-failed', { step: name, message: error instanceof Error ? error.message : String(error) });
  }
}
