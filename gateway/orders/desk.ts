import type { OutputConfig } from '../../config/config.ts';
import type { Clock } from '../../drivers/clock.ts';
import { DiskError, type Log } from '../host.ts';
import { type Journal, JournalError } from '../journal/journal.ts';
import { type OrderOutcome, type OrderRequest, type Outputs, refused } from '../outputs/output.ts';
import { stampAt } from '../stamp.ts';
import { type Answer, type Answered, answerOf, answerTo, isAnswerTo } from './answer.ts';
import { type BookFile, REMEMBERED_MAX } from './book-file.ts';
import { type Copy, copyOf, type Subject, sensorKey, subjectOf, type TextOrder, type Way } from './copy.ts';
import { OrderBook, type Remembered } from './order-book.ts';

/** What was seen before is asked for again: the city files an order some time after it has looked at its clock (§2.4). */
export const OVERLAP_MS = 10_000;
/** For so long what a clock that was set forward has dated before is asked for: it may be a proxy's that is wrong. */
const FORWARD_MS = 3_600_000;
/** Times that the city's clock was set back; of more than these the oldest is over. */
const DOUBTS_MAX = 16;
/** Pushes of which the city has not shown the order yet fill at most this share of what is remembered; the others are left to the polls. */
const PUSHED_SHARE_MAX = 0.5;
/** From this share on the city is asked. */
const CROWDED_SHARE = 0.25;
/** An order whose time lies further ahead of the city's clock is from before that was set back: nobody knows how old it is. */
export const AHEAD_MS_MAX = 5_000;
const PAGE = 500;
const ENDED = 'the gateway ended before it was known';
const ENDED_BEFORE = 'the gateway ended before it was answered; it was not carried out';

/** An output that takes orders of the city. */
export type Taker = Answered & Pick<OutputConfig, 'safe' | 'sensor' | 'expiryMs'>;

export interface DeskSurroundings {
  readonly clock: Clock;
  readonly bootId: string;
  readonly log: Log;
  readonly journal: Pick<Journal, 'append' | 'read' | 'lastSequence'>;
  readonly file: BookFile;
  readonly takers: readonly Taker[];
  /** Whose orders are taken. */
  readonly ordersFrom: readonly string[];
  readonly order: (request: OrderRequest) => Promise<OrderOutcome>;
  /** Takes what became no order of an output. */
  readonly refused: Outputs['refused'];
  /** An answer is durable. */
  readonly answered: () => void;
  /** So many orders were pushed that the city should be asked for what it has. */
  readonly crowded: () => void;
  /** Takes a broken invariant of ours, which must end the program. */
  readonly fatal: (error: unknown) => void;
}

/**
 * Where the orders of the city come in, pushed or polled, and leave with an answer each. An order is remembered before its output
 * moves, so that it is carried out once at most, whatever comes again and whenever the gateway ends.
 */
export interface Desk {
  /** Up to when all orders were seen, on the city's clock; undefined before the first time. */
  readonly cursorMs: number | undefined;
  /** What was seen is looked at once more for so long: servers of the city may date an order earlier than others. */
  readonly lookBehindMs: number;
  /** From when on what the city shows is looked at. */
  readonly seenMs: number;
  /** The gateway started for the first time, at this time of the city's clock: what was ordered before was not meant for it. */
  begin(atMs: number): void;
  /** All was seen up to there. `isForward`: the city's clock was set forward since it was asked before. */
  moveOn(cursorMs: number, isForward: boolean): void;
  /**
   * The city's clock was set back, and all was seen up to there. Of what it dates between the two ends of `doubt` nobody knows
   * which of the two times was meant.
   */
  setBack(cursorMs: number, doubt: Doubt): void;
  /** Answers `unknown` to what an earlier process has left without an answer. */
  recover(): Promise<void>;
  /**
   * Takes orders, new ones and known ones. `cityMs`: the latest that the city's clock can show. Resolves with whether they are
   * remembered for good.
   */
  take(orders: readonly TextOrder[], via: Way, cityMs: number): Promise<boolean>;
  /** Makes the cursor durable. */
  save(): Promise<boolean>;
}

/** Times of the city's clock: after the one, up to the other. */
interface Doubt {
  readonly afterMs: number;
  readonly untilMs: number;
}

export function openDesk(around: DeskSurroundings): Desk {
  return new OrderDesk(around);
}

