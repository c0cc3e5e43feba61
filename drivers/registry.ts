import type { Driver } from './driver.ts';

/** Every driver of this version, loaded only when a site uses it. Adding a driver is one line here. */
const DRIVERS = {
  ads1115: async () => (await import('./ads1115.ts')).ads1115,
  analog: async () => (await import('./analog.ts')).analog,
  bh1750: async () => (await import('./bh1750.ts')).bh1750,
  bme280: async () => (await import('./bme280.ts')).bme280,
  'digital-in': async () => (await import('./digital-in.ts')).digitalIn,
  'digital-out': async () => (await import('./digital-out.ts')).digitalOut,
  dnms: async () => (await import('./dnms.ts')).dnms,
  'dsmr-p1': async () => (await import('./dsmr-p1.ts')).dsmrP1,
  'gateway-self': async () => (await import('./gateway-self.ts')).gatewaySelf,
  mcp23017: async () => (await import('./mcp23017.ts')).mcp23017,
  mhz19: async () => (await import('./mhz19.ts')).mhz19,
  'modbus-map': async () => (await import('./modbus-map.ts')).modbusMap,
  nmea: async () => (await import('./nmea.ts')).nmea,
  pms5003: async () => (await import('./pms5003.ts')).pms5003,
  'pulse-counter': async () => (await import('./pulse-counter.ts')).pulseCounter,
  scd4x: async () => (await import('./scd4x.ts')).scd4x,
  sds011: async () => (await import('./sds011.ts')).sds011,
  sht3x: async () => (await import('./sht3x.ts')).sht3x,
  w1_therm: async () => (await import('./w1_therm.ts')).w1Therm,
} as const;

/** The ids of all drivers, in alphabetical order. */
export const DRIVER_IDS: readonly string[] = Object.keys(DRIVERS).sort();

/** Loads a driver, or returns undefined when this version has none of that name. */
export async function loadDriver(id: string): Promise<Driver | undefined> {
  if (!Object.hasOwn(DRIVERS, id)) return undefined;
  // Each driver is precise about its own connection and options; whoever opens one matches them by `needs` and `with`.
  return (await DRIVERS[id as keyof typeof DRIVERS]()) as unknown as Driver;
}
