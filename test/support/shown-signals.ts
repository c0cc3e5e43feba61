import type { Config, DeviceConfig } from '../../config/config.ts';
import { localOffsetMs } from '../../simulator/local-time.ts';
import { createRandom } from '../../simulator/random.ts';
import { createSignals, type Signal } from '../../simulator/signals.ts';

/** The world that a simulation began with. */
export interface WorldStart {
  readonly seed: number;
  readonly startWallMs: number;
}

/** What the simulated hardware of a device shows, by reading, straight from its signals: nothing of drivers and models lies in between. */
export function shownSignals(
  device: DeviceConfig,
  config: Config,
  { seed, startWallMs }: WorldStart,
): ReadonlyMap<string, Signal> {
  return createSignals({
    device: device.id,
    simulate: device.simulate,
    units: new Map(device.channels.map(({ reading, unit }) => [reading, unit])),
    random: createRandom(seed).fork('world').fork(`device/${device.id}`).fork('signals'),
    isOn: () => false,
    localStartMs: startWallMs + localOffsetMs(config.gateway.timezone, startWallMs),
  });
}
