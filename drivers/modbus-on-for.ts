import type { OnFor } from './driver.ts';

/**
 * What a board's own time-out gets beyond the gateway's own end, so that it is the gateway that ends it as long as it lives, and what is
 * read back is never what nobody has ordered. A hundredth is for the board's clock: an oscillator without a crystal is off by that much.
 * The fixed part is for the gateway's `off`, which takes a moment, and is sent again on a line that loses frames.
 */
const CLOCK_SHARE = 100;
const MARGIN_MS = 2_000;

/** The longest that an output may be on by the gateway, milliseconds, where its board keeps that when the gateway dies. */
export function leftMsMax({ mostMs }: OnFor): number {
  return (mostMs - MARGIN_MS) / (1 + 1 / CLOCK_SHARE);
}

/** What is written for an output that may be on for another `leftMs` at most, in steps; undefined where the board cannot count that far. */
export function stepsFor(onFor: OnFor, leftMs: number): number | undefined {
  if (leftMs > leftMsMax(onFor)) return undefined;
  // A clock's fractions are no step more. What is over is being switched off; zero may mean anything to a board.
  return Math.max(1, Math.ceil(Math.round(leftMs + leftMs / CLOCK_SHARE + MARGIN_MS) / onFor.stepMs));
}
