import {
  BITS_PER_REQUEST_MAX,
  BITS_PER_WRITE_MAX,
  type Haste,
  type ModbusBus,
  REGISTERS_PER_READ_WRITE_MAX,
  REGISTERS_PER_REQUEST_MAX,
  REGISTERS_PER_WRITE_MAX,
} from './modbus.ts';
import type { Question } from './modbus-frame.ts';

/** Unit, function and byte count stand before the data of an answer to a read. */
const DATA_AT = 3;
const REGISTER_BYTES = 2;
/** A coil is switched on with this value and off with zero (V1.1b3 §6.5). */
const COIL_ON = 0xff00;

/** Asks one question and returns its answer: unit, function and data, checked against the question. */
export type Ask = (question: Question, haste?: Haste) => Promise<Uint8Array>;

/** The functions of Modbus, on whatever carries a question and its answer. */
export function modbusFunctions(ask: Ask): ModbusBus {
  return {
    async readRegisters(unit, table, address, count, haste) {
      checkCount(count, REGISTERS_PER_REQUEST_MAX);
      const request = readRequest(unit, table === 'holding' ? 3 : 4, address, count);
      return (await ask(readQuestion(request, REGISTER_BYTES * count), haste)).slice(DATA_AT);
    },
    async readBits(unit, table, address, count, haste) {
      checkCount(count, BITS_PER_REQUEST_MAX);
      const request = readRequest(unit, table === 'coil' ? 1 : 2, address, count);
      const data = (await ask(readQuestion(request, bytesOfBits(count)), haste)).subarray(DATA_AT);
      // The bit that was asked for first is the lowest of the first byte (V1.1b3 §6.1); the last byte is filled up.
      return Array.from({ length: count }, (_, i) => (((data[i >> 3] as number) >> (i & 7)) & 1) === 1);
    },
    async writeRegisters(unit, address, registers, writeWith, haste) {
      const count = registerCount(registers, writeWith === 'single' ? 1 : REGISTERS_PER_WRITE_MAX);
      const place = word(address);
      if (writeWith === 'single') await ask(echoedQuestion(unit, [6, ...place, ...registers]), haste);
      else await ask(countedQuestion(unit, [16, ...place, ...word(count)], registers), haste);
    },
    async writeBits(unit, address, bits, writeWith, haste) {
      checkCount(bits.length, writeWith === 'single' ? 1 : BITS_PER_WRITE_MAX);
      const place = word(address);
      if (writeWith === 'single') await ask(echoedQuestion(unit, [5, ...place, ...word(bits[0] === true ? COIL_ON : 0)]), haste);
      else await ask(countedQuestion(unit, [15, ...place, ...word(bits.length)], packed(bits)), haste);
    },
    async writeCoilValue(unit, address, value, haste) {
      await ask(echoedQuestion(unit, [5, ...word(address), ...word(value)]), haste);
    },
    async maskRegister(unit, address, and, or) {
      await ask(echoedQuestion(unit, [22, ...word(address), ...word(and), ...word(or)]));
    },
    async readWriteRegisters(unit, read, write) {
      checkCount(read.count, REGISTERS_PER_REQUEST_MAX);
      const count = registerCount(write.registers, REGISTERS_PER_READ_WRITE_MAX);
      const places = [...word(read.address), ...word(read.count), ...word(write.address), ...word(count)];
      const request = Uint8Array.of(unit, 23, ...places, write.registers.length, ...write.registers);
      return (await ask(readQuestion(request, REGISTER_BYTES * read.count))).slice(DATA_AT);
    },
  };
}

/** Unit, function, address, count. */
function readRequest(unit: number, code: number, address: number, count: number): Uint8Array {
  const [high, low] = word(address);
  return Uint8Array.of(unit, code, high, low, count >> 8, count & 0xff);
}

/** The answer tells how many bytes of data follow, and holds them. */
function readQuestion(request: Uint8Array, dataBytes: number): Question {
  const [unit = 0, code = 0] = request;
  const answerStart = Uint8Array.of(unit, code, dataBytes);
  return { unit, code, request, answerStart, answerBytes: answerStart.length + dataBytes };
}

/** The answer is the request itself. */
function echoedQuestion(unit: number, request: readonly number[]): Question {
  const whole = Uint8Array.of(unit, ...request);
  return { unit, code: request[0] as number, request: whole, answerStart: whole, answerBytes: whole.length };
}

/** The answer repeats function, address and count. */
function countedQuestion(unit: number, head: readonly number[], data: Uint8Array): Question {
  const answerStart = Uint8Array.of(unit, ...head);
  const request = Uint8Array.of(...answerStart, data.length, ...data);
  return { unit, code: head[0] as number, request, answerStart, answerBytes: answerStart.length };
}

function checkCount(count: number, countMax: number): void {
  if (!Number.isInteger(count) || count < 1 || count > countMax) {
    throw new RangeError(`${count} at once, 1 to ${countMax} are allowed`);
  }
}

function registerCount(registers: Uint8Array, countMax: number): number {
  const count = registers.length / REGISTER_BYTES;
  checkCount(count, countMax);
  return count;
}

function word(value: number): readonly [number, number] {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff) throw new RangeError(`${value} is no 16-bit number`);
  return [value >> 8, value & 0xff];
}

function bytesOfBits(count: number): number {
  return Math.ceil(count / 8);
}

function packed(bits: readonly boolean[]): Uint8Array {
  const bytes = new Uint8Array(bytesOfBits(bits.length));
  for (const [i, bit] of bits.entries()) if (bit) bytes[i >> 3] = (bytes[i >> 3] as number) | (1 << (i & 7));
  return bytes;
}
