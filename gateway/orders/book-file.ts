import { Buffer } from 'node:buffer';
import type { Disk } from '../host.ts';
import { decodeCbor, encodeCbor, isArrayOf } from '../journal/cbor.ts';
import { readTwoSlots, STATE_BYTES_MAX, TwoSlotFile } from '../journal/two-slot-file.ts';
import type { Subject } from './copy.ts';
import { type BookState, EMPTY_BOOK, type Remembered } from './order-book.ts';

/*
 * What the gateway remembers of the city's orders: a state of two-slot-file.ts, in CBOR.
 *
 *   [ cursor, first start, answers from, book, book of those who may not order ]
 *   book   [ floor, [ [ key (8 bytes), key of its id (8), key of the sensor (4), pushed, time, time of the other copy, placed, sender, on, id ] … ] ]
 *
 * Times are milliseconds of the city's clock, null where there is none; what follows `placed` stands only at what nobody has answered.
 */
const MAGIC = 'BORD';
const KEY_BYTES = 8;
const SENSOR_KEY_BYTES = 4;

/** Orders of each book at most: together they fit a page, and more than come within the time in which one is carried out. */
export const REMEMBERED_MAX = { book: 60, refusedBook: 24 } as const;

/** What has to outlast a crash. */
export interface OrdersState {
  readonly book: BookState;
  /** Of those who may not order. */
  readonly refusedBook: BookState;
  /** Up to when, on the city's clock, all orders have been seen; undefined before the first answer. */
  readonly cursorMs: number | undefined;
  /** When the gateway started for the first time, on the city's clock; undefined before the first answer, and after that was set back. */
  readonly beganMs: number | undefined;
  /** The journal's sequence before which there is no answer to an order that is not answered here. */
  readonly answersFrom: number;
}

/** Of a gateway that never heard of an order. */
export const NO_ORDERS: OrdersState = {
  book: EMPTY_BOOK,
  refusedBook: EMPTY_BOOK,
  cursorMs: undefined,
  beganMs: undefined,
  answersFrom: 1,
};

/** The file of that state. */
export interface BookFile {
  readonly state: OrdersState;
  /** Makes the state durable. Calls must not overlap. @throws DiskError */
  write(state: OrdersState): Promise<void>;
  close(): Promise<void>;
}

/** Reads the file; one that is missing or damaged is the state of a gateway that never heard of an order. */
export async function openBookFile(disk: Disk, path: string): Promise<BookFile> {
  const stored = await readTwoSlots(disk, path, MAGIC);
  const known = typeof stored === 'string' ? undefined : decode(stored.payload);
  const file = new TwoSlotFile(disk, path, MAGIC, typeof stored === 'string' ? 0 : stored.generation);
  return {
    state: known ?? NO_ORDERS,
    write: (state) => file.write(encode(state)),
    close: () => file.close(),
  };
}

/** The state in bytes. The words of what is not answered are left out where they do not fit: those answers then lack them. */
function encode(state: OrdersState): Uint8Array {
  const bytes = encodeCbor(itemOf(state, true));
  return bytes.length <= STATE_BYTES_MAX ? bytes : encodeCbor(itemOf(state, false));
}

function itemOf({ book, refusedBook, cursorMs, beganMs, answersFrom }: OrdersState, isWithWords: boolean): unknown {
  return [cursorMs ?? null, beganMs ?? null, answersFrom, bookItem(book, isWithWords), bookItem(refusedBook, isWithWords)];
}

function bookItem({ orders, floorMs }: BookState, isWithWords: boolean): unknown {
  const rows = orders.map(({ key, idKey, sensorKey, via, timeMs, otherMs, isPlaced, open }) => [
    Buffer.from(key, 'hex'),
    idKey === undefined ? null : Buffer.from(idKey, 'hex'),
    Buffer.from(sensorKey, 'hex'),
    via === 'push',
    timeMs,
    otherMs ?? null,
    isPlaced,
    ...(open === undefined ? [] : isWithWords ? [open.sender, open.on ?? null, open.id ?? null] : ['', null, null]),
  ]);
  return [Number.isFinite(floorMs) ? floorMs : null, rows];
}

function decode(payload: Uint8Array): OrdersState | undefined {
  const item = decodeCbor(payload);
  if (!isArrayOf(item, 5)) return undefined;
  const [cursor, began, answersFrom, ...books] = item;
  const [book, refusedBook] = books.map(bookIn);
  if (!(isTime(cursor) && isTime(began) && Number.isSafeInteger(answersFrom)) || book === undefined || refusedBook === undefined)
    return undefined;
  return { book, refusedBook, cursorMs: cursor ?? undefined, beganMs: began ?? undefined, answersFrom: answersFrom as number };
}

function bookIn(item: unknown): BookState | undefined {
  if (!isArrayOf(item, 2)) return undefined;
  const [floor, rows] = item;
  if (!(isTime(floor) && Array.isArray(rows))) return undefined;
  const orders = rows.map(orderOf);
  return orders.every((order) => order !== undefined) ? { orders, floorMs: floor ?? EMPTY_BOOK.floorMs } : undefined;
}

function orderOf(row: unknown): Remembered | undefined {
  if (!Array.isArray(row)) return undefined;
  const [key, idKey, sensorKey, isPushed, time, other, isPlaced, ...open] = row as readonly unknown[];
  if (!(isKey(key, KEY_BYTES) && (idKey === null || isKey(idKey, KEY_BYTES)) && isKey(sensorKey, SENSOR_KEY_BYTES)))
    return undefined;
  if (!(typeof time === 'number' && isTime(time) && isTime(other) && typeof isPlaced === 'boolean')) return undefined;
  return {
    key: Buffer.from(key).toString('hex'),
    idKey: idKey === null ? undefined : Buffer.from(idKey).toString('hex'),
    sensorKey: Buffer.from(sensorKey).toString('hex'),
    via: isPushed === true ? 'push' : 'poll',
    timeMs: time,
    otherMs: other ?? undefined,
    isPlaced,
    open: subjectIn(open),
  };
}

function subjectIn([sender, on, id]: readonly unknown[]): Subject | undefined {
  if (typeof sender !== 'string') return undefined;
  return { sender, ...(typeof on === 'boolean' && { on }), ...(typeof id === 'string' && { id }) };
}

function isKey(item: unknown, bytes: number): item is Uint8Array {
  return item instanceof Uint8Array && item.length === bytes;
}

function isTime(item: unknown): item is number | null {
  return item === null || Number.isFinite(item);
}
