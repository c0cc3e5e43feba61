import type { StoredRecord } from '../gateway/journal/journal.ts';
import { ORDER_REFUSED } from '../gateway/outputs/refusals.ts';
import type { Event, Stamp } from '../gateway/record.ts';

/** One order for an output, as the journal has it. */
export interface LoggedOrder {
  readonly stamp: Stamp;
  /** `device.output` */
  readonly output: string;
  /** Undefined where it asked for nothing that the output knows. */
  readonly on?: boolean;
  /** Who gave it. */
  readonly from: string;
  /** Undefined while it is on its way, or where the gateway ended before anybody wrote it down. */
  readonly result?: { readonly done: boolean; readonly reason?: string };
  /** Of so many that were refused since the one before nothing else is known. */
  readonly leftOut?: number;
}

/** Gathers the orders of a journal's records, which come in their order; of more than `countMax` the newest. */
export class OrderLog {
  readonly #countMax: number;
  readonly #orders = new Map<string, LoggedOrder>();

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  take({ record, sequence }: StoredRecord): void {
    if (record.kind === 'order') {
      const { id, output, on, from } = record;
      this.#add(id, { stamp: stampOf(record), output, on, from });
    } else if (record.kind === 'result') {
      const order = this.#orders.get(record.order);
      const { done, reason } = record;
      if (order !== undefined)
        this.#orders.set(record.order, { ...order, result: { done, ...(reason !== undefined && { reason }) } });
    } else if (record.kind === 'event' && record.code === ORDER_REFUSED) {
      this.#add(`refused ${sequence}`, { stamp: stampOf(record), ...refusedOf(record.fields) });
    }
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
