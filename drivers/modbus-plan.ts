import { BITS_PER_REQUEST_MAX, REGISTERS_PER_REQUEST_MAX } from './bus/modbus.ts';
import { lineMs, readExchange, silenceMs } from './bus/modbus-timing.ts';
import type { ModbusSpec, OutputSpec, ReadingSpec, ReadWith } from './driver.ts';
import { REGISTERS_OF, type RegisterFormat } from './registers.ts';

const REGISTER_BYTES = 2;
/** What a fast slave takes until it answers: 2 to 5 ms in the captures of sigrok. A slow one makes asking twice dearer still. */
const FAST_TURNAROUND_MS = 5;
/**
 * Taken behind a network, where nobody can tell: bytes on a network need no time, but most that is behind one is a
 * gateway to a serial line.
 */
const BAUD_UNKNOWN = 9600;

/** Registers, or bits, of one table that are only of use together: a value, or a scale factor. */
export interface Span {
  readonly table: ReadWith;
  /** Protocol address of the first, and how many there are. */
  readonly at: number;
  readonly count: number;
}

/** One reading, with everything its board left open filled in from the board's `modbus:`. */
export interface Field extends RegisterFormat {
  readonly id: string;
  readonly span: Span;
  /** The register that holds the power of ten. */
  readonly factor?: Span;
}

/** One request: `spans` are sorted by address, each is there once, and all lie within `at` … `at + count - 1`. */
export interface Block extends Span {
  readonly spans: readonly Span[];
}

/** True for the tables of single bits. */
export function isBits(table: ReadWith): table is 'coil' | 'discrete' {
  return table === 'coil' || table === 'discrete';
}

/** `holding 0x0054`, for messages. */
export function placeOf({ table, at }: Pick<Span, 'table' | 'at'>): string {
  return `${table} 0x${at.toString(16).padStart(4, '0')}`;
}

/** One text for each different span. */
export function keyOf({ table, at, count }: Span): string {
  return `${table}:${at}+${count}`;
}

/**
 * How many registers that nobody wants are read along rather than asking once more: as many as the line carries while a
 * second question goes out and its answer begins. 12 at 9600 baud, 14 at 19200, 51 at 115200.
 */
function gapRegistersMax(baud: number = BAUD_UNKNOWN): number {
  const { requestBytes, answerBytes } = readExchange(false, 0);
  const askingMs = lineMs(requestBytes + answerBytes, baud) + 2 * silenceMs(baud) + FAST_TURNAROUND_MS;
  return Math.floor(askingMs / lineMs(REGISTER_BYTES, baud));
}

/** Fills in what a reading leaves to its board. */
export function fieldOf(reading: ReadingSpec, spec: ModbusSpec): Field {
  const { at, scaleFrom } = reading;
  if (at === undefined) throw new Error(`reading ${reading.id} has no address`);
  const table = reading.readWith ?? spec.readWith;
  const encoding = reading.encoding ?? spec.encoding;
  const count = isBits(table) ? 1 : encoding === 'text' ? reading.registers : REGISTERS_OF[encoding];
  if (count === undefined) throw new Error(`reading ${reading.id} does not say how many registers its text takes`);
  const isNumber = !isBits(table) && encoding !== 'bool' && encoding !== 'text' && reading.bit === undefined;
  return {
    ...reading,
    encoding,
    byteOrder: reading.byteOrder ?? spec.byteOrder,
    span: { table, at, count },
    // A state or a text has no amount that could be scaled.
    ...(scaleFrom !== undefined && isNumber && { factor: { table, at: scaleFrom, count: 1 } }),
  };
}

/** What the readings need; what a device that only switches needs to be asked, so that it is noticed when it is gone. */
export function spansOf(fields: readonly Field[], outputs: readonly OutputSpec[]): Span[] {
  if (fields.length > 0) return fields.flatMap(({ span, factor }) => (factor ? [span, factor] : [span]));
  return outputs.map(({ coil, register }) => ({
    table: register === undefined ? 'coil' : 'holding',
    at: register?.at ?? coil ?? 0,
    count: 1,
  }));
}

