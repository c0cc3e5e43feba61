import { type Copy, type Subject, subjectOf, type Way } from './copy.ts';

/** The times of the two copies of one order differ by no more, also where the city stands still between looking at its clock twice. */
const WINDOW_MS = 5_000;
/** Orders are asked for from a whole second on. */
const SECOND_MS = 1_000;

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
  /** What the city shows of that time or before, and is not among them, came, was answered and was forgotten. */
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
   * A push that may be the other copy of what was forgotten is left to what the city shows, which has the time that is remembered.
   * `latestMs`: the latest time that an order can have; a clock that was set back has not forgotten what is to come.
   */
  recognise(copies: readonly Copy[], latestMs: number): Copy[] {
    const forgottenMs = this.#floorMs > latestMs ? Number.NEGATIVE_INFINITY : this.#floorMs;
    const fresh = new Map<string, Copy>();
    const unknown = [...copies];
    // What stood for another until now was not answered, however old it is.
    const displaced = new Set<Copy>();
    for (const copy of unknown) {
      const { key, keyToAll, timeMs } = copy;
      const isKnown = (other: Remembered) => (other.key === key || other.key === keyToAll) && timeBy(other, copy) === timeMs;
      const isForgotten = copy.via === 'poll' && timeMs <= forgottenMs && !displaced.has(copy);
      if (isForgotten || fresh.has(`${key} ${timeMs}`) || this.#orders.some(isKnown)) continue;
      const pair = this.#nearest(copy);
      if (pair === undefined && (copy.via === 'poll' || timeMs > forgottenMs + WINDOW_MS)) fresh.set(`${key} ${timeMs}`, copy);
      else if (pair !== undefined) {
        if (pair.otherMs !== undefined) {
          const other = { ...copy, timeMs: pair.otherMs };
          unknown.push(other);
          displaced.add(other);
        }
        pair.otherMs = timeMs;
      }
    }
    return [...fresh.values()].sort((a, b) => a.timeMs - b.timeMs);
  }

  /** Whether an order with the id that this one holds was placed before. */
  hasId({ idKey }: Copy): boolean {
    return idKey !== undefined && this.#orders.some((order) => order.idKey === idKey && order.isPlaced);
  }

  /** The time of the newest order for the output that was placed, of those up to `untilMs`, and none of `but`. */
  newestPlacedMs(sensorKey: string, untilMs: number, but: Pick<WeakSet<Remembered>, 'has'>): number {
    const times = this.#orders
      .filter((order) => order.sensorKey === sensorKey && order.isPlaced && !but.has(order))
      .map(({ timeMs }) => timeMs);
    return Math.max(Number.NEGATIVE_INFINITY, ...times.filter((timeMs) => timeMs <= untilMs));
  }

  /** `seenMs`: what is older is neither asked for nor taken when it is pushed. */
  add(copy: Copy, isPlaced: boolean, seenMs: number): Remembered {
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
    if (this.#orders.length > this.#size) this.#forgetOne(seenMs);
    return order;
  }

  /** How full it is of what may not be forgotten yet, as its other copy can still come and is told by nothing else. */
  fill(seenMs: number): number {
    return this.#orders.filter((order) => !isDone(order, seenMs)).length / this.#size;
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

  /** The oldest of what was answered, if nothing of it comes again. */
  #forgetOne(seenMs: number): void {
    const rank = (order: Remembered) => (isDone(order, seenMs) ? 0 : 2) + (order.open === undefined ? 0 : 1);
    const [oldest] = this.#orders.toSorted((a, b) => rank(a) - rank(b) || a.timeMs - b.timeMs);
    if (oldest === undefined) return;
    this.#orders.splice(this.#orders.indexOf(oldest), 1);
    this.#floorMs = Math.max(this.#floorMs, shownMs(oldest) ?? oldest.timeMs + WINDOW_MS);
  }
}

/** Whether the city has shown it, or does so no more. */
function isDone(order: Remembered, seenMs: number): boolean {
  return shownMs(order) !== undefined || order.timeMs + WINDOW_MS + SECOND_MS < seenMs;
}

/** The time with which the city shows it. */
function shownMs({ via, timeMs, otherMs }: Remembered): number | undefined {
  return via === 'poll' ? timeMs : otherMs;
}

/** The time of its copy that came in the same way. */
function timeBy(order: Remembered, { via }: Copy): number | undefined {
  return order.via === via ? order.timeMs : order.otherMs;
}
