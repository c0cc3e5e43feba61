import type { Config, DeviceConfig } from '../config/config.ts';
import type { Clock } from '../drivers/clock.ts';
import type { Connections, Driver, Need, OpenPort, PortNeed } from '../drivers/driver.ts';
import type { Turn } from './bus-queue.ts';
import type { Bus } from './buses.ts';

/**
 * Gives a device what its driver needs: its place on a bus, or a port of another device. `turn` is asked for each of its
 * requests. Rejects with the BusError of a bus that could not be opened.
 */
export type Connect = (device: DeviceConfig, bus: Bus, turn: () => Turn) => Promise<Connections[Need]>;

/** Who answers for a device on its bus: itself, or the board that it is a part of. One name for each. */
export function boardOf({ address, id, via }: Pick<DeviceConfig, 'address' | 'id' | 'via'>): string {
  return `${via.bus}/${address ?? via.port?.provider ?? id}`;
}

/** The places of a site's devices. What the ports of one device share is opened once, with the first of them. */
export function openPlaces(
  { providers }: Pick<Config, 'providers'>,
  drivers: ReadonlyMap<string, Driver>,
  clock: Clock,
): Connect {
  const opened = new Map<string, OpenPort>();
  return async (device, bus, turn) => {
    const { port } = device.via;
    if (port === undefined) return await bus.connect(device, turn);
    const provider = providers.get(port.provider);
    const ports = drivers.get(provider?.driver ?? '')?.ports;
    if (provider === undefined || ports === undefined) throw new Error(`${device.id}: ${port.provider} was not loaded`);
    const connection = await bus.connect(provider, turn);
    const open = opened.get(provider.id) ?? ports.open(provider.spec, clock);
    opened.set(provider.id, open);
    return open(port.id, device.needs as PortNeed, connection);
  };
}
