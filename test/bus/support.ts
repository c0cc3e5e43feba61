import { loadModbus, type ModbusOptions, type OpenModbusBus } from '../../drivers/bus/modbus-client.ts';
import type { ModbusStats } from '../../drivers/bus/modbus-frame.ts';
import { FakeByteStream } from '../support/fake-byte-stream.ts';
import { TestClock } from '../support/test-clock.ts';

/** Table-driven CRC-16/MODBUS, written apart from the product's bitwise one. */
const CRC_TABLE = Uint16Array.from({ length: 256 }, (_, index) => {
  let crc = index;
  for (let bit = 0; bit < 8; bit++) crc = crc % 2 === 1 ? Math.floor(crc / 2) ^ 0xa001 : Math.floor(crc / 2);
  return crc;
});

/** Appends the CRC as it goes over the wire. */
export function framed(bytes: readonly number[]): Uint8Array {
  let crc = 0xffff;
  for (const byte of bytes) crc = (crc >> 8) ^ (CRC_TABLE[(crc ^ byte) & 0xff] as number);
  return Uint8Array.from([...bytes, crc & 0xff, crc >> 8]);
}

export interface Bench {
  readonly clock: TestClock;
  readonly stream: FakeByteStream;
  readonly bus: OpenModbusBus;
}

export type Answer = (request: Uint8Array, bench: Bench) => void;

/** A bus at 9600 baud with a timeout of 300 ms on a fake line; `answer` is called with each request and may send. */
export function openRtu(answer: Answer, options: Partial<ModbusOptions> = {}): Promise<Bench> {
  return openBench(answer, { framing: 'rtu', timeoutMs: 300, pauseMs: 0, echo: false, baud: 9600, name: 'meters', ...options });
}

/** RTU frames over a TCP stream, where bytes need no time. */
export function openRtuOverTcp(answer: Answer, options: Partial<ModbusOptions> = {}): Promise<Bench> {
  return openBench(answer, { framing: 'rtu', timeoutMs: 300, pauseMs: 0, echo: false, name: 'converter', ...options });
}

/** The same with Modbus TCP. */
export function openTcpModbus(answer: Answer, options: Partial<ModbusOptions> = {}): Promise<Bench> {
  return openBench(answer, { framing: 'tcp', timeoutMs: 300, pauseMs: 0, echo: false, name: 'inverter', ...options });
}

async function openBench(answer: Answer, options: ModbusOptions): Promise<Bench> {
  const clock = new TestClock();
  const stream = new FakeByteStream();
  const bus = (await loadModbus())(stream, options, clock);
  const bench = { clock, stream, bus };
  stream.onWrite = (bytes) => answer(bytes, bench);
  return bench;
}

/** An answer that does not come. */
export const silent: Answer = () => {};

export function newStats(): ModbusStats {
  const counts = { requestCount: 0, answerCount: 0, timeoutCount: 0, damagedCount: 0, exceptionCount: 0, lateCount: 0 };
  return { ...counts, echoNoticed: false };
}

/** The outcome of a promise as a value, so that both sides of a race can be looked at. */
export async function outcome<T>(work: Promise<T>): Promise<{ readonly value: T } | { readonly error: unknown }> {
  try {
    return { value: await work };
  } catch (error) {
    return { error };
  }
}
