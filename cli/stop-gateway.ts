import type { Gateway } from '../gateway/gateway.ts';

/** What was in memory only when a gateway ended, because its disk refused it until then. */
export interface LostAtEnd {
  /** What the operating system said. */
  readonly errno: string;
  /** As many as waited before the last attempt. */
  readonly count: number;
}

/** Stops a gateway. Undefined when everything that it had measured is on the disk. */
export async function stopGateway(gateway: Gateway): Promise<LostAtEnd | undefined> {
  const before = gateway.status().stored.failing;
  await gateway.stop();
  const after = gateway.status().stored.failing;
  // At least that it was stopped.
  return after === undefined ? undefined : { errno: after.code, count: Math.max(1, before?.waitingCount ?? after.waitingCount) };
}
