import { lineMs, silenceMs } from '../drivers/bus/modbus-timing.ts';
import type { Driver, PlannedRequest } from '../drivers/driver.ts';
import type { BusConfig, Config, DeviceConfig } from './config.ts';

/** An I2C byte and its acknowledgement. */
const BITS_PER_I2C_BYTE = 9;

/** One request of a round. */
export interface RequestPlan {
  readonly readings: readonly string[];
  /** The wire for question, answer and the silence between frames: no device can be quicker. */
  readonly lineMs: number;
  /** With the time that the device usually needs. */
  readonly tookMs: number;
}

/** What one device asks of its bus in one round. */
export interface DevicePlan {
  readonly device: string;
  readonly everyMs: number;
  readonly requests: readonly RequestPlan[];
}

/** What is asked of one bus. Times in milliseconds. */
export interface BusPlan {
  readonly bus: string;
  readonly type: BusConfig['type'];
  readonly baud?: number;
  /** Before each request, written at the bus. */
  readonly pauseMs: number;
  readonly devices: readonly DevicePlan[];
  /** Requests of one round of all devices, and what they take: the wire alone, and with the devices' own time where the others wait for it. */
  readonly requestCount: number;
  readonly lineMs: number;
  readonly roundMs: number;
  /** Shares of the bus's time: of the wire alone, and as it will usually be. Above 1 the polls do not fit. */
  readonly lineShare: number;
  readonly share: number;
  /** The shortest period in which all of its devices can be polled, as one would write it. */
  readonly shortestMs: number;
}

/** Which readings cost a device a request of their own beside its largest one. */
export function extraRequests({ requests }: DevicePlan): readonly RequestPlan[] {
  const [, ...others] = requests
    .filter(({ readings }) => readings.length > 0)
    .toSorted((a, b) => b.readings.length - a.readings.length);
  return others;
}

/** Computes from the configuration alone how busy every bus will be. `drivers` are those of the devices. */
export function planBuses(config: Config, drivers: ReadonlyMap<string, Driver>): BusPlan[] {
  return [...config.buses.values()].map((bus) => {
    const devices = [...config.devices.values()].filter(({ via }) => via.bus === bus.id);
    return planBus(
      bus,
      devices.flatMap((device) => {
        const driver = drivers.get(device.driver);
        return driver === undefined ? [] : [planDevice(device, driver, bus, portsOf(device, config, drivers))];
      }),
    );
  });
}

function planBus(bus: BusConfig, devices: readonly DevicePlan[]): BusPlan {
  const each = (of: (request: RequestPlan, device: DevicePlan) => number) => devices.map((device) => sumOf(device, of));
  const sum = (of: (request: RequestPlan, device: DevicePlan) => number) => each(of).reduce((total, one) => total + one, 0);
  // One device asks one question after the other; those of others are under way meanwhile where the bus takes several.
  const atOnceCount = 'inFlight' in bus ? bus.inFlight : 1;
  const together = (of: (request: RequestPlan, device: DevicePlan) => number) => Math.max(0, ...each(of), sum(of) / atOnceCount);
  const lineMs = sum((request) => request.lineMs);
  const lineShare = sum((request, { everyMs }) => request.lineMs / everyMs);
  // On I2C others go on while a device takes its time.
  const isShared = bus.type === 'i2c';
  const roundMs = isShared ? Math.max(lineMs, ...each(({ tookMs }) => tookMs)) : together(({ tookMs }) => tookMs);
  return {
    bus: bus.id,
    type: bus.type,
    ...('baud' in bus ? { baud: bus.baud } : {}),
    pauseMs: bus.type === 'modbus-rtu' ? bus.pauseMs : 0,
    devices,
    requestCount: sum(() => 1),
    lineMs,
    roundMs,
    lineShare,
    share: isShared ? lineShare : together((request, { everyMs }) => request.tookMs / everyMs),
    shortestMs: readable(roundMs),
  };
}

function sumOf(device: DevicePlan, of: (request: RequestPlan, device: DevicePlan) => number): number {
  return device.requests.reduce((sum, request) => sum + of(request, device), 0);
}

/** The ports that a device is plugged into: what they cost to read, and how often they are looked at. */
interface PortPlan {
  readonly requests: readonly Omit<PlannedRequest, 'readings'>[];
  readonly lookMs?: number | undefined;
}

function portsOf(device: DeviceConfig, config: Config, drivers: ReadonlyMap<string, Driver>): PortPlan | undefined {
  const provider = config.providers.get(device.via.port?.provider ?? '');
  const ports = drivers.get(provider?.driver ?? '')?.ports;
  if (provider === undefined || ports === undefined) return undefined;
  return { requests: ports.plan(provider.spec), ...(device.needs === 'digital_in' && { lookMs: ports.lookMs }) };
}

/** At a port, each question that the driver has is what the port costs. */
function requestsOf(device: DeviceConfig, driver: Driver, port: PortPlan | undefined): readonly PlannedRequest[] {
  const own = driver.plan(device.spec);
  if (port === undefined) return own;
  return own.flatMap(({ readings }) =>
    port.requests.map((request, index) => ({ ...request, readings: index === 0 ? readings : [] })),
  );
}

function planDevice(device: DeviceConfig, driver: Driver, bus: BusConfig, port: PortPlan | undefined): DevicePlan {
  const requests = requestsOf(device, driver, port).map((request) => {
    const onLineMs = onLine(request, bus);
    return { readings: request.readings, lineMs: onLineMs, tookMs: onLineMs + request.waitMs };
  });
  return { device: device.id, everyMs: Math.min(device.everyMs, port?.lookMs ?? device.everyMs), requests };
}

function onLine({ writeBytes, readBytes }: PlannedRequest, bus: BusConfig): number {
  switch (bus.type) {
    case 'modbus-rtu':
      // By a silence the slave knows the end of the question, and by another we that of the answer.
      return 2 * silenceMs(bus.baud) + bus.pauseMs + lineMs(writeBytes + readBytes, bus.baud);
    case 'i2c':
      return ((writeBytes + readBytes) * BITS_PER_I2C_BYTE * 1000) / bus.speedHz;
    case 'serial':
      return lineMs(writeBytes + readBytes, bus.baud);
    case 'modbus-tcp':
    case 'gpio':
    case 'gateway':
    // The kernel drives the wire, and takes most of its time to wait for the probe.
    case 'onewire':
      return 0;
  }
}

/** Up to the next number that one would write: tenths of a second, then seconds. */
function readable(ms: number): number {
  const step = ms > 1_000 ? 1_000 : 100;
  return Math.max(step, Math.ceil(ms / step) * step);
}
