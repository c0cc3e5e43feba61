import { ModbusException } from '../drivers/bus/modbus-exception.ts';
import { BusError } from '../drivers/errors.ts';

/** Polls in a row without an answer after which a device is silent, and tried less often. */
const POLLS_UNTIL_SILENT = 3;
/** The same for one of which something comes, damaged or too late: that passes sooner than a device returns, but its time is lost just the same. */
const HEARD_POLLS_UNTIL_SILENT = 10;
/** Milliseconds from one try of a silent device to the next; the last goes on for ever. */
const TRY_AGAIN_MS = [10_000, 20_000, 40_000, 60_000] as const;
/** By this share of its wait a try may come earlier, where it then delays nobody. */
const EARLY_SHARE = 0.1;

/** When a device that does not answer is asked again. */
export interface Silence {
  readonly isSilent: boolean;
  /** How long a poll of it took that was not answered. */
  readonly expectedMs: number;
  /** From when on, and from when at the latest, it is tried; undefined while it is polled on its grid. */
  readonly nextTry: { readonly earliestMs: number; readonly latestMs: number } | undefined;
  /** It answered, or its port was lost, and what was known of it ends with the line: it is polled on its grid again. */
  isThere(): void;
  /** It answered a question that nobody waited for any more. */
  answeredLate(): void;
  /** A poll from `startedMs` to `nowMs` failed. */
  failed(error: Error, startedMs: number, nowMs: number): void;
}

/**
 * Follows one device. Silence counts, also where a converter tells of it, and what nobody can understand. A device that refuses
 * is there. A port that is closed costs no time of the bus and changes nothing.
 */
export function openSilence(): Silence {
  /** Polls in a row that failed, and the newest of these of which nothing came. */
  let count = 0;
  let vainCount = 0;
  /** Tries since it is silent. */
  let triedCount: number | undefined;
  let expectedMs = 0;
  let lastMs = 0;
  const isThere = () => {
    count = 0;
    vainCount = 0;
    triedCount = undefined;
  };
  const heard = () => {
    vainCount = 0;
    if (count < HEARD_POLLS_UNTIL_SILENT) triedCount = undefined;
  };
  return {
    get isSilent() {
      return triedCount !== undefined;
    },
    get expectedMs() {
      return expectedMs;
    },
    get nextTry() {
      if (triedCount === undefined) return undefined;
      const waitMs = TRY_AGAIN_MS[Math.min(triedCount, TRY_AGAIN_MS.length - 1)] as number;
      return { earliestMs: lastMs + waitMs * (1 - EARLY_SHARE), latestMs: lastMs + waitMs };
    },
    isThere,
    answeredLate: heard,
    failed(error, startedMs, nowMs) {
      lastMs = startedMs;
      // It was not asked: nothing is known that was not known before.
      if (error instanceof BusError && error.kind === 'closed') return;
      const isDamaged = error instanceof BusError && error.kind === 'bad-checksum';
      if (!isDamaged && !isSilence(error)) return isThere();
      expectedMs = nowMs - startedMs;
      count += 1;
      vainCount += 1;
      if (isDamaged) heard();
      if (triedCount !== undefined) triedCount += 1;
      else if (vainCount >= POLLS_UNTIL_SILENT || count >= HEARD_POLLS_UNTIL_SILENT) triedCount = 0;
    },
  };
}

/** Nobody was there to answer, also where a converter tells of it. */
export function isSilence(error: Error): boolean {
  if (error instanceof ModbusException) return error.isFromGateway;
  return error instanceof BusError && (error.kind === 'timeout' || error.kind === 'no-answer');
}
