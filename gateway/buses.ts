import type { BusConfig, PlaceConfig } from '../config/config.ts';
import type { ByteStream, Unsubscribe } from '../drivers/bus/byte-stream.ts';
import type { DigitalInputPort, DigitalOutputPort, GpioLines } from '../drivers/bus/gpio.ts';
import type { I2cBus } from '../drivers/bus/i2c.ts';
import type { ModbusBus } from '../drivers/bus/modbus.ts';
import { isOrder } from '../drivers/bus/modbus-frame.ts';
import { modbusFunctions } from '../drivers/bus/modbus-functions.ts';
import { type ModbusLine, type ModbusOptions, openModbusLine } from '../drivers/bus/modbus-line.ts';
import { lineMs } from '../drivers/bus/modbus-timing.ts';
import type { Connections, Need } from '../drivers/driver.ts';
import { BusError } from '../drivers/errors.ts';
import { type BusLoad, openBusLoad } from './bus-load.ts';
import { type BusQueue, busQueue, type Turn } from './bus-queue.ts';
import type { FrameTap, Host } from './host.ts';
import { onDemand } from './on-demand.ts';
import type { OwnHealth } from './own-health.ts';
import { type ReopeningStream, reopeningStream } from './reopening-stream.ts';
import { frames, tappedGpio, tappedI2c, tappedOneWire, tappedStream } from './tap.ts';

/** One bus of the site, in use. */
export interface Bus {
  readonly config: BusConfig;
  readonly queue: BusQueue;
  readonly load: BusLoad;
  /** What is counted on it, where it carries Modbus. */
  readonly line?: ModbusLine;
  /** Why the bus cannot be used right now; undefined while it can, or before the first try. */
  readonly failure: BusError | undefined;
  /**
   * Gives a device its place on the bus. Where every request takes its own turn, `turn` tells which. Rejects with the
   * BusError of an opening that failed.
   */
  connect(device: PlaceConfig, turn: () => Turn): Promise<Connections[Need]>;
  /**
   * Runs what a device does in one go: alone on the bus, or, where every request takes its own turn, beside the others.
   * Rejects as soon as `signal` is aborted.
   */
  transact(turn: Turn, signal: AbortSignal, work: (signal: AbortSignal) => Promise<void>): Promise<void>;
  /** Resolves when the first opening has succeeded or failed. */
  readonly tried: Promise<void>;
  /** Calls `listener` when a Modbus unit answers too late. It is there, and one that `wasCutShort` would have been in time. */
  onLate?(listener: (unit: number, wasCutShort: boolean) => void): Unsubscribe;
  /** Calls `listener` when its adapter was pulled out. A connection that its peer closes is no such thing. */
  onLost?(listener: () => void): Unsubscribe;
  /**
   * How long what makes an output safe may take to get through, where a part of all frames gets lost: two questions in vain, each
   * sent again and again.
   */
  readonly safeMs?: number;
  /** Keeps the bus free for what makes an output safe at `atMs`: nothing is begun that could still be under way. Returns what ends that. */
  holdFor?(atMs: number, board: string): () => void;
  /** Keeps the bus open until `signal` is aborted, then closes it. */
  run(signal: AbortSignal): Promise<void>;
}

/** Prepares a bus; nothing is opened before `run`. `tap` sees its frames; `own` is what a running gateway tells of itself. */
export function prepareBus(config: BusConfig, host: Host, tap?: FrameTap, own?: OwnHealth): Bus {
  switch (config.type) {
    case 'i2c':
      return i2cBus(config, host, tap);
    case 'onewire':
      return exclusiveBus(
        config,
        host,
        () => tappedOneWire(host.buses.onewire(config.id), frames(config.id, host, tap)),
        (bus) => bus,
      );
    case 'gpio':
      return exclusiveBus(config, host, () => tappedGpio(host.buses.gpio(), frames('gpio', host, tap)), gpioPort);
    case 'gateway':
      return exclusiveBus(
        config,
        host,
        () => host.buses.gateway(own?.stateFolder),
        (machine) => ({ read: async () => ({ ...own?.health(), ...(await machine.read()) }) }),
      );
    case 'serial': {
      const stream = lineOf(config, host, (signal) => host.buses.serial(config, signal));
      return serialBus(config, host, stream, tappedStream(stream, frames(config.id, host, tap)));
    }
    case 'modbus-rtu': {
      const stream = lineOf(config, host, (signal) => host.buses.serial(config, signal));
      return modbusBus(config, host, stream, { framing: 'rtu', tap });
    }
    case 'modbus-tcp': {
      const address = { host: config.host, port: config.tcpPort };
      const stream = lineOf(config, host, (signal) => host.buses.tcp(address, signal));
      return modbusBus(config, host, stream, { framing: config.framing, tap });
    }
  }
}

