import type { ByteOrder, ReadingSpec, ReadWith, SwitchSpec } from '../drivers/driver.ts';
import type { ModelContext } from './devices/model.ts';
import { registerBytes, textBytes } from './register-bytes.ts';

/** One value's place in the tables, and what stands there. */
interface Cell {
  readonly table: ReadWith;
  readonly at: number;
  /** Registers, or bits, that it takes. */
  readonly size: number;
  /** The registers' bytes, or one byte for a bit. */
  content(atMs: number): Uint8Array;
}

/** What a simulated slave has in its four tables, by protocol address. */
export interface RegisterTables {
  has(table: ReadWith): boolean;
  /** Whether all of a range lies between the first and the last value of the table, outside of holes. */
  isReadable(table: ReadWith, first: number, count: number): boolean;
  /** The bit that was asked for first is the lowest of the first byte (V1.1b3 §6.1). */
  readBits(table: ReadWith, first: number, count: number, atMs: number): Uint8Array;
  readRegisters(table: ReadWith, first: number, count: number, atMs: number): Uint8Array;
  /** Whether something of the table can be written at all. */
  canWrite(table: 'coil' | 'holding'): boolean;
  /** Whether every address of a range is an output's. */
  isWritable(table: 'coil' | 'holding', first: number, count: number): boolean;
  /** A register's number, or 0 and 1 of a coil. */
  write(table: 'coil' | 'holding', at: number, value: number, atMs: number): void;
  /** Whether it is where times are written, with which the board switches a coil off by itself. */
  isTime(at: number): boolean;
  /** Switches the coil of such a place on at `atMs`, and off after so many steps: whatever was to end before is forgotten. */
  writeTime(at: number, steps: number, atMs: number): void;
  written(table: 'coil' | 'holding', at: number): number;
}

/**
 * The tables as the board describes them: its readings with the values that its signals have, the scale factors that some of
 * them need, and its outputs and ports, off until they are written. Between its first and its last value a table holds zeros.
 */
export function registerTables(context: ModelContext): RegisterTables {
  const { readings, outputs, ports = [], modbus } = context.device.spec;
  const holes = modbus?.holes ?? [];
  const state = new Map<string, number>();
  /** When coils go off by themselves. */
  const offAtMs = new Map<string, number>();
  const places = [...outputs, ...ports];
  const switches = places.map((place) => switchCell(place, state, offAtMs));
  const cells = [...readings.flatMap((reading) => readingCells(reading, context)), ...switches];
  const of = (table: ReadWith) => cells.filter((cell) => cell.table === table);
  /** An output shows what was written, also where a reading lies on it. */
  const shown = (table: ReadWith) => {
    const hidden = (cell: Cell) => !switches.includes(cell) && state.has(keyOf(table, cell.at));
    return of(table).filter((cell) => !hidden(cell));
  };
  const moved = (place: SwitchSpec, isOn: boolean, atMs: number) => {
    if (ports.includes(place)) context.pluggedInto(place.id)?.drive(isOn, atMs);
    else context.switched(place.id, isOn, atMs);
  };
  return {
    has: (table) => of(table).length > 0,
    isReadable(table, first, count) {
      const last = first + count - 1;
      const lowest = Math.min(...of(table).map((cell) => cell.at));
      const highest = Math.max(...of(table).map((cell) => cell.at + cell.size - 1));
      // The board's holes are of registers.
      const touched = isBits(table) ? [] : holes.filter(([from, to]) => first <= to && last >= from);
      return first >= lowest && last <= highest && touched.length === 0;
    },
    readBits(table, first, count, atMs) {
      const bytes = new Uint8Array(Math.ceil(count / 8));
      for (const cell of shown(table)) {
        const place = cell.at - first;
        if (place < 0 || place >= count || cell.content(atMs)[0] === 0) continue;
        bytes[place >> 3] = (bytes[place >> 3] ?? 0) | (1 << (place & 7));
      }
      return bytes;
    },
    readRegisters(table, first, count, atMs) {
      const bytes = new Uint8Array(2 * count);
      for (const cell of shown(table)) {
        if (cell.at >= first + count || cell.at + cell.size <= first) continue;
        // A question may begin or end in the middle of a value. Bits of one register come from several readings.
        cell.content(atMs).forEach((byte, i) => {
          const place = 2 * (cell.at - first) + i;
          if (place >= 0 && place < bytes.length) bytes[place] = (bytes[place] ?? 0) | byte;
        });
      }
      return bytes;
    },
    canWrite: (table) => switches.some((cell) => cell.table === table),
    isWritable: (table, first, count) =>
      Array.from({ length: count }, (_, i) => state.has(keyOf(table, first + i))).every((has) => has),
    write: (table, at, value, atMs) => {
      state.set(keyOf(table, at), value);
      offAtMs.delete(keyOf(table, at));
      const isMeant = (place: SwitchSpec) => keyOfSwitch(place) === keyOf(table, at);
      for (const place of places.filter(isMeant)) moved(place, value === (place.register?.on ?? 1), atMs);
    },
    isTime: (at) => places.some(({ onFor }) => onFor?.coil === at),
    writeTime: (at, steps, atMs) => {
      for (const place of places) {
        if (place.onFor?.coil !== at) continue;
        const endMs = atMs + steps * place.onFor.stepMs;
        state.set(keyOfSwitch(place), 1);
        offAtMs.set(keyOfSwitch(place), endMs);
        moved(place, true, atMs);
        // Told before it happens: nobody may ask the board again, and what follows it asks for its moments itself.
        moved(place, false, endMs);
      }
    },
    written: (table, at) => state.get(keyOf(table, at)) ?? 0,
  };
}

