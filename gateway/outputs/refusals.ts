import type { Clock } from '../../drivers/clock.ts';
import type { Journal } from '../journal/journal.ts';
import { stampAt } from '../stamp.ts';
import { openRate } from './rate.ts';

/** Code of the journal's event. */
export const ORDER_REFUSED = 'order-refused';
/** What somebody far away calls himself, or why, may be long. */
const TEXT_MAX = 120;

/** What somebody wanted of an output and was refused before it became an order of it. */
export interface Refused {
  /** `device.output` */
  readonly output: string;
  /** Undefined where it asked for nothing that the output knows. */
  readonly on?: boolean | undefined;
  /** Who it was, as in an order. */
  readonly from: string;
  /** For people. */
  readonly reason: string;
}

/** Keeps what was refused in the journal, so that the order log has it: three at once, then one in ten seconds with the count of those between. */
export function openRefusals(around: {
  readonly clock: Clock;
  readonly bootId: string;
  readonly journal: Pick<Journal, 'append'>;
}): (refused: Refused) => void {
  const { clock, bootId, journal } = around;
  const rate = openRate();
  let leftOut = 0;
  return ({ output, on, from, reason }) => {
    if (rate.take(clock.monotonicMs()) !== 'yes') {
      leftOut += 1;
      return;
    }
    const fields = {
      output,
      from: from.slice(0, TEXT_MAX),
      reason: reason.slice(0, TEXT_MAX),
      ...(on !== undefined && { on }),
      ...(leftOut > 0 && { leftOut }),
    };
    leftOut = 0;
    // The journal counts what it drops.
    journal.append({ kind: 'event', code: ORDER_REFUSED, fields, ...stampAt(clock, bootId) }).catch(() => {});
  };
}
