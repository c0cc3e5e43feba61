import type { Config } from '../../config/config.ts';
import { NewestTimes } from '../../drivers/newest-times.ts';
import { type Bus, prepareBus } from '../buses.ts';
import { RunningDevice } from '../device.ts';
import type { Host } from '../host.ts';
import type { Modules } from '../modules.ts';
import { Moments } from '../moments.ts';
import { openPlaces } from '../places.ts';

/** One output, and why it could not be made safe, if so. */
export interface MadeSafe {
  readonly output: string;
  /** Its safe state. */
  readonly on: boolean;
  readonly problem?: string;
}

/**
 * Drives every output of a site to its safe state and looks whether it followed, without a gateway: after one that was killed. All
 * buses at once; devices of one bus one after the other. Reads nothing else and keeps nothing.
 */
export async function makeOutputsSafe(
  config: Config,
  host: Host,
  modules: Modules,
  fatal: (error: unknown) => void,
): Promise<readonly MadeSafe[]> {
  const switched = [...config.devices.values()].filter(({ outputs }) => outputs.length > 0);
  const used = new Set(switched.map(({ via }) => via.bus));
  const buses = new Map<string, Bus>();
  for (const bus of config.buses.values()) if (used.has(bus.id)) buses.set(bus.id, prepareBus(bus, host));
  const connect = openPlaces(config, modules.drivers, host.clock);
  const [lateness, moments] = [new NewestTimes(), new Moments(host.clock)];
  const devices = switched.map((device) => {
    const bus = buses.get(device.via.bus);
    const driver = modules.drivers.get(device.driver);
    if (bus === undefined || driver === undefined) throw new Error(`${device.id}: its bus or driver was not loaded`);
    const silent = { ...device, channels: [], spec: { ...device.spec, readings: [] } };
    return new RunningDevice(silent, { host, bus, connect, driver, lateness, moments, keep: () => {}, note: () => {}, fatal });
  });
  const ending = new AbortController();
  const lines = [...buses.values()].map((bus) => bus.run(AbortSignal.any([ending.signal])));
  await Promise.all([...buses.values()].map((bus) => bus.tried));
  const made = await Promise.all(devices.map(safeStates));
  await Promise.all(devices.map((device) => device.close()));
  ending.abort(new Error('all was tried'));
  await Promise.all(lines);
  return made.flat();
}

async function safeStates(device: RunningDevice): Promise<readonly MadeSafe[]> {
  const made: MadeSafe[] = [];
  for (const { id, safe } of device.config.outputs) {
    const error = await device.switchTo(id, safe);
    made.push({ output: `${device.config.id}.${id}`, on: safe, ...(error !== undefined && { problem: error.message }) });
  }
  return made;
}