function keyOf(table: ReadWith, at: number): string {
  return `${table} ${at}`;
}

/** True for the tables of single bits. */
export function isBits(table: ReadWith): boolean {
  return table === 'coil' || table === 'discrete';
}

function tableOf({ register }: SwitchSpec): 'coil' | 'holding' {
  return register === undefined ? 'coil' : 'holding';
}

function keyOfSwitch(place: SwitchSpec): string {
  return keyOf(tableOf(place), place.register?.at ?? place.coil ?? 0);
}

function switchCell(place: SwitchSpec, state: Map<string, number>, offAtMs: ReadonlyMap<string, number>): Cell {
  const { id, coil, register } = place;
  const table = tableOf(place);
  const at = register?.at ?? coil;
  if (at === undefined) throw new Error(`nothing says where the output ${id} lies`);
  const key = keyOf(table, at);
  state.set(key, register?.off ?? 0);
  const content = (atMs: number) => {
    const isOver = atMs >= (offAtMs.get(key) ?? Number.POSITIVE_INFINITY);
    const value = isOver ? 0 : (state.get(key) ?? 0);
    return table === 'coil' ? Uint8Array.of(value) : Uint8Array.of(value >> 8, value & 0xff);
  };
  return { table, at, size: 1, content };
}

function readingCells(spec: ReadingSpec, context: ModelContext): Cell[] {
  const { board, modbus } = context.device.spec;
  const table = spec.readWith ?? modbus?.readWith;
  const encoding = spec.encoding ?? modbus?.encoding;
  const { at, scaleFrom } = spec;
  if (at === undefined || table === undefined || encoding === undefined) {
    throw new Error(`the board ${board} does not say where its reading ${spec.id} lies`);
  }
  const byteOrder: ByteOrder = spec.byteOrder ?? modbus?.byteOrder ?? 'ABCD';
  if (isBits(table)) {
    return [{ table, at, size: 1, content: (atMs) => Uint8Array.of(context.signal(spec.id, atMs) === 0 ? 0 : 1) }];
  }
  if (encoding === 'text') {
    const size = spec.registers ?? 1;
    return [{ table, at, size, content: () => textBytes(context.text(spec.id), size, byteOrder) }];
  }
  const size = Math.max(1, (encoding === 'bool' ? 16 : Number(/\d+$/.exec(encoding)?.[0])) / 16);
  const isNumber = encoding !== 'bool' && spec.bit === undefined;
  const exponent = scaleFrom === undefined || !isNumber ? 0 : exponentAt(table, scaleFrom, context);
  const step = Number(`1e${exponent}`);
  // What the meter's factor has taken away is not in the register; the board's own scale and offset are.
  const content = (atMs: number) => {
    const value = context.signal(spec.id, atMs);
    const scale = (spec.scale ?? 1) * step;
    return registerBytes({ ...spec, encoding, ...(scale !== 1 && { scale }) }, byteOrder, value);
  };
  const cell: Cell = { table, at, size, content };
  if (scaleFrom === undefined || !isNumber) return [cell];
  const factor = registerBytes({ id: spec.id, encoding: 'int16' }, byteOrder, exponent);
  return [cell, { table, at: scaleFrom, size: 1, content: () => factor }];
}

/** The factor that a meter of this precision would have: that of the finest of the readings that share the register. */
function exponentAt(table: ReadWith, scaleFrom: number, { device }: ModelContext): number {
  const { readings, modbus } = device.spec;
  const sharing = readings.filter((each) => each.scaleFrom === scaleFrom && (each.readWith ?? modbus?.readWith) === table);
  const precisions = sharing.map(({ id }) => device.channels.find(({ reading }) => reading === id)?.precision ?? 1);
  return Math.min(...precisions.map((precision) => Number(precision.toExponential().split('e')[1])));
}
