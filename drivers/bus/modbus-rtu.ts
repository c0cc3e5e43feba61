import { BusError } from '../errors.ts';
import { ModbusCopies } from './modbus-copies.ts';
import {
  type Answered,
  beginsWithAnswer,
  CRC_BYTES,
  describe,
  EXCEPTION_BYTES,
  type Framing,
  type FramingEvents,
  fits,
  frameLength,
  HEAD_BYTES,
  hasGoodCrc,
  isException,
  isOrder,
  type Question,
  repeatsItself,
  shapeOf,
  withCrc,
} from './modbus-frame.ts';

/** How long after it was given up a question may still be answered: by a slave on the wire; through converters and radio bridges with queues. */
export const LATE_WINDOW_MS = 3000;
const LATE_WINDOW_NETWORK_MS = 10_000;
/** Where an answer came later still, twice its time; never longer than this. */
const LATE_WINDOW_MS_MAX = 30_000;
/** So long after the newest of them. */
const LONGER_FOR_MS = 3_600_000;
/** Bytes kept while looking for an answer: the longest frame is 256, and noise may stand before it. */
const RECEIVED_MAX_BYTES = 1024;
/** Unit, function and CRC. */
const FRAME_BYTES_MIN = 4;
/** So many bytes may have been an answer, an exception. */
const JUNK_BYTES_MIN = EXCEPTION_BYTES + CRC_BYTES;
/** A line of which so many answers in a row came without a copy of the question returns nothing any more. */
const ECHO_GONE_COUNT = 3;

/** A question on the line. */
interface Asked {
  readonly question: Question;
  readonly askedMs: number;
}

/** A question that was given up and may still be answered. */
interface Owed extends Asked {
  readonly givenUpMs: number;
  readonly doubt: Doubt | undefined;
}

/**
 * What came that may have been its answer, or an older question's: only silence can tell whose the next one would be. An exception
 * fits every question of its function.
 */
type Doubt = 'answer' | 'exception';

interface RtuOptions {
  /** The line is known to return what is sent on it. */
  readonly echo?: boolean;
  /** Frames come through a converter that keeps answers in a queue, and gives them to whoever is connected then. */
  readonly isOverNetwork?: boolean;
}

/**
 * Modbus RTU (Modbus over serial line V1.02 §2.5.1), also when it is carried over TCP.
 *
 * An RTU frame does not say which question it answers. A slave answers in order, so the rule is: a frame belongs to the
 * oldest unanswered question that it fits, by unit, function and length, or what a write repeats. The value of a question is
 * taken only from a frame that no earlier question can own. When fewer come than are owed, nobody can tell whose was lost;
 * the question is given up, and none of its kind is ready to be asked until the late window has passed in silence. The window
 * grows with what comes later.
 */
export class RtuFraming implements Framing {
  /** Bytes of a serial line are never out of step for good: silence ends every frame. */
  readonly broken = undefined;
  readonly #name: string;
  readonly #events: FramingEvents;
  /** The line was said to return what is sent on it; it does. */
  readonly #isEchoSaid: boolean;
  #hasEcho: boolean;
  /** Answers in a row before which no copy came of their question. */
  #echolessCount = 0;
  #waiting: Asked | undefined;
  #owed: Owed[] = [];
  /** What nobody can answer any more, by the window. An answer that comes all the same shows that the window is too short. */
  #expired: Owed[] = [];
  readonly #usualWindowMs: number;
  /** Units of which a later answer was seen, and until when that counts. */
  readonly #longer = new Map<number, { readonly windowMs: number; readonly untilMs: number }>();
  #received: Uint8Array = new Uint8Array(0);
  /** Of the waiting question: the copy of it that may still come, and that it came. */
  #echo: Uint8Array | undefined;
  #sawEcho = false;
  /** Since it was asked: its answer came damaged; so many bytes came that are no frame; something came that leaves a doubt. */
  #sawDamaged = false;
  #junkBytes = 0;
  #doubt: Doubt | undefined;
  /** What went over the line last, as it would come back. */
  #sent: Uint8Array | undefined;
  readonly #copies = new ModbusCopies();