class OrderDesk implements Desk {
  readonly #around: DeskSurroundings;
  readonly #book: OrderBook;
  /** Of senders that are not in `orders_from`. */
  readonly #refusedBook: OrderBook;
  /** Left by an earlier process. */
  readonly #left: readonly Remembered[];
  #cursorMs: number | undefined;
  /** When the gateway started for the first time, as long as the city's clock was not set back since. */
  #beganMs: number | undefined;
  /** What may still be shown of before the clock was set forward, and until when, monotonic, it is asked for. */
  #before: { readonly fromMs: number; readonly untilMs: number } | undefined;
  readonly lookBehindMs: number;
  #answersFrom: number;
  #writing: Promise<boolean> = Promise.resolve(true);
  #queued: Promise<boolean> | undefined;
  #isFailing = false;
  #doubts: readonly Doubt[] = [];
  /** Placed before the city's clock was set back: none of them is newer than what comes now. */
  readonly #ofBefore = new WeakSet<Remembered>();

  constructor(around: DeskSurroundings) {
    this.#around = around;
    const { book, refusedBook, cursorMs, beganMs, answersFrom } = around.file.state;
    this.#book = new OrderBook(book, REMEMBERED_MAX.book);
    this.#refusedBook = new OrderBook(refusedBook, REMEMBERED_MAX.refusedBook);
    this.#left = this.#open;
    this.#cursorMs = cursorMs;
    this.#beganMs = beganMs;
    this.lookBehindMs = Math.max(OVERLAP_MS, ...around.takers.map(({ expiryMs }) => expiryMs));
    this.#answersFrom = answersFrom;
  }

  async recover(): Promise<void> {
    try {
      await this.#answerLeft();
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      // They stay open: the next start answers them.
      this.#around.log('warning', 'city-orders-past-unknown', { message: error.message });
    }
  }