/** The queue of a bus, which tells in the log when a call of it hangs. */
function queueOf({ id }: BusConfig, { clock, log }: Host, slotCount = 1): BusQueue {
  const onHang = (failure: BusError | undefined) => {
    if (failure === undefined) log('info', 'bus-open', { bus: id });
    else log('warning', 'bus-lost', { bus: id, kind: failure.kind, message: failure.message });
  };
  return busQueue(id, clock, { slotCount, onHang });
}

function loadOf({ id }: BusConfig, { log }: Host, slotCount = 1): BusLoad {
  return openBusLoad(slotCount, ({ isSaturated, demand, shortestPeriodMs }) => {
    const fields = { bus: id, demandPercent: Math.round(100 * demand), shortestPeriodMs };
    if (isSaturated) log('warning', 'bus-saturated', fields);
    else log('info', 'bus-no-longer-saturated', fields);
  });
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
    ...(config.type === 'modbus-tcp' ? { pauseMs: config.connectPauseMs } : {}),
    onChange: (failure) => {
      if (failure === undefined) host.log('info', 'bus-open', { bus: config.id, port: name });
      else host.log('warning', 'bus-lost', { bus: config.id, port: name, kind: failure.kind, message: failure.message });
    },
  });
}

/** What all buses on a line have. */
function lineBus(config: LineConfig, host: Host, stream: ReopeningStream, slotCount = 1) {
  const queue = queueOf(config, host, slotCount);
  return {
    config,
    queue,
    load: loadOf(config, host, slotCount),
    get failure() {
      return queue.hung ?? stream.failure;
    },
    tried: stream.tried,
    ...(config.type === 'modbus-tcp' ? {} : { onLost: (listener: () => void) => stream.onClose(() => listener()) }),
    run: (signal: AbortSignal) => stream.run(signal),
  };
}

function serialBus(config: LineConfig, host: Host, stream: ReopeningStream, connection: ByteStream): Bus {
  const common = lineBus(config, host, stream);
  return Object.assign(common, {
    connect: async () => connection,
    transact: common.queue.run.bind(common.queue),
  });
}

type ModbusConfig = Extract<BusConfig, { type: 'modbus-rtu' | 'modbus-tcp' }>;

/** The longest question and answer together. */
const FRAMES_BYTES_MAX = 2 * 256;
/** Until the line is silent, and what the machine may be late. */
const REQUEST_EXTRA_MS = 2_000;

/** Devices share it request by request: one that has many to make keeps nobody waiting longer than for one of them. */
function modbusBus(config: ModbusConfig, host: Host, stream: ReopeningStream, how: HowFramed): Bus {
  const late = new Set<NonNullable<ModbusOptions['onLate']>>();
  const line = modbusLine(config, stream, how, host, (unit, wasCutShort) => {
    for (const listener of late) listener(unit, wasCutShort);
  });
  const common = lineBus(config, host, stream, config.type === 'modbus-tcp' ? config.inFlight : 1);
  const { queue } = common;
  // The line keeps its own, shorter deadline; this one is for an adapter that swallows a request for ever.
  const [baud, pauseMs] = config.type === 'modbus-rtu' ? [config.baud, config.pauseMs] : [undefined, 0];
  const longestMs = pauseMs + config.timeoutMs + lineMs(FRAMES_BYTES_MAX, baud);
  const deadlineMs = longestMs + REQUEST_EXTRA_MS;
  const safeMs = 2 * (pauseMs + config.timeoutMs);
  return Object.assign(common, {
    line,
    safeMs,
    holdFor: (atMs: number, board: string) => queue.hold(atMs - longestMs, atMs + 2 * safeMs, board),
    onLate: (listener: NonNullable<ModbusOptions['onLate']>) => {
      late.add(listener);
      return () => late.delete(listener);
    },
    connect: async ({ spec }: PlaceConfig, turn: () => Turn) =>
      modbusInTurns(line, queue, () => ({ ...turn(), deadlineMs }), spec.modbus?.minPauseMs),
    transact: inOwnTurns,
  });
}

/** A question gives way to others so often, then it takes all of its time. */
const WAYS_MAX = 8;

