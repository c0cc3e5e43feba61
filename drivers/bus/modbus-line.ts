import { type Clock, sleep } from '../clock.ts';
import { BusError } from '../errors.ts';
import type { ByteStream, Unsubscribe } from './byte-stream.ts';
import { ModbusException } from './modbus-exception.ts';
import {
  type Answered,
  CRC_BYTES,
  EXCEPTION_BYTES,
  type Failed,
  type Framing,
  type FramingEvents,
  isException,
  type Question,
} from './modbus-frame.ts';
import { RtuFraming } from './modbus-rtu.ts';
import { TcpFraming } from './modbus-tcp.ts';
import { deadlineMs, lineMs, silenceMs } from './modbus-timing.ts';
import { type ModbusCounts, type ModbusUnit, ModbusUnits } from './modbus-unit.ts';

/** A line on which bytes never stop for this long belongs to another master, or is noise. */
const SILENCE_WAIT_MAX_MS = 1000;
/**
 * So many questions over a network without a byte in between: whoever holds the other end does nothing any more. What lies in
 * between would reach the devices when it wakes up, an order from long ago among it.
 */
const UNHEARD_MAX = 3;
/** Who waits for its turn when we break a connection off waits so long for the next one, and is looked at so often meanwhile. */
const REOPENED_WITHIN_MS = 2000;
const REOPENED_LOOK_MS = 50;
/** So many bytes at most are noise where a line turns from sending to receiving; the shortest answer has five. */
const STRAY_BYTES_MAX = 2;
/** What may be sent again is sent so often within its time, though never more often than most slaves can answer. */
const REPEATS = 10;
const AGAIN_MS_MIN = 100;
/** It gives way to others when it was sent so often: who is there has mostly taken it, whether or not its answer got through. */
const SENT_BEFORE_WAY = 2;
/** The functions that only read (V1.1b3 §6.1 to 6.4). */
const READS: ReadonlySet<number> = new Set([1, 2, 3, 4]);
/** Differences of the clock below this are rounding. */
const CLOCK_STEP_MS = 0.001;

/** How a line is used for Modbus. */
export interface ModbusOptions {
  /** `rtu` also over a TCP stream, where a gateway passes the frames on as they are. */
  readonly framing: 'rtu' | 'tcp';
  /** The longest time from the end of the request until the whole answer must be there; lengthened where the line itself needs more. */
  readonly timeoutMs: number;
  /** Beside the silence that the baud rate asks for, before each request. */
  readonly pauseMs: number;
  /** The line is known to return what is sent on it. */
  readonly echo: boolean;
  /** Of a serial line; without it bytes are taken to need no time. */
  readonly baud?: number;
  /** For messages. */
  readonly name: string;
  /** Called once when only a new connection helps: the owner should close the stream and open it again. */
  readonly onBroken?: (cause: BusError) => void;
  /** Called when a unit answers too late; `wasCutShort` where it was taken to be away and waited for so shortly only therefore. */
  readonly onLate?: (unit: number, wasCutShort: boolean) => void;
}

/** What happened on a line since it was prepared. */
export interface ModbusStats extends ModbusCounts {
  /** The line returns what is sent on it although it was not said to. */
  readonly echoNoticed: boolean;
  readonly recent: ModbusUnit['recent'];
  readonly units: ReadonlyMap<number, ModbusUnit>;
}

/** A Modbus line, on a stream that somebody else opens, closes and opens again. */
export interface ModbusLine {
  /**
   * From when on a question may be asked: before, an answer to an earlier question could be mistaken for its own, or the slave
   * has not had its `pauseMs` since the one before. Undefined when it may be now.
   */
  readyMs(question: Question, pauseMs?: number): number | undefined;
  /**
   * Asks, and returns the answer: unit, function, data. One question at a time on RTU; on TCP as many as the slave takes.
   * The time of an answer is learned for each unit, and it is waited for accordingly. When the stream closes, all fail at once.
   * @throws BusError `timeout`, `bad-checksum`, `closed`; ModbusException
   */
  ask(question: Question): Promise<Uint8Array>;
  /** Fails what waits and lets go of the stream, which stays open. May be called twice. */
  close(): void;
  stats(): ModbusStats;
}

export function openModbusLine(stream: ByteStream, options: ModbusOptions, clock: Clock): ModbusLine {
  return new Line(stream, options, clock);
}

