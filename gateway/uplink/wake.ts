import type { Clock } from '../../drivers/clock.ts';

/**
 * Wakes everybody who waits. There is no memory in it: whoever waits looks first, and at once after waking again, at
 * what it waits for, with no await in between; so nothing can be missed.
 */
export class Wake {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  notify(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves after `timeoutMs` (may be Infinity) or at the next `notify`; rejects with the signal's reason. */
  wait(timeoutMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const finish = () => {
        cancel?.();
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', onAbort);
      };
      const wake = () => {
        finish();
        resolve();
      };
      const onAbort = () => {
        finish();
        reject(signal.reason);
      };
      // Whole milliseconds: a rest too small to move the clock's number would wake us at the same moment for ever.
      const cancel = Number.isFinite(timeoutMs) ? this.#clock.timer(Math.max(0, Math.ceil(timeoutMs)), wake) : undefined;
      this.#waiting.add(wake);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}
