import type { Expectation } from '../../config/config.ts';
import { timeTaken } from '../../config/duration.ts';
import type { Clock } from '../../drivers/clock.ts';
import type { ChannelState } from '../channel.ts';

/** How often a reading is looked at that an output is expected to move. */
const LOOK_MS = 500;

/**
 * Waits until a reading that was taken after `sinceMs` is as expected, or its time is over; `ended` is told what is wrong then. One
 * that is missing or doubtful does not count. Returns what ends the waiting.
 */
export function watchReading(
  { reading, above, below, withinMs }: Expectation,
  sinceMs: number,
  { clock, latest }: { readonly clock: Clock; readonly latest: (reading: string) => ChannelState | undefined },
  ended: (problem: string | undefined) => void,
): () => void {
  let cancel = () => {};
  const look = () => {
    const state = latest(reading);
    const value = state !== undefined && state.monotonicMs >= sinceMs && state.quality === 'good' ? state.value : undefined;
    const isNumber = typeof value === 'number';
    if (isNumber && (above === undefined || value > above) && (below === undefined || value < below)) return ended(undefined);
    const found = isNumber ? shortNumber(value) : 'no value';
    const leftMs = sinceMs + withinMs - clock.monotonicMs();
    if (leftMs > 0) cancel = clock.timer(Math.min(LOOK_MS, leftMs), look);
    else ended(`expected ${reading} ${limitsText({ above, below })} within ${timeTaken(withinMs)}, found ${found}`);
  };
  look();
  return () => cancel();
}

/** A number as people read it: six digits say enough. */
export function shortNumber(value: number): number {
  return Number(value.toPrecision(6));
}

/** What a reading has to be: `above 1 and below 5`. */
export function limitsText({
  above,
  below,
}: {
  readonly above?: number | undefined;
  readonly below?: number | undefined;
}): string {
  const limits = [...(above === undefined ? [] : [`above ${above}`]), ...(below === undefined ? [] : [`below ${below}`])];
  return limits.join(' and ');
}

/** Calls `lost` when the city was not heard for `forMs`, counted from `sinceMs` or from when it was heard last. Returns what ends that. */
export function watchCity(
  sinceMs: number,
  forMs: number,
  { clock, heardMs }: { readonly clock: Clock; readonly heardMs: () => number | undefined },
  lost: () => void,
): () => void {
  let cancel = () => {};
  const look = () => {
    const leftMs = Math.max(sinceMs, heardMs() ?? sinceMs) + forMs - clock.monotonicMs();
    if (leftMs > 0) cancel = clock.timer(leftMs, look);
    else lost();
  };
  look();
  return () => cancel();
}