/** The functions of Modbus, each request in its own turn, and `pauseMs` after the one before to the same slave. */
export function modbusInTurns(line: ModbusLine, queue: BusQueue, turn: () => Turn, pauseMs?: number): ModbusBus {
  const { signal } = new AbortController();
  return modbusFunctions(async (question, { isUrgent = false, isWanted = () => true, isInTime = () => true } = {}) => {
    const mine = turn();
    const isSafe = isUrgent || mine.rank === 'safe';
    const isRepeated = isSafe && isOrder(question);
    const rank = isRepeated ? 'safe' : 'look';
    const request: Turn = { ...mine, ...(isSafe && { rank }), readyMs: () => line.readyMs(question, pauseMs) };
    for (let wayCount = 0; ; wayCount += 1) {
      let hasGivenWay = false;
      const ask = async (_signal: AbortSignal, isInTheWay: () => boolean) => {
        if (!isWanted()) throw new BusError('superseded', 'something newer was asked of the output before this was sent');
        if (isOrder(question) && !isInTime()) throw new BusError('expired', 'it was too old when its turn came');
        const givesWay = () => (hasGivenWay = wayCount < WAYS_MAX && isInTheWay());
        return await line.ask({ ...question, isRepeated, givesWay });
      };
      try {
        return await queue.run(request, signal, ask);
      } catch (error) {
        if (!hasGivenWay) throw error;
      }
    }
  });
}

interface HowFramed {
  readonly framing: 'rtu' | 'tcp';
  readonly tap: FrameTap | undefined;
}

function modbusLine(
  config: ModbusConfig,
  stream: ReopeningStream,
  { framing, tap }: HowFramed,
  host: Host,
  onLate: NonNullable<ModbusOptions['onLate']>,
): ModbusLine {
  const isSerial = config.type === 'modbus-rtu';
  const options = {
    name: config.id,
    framing,
    timeoutMs: config.timeoutMs,
    pauseMs: isSerial ? config.pauseMs : 0,
    echo: isSerial && config.echo,
    ...(isSerial ? { baud: config.baud } : {}),
    onBroken: (cause: BusError) => stream.drop(cause),
    onLate,
  };
  return openModbusLine(tappedStream(stream, frames(config.id, host, tap)), options, host.clock);
}

/** Does what takes its turns by itself: settles as `work` does, or rejects with the signal's reason as soon as it is aborted. */
function inOwnTurns(_turn: Turn, signal: AbortSignal, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    work(signal)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort));
  });
}

// ---------------------------------------------------------------------------------- buses that are opened when first used

/** One call to a native driver of I2C; the kernel itself gives up after a second at most. */
const TRANSFER_MS = 1_500;

/** Devices share it transaction by transaction: a chip that takes its time to measure keeps nobody waiting. */
function i2cBus(config: Extract<BusConfig, { type: 'i2c' }>, host: Host, tap: FrameTap | undefined): Bus {
  const queue = queueOf(config, host);
  const open = () => tappedI2c(host.buses.i2c(config.device, config.speedHz), frames(config.id, host, tap));
  const demand = onDemand(config, host, queue, open);
  return Object.assign(demand.bus, {
    queue,
    load: loadOf(config, host),
    connect: async (_device: PlaceConfig, turn: () => Turn): Promise<I2cBus> => {
      // One for each device: Node takes many listeners of one signal for a leak.
      const { signal } = new AbortController();
      const inTurn = <T>(work: () => Promise<T>) => queue.run({ ...turn(), deadlineMs: TRANSFER_MS }, signal, work);
      await inTurn(demand.opened);
      return {
        transfer: (address, write, readLength) => inTurn(() => demand.use((bus) => bus.transfer(address, write, readLength))),
      };
    },
    transact: inOwnTurns,
  });
}

/** One device after the other, each for as long as it takes. */
function exclusiveBus<Opened extends { close(): Promise<void> }>(
  config: BusConfig,
  host: Host,
  open: () => Promise<Opened>,
  place: (opened: Opened, device: PlaceConfig) => Connections[Need],
): Bus {
  const queue = queueOf(config, host);
  const demand = onDemand(config, host, queue, open);
  return Object.assign(demand.bus, {
    queue,
    load: loadOf(config, host),
    connect: async (device: PlaceConfig) => place(await demand.opened(), device),
    transact: queue.run.bind(queue),
  });
}

function gpioPort(lines: GpioLines, device: PlaceConfig): DigitalInputPort | DigitalOutputPort {
  const { line } = device.via;
  if (line === undefined) throw new Error(`device ${device.id} has no GPIO line`);
  return device.needs === 'digital_out' ? lines.output(line) : lines.input(line);
}
