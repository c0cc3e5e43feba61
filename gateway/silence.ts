import { ModbusException } from '../drivers/bus/modbus-exception.ts';
import { BusError } from '../drivers/errors.ts';

/** Polls in a row without an answer after which a device is silent, and tried less often. */
const POLLS_UNTIL_SILENT = 3;
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
  answered(): void;
  /** Its port was lost: what was known of it ends with the line, and it is polled on its grid again. */
  lineLost(): void;
  /** A poll from `startedMs` to `nowMs` failed. */
  failed(error: Error, startedMs: number, nowMs: number): void;
}

/**
 * Follows one device. Only silence counts, also where a converter tells of it: a device that sends anything, damaged or a refusal, is there, and a port that is
 * closed costs no time of the bus; when it opens again all are polled as usual.
 */
export function openSilence(): Silence {
  let count = 0;
  let expectedMs = 0;
  let lastMs = 0;
  const triedCount = () => count - POLLS_UNTIL_SILENT;
  return {
    get isSilent() {
      return count >= POLLS_UNTIL_SILENT;
    },
    get expectedMs() {
      return expectedMs;
    },
    get nextTry() {
      if (count < POLLS_UNTIL_SILENT) return undefined;
      const waitMs = TRY_AGAIN_MS[Math.min(triedCount(), TRY_AGAIN_MS.length - 1)] as number;
      return { earliestMs: lastMs + waitMs * (1 - EARLY_SHARE), latestMs: lastMs + waitMs };
    },
    answered() {
      count = 0;
    },
    lineLost() {
      count = 0;
    },
    failed(error, startedMs, nowMs) {
      if (!isSilence(error)) {
        count = 0;
        return;
      }
      count += 1;
      lastMs = startedMs;
      expectedMs = nowMs - startedMs;
    },
  };
}

function isSilence(error: Error): boolean {
  if (error instanceof ModbusException) return error.isFromGateway;
  return error instanceof BusError && (error.kind === 'timeout' || error.kind === 'no-answer');
}
