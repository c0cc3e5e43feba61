import { type Clock, sleep, sleepUntil } from '../../drivers/clock.ts';
import type { Push, Pushes } from './push-queue.ts';

/**
 * What a subscriber makes of one attempt: a status; `closed` when it took the request and closed without a byte of an answer;
 * `failed` for everything else (refused, reset, timed out, no URL).
 */
export type PushOutcome = number | 'closed' | 'failed';

/** Makes one attempt. It settles when the signal is aborted. */
export type AttemptPush = (push: Push, signal: AbortSignal) => Promise<PushOutcome>;

/** The longest wait for a connection, and for the next bytes of an answer (sentilo.md §2.1). */
export const PUSH_TIMEOUT_MS = 15_000;
/** The real client tries again at once, for ever; a thousand times a second is enough to be noticed. */
const CLOSED_PAUSE_MS = 1;

export interface PushDelivery {
  /** Attempts that ended without an answer and were repeated at once. */
  readonly closedCount: number;
  /** Stops after what is under way was aborted. */
  close(): Promise<void>;
}

/**
 * Carries the pushes of a city, one after the other, until it is closed. While a peer closes without an answer its push is
 * repeated, and nobody else's goes out.
 *
 * @param clock its wall clock is the city's
 */
export function deliverPushes(pushes: Pushes, clock: Clock, attempt: AttemptPush): PushDelivery {
  const controller = new AbortController();
  const { signal } = controller;
  let closedCount = 0;

  async function deliver(push: Push): Promise<void> {
    let outcome = await attempt(push, signal);
    while (outcome === 'closed' && !signal.aborted) {
      closedCount += 1;
      await sleep(clock, CLOSED_PAUSE_MS, signal);
      outcome = await attempt(push, signal);
    }
    const isDelivered = typeof outcome === 'number' && outcome >= 200 && outcome <= 299;
    pushes.done(push, isDelivered, clock.wall().ms);
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const push = pushes.next(clock.wall().ms);
      if (push === undefined) await untilDue(pushes, clock, signal);
      else await deliver(push);
    }
  }

  const ended = run().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  return {
    get closedCount() {
      return closedCount;
    },
    close: () => {
      controller.abort(new Error('the pushes of the city end'));
      return ended;
    },
  };
}

/** Resolves when an event begins to wait or a repetition is due; rejects when the signal is aborted. */
function untilDue(pushes: Pushes, clock: Clock, signal: AbortSignal): Promise<void> {
  const { nextDueMs } = pushes;
  const waiting = new AbortController();
  const published = new Promise<void>((resolve) => pushes.watch(resolve));
  const due =
    nextDueMs === undefined
      ? new Promise<void>(() => {})
      : sleepUntil(clock, clock.monotonicMs() + nextDueMs - clock.wall().ms, waiting.signal);
  const aborted = new Promise<void>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: waiting.signal });
  });
  return Promise.race([published, due, aborted]).finally(() => {
    waiting.abort();
  });
}
