import { BITS_PER_REQUEST_MAX, REGISTERS_PER_REQUEST_MAX } from './bus/modbus.ts';
import type { ModbusSpec, ReadingSpec, ReadWith } from './driver.ts';
import { REGISTERS_OF, type RegisterFormat } from './registers.ts';

/**
 * Registers between two readings that are read and thrown away rather than asking twice. At 9600 baud twelve registers
 * take 27 ms more, a second question and answer at least 24 ms and the slave's turnaround.
 */
const GAP_REGISTERS_MAX = 12;
/** The same bytes on the wire for bits. */
const GAP_BITS_MAX = 16 * GAP_REGISTERS_MAX;

/** One reading, with everything its board left open filled in from the board's `modbus:`. */
export interface Field extends RegisterFormat {
  readonly id: string;
  readonly table: ReadWith;
  /** Protocol address of the first register or bit, and how many it takes. */
  readonly at: number;
  readonly count: number;
}

/** One request: `fields` are sorted by address and lie within `at` … `at + count - 1`. */
export interface Block {
  readonly table: ReadWith;
  readonly at: number;
  readonly count: number;
  readonly fields: readonly Field[];
}

/** True for the tables of single bits. */
export function isBits(table: ReadWith): table is 'coil' | 'discrete' {
  return table === 'coil' || table === 'discrete';
}

/** Fills in what a reading leaves to its board. */
export function fieldOf(reading: ReadingSpec, spec: ModbusSpec): Field {
  if (reading.at === undefined) throw new Error(`reading ${reading.id} has no address`);
  const table = reading.readWith ?? spec.readWith;
  const encoding = reading.encoding ?? spec.encoding;
  const count = isBits(table) ? 1 : REGISTERS_OF[encoding];
  return { ...reading, at: reading.at, table, encoding, byteOrder: reading.byteOrder ?? spec.byteOrder, count };
}

/**
 * Groups readings into as few requests as the gaps between them, the board's holes and the size of a request allow.
 * A value is never cut in two.
 */
export function planBlocks(fields: readonly Field[], spec: ModbusSpec): Block[] {
  const sorted = [...fields].sort((a, b) => (a.table === b.table ? a.at - b.at : a.table < b.table ? -1 : 1));
  const groups: Field[][] = [];
  for (const field of sorted) {
    const group = groups.at(-1);
    if (group !== undefined && belongsTo(blockOf(group), field, spec)) group.push(field);
    else groups.push([field]);
  }
  return groups.map(blockOf);
}

/**
 * Cuts a block that the device refused as a whole in two: at its widest gap, because the registers nobody wants are the
 * likeliest not to exist, otherwise in the middle. Returns undefined when there is only one address to ask for.
 */
export function splitBlock({ fields }: Block): readonly [Block, Block] | undefined {
  let best: { readonly index: number; readonly gap: number; readonly offCentre: number } | undefined;
  let end = 0;
  for (const [index, field] of fields.entries()) {
    const gap = Math.max(0, field.at - end);
    const offCentre = Math.abs(index - fields.length / 2);
    const isNewAddress = index > 0 && field.at !== fields[index - 1]?.at;
    const isBetter = best === undefined || gap > best.gap || (gap === best.gap && offCentre < best.offCentre);
    if (isNewAddress && isBetter) best = { index, gap, offCentre };
    end = Math.max(end, field.at + field.count);
  }
  if (best === undefined) return undefined;
  return [blockOf(fields.slice(0, best.index)), blockOf(fields.slice(best.index))];
}

function blockOf(fields: readonly Field[]): Block {
  const [first] = fields;
  if (first === undefined) throw new Error('a request needs a reading');
  const end = Math.max(...fields.map((field) => field.at + field.count));
  return { table: first.table, at: first.at, count: end - first.at, fields };
}

function belongsTo(block: Block, field: Field, { registersMax, holes }: ModbusSpec): boolean {
  if (block.table !== field.table) return false;
  const end = block.at + block.count;
  const bits = isBits(field.table);
  if (field.at - end > (bits ? GAP_BITS_MAX : GAP_REGISTERS_MAX)) return false;
  if (holes.some(([first, last]) => first < field.at && last >= end)) return false;
  const countMax = bits ? BITS_PER_REQUEST_MAX : Math.min(registersMax, REGISTERS_PER_REQUEST_MAX);
  return Math.max(end, field.at + field.count) - block.at <= countMax;
}
