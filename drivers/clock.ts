/**
 * What is known about the wall clock when a time is stamped: `synced` (checked against a source), `holdover` (was synced
 * in this boot, the source is gone), `floor` (only known not to be earlier), `none` (never set: it may be 1970).
 */
export type WallQuality = 'synced' | 'holdover' | 'floor' | 'none';

/** A wall-clock time in milliseconds since 1970 (UTC), and how far it can be trusted. */
export interface WallTime {
  readonly ms: number;
  readonly quality: WallQuality;
  /** Right to this either way, where the source says; otherwise it is as right as a synchronised clock is. */
  readonly errorMs?: number;
  /** Who says so, where it is not the machine's own clock. */
  readonly source?: string;
}

/**
 * The only source of time. Intervals, deadlines and the polling grid use the monotonic clock; wall time only stamps.
 * The real clock and the simulator's virtual clock both implement it.
 */
export interface Clock {
  /** Milliseconds (fractional) since an arbitrary moment of this boot; never goes back and never steps. */
  monotonicMs(): number;
  /** The wall clock now. It may step in either direction at any time. */
  wall(): WallTime;
  /**
   * Calls `callback` once after `delayMs` (≥ 0; no upper bound, unlike setTimeout) and returns what cancels it.
   * Cancelling twice, or after the call, does nothing. It is never called early; on a real machine up to two milliseconds
   * late, except where `delayMs` is below one: that is waited for awake, and costs the processor as long.
   */
  timer(delayMs: number, callback: () => void): () => void;
}

/** Resolves after `delayMs`, or rejects with the signal's reason as soon as it is aborted. */
export function sleep(clock: Pick<Clock, 'timer'>, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = () => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.timer(delayMs, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** Resolves at the monotonic time `atMs` (at once when it has passed), or rejects with the signal's reason. */
export function sleepUntil(clock: Clock, atMs: number, signal: AbortSignal): Promise<void> {
  return sleep(clock, Math.max(0, atMs - clock.monotonicMs()), signal);
}

/**
 * Runs `work` with a signal that is aborted after `delayMs` (reason: what `onDeadline` makes) or when `signal` is.
 * Rejects at that very moment, even if `work` ignores its signal and never settles: a hung call costs its caller
 * the deadline and nothing more. A late result or failure of `work` is dropped.
 */
export function withDeadline<T>(
  clock: Clock,
  delayMs: number,
  signal: AbortSignal,
  onDeadline: () => Error,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const inner = new AbortController();
    const stop = (reason: unknown) => {
      finish();
      inner.abort(reason);
      reject(reason);
    };
    const onAbort = () => stop(signal.reason);
    const cancel = clock.timer(delayMs, () => stop(onDeadline()));
    const finish = () => {
      cancel();
      signal.removeEventListener('abort', onAbort);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    work(inner.signal).then(
      (value) => {
        finish();
        resolve(value);
      },
      (error: unknown) => {
        finish();
        reject(error);
      },
    );
  });
}