/** A question that waits for its answer. */
interface Pending {
  readonly unit: ModbusUnit;
  readonly askedMs: number;
  readonly cancelDeadline: () => void;
  cancelRepeat: () => void;
  readonly resolve: (answer: Uint8Array) => void;
  readonly reject: (reason: Error) => void;
}

class Line implements ModbusLine {
  readonly #stream: ByteStream;
  readonly #options: ModbusOptions;
  readonly #clock: Clock;
  readonly #framing: Framing;
  readonly #units = new ModbusUnits();
  readonly #pending = new Map<Question, Pending>();
  /** Units whose newest question was given up before all of its time had passed. */
  readonly #cutShort = new Set<number>();
  readonly #subscriptions: readonly Unsubscribe[];
  /** Ends with the connection. */
  #session = new AbortController();
  #closedBy: Error | undefined;
  #echoNoticed = false;
  /** Questions in a row that were given up without a byte from the other end; of those that were asked at once only one counts. */
  #unheardCount = 0;
  /** Since the newest byte, or the newest question that counted. */
  #unheardFromMs = Number.NEGATIVE_INFINITY;
  /** When the newest byte came. */
  #heardMs = Number.NEGATIVE_INFINITY;
  /** When we broke the connection off. */
  #brokenMs = Number.NEGATIVE_INFINITY;
  /** Silence before each question. */
  readonly #quietMs: number;
  #receivedBytes = 0;
  /** When the last byte, of whomever, was or will be over. */
  #busyUntilMs = Number.NEGATIVE_INFINITY;

  constructor(stream: ByteStream, options: ModbusOptions, clock: Clock) {
    this.#stream = stream;
    this.#options = options;
    this.#clock = clock;
    this.#quietMs = silenceMs(options.baud) + options.pauseMs;
    const events = this.#events();
    this.#framing =
      options.framing === 'tcp'
        ? new TcpFraming(options.name, events)
        : new RtuFraming(options.name, events, { echo: options.echo, isOverNetwork: options.baud === undefined });
    this.#subscriptions = [
      stream.onBytes((bytes) => this.#receive(bytes)),
      stream.onClose((cause) => {
        this.#closedBy = cause;
        this.#startAnew(this.#closed(cause));
      }),
    ];
  }

  readyMs(question: Question, pauseMs = 0): number | undefined {
    const now = this.#clock.monotonicMs();
    if (!this.#stream.isOpen || this.#session.signal.aborted) {
      // It was not asked and is not to blame. Where the connection does not come back it fails at once.
      return now < this.#brokenMs + REOPENED_WITHIN_MS ? now + REOPENED_LOOK_MS : undefined;
    }
    const readyMs = this.#framing.readyMs(question, now);
    const restedMs = (this.#units.byId.get(question.unit)?.endedMs ?? Number.NEGATIVE_INFINITY) + pauseMs;
    return restedMs > now ? Math.max(readyMs ?? restedMs, restedMs) : readyMs;
  }

  async ask(question: Question): Promise<Uint8Array> {
    if (!this.#stream.isOpen) throw this.#closed(this.#closedBy);
    // The question belongs to the connection that it was made for, and fails with it.
    const { signal } = this.#session;
    signal.throwIfAborted();
    if (this.#quietMs > 0) {
      await this.#waitForSilence(signal);
      signal.throwIfAborted();
    }
    const answer = await this.#exchange(question);
    if (!isException(answer)) return answer;
    const what = [...question.request].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    throw new ModbusException(
      answer[EXCEPTION_BYTES - 1] as number,
      `${this.#options.name}, unit ${question.unit}, asked ${what}`,
    );
  }

  close(): void {
    for (const unsubscribe of this.#subscriptions) unsubscribe();
    this.#endSession(this.#closed(undefined));
  }

  stats(): ModbusStats {
    const { counts, recent, byId } = this.#units;
    return { ...counts, recent, echoNoticed: this.#echoNoticed, units: byId };
  }

  #exchange(question: Question): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const unit = this.#units.of(question.unit);
      const askedMs = this.#clock.monotonicMs();
      this.#units.count(question.unit, 'requestCount');
      const wire = this.#framing.ask(question, askedMs);
      this.#busyUntilMs = askedMs + lineMs(wire.length, this.#options.baud);
      const cancelDeadline = this.#deadline(question, unit, wire.length);
      const pending: Pending = { unit, askedMs, cancelDeadline, cancelRepeat: () => {}, resolve, reject };
      this.#pending.set(question, pending);
      if (question.isRepeated) this.#repeat(question, pending);
      this.#stream.write(wire).catch((error: Error) => {
        if (this.#pending.get(question) === pending) this.#leave(question)?.reject(error);
      });
    });
  }

