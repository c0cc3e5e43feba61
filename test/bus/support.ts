import type { ModbusBus } from '../../drivers/bus/modbus.ts';
import type { FramingEvents } from '../../drivers/bus/modbus-frame.ts';
import { type ModbusLine, type ModbusOptions, openModbusLine } from '../../drivers/bus/modbus-line.ts';
import { busQueue, type Turn } from '../../gateway/bus-queue.ts';
import { modbusInTurns } from '../../gateway/buses.ts';
import { CRC_MODBUS, crcOf } from '../support/crc.ts';
import { FakeByteStream } from '../support/fake-byte-stream.ts';
import { TestClock } from '../support/test-clock.ts';

/** Appends the CRC as it goes over the wire, low byte first; written apart from the product's. */
export function framed(bytes: Iterable<number>): Uint8Array {
  const body = [...bytes];
  const crc = crcOf(body, CRC_MODBUS);
  return Uint8Array.of(...body, crc % 256, Math.floor(crc / 256));
}

export interface Bench {
  readonly clock: TestClock;
  readonly stream: FakeByteStream;
  /** As a device sees it: requests take turns. */
  readonly bus: ModbusBus;
  readonly line: ModbusLine;
}

export type Answer = (request: Uint8Array, bench: Bench) => void;

/** A bus at 9600 baud with a timeout of 300 ms on a fake line; `answer` is called with each request and may send. */
export function openRtu(
  answer: Answer,
  { clock, ...options }: Partial<ModbusOptions> & { readonly clock?: TestClock } = {},
): Promise<Bench> {
  const usual = { framing: 'rtu', timeoutMs: 300, pauseMs: 0, echo: false, baud: 9600, name: 'meters' } as const;
  return openBench(answer, { ...usual, ...options }, clock);
}

/** RTU frames over a TCP stream, where bytes need no time. */
export function openRtuOverTcp(answer: Answer, options: Partial<ModbusOptions> = {}): Promise<Bench> {
  return openBench(answer, { framing: 'rtu', timeoutMs: 300, pauseMs: 0, echo: false, name: 'converter', ...options });
}

/** The same with Modbus TCP. */
export function openTcpModbus(answer: Answer, options: Partial<ModbusOptions> = {}): Promise<Bench> {
  return openBench(answer, { framing: 'tcp', timeoutMs: 300, pauseMs: 0, echo: false, name: 'inverter', ...options });
}

async function openBench(answer: Answer, options: ModbusOptions, clock = new TestClock()): Promise<Bench> {
  const stream = new FakeByteStream();
  const line = openModbusLine(stream, options, clock);
  const turn: Turn = { rank: 'live', deadlineMs: 10_000 };
  const bus = modbusInTurns(line, busQueue(options.name, clock), () => turn);
  const bench = { clock, stream, bus, line };
  stream.onWrite = (bytes) => answer(bytes, bench);
  return bench;
}

/** An answer that does not come. */
export const silent: Answer = () => {};

/** Nobody listens to what a framing notices. */
export const unnoticed: FramingEvents = {
  late: () => {},
  damaged: () => {},
  echo: () => {},
  unasked: () => {},
  repeated: () => {},
};

/** The outcome of a promise as a value, so that both sides of a race can be looked at. */
export async function outcome<T>(work: Promise<T>): Promise<{ readonly value: T } | { readonly error: unknown }> {
  try {
    return { value: await work };
  } catch (error) {
    return { error };
  }
}
