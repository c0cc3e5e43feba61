import type { Http } from '../host.ts';
import { orAborted } from '../or-aborted.ts';

/** The city serves ten connections at a time, of everybody (sentilo.md §1.1). */
const CONNECTIONS_MAX = 2;

/** The same requests, at most two at a time; the others wait for their turn without a connection. */
export function fewConnections(http: Http): Http {
  let openCount = 0;
  const waiting: (() => void)[] = [];
  const leave = () => {
    openCount -= 1;
    for (const look of waiting.splice(0)) look();
  };
  return async (request, signal) => {
    while (openCount >= CONNECTIONS_MAX) {
      const turn = new Promise<void>((resolve) => waiting.push(resolve));
      await orAborted(turn, signal);
      signal.throwIfAborted();
    }
    openCount += 1;
    try {
      return await http(request, signal);
    } finally {
      leave();
    }
  };
}
