import { type Clock, withDeadline } from '../drivers/clock.ts';
import { BusError } from '../drivers/errors.ts';
import { HUNG_MS, hungError } from './hung.ts';
import { isSilence } from './silence.ts';

/** The share of a bus's time that tries of silent devices may take while others answer. */
const PROBE_SHARE_MAX = 0.02;
/** As much of it as may be saved up: what a minute gives. */
const PROBE_SAVED_MAX_MS = PROBE_SHARE_MAX * 60_000;
/** What sums of fractions may be off. */
const ROUNDING_MS = 0.001;

/**
 * Whose turn comes first: what makes an output safe, then a look whether that followed, then another switch, then devices that
 * answer, then a try whether a silent one is back. What makes safe the outputs of a board that did not answer last waits for the
 * others (`BusQueue`).
 */
export type Rank = 'safe' | 'look' | 'order' | 'live' | 'probe';

/** One transaction, before it begins. */
export interface Turn {
  readonly rank: Rank;
  /** Who is asked on this bus: several devices of the site may be parts of one board. Undefined: nobody in particular. */
  readonly board?: string | undefined;
  readonly deadlineMs: number;
  /** Of a probe. */
  readonly probe?: Probe;
  /** From when on it may begin; while it may not, others go first. Undefined: now. */
  readonly readyMs?: () => number | undefined;
  /** Called when it begins, and with how long it had the bus when it is over; `isVain` when it failed. */
  readonly began?: () => void;
  readonly ended?: (tookMs: number, isVain: boolean) => void;
}

export interface Probe {
  /** How long it will probably take. */
  readonly expectedMs: number;
  /** Monotonic time from which it does not wait for a gap any more. */
  readonly latestMs: number;
}

/** How a bus was used since it was prepared; of one with several slots their mean. */
export interface BusUse {
  /** Until now. */
  readonly forMs: number;
  readonly busyMs: number;
  /** The part of it that tries of silent devices took in vain. */
  readonly probeMs: number;
}

/**
 * One transaction at a time on one bus, or as many as it has slots: by rank, then first come first served, each with a
 * deadline.
 *
 * A probe begins only where it delays nobody: between the polls that are expected (`expect`), and for at most 2 % of the
 * time. Where the polls leave no gap that is long enough it comes when it has waited until its `latestMs`. On a bus where
 * nobody answers there is nobody to be delayed, and the 2 % do not count.
 *
 * What is safe must not wait for a board that is not there. A board that did not answer last comes after all that make others safe
 * and look at that, and of several such boards the one that was asked the longest ago. One that did not answer an order to its safe
 * state in all of its time is gone: it also waits while the bus is held for another, and, where others are polled, for as long as
 * it has just taken.
 */
export interface BusQueue {
  /**
   * Runs `work` when its turn has come, and rejects with BusError `timeout` when it has not settled `deadlineMs` after it
   * began. A call that ignores its deadline keeps the bus: those who wait are refused with `hung`, and so is every further
   * call until it settles. A hung native call costs one thread, and nothing piles up behind it.
   * `isInTheWay` tells whether what makes another board safe waits for it, of which nothing is known but that it answers.
   */
  run<T>(turn: Turn, signal: AbortSignal, work: Work<T>): Promise<T>;
  /** Says when a device that answers will be polled next; undefined when it is silent or gone. */
  expect(device: string, dueMs: number | undefined): void;
  /**
   * Lets nothing begin from `fromMs` until `toMs` but what makes outputs safe, and looks at that: of boards that are gone only
   * while all are for which it is held, but for `board` itself. Returns what ends that earlier.
   */
  hold(fromMs: number, toMs: number, board?: string): () => void;
  readonly use: BusUse;
  /** While a call hangs. */
  readonly hung: BusError | undefined;
}

export interface QueueOptions {
  /** How many transactions may run at once; 1 when absent. */
  readonly slotCount?: number;
  /** Called when a call hangs, and with undefined when it has come back. */
  readonly onHang?: (failure: BusError | undefined) => void;
}

type Work<T> = (signal: AbortSignal, isInTheWay: () => boolean) => Promise<T>;

