/**
 * Everything that can go wrong in a simulated world, with its injection points. One type for scenarios, tests and the
 * later `sim fault` command. Times are monotonic milliseconds of the simulation; a fault is active in [fromMs, toMs).
 */
export type Fault =
  /** A whole bus: the port is unplugged, or busy, or its transactions hang. */
  | (Window & { readonly at: 'bus'; readonly bus: string; readonly kind: 'unplugged' | 'busy' | 'hang' })
  /** One device: no answer, a corrupted byte, an answer after its time, half an answer, or noise before it. `rate` in (0, 1]. */
  | (Window & {
      readonly at: 'device';
      readonly device: string;
      readonly kind: 'silent' | 'corrupt' | 'late' | 'cut' | 'noise';
      readonly rate: number;
      readonly byMs?: number;
    })
  /** The disk: operations fail with this code. */
  | (Window & { readonly at: 'disk'; readonly code: 'EIO' | 'ENOSPC' | 'EROFS'; readonly operations: readonly DiskOperation[] })
  /** The city. `partial` stores a prefix and answers 500; `drop-answer` acts and then cuts the connection. */
  | (Window & {
      readonly at: 'city';
      readonly kind: 'refuse' | 'timeout' | 'status' | 'partial' | 'drop-answer' | 'garbage' | 'forget-sensors';
      readonly status?: number;
      readonly rate: number;
    })
  /** The wall clock steps by `byMs` at `fromMs` and back at `toMs`, or is not set at all in between. */
  | (Window & { readonly at: 'clock'; readonly kind: 'step' | 'unset'; readonly byMs: number })
  /** The power is cut at `fromMs` and comes back at `toMs`. */
  | (Window & { readonly at: 'power' });

interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

export type DiskOperation = 'open' | 'pread' | 'pwrite' | 'fdatasync' | 'truncate' | 'rename' | 'unlink' | 'fsyncDir';
