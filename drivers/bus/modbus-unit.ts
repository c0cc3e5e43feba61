import { NewestTimes } from '../newest-times.ts';

/** Answers by which the usual time of a slave is known. */
const SAMPLES_MIN = 10;
/** How much longer than usual an answer may take. */
const PATIENCE = 2;
/** However quick a slave is: a busy machine takes this long to notice an answer. */
const TIMEOUT_MIN_MS = 100;
/** After so many questions without an answer a slave is not slow, it is away. */
const TIMEOUTS_UNTIL_AWAY = 3;

/** What happened with one slave, or with all of a line, since it was prepared. */
export interface ModbusCounts {
  requestCount: number;
  answerCount: number;
  /** Requests whose deadline passed without a usable answer. */
  timeoutCount: number;
  /** Answers that came damaged: checksum, length or byte count. */
  damagedCount: number;
  exceptionCount: number;
  /** Good answers to questions that had been given up. */
  lateCount: number;
  /** Good answers that nobody had asked for. */
  unaskedCount: number;
}

export function newCounts(): ModbusCounts {
  return {
    requestCount: 0,
    answerCount: 0,
    timeoutCount: 0,
    damagedCount: 0,
    exceptionCount: 0,
    lateCount: 0,
    unaskedCount: 0,
  };
}

/**
 * What is known of one slave's speed. Times are turnarounds: from the end of the question to the answer, without what the
 * line needs for the bytes.
 */
export class ModbusUnit {
  readonly counts = newCounts();
  /** Turnarounds of the newest answers. */
  readonly turnarounds = new NewestTimes();
  #timeoutsInARow = 0;
  #endedMs: number | undefined;

  /** When its newest answer was there, or was no longer waited for. */
  get endedMs(): number | undefined {
    return this.#endedMs;
  }

  /** `turnaroundMs` where it tells of the next answers too. */
  answered(nowMs: number, turnaroundMs: number | undefined): void {
    this.#endedMs = nowMs;
    this.#timeoutsInARow = 0;
    if (turnaroundMs !== undefined) this.turnarounds.add(turnaroundMs);
  }

  timedOut(nowMs: number): void {
    this.#endedMs = nowMs;
    this.#timeoutsInARow += 1;
  }

  /** An answer came after all. */
  late(turnaroundMs: number): void {
    this.turnarounds.add(turnaroundMs);
  }

  /**
   * How long after the end of a question its answer is waited for: twice what 99 % of its answers took, 100 ms to
   * `timeoutMsMax`. A slave that has just failed to answer may have become slow: it gets all of the time, until it is
   * plain that it is not there.
   */
  timeoutMs(timeoutMsMax: number): number {
    const mayBeSlow = this.#timeoutsInARow > 0 && this.#timeoutsInARow < TIMEOUTS_UNTIL_AWAY;
    if (mayBeSlow || this.turnarounds.all.length < SAMPLES_MIN) return timeoutMsMax;
    return Math.min(timeoutMsMax, Math.max(TIMEOUT_MIN_MS, PATIENCE * this.turnarounds.longestMs));
  }
}
