import { type Clock, withDeadline } from '../../drivers/clock.ts';
import type { SimulatedPorts } from '../local.ts';
import type { City } from './city.ts';
import { deliverPushes, PUSH_TIMEOUT_MS, type PushDelivery, type PushOutcome } from './push-delivery.ts';
import type { Push } from './push-queue.ts';

/** A subscriber under virtual time: takes one push and says what its client sees of it, when it likes. */
export type PushHandler = (push: Push, signal: AbortSignal) => PushOutcome | Promise<PushOutcome>;

/** After this long without an outcome the attempt has failed. */
class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/**
 * Carries the pushes of a city to a function, with no socket in between: the counterpart of `cityHttp`.
 *
 * @param clock waits, and tells the city's wall time: pass one whose wall clock no fault of the gateway touches
 */
export function cityPush(city: City, clock: Clock, handler: PushHandler): PushDelivery {
  return deliverPushes(city.pushes, clock, async (push, signal) => {
    const late = () => new NoAnswer(`no answer of ${push.url} within ${PUSH_TIMEOUT_MS} ms`);
    try {
      return await withDeadline(clock, PUSH_TIMEOUT_MS, signal, late, async (attempt) => handler(push, attempt));
    } catch (error) {
      if (error instanceof NoAnswer) return 'failed';
      throw error;
    }
  });
}

/** A gateway that takes pushes for `endpoint` at a port of its simulated machine, as behind the proxy of a site. */
export function pushesTo(
  { endpoint, port }: { readonly endpoint: string; readonly port: number },
  ask: SimulatedPorts['request'],
): PushHandler {
  return async ({ url, method, headers, body }) => {
    if (url !== endpoint) return 'failed';
    const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    return (await ask(port, { method, path: new URL(url).pathname, headers: lower, body })) ?? 'failed';
  };
}
