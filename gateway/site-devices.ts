import type { Config } from '../config/config.ts';
import { sleep, withDeadline } from '../drivers/clock.ts';
import { NewestTimes } from '../drivers/newest-times.ts';
import { type Bus, prepareBus } from './buses.ts';
import { closeBuses } from './close-buses.ts';
import { RunningDevice } from './device.ts';
import type { DeviceSurroundings } from './device-surroundings.ts';
import type { DeviceTime } from './device-time.ts';
import type { FrameTap, Host } from './host.ts';
import type { LastTotals } from './last-totals.ts';
import type { LearnedFile } from './learned.ts';
import type { Modules } from './modules.ts';
import { Moments } from './moments.ts';
import { type BoardTries, nextTryMs, openBoardTries } from './outputs/board-tries.ts';
import type { OwnHealth } from './own-health.ts';
import { openPlaces } from './places.ts';
import { openRollCall, type RollCall } from './roll-call.ts';
import { OUTPUTS_MS_MAX } from './stop.ts';

/** Over so many of the newest polls of all devices it is told how late they start: enough for a p99. */
const LATE_POLLS_COUNT = 4096;

/** What takes in what devices measure and tell. */
export type Told = Required<Pick<DeviceSurroundings, 'keep' | 'note' | 'opened' | 'strayed' | 'taken'>>;

export interface SiteSurroundings {
  readonly config: Config;
  readonly host: Host;
  readonly modules: Modules;
  readonly learned: LearnedFile | undefined;
  readonly deviceTime: DeviceTime;
  readonly own: OwnHealth;
  readonly tap: FrameTap | undefined;
  readonly fatal: (error: unknown) => void;
}

/** The buses and devices of a site, from the first moment of a start. */
export interface SiteDevices {
  readonly buses: ReadonlyMap<string, Bus>;
  readonly devices: readonly RunningDevice[];
  /** How late polls start. */
  readonly lateness: NewestTimes;
  /** Resolves when all outputs were driven to their safe states, or their time for it is over: then it may be measured. */
  readonly outputsOpen: Promise<void>;
  /** End when `carrying` is aborted. */
  readonly lines: readonly Promise<void>[];
  /** Aborted, it ends the opening of outputs, and whatever else measures; and what keeps the buses open. */
  readonly measuring: AbortController;
  readonly carrying: AbortController;
  /** To be called before anything asks for their channels: what the newest durable totals are. */
  goOnFrom(lastTotals: LastTotals): void;
  /** There is somebody who takes in what devices tell from now on. Which of them were opened before is told at once. */
  tellTo(told: Told): void;
  /** For a start that fails, outputs as safe as they became in their time. */
  giveUp(): Promise<void>;
}

/**
 * Opens the buses, and all devices that have outputs, which drives these to their safe states. It needs nothing of the disk: a card
 * that is slow, or a journal that has to be searched, keeps no output on. Nothing is measured yet.
 */
export function openSiteDevices(around: SiteSurroundings): SiteDevices {
  const { config, host, own, tap, fatal } = around;
  const buses = new Map<string, Bus>();
  for (const bus of config.buses.values()) buses.set(bus.id, prepareBus(bus, host, tap, own));
  const lateness = new NewestTimes(LATE_POLLS_COUNT);
  const early: Parameters<Told['opened']>[] = [];
  let told: Told | undefined;
  const devices = runningDevices(around, buses, lateness, {
    opened: (...opening) => {
      if (told === undefined) early.push(opening);
      else told.opened(...opening);
    },
    keep: (observations) => told?.keep(observations),
    note: (...event) => told?.note(...event),
    strayed: (...problem) => told?.strayed(...problem),
    taken: (...value) => told?.taken(...value),
  });
  const [measuring, carrying] = [new AbortController(), new AbortController()];
  const lines = [...buses.values()].map((bus) => bus.run(AbortSignal.any([carrying.signal])).catch(fatal));
  const outputsOpen = openSwitched(devices, around, AbortSignal.any([measuring.signal]));
  return {
    buses,
    devices,
    lateness,
    outputsOpen,
    lines,
    measuring,
    carrying,
    goOnFrom(lastTotals) {
      for (const device of devices) device.goOnFrom(lastTotals.get(device.config.id));
    },
    tellTo(by) {
      told = by;
      for (const opening of early.splice(0)) by.opened(...opening);
    },
    async giveUp() {
      await outputsOpen;
      const reason = new Error('the gateway does not start');
      measuring.abort(reason);
      await closeBuses({ devices, lines, carrying }, reason, host);
    },
  };
}

/**
 * Opens what has outputs, before anything is measured: that makes them safe. What does not answer in its time keeps nobody from
 * measuring, and is opened again until it is open or `signal` is aborted: its relays may be on, whenever its board or adapter comes
 * back and however rarely it is polled, and nobody else tries what was never ordered.
 */
async function openSwitched(
  devices: readonly RunningDevice[],
  { host, fatal }: Pick<SiteSurroundings, 'host' | 'fatal'>,
  signal: AbortSignal,
): Promise<void> {
  const switched = devices.filter(({ config }) => config.outputs.length > 0);
  if (switched.length === 0) return;
  const late = () => new Error('outputs that do not answer');
  const open = (inner: AbortSignal) => Promise.all(switched.map((device) => device.open(AbortSignal.any([inner]))));
  await withDeadline(host.clock, OUTPUTS_MS_MAX, signal, late, open).catch(() => {
    // A bug of ours shows again with the next opening.
    if (!signal.aborted) host.log('warning', 'outputs-not-answering');
  });
  const tries = openBoardTries(host.clock);
  for (const device of switched) openAgain(device, tries, AbortSignal.any([signal])).catch(fatal);
}

/** Opens a device until it is open or `signal` is aborted: of those of a board that does not answer one for all of them. */
async function openAgain(device: RunningDevice, tries: BoardTries, signal: AbortSignal): Promise<void> {
  const { board } = device;
  const tried = { timer: (delayMs: number, callback: () => void) => tries.later(board, delayMs, callback) };
  let inMs = 0;
  for (let triedCount = 0; !device.isOpen && !signal.aborted; triedCount += 1) {
    inMs = nextTryMs(triedCount, inMs);
    await sleep(tried, inMs, signal).catch(() => {});
    // A poll may have opened it meanwhile.
    if (!device.isOpen && !signal.aborted) await tries.ask(board, inMs / 2, () => device.open(signal));
  }
}

/** The site's devices, each on its bus. */
function runningDevices(
  { config, host, modules, deviceTime, learned, fatal }: SiteSurroundings,
  buses: ReadonlyMap<string, Bus>,
  lateness: NewestTimes,
  told: Told,
): RunningDevice[] {
  const connect = openPlaces(config, modules.drivers, host.clock);
  const moments = new Moments(host.clock);
  const rollCalls = new Map<string, RollCall>();
  for (const { id, type } of config.buses.values()) rollCalls.set(id, openRollCall(host.clock, type === 'i2c' ? 1 : 2));
  return [...config.devices.values()].map((device) => {
    const bus = buses.get(device.via.bus);
    const driver = modules.drivers.get(device.driver);
    if (bus === undefined || driver === undefined) throw new Error(`${device.id}: its bus or driver was not loaded`);
    const heardTime = (wallMs: number) => deviceTime.heard(wallMs, device.id);
    const shared = { host, connect, lateness, moments, heardTime, ...told, fatal };
    const ofBus = { bus, driver, learned: learned?.of(device.id), rollCall: rollCalls.get(device.via.bus) };
    return new RunningDevice(device, { ...shared, ...ofBus });
  });
}