  /**
   * Sends a question again as long as it waits: one that was lost on its way costs only until then, not all of its time. An answer
   * to any of them is one to all. Where the line returns what is sent nobody could tell the copy of a later one from the answer, and
   * it is sent only once.
   */
  #repeat(question: Question, pending: Pending, sentCount = 1): void {
    const { timeoutMs, baud, echo } = this.#options;
    const sentMs = this.#clock.monotonicMs();
    pending.cancelRepeat = this.#clock.timer(Math.max(AGAIN_MS_MIN, timeoutMs / REPEATS), () => {
      const nowMs = this.#clock.monotonicMs();
      const isQuiet = this.#heardMs <= sentMs;
      if (isQuiet && sentCount >= SENT_BEFORE_WAY && question.givesWay?.() === true) {
        this.#cutShort.add(question.unit);
        this.#giveUp(question, 'gave way');
        return;
      }
      // Unless something comes just now: that may be its answer.
      if (isQuiet && !echo && !this.#echoNoticed) {
        const wire = this.#framing.ask(question, nowMs);
        this.#busyUntilMs = nowMs + lineMs(wire.length, baud);
        // A line that is lost fails the question itself.
        this.#stream.write(wire).catch(() => {});
      }
      this.#repeat(question, pending, sentCount + 1);
    });
  }

  /** Gives a question up that was just asked when its time is over. Returns how to cancel that. */
  #deadline(question: Question, unit: ModbusUnit, requestBytes: number): () => void {
    const { timeoutMs, baud } = this.#options;
    const answerBytes = question.answerBytes + (baud === undefined ? 0 : CRC_BYTES);
    // Whether it is there or not: what has to be safe is worth all of the time.
    const signMs = question.isRepeated ? undefined : this.#units.signMs(unit, timeoutMs);
    // What was learned are the times of reads: a slave may need far longer to store something or to move a relay. One that is away
    // may have become slow: where its sign is waited for all of the time, so is its answer.
    const isLearned = READS.has(question.code) && !(unit.isAway && signMs === undefined);
    const learnedMs = isLearned ? unit.timeoutMs(timeoutMs) + lineMs(answerBytes, baud) : timeoutMs;
    const waitMs = deadlineMs({ requestBytes, answerBytes }, Math.min(timeoutMs, learnedMs), baud);
    const cancelWait = this.#clock.timer(waitMs, () => this.#giveUp(question));
    if (signMs === undefined) return cancelWait;
    // What the line returns of the question itself is no sign of the slave, nor is what an adapter makes of the turn of the line.
    const echoBytes = this.#options.echo || this.#echoNoticed ? requestBytes : 0;
    const noSignBytes = this.#receivedBytes + echoBytes + STRAY_BYTES_MAX;
    const cancelLook = this.#clock.timer(this.#busyUntilMs + signMs - this.#clock.monotonicMs(), () => {
      if (this.#receivedBytes > noSignBytes) return;
      this.#cutShort.add(question.unit);
      this.#giveUp(question);
    });
    return () => {
      cancelWait();
      cancelLook();
    };
  }

  /** Nobody waits for its answer any more. */
  #leave(question: Question): Pending | undefined {
    const pending = this.#pending.get(question);
    this.#pending.delete(question);
    pending?.cancelDeadline();
    pending?.cancelRepeat();
    return pending;
  }

  #giveUp(question: Question, why?: 'gave way'): void {
    const now = this.#clock.monotonicMs();
    const error = this.#framing.giveUp(question, now);
    if (!(error instanceof BusError)) {
      this.#settle({ question, answer: error }, now);
      return;
    }
    const pending = this.#leave(question);
    // The other end spoke since the unit stayed silent before: it is the unit that is away.
    const isOfUnit = pending?.unit.isSilentSince(this.#heardMs) === true;
    if (error.kind === 'timeout') {
      pending?.unit.timedOut(now);
      this.#units.count(question.unit, 'timeoutCount');
    } else pending?.unit.damaged(now);
    // What gave way was waited for too shortly to tell anything of the connection.
    if (pending !== undefined && why === undefined && !isOfUnit && pending.askedMs >= this.#unheardFromMs) {
      this.#unheardCount += 1;
      this.#unheardFromMs = now;
    }
    this.#reportBroken();
    pending?.reject(error);
    if (this.#options.baud === undefined && !isOfUnit && this.#unheardCount === UNHEARD_MAX) this.#break(error);
  }

  #receive(bytes: Uint8Array): void {
    const now = this.#clock.monotonicMs();
    this.#unheardCount = 0;
    this.#unheardFromMs = now;
    this.#heardMs = now;
    this.#receivedBytes += bytes.length;
    this.#busyUntilMs = Math.max(this.#busyUntilMs, now);
    for (const answered of this.#framing.receive(bytes, now)) this.#settle(answered, now);
    this.#reportBroken();
  }

  #settle({ question, answer }: Answered | Failed, now: number): void {
    const pending = this.#leave(question);
    if (pending === undefined) return;
    const { unit, askedMs } = pending;
    this.#cutShort.delete(question.unit);
    if (answer instanceof BusError) {
      unit.answered(now, undefined);
      pending.reject(answer);
      return;
    }
    const { baud } = this.#options;
    const overhead = baud === undefined ? 0 : 2 * CRC_BYTES;
    const turnaroundMs = now - askedMs - lineMs(question.request.length + answer.length + overhead, baud);
    unit.answered(now, READS.has(question.code) ? turnaroundMs : undefined);
    this.#units.count(question.unit, isException(answer) ? 'exceptionCount' : 'answerCount');
    pending.resolve(answer);
  }

  #events(): FramingEvents {
    return {
      late: (unit, afterMs) => {
        this.#units.count(unit, 'lateCount');
        this.#units.of(unit).late(afterMs);
        this.#options.onLate?.(unit, this.#cutShort.delete(unit));
      },
      damaged: (unit) => this.#units.count(unit, 'damagedCount'),
      unasked: (unit) => this.#units.count(unit, 'unaskedCount'),
      echo: (isThere) => {
        this.#echoNoticed = isThere;
      },
      repeated: (unit) => this.#units.count(unit, 'repeatedCount'),
    };
  }

  #reportBroken(): void {
    const cause = this.#framing.broken;
    // The session ends with the report, so that it is made once and nobody else waits for a line that is lost.
    if (cause === undefined || this.#session.signal.reason === cause) return;
    this.#break(cause);
  }

  #break(cause: BusError): void {
    this.#brokenMs = this.#clock.monotonicMs();
    this.#endSession(cause);
    this.#options.onBroken?.(cause);
  }

  /** Nobody waits any more for what was asked over the old connection, and its bytes do not count on the next one. */
  #startAnew(reason: BusError): void {
    this.#endSession(reason);
    this.#session = new AbortController();
    this.#unheardCount = 0;
    this.#framing.forget(this.#clock.monotonicMs());
  }

  #endSession(reason: BusError): void {
    this.#session.abort(reason);
    for (const question of [...this.#pending.keys()]) this.#leave(question)?.reject(reason);
  }

  async #waitForSilence(signal: AbortSignal): Promise<void> {
    const quietMs = this.#quietMs;
    const giveUpMs = this.#clock.monotonicMs() + SILENCE_WAIT_MAX_MS;
    for (;;) {
      const now = this.#clock.monotonicMs();
      const leftMs = this.#busyUntilMs + quietMs - now;
      if (leftMs < CLOCK_STEP_MS) return;
      if (now >= giveUpMs + quietMs) {
        const why = 'bytes have been coming without a pause: another master, or noise';
        throw new BusError('timeout', `${this.#options.name}: ${why}; nothing was asked`);
      }
      // A timer's lateness would be a tenth of a fast line's time: whole milliseconds are slept, the rest is kept exactly.
      await sleep(this.#clock, leftMs > 1 ? Math.floor(leftMs) : leftMs, signal);
    }
  }

  #closed(cause: Error | undefined): BusError {
    return new BusError('closed', `${this.#options.name} is not open`, cause === undefined ? undefined : { cause });
  }
}
