import type { ReadWith } from '../../drivers/driver.ts';
import { isBits, type RegisterTables, registerTables } from '../register-tables.ts';
import type { ModbusModel, ModelContext } from './model.ts';

/** Which table each reading function asks for, Modbus application protocol V1.1b3 §6.1 to 6.4. */
const TABLE: Readonly<Record<number, ReadWith>> = { 1: 'coil', 2: 'discrete', 3: 'holding', 4: 'input' };
const ILLEGAL_FUNCTION = 1;
const ILLEGAL_ADDRESS = 2;
const ILLEGAL_VALUE = 3;
const REGISTERS_MAX = 125;
const BITS_MAX = 2000;
/** What one request may write: functions 16, 15 and 23 (§6.12, §6.11, §6.17). */
const REGISTERS_WRITTEN_MAX = 123;
const BITS_WRITTEN_MAX = 1968;
const REGISTERS_READ_WRITTEN_MAX = 121;
/** What stands for on and off in a request for one coil (§6.5). */
const COIL_ON = 0xff00;
const COIL_OFF = 0;
/** Between the end of a question and the first byte of the answer. */
const TURNAROUND_MS_MIN = 5;
const TURNAROUND_MS_MAX = 20;

/**
 * A simulated slave with the registers that the board describes. Each table answers from its first to its last value,
 * with zeros between them, as meters do; the board's holes and everything outside is exception 2, and nothing of such a
 * range is answered (V1.1b3 §7). A table without values is exception 1. Only outputs can be written, and times at which the board
 * switches one off by itself, where it says where.
 */
export function model(context: ModelContext): ModbusModel {
  const { device, random } = context;
  if (device.address === undefined) throw new Error(`device ${device.id} has no Modbus unit`);
  const tables = registerTables(context);
  return {
    kind: 'modbus',
    unit: device.address,
    answer: (pdu, atMs) => ({
      afterMs: TURNAROUND_MS_MIN + random() * (TURNAROUND_MS_MAX - TURNAROUND_MS_MIN),
      pdu: answer(tables, pdu, atMs),
    }),
  };
}

/** The answer's PDU. */
function answer(tables: RegisterTables, pdu: Uint8Array, atMs: number): Uint8Array {
  const code = pdu[0] ?? 0;
  const request = new Request(pdu);
  const result = work(tables, code, request, atMs);
  return typeof result === 'number' ? Uint8Array.of(code | 0x80, result) : result;
}

/** What a function does; the number of an exception, or its answer. */
function work(tables: RegisterTables, code: number, request: Request, atMs: number): Uint8Array | number {
  switch (code) {
    case 1:
    case 2:
    case 3:
    case 4:
      return request.length === 5 ? read(tables, code, request, atMs) : ILLEGAL_VALUE;
    case 5:
    case 6:
      return writeOne(tables, code === 5 ? 'coil' : 'holding', request, atMs);
    case 15:
      return writeCoils(tables, request, atMs);
    case 16:
      return writeRegisters(tables, request, atMs);
    case 22:
      return mask(tables, request, atMs);
    case 23:
      return readAndWrite(tables, request, atMs);
    default:
      return ILLEGAL_FUNCTION;
  }
}

/** A question as 16-bit numbers, high byte first; what is not there is zero. */
class Request {
  readonly bytes: Uint8Array;
  readonly length: number;

  constructor(pdu: Uint8Array) {
    this.bytes = pdu;
    this.length = pdu.length;
  }

  word(at: number): number {
    return (this.bytes[at] ?? 0) * 256 + (this.bytes[at + 1] ?? 0);
  }
}

function read(tables: RegisterTables, code: number, request: Request, atMs: number): Uint8Array | number {
  const table = TABLE[code];
  if (table === undefined || !tables.has(table)) return ILLEGAL_FUNCTION;
  const [first, count] = [request.word(1), request.word(3)];
  if (count < 1 || count > (isBits(table) ? BITS_MAX : REGISTERS_MAX)) return ILLEGAL_VALUE;
  if (!tables.isReadable(table, first, count)) return ILLEGAL_ADDRESS;
  const data = isBits(table) ? tables.readBits(table, first, count, atMs) : tables.readRegisters(table, first, count, atMs);
  return Uint8Array.of(code, data.length, ...data);
}