  constructor(name: string, events: FramingEvents, { echo = false, isOverNetwork = false }: RtuOptions = {}) {
    this.#name = name;
    this.#events = events;
    this.#isEchoSaid = echo;
    this.#hasEcho = echo;
    this.#usualWindowMs = isOverNetwork ? LATE_WINDOW_NETWORK_MS : LATE_WINDOW_MS;
  }

  readyMs(question: Question, nowMs: number): number | undefined {
    this.#expire(nowMs);
    const doubtful = this.#doubtfulLike(question).at(-1);
    return doubtful === undefined ? this.#copies.readyMs(question, nowMs) : this.#untilMs(doubtful);
  }

  ask(question: Question, nowMs: number): Uint8Array {
    // A question that was left without being given up may still be answered like any other.
    if (this.#waiting !== undefined) this.#owe(this.#waiting, nowMs);
    this.#copies.asked(question, nowMs);
    this.#settle(this.#received);
    this.#received = new Uint8Array(0);
    this.#expire(nowMs);
    if (this.#doubtfulLike(question).length > 0) {
      const why = 'an answer to an earlier question is still possible and could not be told from this one';
      throw new BusError('timeout', `${this.#name}: ${describe(question)} was not asked: ${why}`);
    }
    this.#waiting = { question, askedMs: nowMs };
    this.#sent = withCrc(question.request);
    // Where the answer is a copy of the question, the first copy is the answer unless the line is known to return everything.
    this.#echo = this.#hasEcho || !repeatsItself(question) ? this.#sent : undefined;
    this.#sawEcho = false;
    this.#sawDamaged = false;
    this.#junkBytes = 0;
    this.#doubt = undefined;
    return this.#sent;
  }

  receive(bytes: Uint8Array, nowMs: number): readonly Answered[] {
    this.#expire(nowMs);
    this.#received = Buffer.concat([this.#received, bytes]).subarray(-RECEIVED_MAX_BYTES);
    const answers: Answered[] = [];
    for (let frame = this.#cut(nowMs); frame !== undefined; frame = this.#cut(nowMs)) {
      const owner = this.#takeOwner(frame);
      if (owner === undefined) continue;
      const { question, askedMs } = owner;
      // What came before it may have been itself, damaged, and this the copy.
      this.#copies.answered(question, frame, nowMs, this.#sawDamaged || this.#junkBytes >= JUNK_BYTES_MIN);
      if (owner === this.#waiting) {
        this.#waiting = undefined;
        this.#noticeEcho(question);
        answers.push({ question, answer: frame });
      } else this.#events.late(question.unit, nowMs - askedMs);
    }
    if (this.#candidates().length === 0) this.#takeUnasked();
    return answers;
  }

  giveUp(question: Question, nowMs: number): BusError {
    const asked = this.#waiting;
    if (asked?.question !== question) return new BusError('timeout', `${this.#name}: no answer`);
    const who = describe(question);
    const junk = this.#received;
    this.#received = new Uint8Array(0);
    this.#settle(junk);
    if (this.#sawDamaged) {
      // That was its answer; of a unit that answers twice it may still come whole.
      if (!this.#copies.isSingle(question.unit)) this.#doubt ??= 'answer';
      if (this.#doubt === undefined) this.#waiting = undefined;
      else this.#owe(asked, nowMs);
      return new BusError('bad-checksum', `${this.#name}: the answer from ${who} came damaged`);
    }
    const wasAnswered = this.#doubt !== undefined;
    // A good frame of another unit is not damage, it is simply not for us.
    if (isWhole(junk)) this.#events.unasked(junk[0] as number);
    else this.#junkBytes += junk.length;
    // Perhaps it was the answer, damaged beyond recognition.
    const isNoise = !wasAnswered && this.#junkBytes >= JUNK_BYTES_MIN;
    if (isNoise) this.#doubt = 'answer';
    this.#owe(asked, nowMs);
    if (isNoise) {
      this.#events.damaged(question.unit);
      const hint = 'look at the wiring, the baud rate and the parity';
      return new BusError('bad-checksum', `${this.#name}: ${this.#junkBytes} bytes came that are no answer from ${who}; ${hint}`);
    }
    const doubt = wasAnswered ? 'the answer that came may belong to an earlier question' : 'no answer';
    return new BusError('timeout', `${this.#name}: ${doubt}, asked ${who}`);
  }

  forget(nowMs: number): void {
    // A converter gives a slave's answer to the next connection, and a slow slave answers when the port is back.
    if (this.#waiting !== undefined) this.#owe(this.#waiting, nowMs);
    this.#owed = this.#owed.map((old) => ({ ...old, doubt: old.doubt ?? 'answer' }));
    this.#received = new Uint8Array(0);
    this.#sent = undefined;
    this.#copies.closed();
  }

  /** All that may still be answered, the oldest first. */
  #candidates(): Asked[] {
    return this.#waiting === undefined ? this.#owed : [...this.#owed, this.#waiting];
  }

  /** The oldest question that a frame fits, unless it is a copy. One that was owed is not any more. */
  #takeOwner(frame: Uint8Array): Asked | undefined {
    const waiting = this.#waiting;
    // What repeats an order says the same whichever it answers, but not a refusal. What the older one is owed may come, or is lost.
    const isRepeated = waiting !== undefined && isOrder(waiting.question) && !isException(frame);
    if (isRepeated && fits(waiting.question, frame)) return waiting;
    const owner = this.#candidates().find(({ question }) => fits(question, frame));
    if (owner === undefined) return undefined;
    // Its like was not asked while a copy could come, but an older question was answered since.
    if (this.#copies.isCopy(owner.question, frame, owner.askedMs)) {
      this.#events.repeated(owner.question.unit);
      return undefined;
    }
    if (owner === waiting) return owner;
    this.#owed = this.#owed.filter((asked) => asked !== owner);
    if (waiting !== undefined && fits(waiting.question, frame)) this.#doubtWaiting(frame);
    return owner;
  }

  #doubtWaiting(frame: Uint8Array): void {
    this.#doubt = isException(frame) ? 'exception' : (this.#doubt ?? 'answer');
  }

  /**
   * Takes note of bytes that hold no good frame. What begins like an answer to the question that waits was one, damaged: it will
   * not come again. Of an older question three bytes prove nothing: its answer may still come, or have been this. Nor do they
   * where the question itself, which comes back first, begins like its answer.
   */
  #settle(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const rest = bytes.subarray(at);
      const owner = this.#candidates().find(({ question }) => frameLength(question, rest) !== undefined);
      if (owner === undefined) {
        at += 1;
        continue;
      }
      this.#events.damaged(owner.question.unit);
      if (owner !== this.#waiting)
        this.#owed = this.#owed.map((old) => (old === owner ? { ...old, doubt: old.doubt ?? 'answer' } : old));
      else if (this.#hasEcho && this.#echo !== undefined && isPrefix(rest.subarray(0, HEAD_BYTES), this.#echo))
        this.#doubt ??= 'answer';
      else this.#sawDamaged = true;
      at += frameLength(owner.question, rest) as number;
    }
  }

  /** Cuts the first good frame out of what was received, and the copy of our own question on the way. Returns it without its CRC. */
  #cut(nowMs: number): Uint8Array | undefined {
    for (let at = 0; at < this.#received.length; at++) {
      const rest = this.#received.subarray(at);
      // A question can look like its own answer (function 1, address 0x03…): as long as it may be the copy, it is.
      if (this.#waiting !== undefined && this.#echo !== undefined && isPrefix(rest, this.#echo)) {
        if (rest.length < this.#echo.length) return undefined;
        this.#consume(at, this.#echo.length);
        [this.#echo, this.#sawEcho] = [undefined, true];
        at = -1;
        continue;
      }
      const asked = this.#candidates().find(({ question }) => beginsWithAnswer(question, rest));
      const length = asked && frameLength(asked.question, rest);
      if (length !== undefined) {
        const answer = Uint8Array.from(rest.subarray(0, length - CRC_BYTES));
        this.#consume(at, length);
        return answer;
      }
      const otherLength = this.#lengthOfOther(rest, nowMs);
      if (otherLength === undefined) continue;
      this.#consume(at, otherLength);
      at = -1;
    }
    return undefined;
  }

  /** The length of an answer that these bytes begin with and that nobody waits for: once more, too late, or another's than was thought. */
  #lengthOfOther(bytes: Uint8Array, nowMs: number): number | undefined {
    const length = this.#copies.lengthOf(bytes, nowMs);
    if (length !== undefined) {
      this.#events.repeated(bytes[0] as number);
      return length;
    }
    const late = this.#expired.find(({ question }) => beginsWithAnswer(question, bytes));
    if (late === undefined) return this.#copies.lengthOfOther(bytes, nowMs);
    this.#noticeTooLate(late, nowMs);
    return frameLength(late.question, bytes);
  }

  /** Bytes to which nobody has a question: the copy of a write that was answered already, or a frame of somebody else. */
  #takeUnasked(): void {
    const bytes = this.#received;
    if (!isWhole(bytes)) return;
    this.#received = new Uint8Array(0);
    // The copy of a write is the slave's, or the line's own: the next question that reads tells which.
    if (this.#sent !== undefined && bytes.length === this.#sent.length && isPrefix(bytes, this.#sent)) return;
    this.#events.unasked(bytes[0] as number);
  }

  /** Takes note of an answer to a question that was not to be answered any more: the window becomes longer. */
  #noticeTooLate(late: Owed, nowMs: number): void {
    this.#expired = this.#expired.filter((old) => old !== late);
    const { unit } = late.question;
    const windowMs = Math.min(LATE_WINDOW_MS_MAX, Math.max(this.#windowMs(unit), 2 * (nowMs - late.givenUpMs)));
    this.#longer.set(unit, { windowMs, untilMs: nowMs + LONGER_FOR_MS });
    this.#events.late(unit, nowMs - late.askedMs);
  }

  /**
   * A question was answered. The line returns what is sent where a copy of the question came before: not where that could be the
   * answer itself. What it was not said to do it may stop doing.
   */
  #noticeEcho(question: Question): void {
    this.#echolessCount = this.#sawEcho ? 0 : this.#echolessCount + (repeatsItself(question) ? 0 : 1);
    const hasEcho = this.#sawEcho || this.#isEchoSaid || (this.#hasEcho && this.#echolessCount < ECHO_GONE_COUNT);
    if (hasEcho !== this.#hasEcho) this.#events.echo(hasEcho);
    this.#hasEcho = hasEcho;
  }

  /** Drops a whole frame and what stands before it. */
  #consume(at: number, length: number): void {
    this.#junkBytes += at;
    this.#settle(this.#received.subarray(0, at));
    this.#received = this.#received.subarray(at + length);
  }

  #owe(asked: Asked, nowMs: number): void {
    this.#owed.push({ ...asked, givenUpMs: nowMs, doubt: this.#doubt });
    this.#waiting = undefined;
  }

  #windowMs(unit: number): number {
    return this.#longer.get(unit)?.windowMs ?? this.#usualWindowMs;
  }

