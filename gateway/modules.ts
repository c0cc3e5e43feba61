import type { Config } from '../config/config.ts';
import type { Driver } from '../drivers/driver.ts';
import { loadDriver } from '../drivers/registry.ts';
import type { openLearned } from './learned.ts';

/** The code that a site needs beyond the gateway's own, loaded before time starts: only the real host imports while it runs, each bus at its first use. */
export interface Modules {
  readonly drivers: ReadonlyMap<string, Driver>;
  /** Present when the site has devices of which something is learned: those on Modbus. */
  readonly openLearned?: typeof openLearned;
}

/** Loads what the site's devices use, and nothing else. */
export async function loadModules(config: Pick<Config, 'buses' | 'devices' | 'providers'>): Promise<Modules> {
  const drivers = new Map<string, Driver>();
  for (const { driver: id } of [...config.devices.values(), ...config.providers.values()]) {
    if (drivers.has(id)) continue;
    const driver = await loadDriver(id);
    if (driver === undefined) throw new Error(`no driver ${id}: a checked configuration never names one`);
    drivers.set(id, driver);
  }
  const usesModbus = [...config.buses.values()].some(({ type }) => type === 'modbus-rtu' || type === 'modbus-tcp');
  return usesModbus ? { drivers, openLearned: (await import('./learned.ts')).openLearned } : { drivers };
}
