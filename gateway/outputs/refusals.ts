import type { Clock } from '../../drivers/clock.ts';
import type { Journal } from '../journal/journal.ts';
import { stampAt } from '../stamp.ts';
import { openRate, RATE_EVERY_MS, type Rate } from './rate.ts';

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

/**
 * Keeps what was refused in the journal, so that the order log has it: of an output and a way on which orders come three at once, then
 * one in ten seconds with the count of those between.
 */
export function openRefusals(around: {
  readonly clock: Clock;
  readonly bootId: string;
  readonly journal: Pick<Journal, 'append'>;
}): (refused: Refused) => void {
  const { clock, bootId, journal } = around;
  /** By output and way: nobody crowds out what is told of others. */
  const told = new Map<string, { readonly rate: Rate; newest: Refused; leftOut: number }>();
  const keep = ({ output, on, from, reason }: Refused, leftOut: number) => {
    const fields = {
      output,
      from: from.slice(0, TEXT_MAX),
      reason: reason.slice(0, TEXT_MAX),
      ...(on !== undefined && { on }),
      ...(leftOut > 0 && { leftOut }),
    };
    // The journal counts what it drops.
    journal.append({ kind: 'event', code: ORDER_REFUSED, fields, ...stampAt(clock, bootId) }).catch(() => {});
  };
  return (refused) => {
    const [way] = refused.from.split(':', 1);
    const key = `${refused.output} ${way}`;
    const of = told.get(key) ?? { rate: openRate(), newest: refused, leftOut: 0 };
    told.set(key, of);
    of.newest = refused;
    if (of.leftOut === 0 && of.rate.take(clock.monotonicMs()) === 'yes') return keep(refused, 0);
    of.leftOut += 1;
    if (of.leftOut > 1) return;
    // Also where none comes any more.
    clock.timer(RATE_EVERY_MS, () => {
      of.rate.take(clock.monotonicMs());
      keep(of.newest, of.leftOut - 1);
      of.leftOut = 0;
    });
  };
}
