/**
 * Runs work with a signal of its own, which is aborted with `signal`. Many that listen to one would look like a leak, and each that
 * `AbortSignal.any` makes would be one: some bytes stay with `signal` for as long as that lives. Rejects when `signal` is aborted.
 */
export function ownSignals(signal: AbortSignal): <T>(work: (own: AbortSignal) => Promise<T>) => Promise<T> {
  const running = new Set<AbortController>();
  signal.addEventListener('abort', () => {
    for (const each of running) each.abort(signal.reason);
  });
  return async (work) => {
    signal.throwIfAborted();
    const own = new AbortController();
    running.add(own);
    try {
      return await work(own.signal);
    } finally {
      running.delete(own);
    }
  };
}
