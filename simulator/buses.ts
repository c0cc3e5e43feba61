import type { BusConfig, Config, DeviceConfig } from '../config/config.ts';
import type { SerialFormat } from '../drivers/bus/byte-stream.ts';
import { BusError } from '../drivers/errors.ts';
import type { Buses } from '../gateway/host.ts';
import { fates } from './bus/disturb.ts';
import { simulatedGpio } from './bus/gpio.ts';
import { simulatedI2cBus } from './bus/i2c.ts';
import { type FarEnd, type Line, simulatedLine, type Wire } from './bus/line.ts';
import { simulatedMachine } from './bus/machine.ts';
import { modbusRtuSlaves } from './bus/modbus-rtu.ts';
import { modbusTcpServer } from './bus/modbus-tcp.ts';
import { simulatedOneWire } from './bus/onewire.ts';
import { pluggedIn } from './bus/plugged-in.ts';
import { serialDevice } from './bus/serial-device.ts';
import type { PlacedModel, World } from './bus/world.ts';
import type { DeviceModel, ModelContext, ModelFactory, PluggedIn } from './devices/model.ts';
import { localOffsetMs } from './local-time.ts';
import { createSignals } from './signals.ts';
import { type SwitchedOutputs, switchedOutputs } from './switched-outputs.ts';

/** One way through a local network, and one byte on it at 100 Mbit/s. */
const NETWORK_LATENCY_MS = 0.5;
const NETWORK_BYTE_MS = 0.00008;

/**
 * The site's buses with simulated hardware on them. A bus is found by what the site's file says about it: port, address
 * or device file. Every device model is loaded before this resolves, so that nothing is imported while time runs.
 */
export async function simulatedBuses(config: Config, world: World): Promise<Buses> {
  const models = new Map<string, PlacedModel[]>();
  const gpioLines = new Map<number, PlacedModel>();
  const plugged = new Map<string, PluggedIn>();
  const outputs = world.outputs ?? switchedOutputs();
  const place = async (device: DeviceConfig): Promise<PlacedModel> => {
    const pluggedInto = (port: string) => plugged.get(`${device.id}.${port}`);
    const model = await loadModel(device, config, { ...world, outputs }, pluggedInto);
    return { device: device.id, model, fate: fates(world, device.id) };
  };
  const [atPorts, others] = split(config);
  for (const device of atPorts) {
    const { port } = device.via;
    plugged.set(`${port?.provider}.${port?.id}`, pluggedIn(await place(device), world));
  }
  for (const device of others) {
    const placed = await place(device);
    models.set(device.via.bus, [...(models.get(device.via.bus) ?? []), placed]);
    if (device.via.line !== undefined) gpioLines.set(device.via.line, placed);
  }
  const buses = [...config.buses.values()];
  const serial = new Map(buses.filter(isSerial).map((bus) => [bus.port, serialLine(bus, models.get(bus.id) ?? [], world)]));
  const tcp = new Map(
    buses.filter(isTcp).map((bus) => [`${bus.host}:${bus.tcpPort}`, tcpLine(bus, models.get(bus.id) ?? [], world)]),
  );
  const i2c = new Map(
    buses.filter(isI2c).map((bus) => {
      const options = { bus: bus.id, name: bus.device, speedHz: bus.speedHz };
      return [bus.device, simulatedI2cBus(options, ofKind(models.get(bus.id) ?? [], 'i2c'), world)];
    }),
  );
  const oneWire = new Map(
    buses
      .filter(({ type }) => type === 'onewire')
      .map(({ id }) => [id, simulatedOneWire(id, ofKind(models.get(id) ?? [], 'onewire'), world)]),
  );
  const lines = new Map([...gpioLines].map(([line, placed]) => [line, single(placed, 'line')]));
  return {
    serial: async ({ port }) => found(serial.get(port), port).open(),
    tcp: async ({ host, port }) => found(tcp.get(`${host}:${port}`), `${host}:${port}`).open(),
    i2c: async (device) => found(i2c.get(device), device)(),
    onewire: async (bus) => found(oneWire.get(bus), bus)(),
    gpio: simulatedGpio(lines, world),
    gateway: simulatedMachine(ofKind(models.get('gateway') ?? [], 'gateway')[0], world),
  };
}

/** The devices at ports of others, and all others, with those that do nothing but provide ports. */
function split({ devices, providers }: Config): readonly [readonly DeviceConfig[], readonly DeviceConfig[]] {
  const asked = [...devices.values()];
  const nothing = { name: {}, everyMs: 0, readTimeMs: 0, channels: [], outputs: [], simulate: new Map() };
  const only = [...providers.values()].filter(({ id }) => !devices.has(id)).map((provider) => ({ ...provider, ...nothing }));
  return [asked.filter(({ via }) => via.port !== undefined), [...asked.filter(({ via }) => via.port === undefined), ...only]];
}

function found<T>(thing: T | undefined, name: string): T {
  if (thing === undefined) throw new BusError('absent', `${name} is not there: the simulated site has no such port`);
  return thing;
}

