import type { Clock } from '../drivers/clock.ts';

/**
 * Everything that can go wrong in a simulated world, with its injection points. One type for scenarios, tests and the
 * later `sim fault` command. Times are monotonic milliseconds of the simulation; a fault is active in [fromMs, toMs).
 */
export type Fault =
  /**
   * A whole bus: the port is unplugged, or busy, or its transactions hang. `stuck`: a wire is held, so that no I2C transfer
   * comes to an end and nothing that is sent over a line arrives; other buses know no such thing.
   */
  | (Window & { readonly at: 'bus'; readonly bus: string; readonly kind: 'unplugged' | 'busy' | 'hang' | 'stuck' })
  /**
   * One device: no answer, a corrupted byte, an answer after its time, half an answer, or noise before it. `rate` in (0, 1].
   * `mute`: a Modbus slave that stays silent where it should send an exception.
   */
  | (Window & {
      readonly at: 'device';
      readonly device: string;
      readonly kind: 'silent' | 'corrupt' | 'late' | 'cut' | 'noise' | 'mute';
      readonly rate: number;
      readonly byMs?: number;
    })
  /** The disk: what becomes of these operations. */
  | (Window & { readonly at: 'disk'; readonly code: DiskFaultCode; readonly operations: readonly DiskOperation[] })
  /**
   * The city. `cut-request` breaks off in the middle of a request, which is then not acted on; `partial` stores a prefix and
   * answers 500; `drop-answer` acts and then cuts the connection; `cut-answer` acts and sends half of the answer; `long-answer`
   * acts and answers with ten megabytes; `slow` takes `byMs` longer, half of it before it acts.
   */
  | (Window & {
      readonly at: 'city';
      readonly kind: CityFaultKind;
      readonly status?: number;
      readonly byMs?: number;
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

export type CityFaultKind =
  | 'refuse'
  | 'timeout'
  | 'cut-request'
  | 'status'
  | 'partial'
  | 'drop-answer'
  | 'cut-answer'
  | 'long-answer'
  | 'garbage'
  | 'slow'
  | 'forget-sensors';

export type DiskOperation =
  | 'readDir'
  | 'mkdir'
  | 'open'
  | 'size'
  | 'pread'
  | 'pwrite'
  | 'fdatasync'
  | 'truncate'
  | 'rename'
  | 'unlink'
  | 'fsyncDir';

/**
 * An operation of the disk fails with an error of the operating system, or `hang`s, writes only half of the bytes and says
 * so (`short`), or says that a sync is done although it is not (`lie`). The last two do nothing to other operations.
 */
export type DiskFaultCode = 'EIO' | 'ENOSPC' | 'EROFS' | 'EDQUOT' | 'EMFILE' | 'hang' | 'short' | 'lie';

/** The faults of one injection point. */
export type FaultAt<At extends Fault['at']> = Extract<Fault, { readonly at: At }>;

/** The first fault of the list that is active at `nowMs` at this injection point and that `matches` accepts. */
export function activeFault<At extends Fault['at']>(
  faults: readonly Fault[],
  at: At,
  nowMs: number,
  matches: (fault: FaultAt<At>) => boolean = () => true,
): FaultAt<At> | undefined {
  return faults.find((fault): fault is FaultAt<At> => isAt(fault, at) && isActive(fault, nowMs) && matches(fault));
}

/** True while the fault lasts. */
function isActive(fault: Fault, nowMs: number): boolean {
  return fault.fromMs <= nowMs && nowMs < fault.toMs;
}

function isAt<At extends Fault['at']>(fault: Fault, at: At): fault is FaultAt<At> {
  return fault.at === at;
}

/**
 * Calls `listener` when each fault begins and when it ends. A fault that is active already begins at once; one that
 * never ends (`toMs` infinite) only begins.
 */
export function onFaultEdges(clock: Clock, faults: readonly Fault[], listener: (fault: Fault, begins: boolean) => void): void {
  const nowMs = clock.monotonicMs();
  for (const fault of faults) {
    if (fault.toMs <= nowMs || fault.fromMs === Number.POSITIVE_INFINITY) continue;
    if (fault.fromMs <= nowMs) listener(fault, true);
    else clock.timer(fault.fromMs - nowMs, () => listener(fault, true));
    if (fault.toMs !== Number.POSITIVE_INFINITY) clock.timer(fault.toMs - nowMs, () => listener(fault, false));
  }
}
