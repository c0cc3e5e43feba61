import type { Config } from '../config/config.ts';
import { NewestTimes } from '../drivers/newest-times.ts';
import { type Bus, prepareBus } from './buses.ts';
import { RunningDevice } from './device.ts';
import type { Host } from './host.ts';
import type { Modules } from './modules.ts';
import { Moments } from './moments.ts';
import { openPlaces } from './places.ts';
import { readingRows } from './rows.ts';
import type { ReadingRow } from './status.ts';

/** Reads a site's devices without a gateway: nothing is kept, nothing is sent, no output is touched. */
export interface Peek {
  /** Reads every device once. */
  poll(): Promise<void>;
  rows(): readonly ReadingRow[];
  /** Whether every device answered the newest poll. */
  readonly allAnswer: boolean;
  close(): Promise<void>;
}

export async function openPeek(config: Config, host: Host, modules: Modules, fatal: (error: unknown) => void): Promise<Peek> {
  const readable = [...config.devices.values()].filter(({ channels }) => channels.length > 0);
  const used = new Set(readable.map(({ via }) => via.bus));
  const buses = new Map<string, Bus>();
  for (const bus of config.buses.values()) if (used.has(bus.id)) buses.set(bus.id, prepareBus(bus, host));
  const lateness = new NewestTimes();
  const moments = new Moments(host.clock);
  const connect = openPlaces(config, modules.drivers, host.clock);
  const devices = readable.map((device) => {
    const bus = buses.get(device.via.bus);
    const driver = modules.drivers.get(device.driver);
    if (bus === undefined || driver === undefined) throw new Error(`${device.id}: its bus or driver was not loaded`);
    // Its driver would switch them to their safe states.
    const untouched = { ...device, outputs: [], spec: { ...device.spec, outputs: [] } };
    return new RunningDevice(untouched, { host, bus, connect, driver, lateness, moments, keep: () => {}, note: () => {}, fatal });
  });
  const ending = new AbortController();
  const lines = [...buses.values()].map((bus) => bus.run(AbortSignal.any([ending.signal])));
  return {
    poll: async () => {
      await Promise.all([...buses.values()].map((bus) => bus.tried));
      await Promise.all(devices.map((device) => device.poll(AbortSignal.any([ending.signal]))));
    },
    rows: () => readingRows(devices, host.clock.monotonicMs()),
    get allAnswer() {
      return devices.every(({ health }) => health.state.state === 'ok');
    },
    close: async () => {
      await Promise.all(devices.map((device) => device.close()));
      ending.abort(new Error('reading ends'));
      await Promise.all(lines);
    },
  };
}
