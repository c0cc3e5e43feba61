import type { BusConfig, ChannelConfig, Config, DeviceConfig, SignalConfig } from '../../config/config.ts';
import type { ModbusSpec, OutputSpec, ReadingSpec } from '../../drivers/driver.ts';
import type { ModelContext } from '../../simulator/devices/model.ts';
import { createRandom } from '../../simulator/random.ts';

/** 2026-03-01T00:00:00Z */
export const START_WALL_MS = 1_772_323_200_000;

export const I2C = { type: 'i2c', id: 'i2c1', device: '/dev/i2c-1', speedHz: 100_000 } as const satisfies BusConfig;
export const SERIAL = { type: 'serial', id: 'pm', port: '/dev/ttyUSB0', baud: 9600, format: '8N1' } as const satisfies BusConfig;
export const RTU = {
  type: 'modbus-rtu',
  id: 'meters',
  port: '/dev/ttyAMA0',
  baud: 9600,
  format: '8N1',
  timeoutMs: 300,
  pauseMs: 0,
  echo: false,
} as const satisfies BusConfig;
export const TCP = {
  type: 'modbus-tcp',
  id: 'plant',
  host: '10.0.0.5',
  tcpPort: 502,
  timeoutMs: 300,
  framing: 'tcp',
  connectPauseMs: 0,
  inFlight: 1,
} as const satisfies BusConfig;
export const GPIO = { type: 'gpio', id: 'gpio' } as const satisfies BusConfig;

export function constant(value: number): SignalConfig {
  return { type: 'constant', value, noise: 0 };
}

/** What tests say about a device; everything else is filled in. */
export interface DeviceSketch {
  readonly id?: string;
  readonly board?: string;
  readonly driver: string;
  readonly bus?: string;
  readonly line?: number;
  readonly address?: number;
  readonly with?: unknown;
  readonly readings?: readonly ReadingSpec[];
  readonly modbus?: Partial<ModbusSpec>;
  readonly outputs?: readonly OutputSpec[];
  readonly kind?: ChannelConfig['kind'];
  readonly precision?: number;
  readonly simulate?: Readonly<Record<string, SignalConfig>>;
}

const NEEDS = {
  ads1115: 'i2c',
  mcp23017: 'i2c',
  analog: 'analog',
  bh1750: 'i2c',
  bme280: 'i2c',
  dnms: 'i2c',
  scd4x: 'i2c',
  sht3x: 'i2c',
  'dsmr-p1': 'serial',
  mhz19: 'serial',
  nmea: 'serial',
  pms5003: 'serial',
  sds011: 'serial',
  w1_therm: 'onewire',
  'modbus-map': 'modbus',
  'digital-in': 'digital_in',
  'digital-out': 'digital_out',
  'pulse-counter': 'digital_in',
  'gateway-self': 'gateway',
} as const;

export function device(sketch: DeviceSketch): DeviceConfig {
  const simulate = new Map(Object.entries(sketch.simulate ?? {}));
  const readings = sketch.readings ?? [...simulate.keys()].map((id) => ({ id }));
  const modbus: ModbusSpec = {
    readWith: 'input',
    encoding: 'float32',
    byteOrder: 'ABCD',
    registersMax: 40,
    holes: [],
    ...sketch.modbus,
  };
  return {
    id: sketch.id ?? 'thing',
    name: {},
    board: sketch.board ?? sketch.driver,
    driver: sketch.driver,
    needs: NEEDS[sketch.driver as keyof typeof NEEDS],
    via: { bus: sketch.bus ?? 'bus', ...(sketch.line === undefined ? {} : { line: sketch.line }) },
    ...(sketch.address === undefined ? {} : { address: sketch.address }),
    everyMs: 5000,
    spec: { board: sketch.board ?? sketch.driver, with: sketch.with ?? {}, readings, outputs: sketch.outputs ?? [], modbus },
    readTimeMs: 0,
    channels: readings.map(({ id }) => channel(id, sketch.kind ?? 'gauge', sketch.precision ?? 1)),
    outputs: [],
    simulate,
  };
}

function channel(reading: string, kind: ChannelConfig['kind'], precision: number): ChannelConfig {
  return {
    reading,
    name: {},
    quantity: 'count',
    unit: '1',
    precision,
    kind,
    sensor: reading,
    component: 'test',
    cityType: 'status',
    publish: true,
    sendSuspect: false,
    reject: [],
  };
}

export function site(buses: readonly BusConfig[], devices: readonly DeviceConfig[]): Config {
  return {
    file: 'test.gateway.yaml',
    gateway: { id: 'test', name: {}, timezone: 'Europe/Madrid', languages: ['ca'] },
    buffer: { keepMs: 86_400_000, maxSizeBytes: 1 << 24, syncMs: 1000 },
    buses: new Map(buses.map((bus) => [bus.id, bus])),
    devices: new Map(devices.map((each) => [each.id, each])),
    providers: new Map(),
    skipped: new Map(),
    rules: new Map(),
  };
}

/** A model's context whose readings have these values at all times. */
export function context(sketch: DeviceSketch, values: Readonly<Record<string, number | string>>): ModelContext {
  return {
    device: device(sketch),
    signal: (reading) => Number(values[reading] ?? 0),
    text: (reading) => String(values[reading] ?? ''),
    nextChangeMs: () => undefined,
    switched: () => {},
    pluggedInto: () => undefined,
    wallMs: (atMs) => START_WALL_MS + atMs,
    random: createRandom(1),
  };
}
