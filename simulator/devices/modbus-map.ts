import type { ByteOrder, ReadingSpec, ReadWith } from '../../drivers/driver.ts';
import { registerBytes } from '../register-bytes.ts';
import type { ModbusModel, ModelContext } from './model.ts';

/** Which table each reading function asks for, Modbus application protocol V1.1b3 §6.1 to 6.4. */
const TABLE: Readonly<Record<number, ReadWith>> = { 1: 'coil', 2: 'discrete', 3: 'holding', 4: 'input' };
const EXCEPTION = { illegalFunction: 1, illegalAddress: 2, illegalValue: 3 } as const;
const REGISTERS_MAX = 125;
const BITS_MAX = 2000;
const PDU_LENGTH = 5;
/** Between the end of a question and the first byte of the answer. */
const TURNAROUND_MS_MIN = 5;
const TURNAROUND_MS_MAX = 20;

/** One reading's place in the tables. */
interface Cell {
  readonly spec: ReadingSpec & { readonly at: number };
  readonly table: ReadWith;
  readonly byteOrder: ByteOrder;
  /** Registers, or bits, that it takes. */
  readonly size: number;
}

/**
 * A simulated slave with the registers that the board describes. Each table answers from its first to its last reading,
 * with zeros between them, as meters do; the board's holes and everything outside is exception 2, and nothing of such a
 * range is answered (V1.1b3 §7). A table without readings is exception 1.
 */
export function model(context: ModelContext): ModbusModel {
  const { device, random } = context;
  if (device.address === undefined) throw new Error(`device ${device.id} has no Modbus unit`);
  const cells = device.spec.readings.map((spec) => cellOf(spec, context));
  const holes = device.spec.modbus?.holes ?? [];

  const answer = (pdu: Uint8Array, atMs: number): Uint8Array => {
    const code = pdu[0] ?? 0;
    const refuse = (exception: number) => Uint8Array.of(code | 0x80, exception);
    const table = TABLE[code];
    const inTable = cells.filter((cell) => cell.table === table);
    if (table === undefined || inTable.length === 0) return refuse(EXCEPTION.illegalFunction);
    if (pdu.length !== PDU_LENGTH) return refuse(EXCEPTION.illegalValue);
    const view = new DataView(pdu.buffer, pdu.byteOffset);
    const [first, count] = [view.getUint16(1), view.getUint16(3)];
    if (count < 1 || count > (isBits(table) ? BITS_MAX : REGISTERS_MAX)) return refuse(EXCEPTION.illegalValue);
    if (!isReadable(inTable, first, count, isBits(table) ? [] : holes)) return refuse(EXCEPTION.illegalAddress);
    const read = isBits(table) ? readBits : readRegisters;
    const data = read(inTable, first, count, (reading) => context.signal(reading, atMs));
    return Uint8Array.of(code, data.length, ...data);
  };

  return {
    kind: 'modbus',
    unit: device.address,
    answer: (pdu, atMs) => ({
      afterMs: TURNAROUND_MS_MIN + random() * (TURNAROUND_MS_MAX - TURNAROUND_MS_MIN),
      pdu: answer(pdu, atMs),
    }),
  };
}

function cellOf(spec: ReadingSpec, { device }: ModelContext): Cell {
  const { at } = spec;
  const { modbus } = device.spec;
  const table = spec.readWith ?? modbus?.readWith;
  const encoding = spec.encoding ?? modbus?.encoding;
  if (at === undefined || table === undefined || encoding === undefined) {
    throw new Error(`the board ${device.board} does not say where its reading ${spec.id} lies`);
  }
  const size = isBits(table) ? 1 : Math.max(1, bitsOf(encoding) / 16);
  return { spec: { ...spec, at, encoding }, table, byteOrder: spec.byteOrder ?? modbus?.byteOrder ?? 'ABCD', size };
}

function bitsOf(encoding: string): number {
  return encoding === 'bool' ? 16 : Number(/\d+$/.exec(encoding)?.[0]);
}

function isBits(table: ReadWith): boolean {
  return table === 'coil' || table === 'discrete';
}

function isReadable(
  cells: readonly Cell[],
  first: number,
  count: number,
  holes: readonly (readonly [number, number])[],
): boolean {
  const last = first + count - 1;
  const lowest = Math.min(...cells.map((cell) => cell.spec.at));
  const highest = Math.max(...cells.map((cell) => cell.spec.at + cell.size - 1));
  return first >= lowest && last <= highest && !holes.some(([from, to]) => first <= to && last >= from);
}

type ValueOf = (reading: string) => number;

/** The bit that was asked for first is the lowest of the first byte, wherever it lies in the table (V1.1b3 §6.1). */
function readBits(cells: readonly Cell[], first: number, count: number, shown: ValueOf): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(count / 8));
  for (const { spec } of cells) {
    const place = spec.at - first;
    if (place < 0 || place >= count || shown(spec.id) === 0) continue;
    bytes[place >> 3] = (bytes[place >> 3] ?? 0) | (1 << (place & 7));
  }
  return bytes;
}

function readRegisters(cells: readonly Cell[], first: number, count: number, shown: ValueOf): Uint8Array {
  const bytes = new Uint8Array(2 * count);
  for (const { spec, byteOrder, size } of cells) {
    if (spec.at >= first + count || spec.at + size <= first) continue;
    const cell = registerBytes(spec, byteOrder, shown(spec.id));
    // A question may begin or end in the middle of a value. Bits of one register come from several readings.
    cell.forEach((byte, i) => {
      const place = 2 * (spec.at - first) + i;
      if (place >= 0 && place < bytes.length) bytes[place] = (bytes[place] ?? 0) | byte;
    });
  }
  return bytes;
}