  async #answerLeft(): Promise<void> {
    const { journal, takers } = this.#around;
    const left = new Map<Remembered, Taker>();
    for (const order of this.#left) {
      const taker = takers.find(({ sensor }) => sensorKey(sensor) === order.sensorKey);
      // An output that takes no orders of the city any more has nowhere to answer.
      if (taker === undefined) order.open = undefined;
      else left.set(order, taker);
    }
    for (let from = this.#answersFrom; left.size > 0; ) {
      const page = await journal.read(from, PAGE);
      for (const { record } of page) {
        for (const [order, taker] of left) {
          if (order.open === undefined || !isAnswerTo(record, taker, order.timeMs, order.open)) continue;
          order.open = undefined;
          left.delete(order);
        }
      }
      const last = page.at(-1);
      if (last === undefined) break;
      from = last.sequence + 1;
    }
    for (const [order, taker] of left) {
      if (order.open !== undefined)
        this.#answer(taker, order, order.open, { result: 'unknown', why: order.isPlaced ? ENDED : ENDED_BEFORE });
    }
  }

  async take(orders: readonly TextOrder[], via: Way, cityMs: number): Promise<boolean> {
    const { clock, journal } = this.#around;
    const cityAheadMs = cityMs - clock.monotonicMs();
    const copies = orders.map((order) => copyOf(order, via));
    const untilMs = cityMs + AHEAD_MS_MAX;
    const fresh = [true, false].flatMap((mayOrder) =>
      this.#bookOf(mayOrder).recognise(
        copies.filter(({ sender }) => this.#mayOrder(sender) === mayOrder),
        untilMs,
      ),
    );
    if (fresh.length === 0) return await (this.#queued ?? this.#writing);
    if (via === 'push' && !this.#hasRoomFor(fresh)) return false;
    if (this.#open.length === 0) this.#answersFrom = journal.lastSequence + 1;
    const judged = fresh
      .flatMap((copy) => {
        const taker = this.#around.takers.find(({ sensor }) => sensor === copy.sensor);
        return taker === undefined ? [] : [{ taker, copy, refusal: this.#refusal(taker, copy, cityMs) }];
      })
      // Of two of one moment nobody knows which was meant: the safe one counts as the later.
      .sort((a, b) => a.copy.timeMs - b.copy.timeMs || safety(a) - safety(b));
    // Of several that could be carried out the newest is.
    const newest = new Map<Taker, Copy>();
    const newestSafe = new Map<Taker, Copy>();
    for (const one of judged.filter(({ refusal }) => refusal === undefined)) {
      newest.set(one.taker, one.copy);
      if (safety(one) === 1) newestSafe.set(one.taker, one.copy);
    }
    const dones = judged.map(({ taker, copy, refusal }) => {
      const isPlaced = newest.get(taker) === copy || newestSafe.get(taker) === copy;
      const answer: Answer | undefined = refusal ?? (isPlaced ? undefined : { result: 'superseded' });
      return {
        taker,
        copy,
        answer,
        order: this.#bookOf(this.#mayOrder(copy.sender)).add(copy, answer === undefined, this.seenMs),
      };
    });
    const saved = this.save();
    const outcomes = new Map<Taker, Promise<OrderOutcome>>();
    // The newest first, though what is safe may be an older one: that is carried out where the newest is refused.
    for (const { taker, copy, answer, order } of dones.toReversed()) {
      // Answered before it is remembered it would be answered again after a crash.
      if (answer !== undefined) {
        this.#keepRefused(taker, subjectOf(copy), answer);
        saved.then(() => this.#answer(taker, order, subjectOf(copy), answer), this.#around.fatal);
      } else {
        const outcome = this.#carryOut(taker, copy, { saved, cityAheadMs }, outcomes.get(taker));
        outcomes.set(taker, outcome);
        this.#answerOutcome(taker, copy, order, Promise.all([outcome, saved])).catch(this.#around.fatal);
      }
    }
    return await saved;
  }

  get cursorMs(): number | undefined {
    return this.#cursorMs;
  }

  get seenMs(): number {
    if (this.#before !== undefined && this.#before.untilMs <= this.#around.clock.monotonicMs()) this.#before = undefined;
    const cursorMs = this.#cursorMs ?? Number.NEGATIVE_INFINITY;
    const seenMs = Math.min(cursorMs, this.#before?.fromMs ?? cursorMs) - this.lookBehindMs;
    return Math.max(seenMs, this.#beganMs ?? seenMs);
  }

  begin(atMs: number): void {
    this.#cursorMs = this.#beganMs = atMs;
    this.save().catch(this.#around.fatal);
  }

  moveOn(cursorMs: number, isForward: boolean): void {
    const untilMs = this.#around.clock.monotonicMs() + FORWARD_MS;
    if (isForward) this.#before = { fromMs: Math.min(this.#cursorMs ?? cursorMs, this.#before?.fromMs ?? cursorMs), untilMs };
    this.#cursorMs = cursorMs;
  }

  setBack(cursorMs: number, doubt: Doubt): void {
    this.#cursorMs = cursorMs;
    this.#beganMs = undefined;
    this.#doubts = [...this.#doubts, doubt].slice(-DOUBTS_MAX);
    for (const order of this.#book.state.orders) this.#ofBefore.add(order);
  }

  save(): Promise<boolean> {
    if (this.#queued === undefined) {
      const run = this.#writing.then(() => {
        this.#queued = undefined;
        return this.#write();
      });
      this.#queued = run;
      this.#writing = run;
    }
    return this.#queued;
  }

  #mayOrder(sender: string): boolean {
    return this.#around.ordersFrom.includes(sender);
  }

  #bookOf(mayOrder: boolean): OrderBook {
    return mayOrder ? this.#book : this.#refusedBook;
  }

  /** Whether pushes can be remembered until the city shows what they are. */
  #hasRoomFor(pushes: readonly Copy[]): boolean {
    const books = new Set(pushes.map(({ sender }) => this.#bookOf(this.#mayOrder(sender))));
    const share = Math.max(...[...books].map((book) => book.fill(this.seenMs)));
    if (share >= CROWDED_SHARE && books.has(this.#book)) this.#around.crowded();
    return share < PUSHED_SHARE_MAX;
  }

  /** Those that nobody has answered. */
  get #open(): readonly Remembered[] {
    return [...this.#book.open, ...this.#refusedBook.open];
  }

  /** Why an order is not to be carried out, whatever else came. */
  #refusal({ safe, expiryMs }: Taker, copy: Copy, cityMs: number): Answer | undefined {
    const { isForAll = false, sender, asked, timeMs, sensorKey: of } = copy;
    if (isForAll === true) return { result: 'provider-wide' };
    if (!this.#mayOrder(sender)) return { result: 'sender', why: `orders_from does not name ${sender}` };
    if ('problem' in asked) return { result: 'not-understood', why: asked.problem };
    if (this.#book.hasId(copy)) return { result: 'duplicate' };
    if (timeMs > cityMs + AHEAD_MS_MAX) return { result: 'expired', why: 'its time lies ahead of the clock of the city' };
    if (cityMs - timeMs > expiryMs) return { result: 'expired' };
    if (isForAll === 'unknown' && asked.on !== safe)
      return { result: 'provider-wide', why: 'or not: so much was ordered at once that the city cannot show it' };
    const isDoubted = this.#doubts.some(({ afterMs, untilMs }) => afterMs < timeMs && timeMs <= untilMs);
    if ((isDoubted || this.#book.floorMs > cityMs + AHEAD_MS_MAX) && asked.on !== safe)
      return { result: 'expired', why: 'the clock of the city was set back: nobody knows how old it is' };
    const newestMs = this.#book.newestPlacedMs(of, cityMs + AHEAD_MS_MAX, this.#ofBefore);
    if (timeMs < newestMs || (timeMs === newestMs && asked.on !== safe)) return { result: 'superseded' };
    return undefined;
  }

  /** `newer`: what becomes of a newer order. */
  async #carryOut(
    taker: Taker,
    { asked, sender, timeMs }: Copy,
    { saved, cityAheadMs }: { readonly saved: Promise<boolean>; readonly cityAheadMs: number },
    newer: Promise<OrderOutcome> | undefined,
  ): Promise<OrderOutcome> {
    if ('problem' in asked) throw new Error(`an order is carried out that nobody understands: ${asked.problem}`);
    const newerOutcome = await newer;
    if (newerOutcome !== undefined && (newerOutcome.done || newerOutcome.reason === 'superseded'))
      return refused('superseded', 'a newer order came with it');
    return await this.#around.order({
      output: taker.id,
      on: asked.on,
      source: 'sentilo',
      by: sender,
      untilMs: timeMs + taker.expiryMs - cityAheadMs,
      kept: saved,
      ...(asked.forMs !== undefined && { forMs: asked.forMs }),
    });
  }

  async #answerOutcome(
    taker: Taker,
    copy: Copy,
    order: Remembered,
    known: Promise<readonly [OrderOutcome, boolean]>,
  ): Promise<void> {
    const [outcome] = await known;
    // What was refused does not count as ordered: an older one that comes now may be carried out, and it may be asked for again.
    if (!outcome.done && outcome.reason !== 'superseded') order.isPlaced = false;
    this.#answer(taker, order, subjectOf(copy), answerOf(outcome));
  }

  #keepRefused({ id: output }: Taker, { sender, on }: Subject, { result, why }: Answer): void {
    this.#around.refused({ output, on, from: `sentilo: ${sender}`, reason: why === undefined ? result : `${result}: ${why}` });
  }

  /** Answers for good. */
  #answer(taker: Taker, order: Remembered, subject: Subject, answer: Answer): void {
    const { clock, bootId, journal, log, answered } = this.#around;
    const { result, forMs, why } = answer;
    const limit = forMs === undefined ? {} : { forMs };
    const told = { output: taker.id, from: subject.sender, result, ...limit, ...(why !== undefined && { why }) };
    if (result === 'done') log('info', 'city-order-done', told);
    else log('warning', 'city-order-not-done', told);
    journal.append(answerTo(taker, order.timeMs, subject, answer, stampAt(clock, bootId)), true).then(
      () => {
        order.open = undefined;
        answered();
        this.save().catch(() => {});
      },
      // The journal counts what it drops; the next start answers.
      () => {},
    );
  }

  async #write(): Promise<boolean> {
    const { file, log } = this.#around;
    try {
      await file.write({
        book: this.#book.state,
        refusedBook: this.#refusedBook.state,
        cursorMs: this.#cursorMs,
        beganMs: this.#beganMs,
        answersFrom: this.#answersFrom,
      });
      this.#isFailing = false;
      return true;
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      if (!this.#isFailing) log('error', 'city-orders-not-kept', { message: error.message });
      this.#isFailing = true;
      return false;
    }
  }
}

/** 1 of what leads to the safe state. */
function safety({ taker, copy: { asked } }: { readonly taker: Taker; readonly copy: Copy }): number {
  return 'on' in asked && asked.on === taker.safe ? 1 : 0;
}
