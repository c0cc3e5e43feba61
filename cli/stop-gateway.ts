import type { Gateway } from '../gateway/gateway.ts';

/** What was in memory only when a gateway ended, because its disk refused it until then, or did not answer. */
export interface LostAtEnd {
  /** What the operating system said; ETIMEDOUT when it said nothing. */
  readonly errno: string;
  /** As many as waited before the last attempt. */
  readonly count: number;
}

/** Stops a gateway. Undefined when everything that it had measured is on the disk. */
export async function stopGateway(gateway: Gateway): Promise<LostAtEnd | undefined> {
  const before = gateway.status().stored;
  await gateway.stop();
  const { failing, slow } = gateway.status().stored;
  if (failing === undefined && slow === undefined) return undefined;
  const waitingCount = (before.failing ?? before.slow ?? failing ?? slow)?.waitingCount ?? 0;
  // At least that it was stopped.
  return { errno: failing?.code ?? 'ETIMEDOUT', count: Math.max(1, waitingCount) };
}
