import { type Copy, type Subject, subjectOf, type Way } from './copy.ts';

/** The times of the two copies of one order differ by no more, also where the city stands still between looking at its clock twice. */
const WINDOW_MS = 5_000;
/** Orders that are remembered: what fits a page of a state file, and more than come within the time in which one is carried out. */
const REMEMBERED_MAX = 96;

/** An order that came here. Times are those of the city's clock. */
export interface Remembered {
  readonly key: string;
  readonly sensorKey: string;
  /** How it came first, and the time that it had then. */
  readonly via: Way;
  readonly timeMs: number;
  /** The time of its other copy, once that has come. */
  otherMs: number | undefined;
  /** Whether it was to be carried out. */
  readonly isPlaced: boolean;
  /** Until its answer is durable: what it was, for whoever has to answer. */
  open: Subject | undefined;
}

/** What has to outlast a crash. */
export interface BookState {
  readonly orders: readonly Remembered[];
  /** Of what came before and was forgotten, nothing is carried out. */
  readonly floorMs: number;
}

export const EMPTY_BOOK: BookState = { orders: [], floorMs: Number.NEGATIVE_INFINITY };

/**
 * The orders of the last while, by which it is known what came here before. Each order comes at most twice: once pushed, and once
 * in what the city shows, which is read again and again.
 */
export class OrderBook {
  readonly #orders: Remembered[];
  #floorMs: number;

  constructor({ orders, floorMs }: BookState) {
    this.#orders = orders.map((order) => ({ ...order }));
    this.#floorMs = floorMs;
  }

  get state(): BookState {
    return { orders: this.#orders, floorMs: this.#floorMs };
  }

  /** Nothing that was given by then is new any more. */
  raiseFloor(timeMs: number): void {
    this.#floorMs = Math.max(this.#floorMs, timeMs);
  }

  /**
   * Those that did not come here before, the oldest first. Two of one key are told apart by their times: each copy is taken for the
   * other copy of the order that is nearest to it in time.
   */
  recognise(copies: readonly Copy[]): Copy[] {
    const unknown = new Set<Copy>();
    for (const copy of copies) {
      const isAgain = [...unknown].some(({ key, timeMs }) => key === copy.key && timeMs === copy.timeMs);
      if (!isAgain && !this.#orders.some((order) => isSame(order, copy))) unknown.add(copy);
    }
    const pairs = [...unknown].flatMap((copy) =>
      this.#orders
        .filter((order) => order.key === copy.key && timeBy(order, copy) === undefined)
        .map((order) => ({ order, copy, apartMs: Math.abs(order.timeMs - copy.timeMs) })),
    );
    for (const { order, copy, apartMs } of pairs.toSorted((a, b) => a.apartMs - b.apartMs)) {
      if (apartMs > WINDOW_MS || !unknown.has(copy) || timeBy(order, copy) !== undefined) continue;
      order.otherMs = copy.timeMs;
      unknown.delete(copy);
    }
    return [...unknown].sort((a, b) => a.timeMs - b.timeMs);
  }

  /** Whether an order with the id that this one holds was placed before. */
  hasId({ asked, key }: Copy): boolean {
    return 'id' in asked && this.#orders.some((order) => order.key === key && order.isPlaced);
  }

  /** The time of the newest order for the output that was placed, of those up to `untilMs`; what was forgotten counts. */
  newestPlacedMs(sensorKey: string, untilMs: number): number {
    const times = this.#orders.filter((order) => order.sensorKey === sensorKey && order.isPlaced).map(({ timeMs }) => timeMs);
    return Math.max(Number.NEGATIVE_INFINITY, ...[...times, this.#floorMs].filter((timeMs) => timeMs <= untilMs));
  }

  add(copy: Copy, isPlaced: boolean): Remembered {
    const { key, sensorKey, via, timeMs } = copy;
    const order: Remembered = {
      key,
      sensorKey,
      via,
      timeMs,
      otherMs: undefined,
      isPlaced,
      open: subjectOf(copy),
    };
    this.#orders.push(order);
    if (this.#orders.length > REMEMBERED_MAX) this.#forgetOne();
    return order;
  }

  /** Those that nobody has answered. */
  get open(): readonly Remembered[] {
    return this.#orders.filter(({ open }) => open !== undefined);
  }

  /** First what was refused, as it may come again and is refused again; then the oldest, before which nothing is new any more. */
  #forgetOne(): void {
    const age = (order: Remembered) => (order.open === undefined ? 0 : 2) + (order.isPlaced ? 1 : 0);
    const [first] = this.#orders.toSorted((a, b) => age(a) - age(b) || a.timeMs - b.timeMs);
    if (first === undefined) return;
    this.#orders.splice(this.#orders.indexOf(first), 1);
    if (first.isPlaced) this.raiseFloor(first.timeMs);
  }
}

/** The time of its copy that came in the same way. */
function timeBy({ via, timeMs, otherMs }: Remembered, copy: Copy): number | undefined {
  return via === copy.via ? timeMs : otherMs;
}

function isSame(order: Remembered, copy: Copy): boolean {
  return order.key === copy.key && timeBy(order, copy) === copy.timeMs;
}
