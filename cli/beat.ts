import type { Gateway } from '../gateway/gateway.ts';
import { BEAT_MS } from './supervise.ts';

/** What a start may take, a damaged journal searched: what takes longer does not come to an end. */
const OPENING_MS_MAX = 3_600_000;

/**
 * Tells whoever supervises this process that it is well: while the gateway is opened that the loop turns, and once the returned function
 * was called with it, that its native calls find a thread as well. A supervisor that is gone, also already now, ends the process as a
 * signal does. Does nothing without one.
 */
export function beginBeats(): (gateway: Pick<Gateway, 'status'>) => void {
  if (process.send === undefined) return () => {};
  const openingSinceMs = performance.now();
  let word: 'opening' | 'beat' = 'opening';
  let isWell = () => performance.now() - openingSinceMs < OPENING_MS_MAX;
  const beat = () => {
    // Without the callback a channel that has just been closed would be an error of ours; its end is told below.
    if (isWell()) process.send?.(word, undefined, undefined, () => {});
  };
  const beating = setInterval(beat, BEAT_MS);
  beating.unref();
  const end = () => {
    clearInterval(beating);
    process.kill(process.pid, 'SIGTERM');
  };
  process.once('disconnect', end);
  // The channel alone keeps no process running.
  process.channel?.unref();
  if (process.connected) beat();
  else end();
  return (gateway) => {
    word = 'beat';
    isWell = () => gateway.status().threadsStuckMs === undefined;
  };
}
