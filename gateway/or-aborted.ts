/** Settles as `promise` does, or resolves as soon as `signal` is aborted. */
export function orAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return resolve();
    const end = () => {
      signal.removeEventListener('abort', end);
      resolve();
    };
    signal.addEventListener('abort', end);
    promise.then(end, (error: unknown) => {
      signal.removeEventListener('abort', end);
      reject(error);
    });
  });
}
