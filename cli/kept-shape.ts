import { z } from 'zod';
import type { BusConfig, DeviceConfig, PlaceConfig } from '../config/config.ts';
import { DRIVER_IDS } from '../drivers/registry.ts';

const count = z.number().nonnegative();
const line = { id: z.string(), port: z.string(), baud: count, format: z.string() };
const BUS = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('gpio'), id: z.string() }),
  z.looseObject({ type: z.literal('gateway'), id: z.string() }),
  z.looseObject({ type: z.literal('onewire'), id: z.string() }),
  z.looseObject({ type: z.literal('i2c'), id: z.string(), device: z.string(), speedHz: count }),
  z.looseObject({ type: z.literal('serial'), ...line }),
  z.looseObject({ type: z.literal('modbus-rtu'), ...line, timeoutMs: count, pauseMs: count }),
  z.looseObject({
    type: z.literal('modbus-tcp'),
    id: z.string(),
    host: z.string(),
    tcpPort: count,
    timeoutMs: count,
    framing: z.enum(['tcp', 'rtu']),
    connectPauseMs: count,
    inFlight: count,
  }),
]);
/** Where a switch lies is compared with what the site has there now. */
const SWITCH = z.looseObject({ id: z.string(), coil: count.optional(), register: z.looseObject({ at: count }).optional() });
const PLACE = z.looseObject({
  id: z.string(),
  driver: z.enum(DRIVER_IDS),
  needs: z.string(),
  via: z.looseObject({
    bus: z.string(),
    line: count.optional(),
    port: z.looseObject({ provider: z.string(), id: z.string() }).optional(),
  }),
  address: count.optional(),
  spec: z.looseObject({ readings: z.array(z.unknown()), outputs: z.array(SWITCH), ports: z.array(SWITCH).optional() }),
});
const DEVICE = PLACE.extend({
  everyMs: count,
  readTimeMs: count,
  channels: z.array(z.never()),
  outputs: z.array(z.looseObject({ id: z.string(), safe: z.boolean() })),
});
const SITE = z.looseObject({ buses: z.array(z.unknown()), devices: z.array(z.unknown()), providers: z.array(z.unknown()) });

/** The part of a site that making its outputs safe takes, as lists: no secret is among it. */
export interface KeptSite {
  readonly buses: readonly BusConfig[];
  /** Without what they read. */
  readonly devices: readonly DeviceConfig[];
  readonly providers: readonly PlaceConfig[];
}

/**
 * What of a site can be used that was read from a file: each device that has the shape of one, and what it is plugged into.
 * `isWhole` is false where something had to be left out. What a driver makes of its own options is not looked at.
 */
export function siteOfShape(value: unknown): { readonly site: KeptSite; readonly isWhole: boolean } {
  const lists = SITE.safeParse(value).data ?? { buses: [], devices: [], providers: [] };
  const buses = lists.buses.filter((bus): bus is BusConfig => BUS.safeParse(bus).success);
  const known = new Set(buses.map(({ id }) => id));
  const providers = lists.providers.filter(
    (place): place is PlaceConfig => PLACE.safeParse(place).success && known.has((place as PlaceConfig).via.bus),
  );
  const provided = new Set(providers.map(({ id }) => id));
  const devices = lists.devices.filter((device): device is DeviceConfig => {
    if (!DEVICE.safeParse(device).success) return false;
    const { bus, port } = (device as DeviceConfig).via;
    return known.has(bus) && (port === undefined || provided.has(port.provider));
  });
  return {
    site: { buses, devices, providers },
    isWhole: SITE.safeParse(value).success && devices.length === lists.devices.length,
  };
}
