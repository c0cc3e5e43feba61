import { type Copy, type Subject, subjectOf, type Way } from './copy.ts';

/** The times of the two copies of one order differ by no more, also where the city stands still between looking at its clock twice. */
const WINDOW_MS = 5_000;

/** An order that came here. Times are those of the city's clock. */
export interface Remembered {
  readonly key: string;
  readonly idKey: string | undefined;
  readonly sensorKey: string;
  /** How it came first, and the time that it had then. */
  readonly via: Way;
  readonly timeMs: number;
  /** The time of its other copy, once that has come. */
  otherMs: number | undefined;
  /** Whether it was to be carried out, and was not refused then. */
  isPlaced: boolean;
  /** Until its answer is durable: what it was, for whoever has to answer. */
  open: Subject | undefined;
}

/** What has to outlast a crash. */
export interface BookState {
  readonly orders: readonly Remembered[];
  /** What was given by then and is not among them came, was answered and was forgotten. */
  readonly floorMs: number;
}

export const EMPTY_BOOK: BookState = { orders: [], floorMs: Number.NEGATIVE_INFINITY };

/**
 * The orders of the last while, by which it is known what came here before. Each order comes at most twice: once pushed, and once
 * in what the city shows, which is read again and again.
 */
export class OrderBook {
  readonly #orders: Remembered[];
  readonly #size: number;
  #floorMs: number;

  /** `size`: how many are remembered. */
  constructor({ orders, floorMs }: BookState, size: number) {
    this.#size = size;
    this.#orders = orders.map((order) => ({ ...order }));
    this.#floorMs = floorMs;
  }

  get state(): BookState {
    return { orders: this.#orders, floorMs: this.#floorMs };
  }

  /** What was given by then may be forgotten. Later than the clock of the city where that was set back. */
  get floorMs(): number {
    return this.#floorMs;
  }

  /**
   * Those that did not come here before, the oldest first; all copies came the same way. Two of one key are told apart by their times: a copy is taken for the
   * other copy of the order that is nearest to it in time, and one that is nearer takes the place of one that was taken for it.
   * `latestMs`: the latest time that an order can have; a clock that was set back has not forgotten what is to come.
   */
  recognise(copies: readonly Copy[], latestMs: number): Copy[] {
    const forgottenMs = this.#floorMs > latestMs ? Number.NEGATIVE_INFINITY : this.#floorMs;
    const fresh = new Map<string, Copy>();
    const unknown = [...copies];
    for (const copy of unknown) {
      const { key, keyToAll, timeMs } = copy;
      const isKnown = (other: Remembered) => (other.key === key || other.key === keyToAll) && timeBy(other, copy) === timeMs;
      if (fresh.has(`${key} ${timeMs}`) || this.#orders.some(isKnown)) continue;
      const pair = this.#nearest(copy);
      if (pair === undefined && timeMs > forgottenMs) fresh.set(`${key} ${timeMs}`, copy);
      else if (pair !== undefined) {
        if (pair.otherMs !== undefined) unknown.push({ ...copy, timeMs: pair.otherMs });
        pair.otherMs = timeMs;
      }
    }
    return [...fresh.values()].sort((a, b) => a.timeMs - b.timeMs);
  }

  /** Whether an order with the id that this one holds was placed before. */
  hasId({ idKey }: Copy): boolean {
    return idKey !== undefined && this.#orders.some((order) => order.idKey === idKey && order.isPlaced);
  }

  /** The time of the newest order for the output that was placed, of those up to `untilMs`. */
  newestPlacedMs(sensorKey: string, untilMs: number): number {
    const times = this.#orders.filter((order) => order.sensorKey === sensorKey && order.isPlaced).map(({ timeMs }) => timeMs);
    return Math.max(Number.NEGATIVE_INFINITY, ...times.filter((timeMs) => timeMs <= untilMs));
  }

  add(copy: Copy, isPlaced: boolean): Remembered {
    const { key, idKey, sensorKey, via, timeMs } = copy;
    const order: Remembered = {
      key,
      idKey,
      sensorKey,
      via,
      timeMs,
      otherMs: undefined,
      isPlaced,
      open: subjectOf(copy),
    };
    this.#orders.push(order);
    if (this.#orders.length > this.#size) this.#forgetOne();
    return order;
  }

  /** The order whose other copy this is, of all that have none or one that is less near. */
  #nearest({ key, via, timeMs }: Copy): Remembered | undefined {
    const apartMs = (otherMs: number | undefined, order: Remembered) =>
      Math.abs(order.timeMs - (otherMs ?? Number.POSITIVE_INFINITY));
    const [nearest] = this.#orders
      .filter((order) => order.key === key && order.via !== via)
      .filter((order) => apartMs(timeMs, order) <= WINDOW_MS && apartMs(timeMs, order) < apartMs(order.otherMs, order))
      .sort((a, b) => apartMs(timeMs, a) - apartMs(timeMs, b));
    return nearest;
  }

  /** Those that nobody has answered. */
  get open(): readonly Remembered[] {
    return this.#orders.filter(({ open }) => open !== undefined);
  }

  /** The oldest of what was answered. */
  #forgetOne(): void {
    const [oldest] = this.#orders.toSorted((a, b) => openness(a) - openness(b) || a.timeMs - b.timeMs);
    if (oldest === undefined) return;
    this.#orders.splice(this.#orders.indexOf(oldest), 1);
    this.#floorMs = Math.max(this.#floorMs, oldest.timeMs);
  }
}

function openness({ open }: Remembered): number {
  return open === undefined ? 0 : 1;
}

/** The time of its copy that came in the same way. */
function timeBy(order: Remembered, { via }: Copy): number | undefined {
  return order.via === via ? order.timeMs : order.otherMs;
}