  /** Until when it may be answered. */
  #untilMs({ question, givenUpMs }: Owed): number {
    return givenUpMs + this.#windowMs(question.unit);
  }

  /** Questions in doubt whose answer could be one to this. An order says the same whichever of two it answers, and is not held back. */
  #doubtfulLike(question: Question): Owed[] {
    if (this.#owed.length === 0 || isOrder(question)) return [];
    const shape = shapeOf(question);
    return this.#owed.filter(({ doubt, question: old }) => {
      if (doubt === undefined || old.unit !== question.unit) return false;
      return shapeOf(old) === shape || (doubt === 'exception' && old.code === question.code);
    });
  }

  #expire(nowMs: number): void {
    for (const [unit, { untilMs }] of this.#longer) if (untilMs <= nowMs) this.#longer.delete(unit);
    if (this.#owed.length > 0) {
      const isOver = (old: Owed) => this.#untilMs(old) <= nowMs;
      this.#expired.push(...this.#owed.filter(isOver));
      this.#owed = this.#owed.filter((old) => !isOver(old));
    }
    if (this.#expired.length > 0) this.#expired = this.#expired.filter(({ givenUpMs }) => givenUpMs + LATE_WINDOW_MS_MAX > nowMs);
  }
}

function isWhole(bytes: Uint8Array): boolean {
  return bytes.length >= FRAME_BYTES_MIN && hasGoodCrc(bytes);
}

/** True when the shorter of the two is how the other begins. */
function isPrefix(bytes: Uint8Array, frame: Uint8Array): boolean {
  const length = Math.min(bytes.length, frame.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== frame[i]) return false;
  return true;
}
