import type { StoredRecord } from '../gateway/journal/journal.ts';
import type { Stamp } from '../gateway/record.ts';

/** One order for an output, as the journal has it. */
export interface LoggedOrder {
  readonly stamp: Stamp;
  /** `device.output` */
  readonly output: string;
  readonly on: boolean;
  /** Who gave it. */
  readonly from: string;
  /** Undefined while it is on its way, or where the gateway ended before anybody wrote it down. */
  readonly result?: { readonly done: boolean; readonly reason?: string };
}

/** Gathers the orders of a journal's records, which come in their order; of more than `countMax` the newest. */
export class OrderLog {
  readonly #countMax: number;
  readonly #orders = new Map<string, LoggedOrder>();

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  take({ record }: StoredRecord): void {
    if (record.kind === 'order') {
      const { id, output, on, from, boot, monotonicMs, wallMs, wallQuality } = record;
      this.#orders.set(id, { stamp: { boot, monotonicMs, wallMs, wallQuality }, output, on, from });
      const [oldest] = this.#orders.keys();
      if (this.#orders.size > this.#countMax && oldest !== undefined) this.#orders.delete(oldest);
    } else if (record.kind === 'result') {
      const order = this.#orders.get(record.order);
      const { done, reason } = record;
      if (order !== undefined)
        this.#orders.set(record.order, { ...order, result: { done, ...(reason !== undefined && { reason }) } });
    }
  }

  /** The oldest first. */
  get orders(): readonly LoggedOrder[] {
    return [...this.#orders.values()];
  }
}
