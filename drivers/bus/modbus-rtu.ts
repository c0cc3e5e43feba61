import { BusError } from '../errors.ts';
import {
  ANSWER_OVERHEAD_BYTES,
  describe,
  EXCEPTION_BYTES,
  type Frame,
  type Framing,
  hasGoodCrc,
  type ModbusStats,
  type Question,
} from './modbus-frame.ts';

/** How long after it was given up a question may still be answered. */
export const LATE_WINDOW_MS = 3000;
/** Bytes kept while looking for an answer: the longest frame is 256, and noise may stand before it. */
const RECEIVED_MAX_BYTES = 1024;
/** Exception codes end at 11 (V1.1b3 §7): a larger one is noise. */
const EXCEPTION_CODE_MAX = 11;

/** A question that was given up and may still be answered until `untilMs`. */
interface Owed extends Question {
  readonly untilMs: number;
  /** Answers came that fit it as well as an older question: only silence can tell whose the next one would be. */
  readonly doubtful: boolean;
}

/**
 * Modbus RTU (Modbus over serial line V1.02 §2.5.1), also when it is carried over TCP.
 *
 * An RTU frame does not say which question it answers. A slave answers in order, so the rule is: a frame belongs to the
 * oldest unanswered question that it fits, by unit, function and length. The value of a question is taken only from a
 * frame that no earlier question can own. When fewer come than are owed, nobody can tell whose was lost; the question is
 * given up, and none of its kind is asked again until the late window has passed in silence.
 */
export class RtuFraming implements Framing {
  /** Bytes of a serial line are never out of step for good: silence ends every frame. */
  readonly broken = undefined;
  readonly #name: string;
  readonly #stats: ModbusStats;
  readonly #echoExpected: boolean;
  #waiting: Question | undefined;
  #owed: Owed[] = [];
  #received: Uint8Array = new Uint8Array(0);
  /** Of the waiting question: its copy may still come; an answer came damaged; an answer came that an older one owns. */
  #echoPending = false;
  #sawDamaged = false;
  #sawForeign = false;

  constructor(name: string, stats: ModbusStats, echoExpected: boolean) {
    this.#name = name;
    this.#stats = stats;
    this.#echoExpected = echoExpected;
  }

  ask(question: Question, nowMs: number): Uint8Array {
    // A question that the client left without giving it up may still be answered like any other.
    if (this.#waiting !== undefined) this.#owe(this.#waiting, nowMs);
    this.#settle(this.#received);
    this.#received = new Uint8Array(0);
    this.#expire(nowMs);
    if (this.#owed.some((old) => old.doubtful && hasShapeOf(old, question))) {
      const why = 'an answer to an earlier question is still possible and could not be told from this one';
      throw new BusError('timeout', `${this.#name}: ${describe(question)} was not asked: ${why}`);
    }
    this.#waiting = question;
    this.#echoPending = true;
    this.#sawDamaged = false;
    this.#sawForeign = false;
    return question.frame;
  }

  receive(bytes: Uint8Array, nowMs: number): Frame | undefined {
    this.#expire(nowMs);
    this.#received = Buffer.concat([this.#received, bytes]).subarray(-RECEIVED_MAX_BYTES);
    for (let frame = this.#cut(); frame !== undefined; frame = this.#cut()) {
      if (this.#isForWaiting(frame)) {
        this.#waiting = undefined;
        return frame;
      }
      this.#stats.lateCount++;
    }
    return undefined;
  }

  giveUp(nowMs: number): BusError {
    const question = this.#waiting;
    if (question === undefined) return new BusError('timeout', `${this.#name}: no answer`);
    const who = describe(question);
    const junk = this.#received;
    this.#received = new Uint8Array(0);
    this.#settle(junk);
    if (this.#sawDamaged) {
      this.#waiting = undefined;
      return new BusError('bad-checksum', `${this.#name}: the answer from ${who} came damaged`);
    }
    this.#owe(question, nowMs);
    // A good frame of another unit is not damage, it is simply not for us.
    if (junk.length >= EXCEPTION_BYTES && !hasGoodCrc(junk) && !this.#sawForeign) {
      this.#stats.damagedCount++;
      const hint = 'look at the wiring, the baud rate and the parity';
      return new BusError('bad-checksum', `${this.#name}: ${junk.length} bytes came that are no answer from ${who}; ${hint}`);
    }
    this.#stats.timeoutCount++;
    const doubt = this.#sawForeign ? 'the answer that came may belong to an earlier question' : 'no answer';
    return new BusError('timeout', `${this.#name}: ${doubt}, asked ${who}`);
  }

  forget(): void {
    this.#waiting = undefined;
    this.#owed = [];
    this.#received = new Uint8Array(0);
  }

  /** All who may still be answered, the oldest first. */
  #candidates(): Question[] {
    return this.#waiting === undefined ? this.#owed : [...this.#owed, this.#waiting];
  }