/** A board that did not answer last. */
interface Failed {
  readonly atMs: number;
  /** Nor did it answer an order to its safe state that had all of its time. */
  readonly isGone: boolean;
}

interface Waiter {
  readonly turn: Turn;
  readonly begin: () => void;
  readonly refuse: (error: unknown) => void;
}

const NOBODY = { order: [], live: [], probe: [] } as const;

/** `bus` names the bus in messages. The number of waiters is bounded by the callers: the poller keeps one a device, and one more looks at an input that nothing
 * tells of. */
export function busQueue(bus: string, clock: Clock, options: QueueOptions = {}): BusQueue {
  return new Queue(bus, clock, options);
}

class Queue implements BusQueue {
  readonly #bus: string;
  readonly #clock: Clock;
  readonly #startedMs: number;
  readonly #waiting: Readonly<Record<Rank, Waiter[]>> = { safe: [], look: [], order: [], live: [], probe: [] };
  readonly #due = new Map<string, number>();
  readonly #slotCount: number;
  readonly #onHang: NonNullable<QueueOptions['onHang']>;
  #busyCount = 0;
  /** The boards for which it is held, so that they become safe. */
  #holders: (string | undefined)[] = [];
  /** By board. */
  readonly #failed = new Map<string, Failed>();
  /** Until when others come before boards that are gone. */
  #othersUntilMs = Number.NEGATIVE_INFINITY;
  /** Calls that have not come back, of those that run at once. */
  #hungCount = 0;
  #busyMs = 0;
  #probeMs = 0;
  /** What probes may still take, and when that was counted. Below zero after one that took longer. */
  #savedMs = 0;
  #savedAtMs: number;
  #cancelLook = () => {};

  constructor(bus: string, clock: Clock, { slotCount = 1, onHang = () => {} }: QueueOptions) {
    this.#bus = bus;
    this.#clock = clock;
    this.#slotCount = slotCount;
    this.#onHang = onHang;
    this.#startedMs = clock.monotonicMs();
    this.#savedAtMs = this.#startedMs;
  }