async function loadModel(
  device: DeviceConfig,
  config: Config,
  world: World & { readonly outputs: SwitchedOutputs },
  pluggedInto: ModelContext['pluggedInto'],
): Promise<DeviceModel> {
  // biome-ignore lint/plugin: a model is found by its driver's name, and the written part of the path keeps it in this folder.
  const module = await import(`./devices/${device.driver}.ts`).catch((cause: unknown) => {
    throw new Error(`driver ${device.driver} has no device model simulator/devices/${device.driver}.ts`, { cause });
  });
  const createModel: ModelFactory = module.model;
  const random = world.random.fork(`device/${device.id}`);
  const { ageMs = 0, epochWallMs, outputs } = world;
  const signals = createSignals({
    device: device.id,
    simulate: device.simulate,
    units: new Map(device.channels.map((channel) => [channel.reading, channel.unit])),
    random: random.fork('signals'),
    isOn: (output, atMs) => outputs.isOn(output, atMs - ageMs),
    localStartMs: epochWallMs - ageMs + localOffsetMs(config.gateway.timezone, epochWallMs),
  });
  const ranges = new Map(device.channels.map(({ reading, rollover, counterRange }) => [reading, rollover ?? counterRange]));
  return createModel({
    device,
    signal: (reading, atMs) => {
      const range = ranges.get(reading) ?? Number.POSITIVE_INFINITY;
      const value = (signals.get(reading)?.at(atMs + ageMs) ?? 0) % range;
      world.shown?.(device.id, reading, atMs, value);
      return value;
    },
    text: (reading) => {
      const shown = device.simulate.get(reading);
      return shown?.type === 'text' ? shown.text : '';
    },
    nextChangeMs: (reading, atMs) => {
      const nextMs = signals.get(reading)?.nextChangeMs(atMs + ageMs);
      return nextMs === undefined ? undefined : nextMs - ageMs;
    },
    switched: (output, isOn, atMs) => outputs.set(`${device.id}.${output}`, isOn, atMs),
    pluggedInto,
    wallMs: (atMs) => epochWallMs + atMs,
    random: random.fork('model'),
  });
}

// ---------------------------------------------------------------------------------------------------------------- lines

type SerialBus = Extract<BusConfig, { type: 'serial' | 'modbus-rtu' }>;
type TcpBus = Extract<BusConfig, { type: 'modbus-tcp' }>;
type I2cBusConfig = Extract<BusConfig, { type: 'i2c' }>;

function isSerial(bus: BusConfig): bus is SerialBus {
  return bus.type === 'serial' || bus.type === 'modbus-rtu';
}

function isTcp(bus: BusConfig): bus is TcpBus {
  return bus.type === 'modbus-tcp';
}

function isI2c(bus: BusConfig): bus is I2cBusConfig {
  return bus.type === 'i2c';
}

function serialLine(bus: SerialBus, models: readonly PlacedModel[], world: World): Line {
  const byteMs = (bitsPerByte(bus.format) * 1000) / bus.baud;
  const attach = (wire: Wire): FarEnd => {
    if (bus.type === 'modbus-rtu') return modbusRtuSlaves(ofKind(models, 'modbus'), byteMs, world, wire);
    const ends = ofKind(models, 'serial').map((placed) => serialDevice(placed, world, wire));
    return {
      receive: (bytes) => {
        for (const end of ends) end.receive(bytes);
      },
      close: () => {
        for (const end of ends) end.close?.();
      },
    };
  };
  const echo = bus.type === 'modbus-rtu' && bus.echo;
  return simulatedLine({ bus: bus.id, name: bus.port, byteMs, latencyMs: 0, echo, attach }, world);
}

function tcpLine(bus: TcpBus, models: readonly PlacedModel[], world: World): Line {
  const slaves = ofKind(models, 'modbus');
  const attach = (wire: Wire) =>
    bus.framing === 'rtu' ? modbusRtuSlaves(slaves, NETWORK_BYTE_MS, world, wire) : modbusTcpServer(slaves, world, wire);
  const name = `${bus.host}:${bus.tcpPort}`;
  return simulatedLine({ bus: bus.id, name, byteMs: NETWORK_BYTE_MS, latencyMs: NETWORK_LATENCY_MS, echo: false, attach }, world);
}

/** Start bit, data bits, parity bit if any, stop bits. */
function bitsPerByte(format: SerialFormat): number {
  return 1 + Number(format[0]) + (format[1] === 'N' ? 0 : 1) + Number(format[2]);
}

// --------------------------------------------------------------------------------------------------------------- models

type ModelOf<Kind extends DeviceModel['kind']> = Extract<DeviceModel, { kind: Kind }>;

function ofKind<Kind extends DeviceModel['kind']>(placed: readonly PlacedModel[], kind: Kind): PlacedModel<ModelOf<Kind>>[] {
  return placed.map((one) => single(one, kind));
}

function single<Kind extends DeviceModel['kind']>(placed: PlacedModel, kind: Kind): PlacedModel<ModelOf<Kind>> {
  const { device, model } = placed;
  if (model.kind !== kind) throw new Error(`device ${device} has a model of kind ${model.kind} where its bus carries ${kind}`);
  return { ...placed, model: model as ModelOf<Kind> };
}