  /** Gives a frame to the oldest question that it fits. False when that was an old one, which is then no longer owed. */
  #isForWaiting(frame: Frame): boolean {
    const owner = this.#candidates().find((question) => fits(question, frame));
    if (this.#waiting !== undefined && owner === this.#waiting) return true;
    this.#owed = this.#owed.filter((question) => question !== owner);
    if (this.#waiting !== undefined && fits(this.#waiting, frame)) this.#sawForeign = true;
    return false;
  }

  /**
   * Takes note of bytes that hold no good frame. What begins like an answer was one, damaged: it will not come again.
   * Otherwise it would be owed, and the good one behind it would be taken for it.
   */
  #settle(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const length = claimedLength(this.#candidates(), bytes.subarray(at));
      if (length !== undefined) {
        this.#stats.damagedCount++;
        if (this.#isForWaiting(bytes.subarray(at, at + length))) this.#sawDamaged = true;
      }
      at += length ?? 1;
    }
  }

  /** Cuts the first good frame out of what was received, and the copy of our own question on the way. */
  #cut(): Frame | undefined {
    for (let at = 0; at < this.#received.length; at++) {
      const rest = this.#received.subarray(at);
      const question = this.#waiting?.frame;
      // A question can look like its own answer (function 1, address 0x03…): as long as it may be the copy, it is.
      if (this.#echoPending && question !== undefined && isPrefix(rest, question)) {
        if (rest.length < question.length) return undefined;
        this.#consume(at, question.length);
        this.#echoPending = false;
        if (!this.#echoExpected) this.#stats.echoNoticed = true;
        at = -1;
        continue;
      }
      const length = claimedLength(this.#candidates(), rest);
      if (length === undefined || length > rest.length) continue;
      const frame = rest.slice(0, length);
      if (!hasGoodCrc(frame)) continue;
      this.#consume(at, length);
      return frame;
    }
    return undefined;
  }

  /** Drops a whole frame and what stands before it. */
  #consume(at: number, length: number): void {
    this.#settle(this.#received.subarray(0, at));
    this.#received = this.#received.subarray(at + length);
  }

  #owe(question: Question, nowMs: number): void {
    this.#owed.push({ ...question, untilMs: nowMs + LATE_WINDOW_MS, doubtful: this.#sawForeign });
    this.#waiting = undefined;
  }

  #expire(nowMs: number): void {
    this.#owed = this.#owed.filter((question) => question.untilMs > nowMs);
  }
}

/** Whether a frame, damaged or not, can answer a question: its data has the right length, or it is an exception. */
function fits(question: Question, frame: Frame): boolean {
  if (frame[0] !== question.unit) return false;
  return (frame[1] === question.code && frame[2] === question.dataBytes) || frame[1] === (question.code | 0x80);
}

function hasShapeOf(one: Question, other: Question): boolean {
  return one.unit === other.unit && one.code === other.code && one.dataBytes === other.dataBytes;
}

/** The length of the frame that begins here according to its first three bytes, if it can answer one of the questions. */
function claimedLength(questions: readonly Question[], bytes: Uint8Array): number | undefined {
  const [, code = 0, third = 0] = bytes;
  if (bytes.length < 3 || !questions.some((question) => fits(question, bytes))) return undefined;
  if ((code & 0x80) === 0) return ANSWER_OVERHEAD_BYTES + third;
  return third >= 1 && third <= EXCEPTION_CODE_MAX ? EXCEPTION_BYTES : undefined;
}

/** True when the shorter of the two is how the other begins. */
function isPrefix(bytes: Uint8Array, frame: Frame): boolean {
  const length = Math.min(bytes.length, frame.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== frame[i]) return false;
  return true;
}
