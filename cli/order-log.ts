import type { StoredRecord } from '../gateway/journal/journal.ts';
import { SAFE_AT_START } from '../gateway/outputs/order-records.ts';
import { WAS_MADE_SAFE } from '../gateway/outputs/output.ts';
import { ORDER_REFUSED } from '../gateway/outputs/refusals.ts';
import type { Event, Order, Result, Stamp } from '../gateway/record.ts';

/** Whence an output was made safe that an earlier process had left on. */
const THE_START = 'the start';

/** One order for an output, as the journal has it. */
export interface LoggedOrder {
  readonly stamp: Stamp;
  /** `device.output` */
  readonly output: string;
  /** Undefined where it asked for nothing that the output knows. */
  readonly on?: boolean;
  /** Who gave it. */
  readonly from: string;
  /** How long it was to stay so, where that was said; milliseconds. */
  readonly forMs?: number;
  /** Undefined while it is on its way, or where the gateway ended before anybody wrote it down. */
  readonly result?: { readonly done: boolean; readonly reason?: string };
  /** Of so many that were refused since the one before nothing else is known. */
  readonly leftOut?: number;
}

/** Where an output was left, as far as its records tell; undefined where they say nothing of it. */
type Left = boolean | 'unknown' | undefined;

/** An order that was about to be carried out. */
interface Begun {
  readonly order: string;
  readonly left: Left;
  /** The same before that order. */
  readonly before: Left;
}

/** Gathers the orders of a journal's records, which come in their order; of more than `countMax` the newest. */
export class OrderLog {
  readonly #countMax: number;
  readonly #orders = new Map<string, LoggedOrder>();
  /** By output: the newest order that was written down, and the newest that was begun. */
  readonly #newest = new Map<string, Pick<Order, 'id' | 'on'>>();
  readonly #begun = new Map<string, Begun>();

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  take({ record, sequence }: StoredRecord): void {
    if (record.kind === 'order') {
      const { id, output, on, from, forMs } = record;
      this.#newest.set(output, { id, on });
      this.#add(id, { stamp: stampOf(record), output, on, from, ...(forMs !== undefined && { forMs }) });
    } else if (record.kind === 'intent') {
      const { order, output, on } = record;
      this.#begun.set(output, { order, left: on, before: this.#begun.get(output)?.left });
    } else if (record.kind === 'result') {
      this.#became(record);
      const order = this.#orders.get(record.order);
      const { done, reason } = record;
      if (order !== undefined)
        this.#orders.set(record.order, { ...order, result: { done, ...(reason !== undefined && { reason }) } });
    } else if (record.kind === 'event' && record.code === ORDER_REFUSED) {
      this.#add(`refused ${sequence}`, { stamp: stampOf(record), ...refusedOf(record.fields) });
    } else if (record.kind === 'event' && record.code === SAFE_AT_START) {
      const { output, on } = record.fields;
      if (typeof output !== 'string' || typeof on !== 'boolean') return;
      const left = this.#begun.get(output)?.left;
      this.#begun.delete(output);
      // What a clean stop had switched off before is no news.
      if (left === undefined || left === on) return;
      this.#add(`start ${sequence}`, { stamp: stampOf(record), output, on, from: THE_START, result: { done: true } });
    }
  }

  /** Learns where an output was left. What a stop has done was begun by nobody, and is written down when it is done. */
  #became({ order, output, done, reason = '' }: Result): void {
    const begun = this.#begun.get(output);
    const newest = this.#newest.get(output);
    if (done && begun?.order !== order && newest?.id === order)
      this.#begun.set(output, { order, left: newest.on, before: newest.on });
    // A stop begins nothing, and has found that nobody knows where it is.
    if (!done && begun?.order !== order && newest?.id === order && reason.startsWith('failed: '))
      this.#begun.set(output, { order, left: 'unknown', before: 'unknown' });
    if (done || begun?.order !== order) return;
    const { left, before } = begun;
    const failed = reason.endsWith(WAS_MADE_SAFE) && typeof left === 'boolean' ? !left : 'unknown';
    const ended = reason.startsWith('unknown: ') ? 'unknown' : before;
    this.#begun.set(output, { ...begun, left: reason.startsWith('failed: ') ? failed : ended });
  }

  #add(id: string, order: LoggedOrder): void {
    this.#orders.set(id, order);
    const [oldest] = this.#orders.keys();
    if (this.#orders.size > this.#countMax && oldest !== undefined) this.#orders.delete(oldest);
  }

  /** The oldest first. */
  get orders(): readonly LoggedOrder[] {
    return [...this.#orders.values()];
  }
}

function stampOf({ boot, monotonicMs, wallMs, wallQuality }: Stamp): Stamp {
  return { boot, monotonicMs, wallMs, wallQuality };
}

/** As `openRefusals` has written it; another version may have written less. */
function refusedOf({ output, from, on, reason, leftOut }: Event['fields']): Omit<LoggedOrder, 'stamp'> {
  return {
    output: String(output ?? ''),
    from: String(from ?? ''),
    ...(typeof on === 'boolean' && { on }),
    result: { done: false, reason: String(reason ?? '') },
    ...(typeof leftOut === 'number' && { leftOut }),
  };
}
