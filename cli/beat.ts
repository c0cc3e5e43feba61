import type { Gateway } from '../gateway/gateway.ts';
import { BEAT_MS } from './supervise.ts';

/**
 * Tells whoever supervises this process that the gateway is well, as long as the loop turns and native calls find a thread. A
 * supervisor that is gone ends the gateway as a signal does. Does nothing without one.
 */
export function beatFor(gateway: Pick<Gateway, 'status'>): void {
  if (process.send === undefined) return;
  const beating = setInterval(() => {
    if (process.connected && gateway.status().threadsStuckMs === undefined) process.send?.('beat');
  }, BEAT_MS);
  beating.unref();
  process.send('beat');
  process.once('disconnect', () => {
    clearInterval(beating);
    process.kill(process.pid, 'SIGTERM');
  });
  // The channel alone keeps no process running.
  process.channel?.unref();
}