  get use(): BusUse {
    const forMs = this.#clock.monotonicMs() - this.#startedMs;
    return { forMs, busyMs: this.#busyMs / this.#slotCount, probeMs: this.#probeMs / this.#slotCount };
  }

  get hung(): BusError | undefined {
    return this.#hungCount === 0 ? undefined : hungError(`${this.#bus}: a call into its driver does not come back`);
  }

  expect(device: string, dueMs: number | undefined): void {
    if (dueMs === undefined) this.#due.delete(device);
    else this.#due.set(device, dueMs);
    this.#next();
  }

  hold(fromMs: number, toMs: number, board?: string): () => void {
    const nowMs = this.#clock.monotonicMs();
    let isHeld = false;
    const cancelBegin = this.#clock.timer(Math.max(0, fromMs - nowMs), () => {
      isHeld = true;
      this.#holders.push(board);
    });
    const end = () => {
      cancelBegin();
      cancelEnd();
      if (!isHeld) return;
      isHeld = false;
      this.#holders.splice(this.#holders.indexOf(board), 1);
      this.#next();
    };
    const cancelEnd = this.#clock.timer(Math.max(0, toMs - nowMs), end);
    return end;
  }

  async run<T>(turn: Turn, signal: AbortSignal, work: Work<T>): Promise<T> {
    await this.#place(turn, signal);
    const startedMs = this.#clock.monotonicMs();
    if (signal.aborted) {
      this.#end(turn, startedMs, false);
      throw signal.reason;
    }
    turn.began?.();
    let isSettled = false;
    let isHung = false;
    const end = (isVain: boolean) => {
      isSettled = true;
      this.#end(turn, startedMs, isVain);
      if (isHung) this.#cameBack();
    };
    const running = async (inner: AbortSignal) => {
      let isVain = true;
      let hasGivenWay = false;
      try {
        const result = await work(inner, () => (hasGivenWay = this.#isInTheWay(turn)));
        isVain = false;
        this.#failed.delete(turn.board ?? '');
        return result;
      } catch (error) {
        this.#noteFailure(turn, error, hasGivenWay, startedMs);
        throw error;
      } finally {
        end(isVain);
      }
    };
    const late = () => new BusError('timeout', `bus ${this.#bus}: no answer within ${Math.round(turn.deadlineMs)} ms`);
    try {
      return await withDeadline(this.#clock, turn.deadlineMs, signal, late, running);
    } finally {
      if (!isSettled) {
        // One that was given up early may still take the time that it has.
        const leftMs = Math.max(0, startedMs + turn.deadlineMs - this.#clock.monotonicMs());
        this.#clock.timer(leftMs + HUNG_MS, () => {
          if (isSettled) return;
          isHung = true;
          this.#hang();
        });
      }
    }
  }

  /** Resolves when the turn has come; the bus is then the caller's. */
  #place(turn: Turn, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.hung !== undefined) return reject(this.hung);
      if (signal.aborted) return reject(signal.reason);
      const waiting = this.#waiting[turn.rank];
      const leave = () => {
        const at = waiting.indexOf(waiter);
        if (at >= 0) waiting.splice(at, 1);
        reject(signal.reason);
      };
      const placed = (settle: () => void) => {
        signal.removeEventListener('abort', leave);
        settle();
      };
      const waiter: Waiter = {
        turn,
        begin: () => placed(resolve),
        refuse: (error) => placed(() => reject(error)),
      };
      signal.addEventListener('abort', leave, { once: true });
      waiting.push(waiter);
      this.#next();
    });
  }

  #end({ rank, ended }: Turn, startedMs: number, isVain: boolean): void {
    const tookMs = this.#clock.monotonicMs() - startedMs;
    ended?.(tookMs, isVain);
    this.#busyMs += tookMs;
    // A device that is back was worth the time.
    if (rank === 'probe' && isVain) {
      this.#paidMs(this.#clock.monotonicMs());
      this.#probeMs += tookMs;
      if (this.#due.size > 0) this.#savedMs -= tookMs;
    }
    this.#busyCount -= 1;
    this.#next();
  }

  /** Gives the bus to those who come first, as long as it is free and anybody may begin now. */
  #next(): void {
    this.#cancelLook();
    while (this.#busyCount < this.#slotCount) {
      const waiter = this.#first();
      if (waiter === undefined) {
        this.#lookAgain();
        return;
      }
      this.#busyCount += 1;
      waiter.begin();
    }
  }

  #first(): Waiter | undefined {
    const now = this.#clock.monotonicMs();
    const { safe, look, order, live } = this.#waiting;
    const answers = (waiter: Waiter) => !this.#hasFailed(waiter);
    const first = takeReady(safe, now, answers) ?? takeReady(look, now, answers);
    if (first !== undefined) return first;
    const failed = this.#takeFailed(now) ?? takeReady(look, now);
    if (failed !== undefined || this.#holders.length > 0) return failed;
    return (
      takeReady(order, now) ??
      this.#probe(now, (_gapMs, { latestMs }) => now >= latestMs) ??
      takeReady(live, now) ??
      this.#probe(now, (gapMs, { expectedMs }) => gapMs >= expectedMs)
    );
  }

  /** What makes safe a board that did not answer last: of these that may begin, the one that was asked the longest ago. */
  #takeFailed(now: number): Waiter | undefined {
    const { safe } = this.#waiting;
    const askedMs = ({ turn }: Waiter) => this.#failed.get(turn.board ?? '')?.atMs ?? now;
    const those = safe.filter((waiter) => this.#safeFromMs(waiter, now) <= now);
    const [first] = those.sort((one, other) => askedMs(one) - askedMs(other));
    if (first !== undefined) safe.splice(safe.indexOf(first), 1);
    return first;
  }

  /** From when on what makes a board safe may begin: where that is gone, not while the bus is held for another, nor in others' time. */
  #safeFromMs({ turn: { board, readyMs } }: Waiter, now: number): number {
    const fromMs = readyMs?.() ?? now;
    if (!this.#isGone(board)) return fromMs;
    if (this.#holders.some((holder) => holder !== board && !this.#isGone(holder))) return Number.POSITIVE_INFINITY;
    if (this.#holders.length > 0) return fromMs;
    // Where nobody is polled there is nobody to give time to.
    return this.#due.size === 0 ? fromMs : Math.max(fromMs, this.#othersUntilMs);
  }

  #isGone(board: string | undefined): boolean {
    return this.#failed.get(board ?? '')?.isGone === true;
  }

  #hasFailed({ turn }: Waiter): boolean {
    return this.#failed.has(turn.board ?? '');
  }

  /** What waits to make another board safe that has not failed to answer, or to look at it. */
  #isInTheWay({ board }: Turn): boolean {
    const now = this.#clock.monotonicMs();
    const { safe, look } = this.#waiting;
    return [...safe, ...look].some((waiter) => waiter.turn.board !== board && !this.#hasFailed(waiter) && isReady(waiter, now));
  }

  #noteFailure({ board, rank }: Turn, error: unknown, hasGivenWay: boolean, startedMs: number): void {
    if (board === undefined) return;
    if (!isUnanswered(error)) {
      // What was not asked tells nothing.
      if (!(error instanceof BusError)) this.#failed.delete(board);
      return;
    }
    const now = this.#clock.monotonicMs();
    const isGone = this.#isGone(board) || (rank === 'safe' && !hasGivenWay);
    this.#failed.set(board, { atMs: now, isGone });
    if (isGone && rank === 'safe') this.#othersUntilMs = 2 * now - startedMs;
  }

  /** The first probe, if there is time for it and its moment has come. */
  #probe(now: number, isMoment: (gapMs: number, probe: Probe) => boolean): Waiter | undefined {
    const { probe } = this.#waiting;
    if (probe.length === 0 || this.#paidMs(now) > now) return undefined;
    const gapMs = Math.min(...this.#due.values()) - now;
    return takeReady(probe, now, ({ turn }) => turn.probe === undefined || isMoment(gapMs, turn.probe));
  }

  /** Looks again when somebody may begin, should nothing else happen until then. */
  #lookAgain(): void {
    // The end of what holds it looks again too.
    const { safe, look } = this.#waiting;
    const { order, live, probe } = this.#holders.length > 0 ? NOBODY : this.#waiting;
    const now = this.#clock.monotonicMs();
    const paidMs = this.#paidMs(now);
    const moments = [
      ...safe.map((waiter) => this.#safeFromMs(waiter, now)),
      ...[...look, ...order, ...live].map(({ turn }) => turn.readyMs?.() ?? now),
      ...probe.map(({ turn }) => Math.max(paidMs, turn.probe?.latestMs ?? now, turn.readyMs?.() ?? now)),
    ];
    const inMs = Math.max(0, Math.min(...moments) - now);
    if (inMs === Number.POSITIVE_INFINITY) return;
    this.#cancelLook = this.#clock.timer(inMs, () => this.#next());
  }

  /** From when on probes may take time. */
  #paidMs(now: number): number {
    this.#savedMs = Math.min(PROBE_SAVED_MAX_MS, this.#savedMs + PROBE_SHARE_MAX * (now - this.#savedAtMs));
    this.#savedAtMs = now;
    return this.#due.size === 0 || this.#savedMs >= -ROUNDING_MS ? now : now - this.#savedMs / PROBE_SHARE_MAX;
  }

  #cameBack(): void {
    this.#hungCount -= 1;
    if (this.#hungCount === 0) this.#onHang(undefined);
    this.#next();
  }

  #hang(): void {
    this.#hungCount += 1;
    if (this.#hungCount === 1) this.#onHang(this.hung);
    for (const waiting of Object.values(this.#waiting)) for (const { refuse } of waiting.splice(0)) refuse(this.hung);
  }
}

/** Takes the first who may begin out of the list. */
function takeReady(waiting: Waiter[], now: number, mayBegin: (waiter: Waiter) => boolean = () => true): Waiter | undefined {
  const at = waiting.findIndex((waiter) => isReady(waiter, now) && mayBegin(waiter));
  return at < 0 ? undefined : waiting.splice(at, 1)[0];
}

function isReady({ turn }: Waiter, now: number): boolean {
  return (turn.readyMs?.() ?? now) <= now;
}

/** Nobody has answered, or nobody could understand it. */
function isUnanswered(error: unknown): boolean {
  return error instanceof Error && (isSilence(error) || (error instanceof BusError && error.kind === 'bad-checksum'));
}
