import type { Io } from './io.ts';
import { zonedText } from './local-time.ts';
import { text } from './messages/outputs.ts';
import { cellText, tableColumns, tableLines } from './table.ts';

/** Who asked may be long, and stands before what became of it. */
const FROM_COLUMNS = 32;

/** One row of a table of orders. */
export interface OrderRow {
  /** Undefined where nobody knows when it was. */
  readonly wallMs: number | undefined;
  /** The output; the rule that ordered nothing. */
  readonly about: string;
  /** What was ordered. */
  readonly order: string;
  readonly from: string;
  readonly result: string;
}

/** The lines of a table of orders, in times of that zone; without one, of this machine's. */
export function orderTable(
  orders: readonly OrderRow[],
  timeZone: string | undefined,
  io: Pick<Io, 'columns' | 'isTerminal'>,
): string[] {
  const rows = orders.map(({ wallMs, about, order, from, result }) => [
    wallMs === undefined ? text.noTime : zonedText(wallMs, timeZone),
    about,
    order,
    cellText(from, io.isTerminal ? FROM_COLUMNS : Number.POSITIVE_INFINITY),
    // Why it was not done is what somebody looks for here: it is never cut.
    cellText(result, Number.POSITIVE_INFINITY),
  ]);
  return tableLines([[...text.logHead], ...rows], new Set(), tableColumns(io));
}
