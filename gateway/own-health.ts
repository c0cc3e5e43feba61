import type { SelfHealth } from '../drivers/bus/self.ts';
import type { Host } from './host.ts';
import type { Timekeeper } from './timekeeper.ts';
import type { Uplink } from './uplink/sentilo.ts';

/** What a running gateway adds to what its machine tells of itself (`via: gateway`). */
export interface OwnHealth {
  /** The disk that counts is the one that this folder is on. */
  readonly stateFolder: string;
  health(): SelfHealth;
}

/** Uptime counts from this call. */
export function ownHealth({ clock }: Host, timekeeper: Timekeeper, uplink: Uplink | undefined, stateFolder: string): OwnHealth {
  const startedMs = clock.monotonicMs();
  return {
    stateFolder,
    health: () => ({
      uptimeMs: clock.monotonicMs() - startedMs,
      clockQuality: timekeeper.wall().quality,
      ...(uplink !== undefined && { waitingCount: uplink.status().waitingCount }),
    }),
  };
}
