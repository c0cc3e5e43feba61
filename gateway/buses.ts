import type { BusConfig, DeviceConfig } from '../config/config.ts';
import type { ByteStream } from '../drivers/bus/byte-stream.ts';
import type { DigitalInputPort, DigitalOutputPort, GpioLines } from '../drivers/bus/gpio.ts';
import type { ModbusBus } from '../drivers/bus/modbus.ts';
import type { Connections, Need } from '../drivers/driver.ts';
import { BusError } from '../drivers/errors.ts';
import { type BusQueue, busQueue } from './bus-queue.ts';
import type { FrameTap, Host } from './host.ts';
import type { Modules } from './modules.ts';
import { type ReopeningStream, reopeningStream } from './reopening-stream.ts';
import { frames, tappedGpio, tappedI2c, tappedStream } from './tap.ts';

/** One bus of the site, in use. */
export interface Bus {
  readonly config: BusConfig;
  readonly queue: BusQueue;
  /** Why the bus cannot be used right now; undefined while it can, or before the first try. */
  readonly failure: BusError | undefined;
  /** Gives a device its place on the bus. Rejects with the BusError of an opening that failed. */
  connect(device: DeviceConfig): Promise<Connections[Need]>;
  /** Resolves when the first opening has succeeded or failed. */
  readonly tried: Promise<void>;
  /** Keeps the bus open until `signal` is aborted, then closes it. */
  run(signal: AbortSignal): Promise<void>;
}

/** Prepares a bus; nothing is opened before `run`. `tap` sees its frames. */
export function prepareBus(config: BusConfig, host: Host, modules: Modules, tap?: FrameTap): Bus {
  switch (config.type) {
    case 'i2c':
      return demandBus(
        config,
        host,
        () => tappedI2c(host.buses.i2c(config.device, config.speedHz), frames(config.id, host, tap)),
        (bus) => bus,
      );
    case 'gpio':
      return demandBus(config, host, () => tappedGpio(host.buses.gpio(), frames('gpio', host, tap)), gpioPort);
    case 'serial': {
      const stream = lineOf(config, host, (signal) => host.buses.serial(config, signal));
      return lineBus(config, host, stream, tappedStream(stream, frames(config.id, host, tap)));
    }
    case 'modbus-rtu': {
      const stream = lineOf(config, host, (signal) => host.buses.serial(config, signal));
      return lineBus(config, host, stream, modbusOn(config, stream, 'rtu', { host, modules, tap }));
    }
    case 'modbus-tcp': {
      const address = { host: config.host, port: config.tcpPort };
      const stream = lineOf(config, host, (signal) => host.buses.tcp(address, signal));
      return lineBus(config, host, stream, modbusOn(config, stream, config.framing, { host, modules, tap }));
    }
  }
}

// ------------------------------------------------------------------------------------------------- lines that carry bytes

type LineConfig = Extract<BusConfig, { type: 'serial' | 'modbus-rtu' | 'modbus-tcp' }>;

function lineOf(config: LineConfig, host: Host, open: Parameters<typeof reopeningStream>[0]['open']): ReopeningStream {
  const name = config.type === 'modbus-tcp' ? `${config.host}:${config.tcpPort}` : config.port;
  return reopeningStream({
    name: `${config.id} (${name})`,
    clock: host.clock,
    random: host.random,
    open,
    onChange: (failure) => {
      if (failure === undefined) host.log('info', 'bus-open', { bus: config.id, port: name });
      else host.log('warning', 'bus-lost', { bus: config.id, port: name, kind: failure.kind, message: failure.message });
    },
  });
}

function lineBus(config: LineConfig, host: Host, stream: ReopeningStream, connection: ByteStream | ModbusBus): Bus {
  return {
    config,
    queue: busQueue(config.id, host.clock),
    get failure() {
      return stream.failure;
    },
    tried: stream.tried,
    connect: async () => connection,
    run: (signal) => stream.run(signal),
  };
}

function modbusOn(
  config: Extract<BusConfig, { type: 'modbus-rtu' | 'modbus-tcp' }>,
  stream: ReopeningStream,
  framing: 'rtu' | 'tcp',
  { host, modules, tap }: { host: Host; modules: Modules; tap: FrameTap | undefined },
): ModbusBus {
  if (modules.openModbus === undefined) throw new Error(`${config.id}: the Modbus library was not loaded`);
  const isSerial = config.type === 'modbus-rtu';
  const options = {
    name: config.id,
    framing,
    timeoutMs: config.timeoutMs,
    pauseMs: isSerial ? config.pauseMs : 0,
    echo: isSerial && config.echo,
    ...(isSerial ? { baud: config.baud } : {}),
    onBroken: () => stream.drop(),
  };
  return modules.openModbus(tappedStream(stream, frames(config.id, host, tap)), options, host.clock);
}

// ---------------------------------------------------------------------------------- buses that are opened when first used

/** A bus without a cable of its own: it is opened at the first use and, after a failure, at the next. */
function demandBus<Opened extends { close(): Promise<void> }>(
  config: BusConfig,
  host: Host,
  open: () => Promise<Opened>,
  place: (opened: Opened, device: DeviceConfig) => Connections[Need],
): Bus {
  let opened: Opened | undefined;
  let failure: BusError | undefined;
  return {
    config,
    queue: busQueue(config.id, host.clock),
    get failure() {
      return failure;
    },
    tried: Promise.resolve(),
    connect: async (device) => {
      try {
        opened ??= await open();
      } catch (error) {
        if (!(error instanceof BusError)) throw error;
        if (failure?.message !== error.message)
          host.log('warning', 'bus-lost', { bus: config.id, kind: error.kind, message: error.message });
        failure = error;
        throw error;
      }
      failure = undefined;
      return place(opened, device);
    },
    run: (signal) =>
      new Promise<void>((resolve, reject) => {
        const close = () => (opened?.close() ?? Promise.resolve()).then(resolve, reject);
        if (signal.aborted) close();
        else signal.addEventListener('abort', close, { once: true });
      }),
  };
}

function gpioPort(lines: GpioLines, device: DeviceConfig): DigitalInputPort | DigitalOutputPort {
  const { line } = device.via;
  if (line === undefined) throw new Error(`device ${device.id} has no GPIO line`);
  return device.needs === 'digital_out' ? lines.output(line) : lines.input(line);
}