/** Functions 5 and 6: the answer is the question. */
function writeOne(tables: RegisterTables, table: 'coil' | 'holding', request: Request, atMs: number): Uint8Array | number {
  if (!tables.canWrite(table)) return ILLEGAL_FUNCTION;
  const [at, value] = [request.word(1), request.word(3)];
  if (request.length !== 5) return ILLEGAL_VALUE;
  if (table === 'coil' && tables.isTime(at)) {
    tables.writeTime(at, value, atMs);
    return request.bytes.slice();
  }
  if (table === 'coil' && value !== COIL_ON && value !== COIL_OFF) return ILLEGAL_VALUE;
  if (!tables.isWritable(table, at, 1)) return ILLEGAL_ADDRESS;
  tables.write(table, at, table === 'coil' ? Number(value === COIL_ON) : value, atMs);
  return request.bytes.slice();
}

/** Function 15: the answer repeats address and count. */
function writeCoils(tables: RegisterTables, request: Request, atMs: number): Uint8Array | number {
  if (!tables.canWrite('coil')) return ILLEGAL_FUNCTION;
  const [first, count, size] = [request.word(1), request.word(3), request.bytes[5] ?? 0];
  const isSound = count >= 1 && count <= BITS_WRITTEN_MAX && size === Math.ceil(count / 8) && request.length === 6 + size;
  if (!isSound) return ILLEGAL_VALUE;
  if (!tables.isWritable('coil', first, count)) return ILLEGAL_ADDRESS;
  for (let i = 0; i < count; i += 1) tables.write('coil', first + i, ((request.bytes[6 + (i >> 3)] ?? 0) >> (i & 7)) & 1, atMs);
  return request.bytes.slice(0, 5);
}

/** Function 16: the answer repeats address and count. */
function writeRegisters(tables: RegisterTables, request: Request, atMs: number): Uint8Array | number {
  if (!tables.canWrite('holding')) return ILLEGAL_FUNCTION;
  const [first, count, size] = [request.word(1), request.word(3), request.bytes[5] ?? 0];
  const isSound = count >= 1 && count <= REGISTERS_WRITTEN_MAX && size === 2 * count && request.length === 6 + size;
  if (!isSound) return ILLEGAL_VALUE;
  if (!tables.isWritable('holding', first, count)) return ILLEGAL_ADDRESS;
  for (let i = 0; i < count; i += 1) tables.write('holding', first + i, request.word(6 + 2 * i), atMs);
  return request.bytes.slice(0, 5);
}

/** Function 22: (register AND first mask) OR (second mask AND NOT first mask), §6.16; the answer is the question. */
function mask(tables: RegisterTables, request: Request, atMs: number): Uint8Array | number {
  if (!tables.canWrite('holding')) return ILLEGAL_FUNCTION;
  if (request.length !== 7) return ILLEGAL_VALUE;
  const [at, and, or] = [request.word(1), request.word(3), request.word(5)];
  if (!tables.isWritable('holding', at, 1)) return ILLEGAL_ADDRESS;
  let value = 0;
  for (let bit = 0; bit < 16; bit += 1) {
    const from = (and >> bit) & 1 ? tables.written('holding', at) : or;
    value += ((from >> bit) & 1) << bit;
  }
  tables.write('holding', at, value, atMs);
  return request.bytes.slice();
}

/** Function 23: writes first, then reads (§6.17). */
function readAndWrite(tables: RegisterTables, request: Request, atMs: number): Uint8Array | number {
  if (!tables.canWrite('holding')) return ILLEGAL_FUNCTION;
  const [first, count, to, toCount] = [request.word(1), request.word(3), request.word(5), request.word(7)];
  const size = request.bytes[9] ?? 0;
  const isReadSound = count >= 1 && count <= REGISTERS_MAX;
  const isWriteSound = toCount >= 1 && toCount <= REGISTERS_READ_WRITTEN_MAX && size === 2 * toCount;
  if (!isReadSound || !isWriteSound || request.length !== 10 + size) return ILLEGAL_VALUE;
  const isThere = tables.isReadable('holding', first, count) && tables.isWritable('holding', to, toCount);
  if (!isThere) return ILLEGAL_ADDRESS;
  for (let i = 0; i < toCount; i += 1) tables.write('holding', to + i, request.word(10 + 2 * i), atMs);
  const data = tables.readRegisters('holding', first, count, atMs);
  return Uint8Array.of(23, data.length, ...data);
}
