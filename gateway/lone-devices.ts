import type { Config, DeviceConfig } from '../config/config.ts';
import { NewestTimes } from '../drivers/newest-times.ts';
import { type Bus, prepareBus } from './buses.ts';
import { closeBuses } from './close-buses.ts';
import { RunningDevice } from './device.ts';
import type { Host } from './host.ts';
import type { Modules } from './modules.ts';
import { Moments } from './moments.ts';
import { openPlaces } from './places.ts';

/** Devices in use without a gateway: nothing is kept, nothing is sent, and nothing is asked unless the caller does. */
export interface LoneDevices {
  readonly devices: readonly RunningDevice[];
  /** Resolves when each of their buses has been opened, or could not be. */
  readonly tried: Promise<unknown>;
  /** Aborted when they are closed. */
  readonly signal: AbortSignal;
  /** Ends after half a second at the latest, whatever hangs. */
  close(): Promise<void>;
}

/** Opens the buses that these devices of a site are on, and no others. */
export function openLoneDevices(
  chosen: readonly DeviceConfig[],
  { config, host, modules, fatal }: LoneSurroundings,
): LoneDevices {
  const used = new Set(chosen.map(({ via }) => via.bus));
  const buses = new Map<string, Bus>();
  for (const bus of config.buses.values()) if (used.has(bus.id)) buses.set(bus.id, prepareBus(bus, host));
  const connect = openPlaces(config, modules.drivers, host.clock);
  const [lateness, moments] = [new NewestTimes(), new Moments(host.clock)];
  const devices = chosen.map((device) => {
    const bus = buses.get(device.via.bus);
    const driver = modules.drivers.get(device.driver);
    if (bus === undefined || driver === undefined) throw new Error(`${device.id}: its bus or driver was not loaded`);
    return new RunningDevice(device, { host, bus, connect, driver, lateness, moments, keep: () => {}, note: () => {}, fatal });
  });
  const ending = new AbortController();
  const lines = [...buses.values()].map((bus) => bus.run(AbortSignal.any([ending.signal])));
  return {
    devices,
    signal: ending.signal,
    tried: Promise.all([...buses.values()].map((bus) => bus.tried)),
    close: () => closeBuses({ devices, lines, carrying: ending }, new Error('its devices are not used any more'), host),
  };
}

export interface LoneSurroundings {
  readonly config: Pick<Config, 'buses' | 'devices' | 'providers'>;
  readonly host: Host;
  readonly modules: Modules;
  /** Takes a broken invariant of ours, which must end the program. */
  readonly fatal: (error: unknown) => void;
}
