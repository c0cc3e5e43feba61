import type { BusConfig, DeviceConfig } from '../../../config/config.ts';
import type { OpenByteStream } from '../../../drivers/bus/byte-stream.ts';
import type { Buses, BusFrame } from '../../../gateway/host.ts';
import { simulatedBuses } from '../../../simulator/buses.ts';
import { VirtualClock } from '../../../simulator/clock.ts';
import type { Fault } from '../../../simulator/faults.ts';
import { createRandom } from '../../../simulator/random.ts';
import { turn } from '../../../simulator/wire/turn.ts';
import { hex } from '../../support/hex.ts';
import { constant, device, START_WALL_MS, site } from '../site.ts';

export const FOR_EVER = { fromMs: 0, toMs: Number.POSITIVE_INFINITY };
export const signal = new AbortController().signal;

export const HALL = device({
  id: 'hall',
  driver: 'sht3x',
  bus: 'i2c1',
  address: 0x44,
  simulate: { temperature: constant(20), humidity: constant(50) },
});
export const PARTICLES = device({
  id: 'particles',
  driver: 'sds011',
  bus: 'pm',
  simulate: { pm2_5: constant(0.6), pm10: constant(0.6) },
});
export const meter = (id: string, bus: string, unit: number) =>
  device({
    id,
    driver: 'modbus-map',
    bus,
    address: unit,
    readings: [{ id: 'current', at: 6 }],
    simulate: { current: constant(1.2) },
  });
export const DOOR = device({
  id: 'door',
  driver: 'digital-in',
  bus: 'gpio',
  line: 17,
  with: { pull: 'up', active: 'low', debounce: 30 },
  kind: 'state',
  simulate: { closed: { type: 'bursts', perDay: 24, minutes: 5, rate: 1 } },
});
export const LIGHT = device({ id: 'light', driver: 'digital-out', bus: 'gpio', line: 27 });

/** The Modbus manual's question for registers 6 and 7 of unit 1, and its answer. */
export const QUESTION = '01040006000291ca';
export const ANSWER = '0104043f99999acd84';

export interface TestWorld {
  readonly clock: VirtualClock;
  readonly buses: Buses;
  readonly frames: BusFrame[];
}

/** Simulated buses with these devices on them, at the start of time. */
export async function world(
  buses: readonly BusConfig[],
  devices: readonly DeviceConfig[],
  faults: readonly Fault[] = [],
  ageMs = 0,
): Promise<TestWorld> {
  const clock = new VirtualClock(START_WALL_MS, turn);
  const frames: BusFrame[] = [];
  const tap = (frame: BusFrame) => frames.push({ ...frame, bytes: frame.bytes.slice() });
  const made = await simulatedBuses(site(buses, devices), {
    clock,
    random: createRandom(1),
    faults,
    epochWallMs: START_WALL_MS,
    ageMs,
    tap,
  });
  return { clock, buses: made, frames };
}

/** Collects what arrives on a line, as hexadecimal, with the time of the last byte. */
export function listen(stream: OpenByteStream, clock: VirtualClock) {
  const heard = { hex: '', chunks: 0, atMs: Number.NaN };
  stream.onBytes((chunk) => {
    heard.hex += hex(chunk);
    heard.chunks += 1;
    heard.atMs = clock.monotonicMs();
  });
  return heard;
}

/** A fault of a device that hits every answer, from the start to the end of time unless said otherwise. */
export function deviceFault(kind: Extract<Fault, { at: 'device' }>['kind'], target: string, more: object = {}): Fault {
  return { at: 'device', device: target, kind, rate: 1, ...FOR_EVER, ...more };
}
