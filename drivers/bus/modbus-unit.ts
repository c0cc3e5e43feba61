import { NewestTimes } from '../newest-times.ts';
import { RecentCounts } from '../recent-counts.ts';

/** Answers by which the usual time of a slave is known. */
const SAMPLES_MIN = 10;
/** How much longer than usual an answer may take. */
const PATIENCE = 2;
/** However quick a slave is: a busy machine takes this long to notice an answer. */
const TIMEOUT_MIN_MS = 100;
/** After so many questions without an answer a slave is not slow, it is away. */
const TIMEOUTS_UNTIL_AWAY = 3;
/**
 * What those that are away may take together when each is tried once: each is tried once a minute, and a bus gives 2 % of its
 * time to them, 1,200 ms. The rest is for the questions' bytes and for the tries that get all of the time.
 */
const AWAY_WAIT_MS = 900;
/** For each slave that is away, how many tries there are to one that gets all of the time. */
const TRIES_TO_A_LONG_ONE = 10;

/** So many requests to a slave, and of a line, tell how it is now. */
const RECENT_OF_UNIT = 400;
const RECENT_OF_LINE = 10_000;

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
  /** Answers that came once more. */
  repeatedCount: number;
}

function newCounts(): ModbusCounts {
  return {
    requestCount: 0,
    answerCount: 0,
    timeoutCount: 0,
    damagedCount: 0,
    exceptionCount: 0,
    lateCount: 0,
    unaskedCount: 0,
    repeatedCount: 0,
  };
}

/**
 * What is known of one slave's speed. Times are turnarounds: from the end of the question to the answer, without what the
 * line needs for the bytes.
 */
export class ModbusUnit {
  readonly counts = newCounts();
  readonly recent = new RecentCounts<keyof ModbusCounts>('requestCount', RECENT_OF_UNIT);
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

  /** What came was damaged, which tells nothing of its speed. */
  damaged(nowMs: number): void {
    this.#endedMs = nowMs;
  }

  /** An answer came after all: it is there, and slow. */
  late(turnaroundMs: number): void {
    this.turnarounds.add(turnaroundMs);
    this.#timeoutsInARow = Math.min(this.#timeoutsInARow, TIMEOUTS_UNTIL_AWAY - 1);
  }

  /** Its newest question was not answered, and was given up before `ms`. */
  isSilentSince(ms: number): boolean {
    return this.#timeoutsInARow > 0 && this.#endedMs !== undefined && this.#endedMs < ms;
  }

  /** It has not answered for so long that it is not taken for slow any more. */
  get isAway(): boolean {
    return this.#timeoutsInARow >= TIMEOUTS_UNTIL_AWAY;
  }

  /**
   * How long after the end of a question its answer is waited for: twice what 99 % of its answers took, 100 ms to
   * `timeoutMsMax`. A slave that has just failed to answer may have become slow: it gets all of the time, until it is
   * plain that it is not there.
   */
  timeoutMs(timeoutMsMax: number): number {
    const mayBeSlow = this.#timeoutsInARow > 0 && !this.isAway;
    if (mayBeSlow || !this.isKnown) return timeoutMsMax;
    return Math.min(timeoutMsMax, Math.max(TIMEOUT_MIN_MS, PATIENCE * this.turnarounds.longestMs));
  }

  /** Its usual time is known. */
  get isKnown(): boolean {
    return this.turnarounds.all.length >= SAMPLES_MIN;
  }
}

/** All slaves of one line that were asked. */
export class ModbusUnits {
  readonly counts = newCounts();
  readonly recent = new RecentCounts<keyof ModbusCounts>('requestCount', RECENT_OF_LINE);
  readonly byId = new Map<number, ModbusUnit>();
  /** Tries of slaves that are away. */
  #tryCount = 0;

  /** Counts something of a slave; of one that was never asked nothing is kept: noise can name all of them. */
  count(id: number | undefined, what: keyof ModbusCounts): void {
    for (const { counts, recent } of [this, this.byId.get(id ?? Number.NaN)].filter((each) => each !== undefined)) {
      counts[what] += 1;
      recent.add(what);
    }
  }

  of(id: number): ModbusUnit {
    const unit = this.byId.get(id) ?? new ModbusUnit();
    this.byId.set(id, unit);
    return unit;
  }

  /**
   * How long after the end of a question the first sign of an answer is waited for where `unit` is away; undefined where it gets
   * all of the time. Those whose time is not known share one, so that each is tried often enough to be seen within a minute of its
   * return. One after the other gets all of the time now and then, for one that needs so long, or longer than it did, and whose
   * late answers do not get through.
   */
  signMs(unit: ModbusUnit, timeoutMsMax: number): number | undefined {
    if (!unit.isAway) return undefined;
    const awayCount = [...this.byId.values()].filter(({ isAway }) => isAway).length;
    this.#tryCount += 1;
    // One more than a multiple of their number, so that it falls to another one each time.
    if (this.#tryCount % (TRIES_TO_A_LONG_ONE * awayCount + 1) === 0) return undefined;
    return unit.isKnown ? unit.timeoutMs(timeoutMsMax) : Math.max(TIMEOUT_MIN_MS, AWAY_WAIT_MS / awayCount);
  }
}
