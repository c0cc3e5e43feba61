import type { Gateway } from '../gateway/gateway.ts';
import { BEAT_MS } from './supervise.ts';

/** What a start may take, a damaged journal searched: what takes longer does not come to an end. */
const OPENING_MS_MAX = 3_600_000;

export interface Beats {
  /** From now on this gateway runs. */
  of(gateway: Pick<Gateway, 'status'>): void;
  /** Must be called when it has ended, or does not start: until then the channel keeps the process running. */
  end(): void;
}

/**
 * Tells whoever supervises this process that it is well: while the gateway is opened that the loop turns, and while it runs that its
 * native calls find a thread as well. A supervisor that is gone, also already now, ends the process as a signal does. Does nothing
 * without one.
 */
export function beginBeats(): Beats {
  if (process.send === undefined) return { of: () => {}, end: () => {} };
  const openingSinceMs = performance.now();
  let word: 'opening' | 'beat' = 'opening';
  let isWell = () => performance.now() - openingSinceMs < OPENING_MS_MAX;
  const beat = () => {
    // Without the callback a channel that has just been closed would be an error of ours; its end is told below.
    if (isWell()) process.send?.(word, undefined, undefined, () => {});
  };
  const beating = setInterval(beat, BEAT_MS);
  const stop = () => {
    clearInterval(beating);
    process.kill(process.pid, 'SIGTERM');
  };
  process.once('disconnect', stop);
  if (process.connected) beat();
  else stop();
  return {
    of(gateway) {
      word = 'beat';
      isWell = () => gateway.status().threadsStuckMs === undefined;
      // One that hangs from here on has no longer the time of a start.
      if (process.connected) beat();
    },
    end() {
      clearInterval(beating);
      process.off('disconnect', stop);
    },
  };
}