/**
 * Groups spans into as few requests as the gaps between them, the board's holes and the size of a request allow. A span is
 * never cut in two.
 */
export function planBlocks(spans: readonly Span[], spec: ModbusSpec): Block[] {
  const different = new Map(spans.map((span) => [keyOf(span), span]));
  const sorted = [...different.values()].sort((a, b) => (a.table === b.table ? a.at - b.at : a.table < b.table ? -1 : 1));
  const groups: Span[][] = [];
  for (const span of sorted) {
    const group = groups.at(-1);
    if (group !== undefined && belongsTo(blockOf(group), span, spec)) group.push(span);
    else groups.push([span]);
  }
  return groups.map(blockOf);
}

/** The readings that need this request: each belongs to the one that holds its value. */
export function readingsOf({ spans }: Block, fields: readonly Field[]): string[] {
  return spans.flatMap((span) => fields.filter((field) => keyOf(field.span) === keyOf(span))).map(({ id }) => id);
}

/**
 * Cuts a block that the device did not take as a whole in two: at its widest gap, because the registers nobody wants are
 * the likeliest not to exist, otherwise in the middle. Returns undefined when there is only one address to ask for.
 */
export function splitBlock({ spans }: Block): readonly [Block, Block] | undefined {
  let best: { readonly index: number; readonly gap: number; readonly offCentre: number } | undefined;
  let end = 0;
  for (const [index, span] of spans.entries()) {
    const gap = Math.max(0, span.at - end);
    const offCentre = Math.abs(index - spans.length / 2);
    const isNewAddress = index > 0 && span.at !== spans[index - 1]?.at;
    const isBetter = best === undefined || gap > best.gap || (gap === best.gap && offCentre < best.offCentre);
    if (isNewAddress && isBetter) best = { index, gap, offCentre };
    end = Math.max(end, span.at + span.count);
  }
  if (best === undefined) return undefined;
  return [blockOf(spans.slice(0, best.index)), blockOf(spans.slice(best.index))];
}

/** All parts into which a block can be split, those that are split first before theirs. */
export function partsOf(block: Block): Block[] {
  const parts = [...(splitBlock(block) ?? [])];
  for (let i = 0; i < parts.length; i++) parts.push(...(splitBlock(parts[i] as Block) ?? []));
  return parts;
}

/** The block in pieces, each of which begins where `isCut` says so. */
export function cutBlock({ spans }: Block, isCut: (span: Span) => boolean): Block[] {
  const groups: Span[][] = [];
  for (const span of spans) {
    const group = groups.at(-1);
    // Two spans of one address stay together: a cut is known by its address.
    if (group === undefined || (isCut(span) && span.at !== group.at(-1)?.at)) groups.push([span]);
    else group.push(span);
  }
  return groups.map(blockOf);
}

/** One request for these spans, which are sorted by address. */
export function blockOf(spans: readonly Span[]): Block {
  const [first] = spans;
  if (first === undefined) throw new Error('a request needs something to ask for');
  const end = Math.max(...spans.map((span) => span.at + span.count));
  return { table: first.table, at: first.at, count: end - first.at, spans };
}

function belongsTo(block: Block, span: Span, { registersMax, holes, baud }: ModbusSpec): boolean {
  if (block.table !== span.table) return false;
  const end = block.at + block.count;
  const bits = isBits(span.table);
  // Sixteen bits are as many bytes on the wire as one register.
  const gapMax = gapRegistersMax(baud) * (bits ? 16 : 1);
  if (span.at - end > gapMax) return false;
  if (holes.some(([first, last]) => first < span.at && last >= end)) return false;
  const countMax = bits ? BITS_PER_REQUEST_MAX : Math.min(registersMax, REGISTERS_PER_REQUEST_MAX);
  return Math.max(end, span.at + span.count) - block.at <= countMax;
}
