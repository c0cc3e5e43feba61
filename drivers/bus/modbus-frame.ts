import { crc16 } from '../crc16.ts';
import type { BusError } from '../errors.ts';

/** One request, and what its answer looks like. All without checksum or header: unit, function, data. */
export interface Question {
  readonly unit: number;
  /** Function code. */
  readonly code: number;
  readonly request: Uint8Array;
  /** What an answer begins with, unit and function included: a byte count, or what a write must repeat. */
  readonly answerStart: Uint8Array;
  /** How long it is. An exception is shorter. */
  readonly answerBytes: number;
  /** It is sent again and again until it is answered or its time is over. */
  readonly isRepeated?: boolean;
  /** Of one that is repeated: whether somebody waits who needs the line more, so that it is given up before its time is over. */
  readonly givesWay?: () => boolean;
}

/** An answer, or an exception, and the question that it belongs to. */
export interface Answered {
  readonly question: Question;
  /** Unit, function, data. */
  readonly answer: Uint8Array;
}

/** A question whose answer came and is of no use: nothing better will come. */
export interface Failed {
  readonly question: Question;
  /** Why. */
  readonly answer: BusError;
}

/**
 * How questions travel on one kind of line, without the line: bytes in, bytes out, no time of its own. It knows the
 * questions that wait for their answer.
 */
export interface Framing {
  /** From when on this question may be asked: when no answer can be mistaken for its own any more. Undefined: at once. */
  readyMs(question: Question, nowMs: number): number | undefined;
  /** Makes `question` one that waits, also when it is sent again, and returns its bytes for the wire. */
  ask(question: Question, nowMs: number): Uint8Array;
  /** Takes bytes from the wire; returns the answers, checked in length, unit, function and checksum, that are there now. */
  receive(bytes: Uint8Array, nowMs: number): readonly (Answered | Failed)[];
  /**
   * The deadline has passed without an answer: nobody waits for it any more. Returns the reason, or the answer where that was held
   * back because it could have been the beginning of something else.
   */
  giveUp(question: Question, nowMs: number): BusError | Uint8Array;
  /** Set when the bytes cannot be told apart any more: only a new connection helps. */
  readonly broken: BusError | undefined;
  /** The line was closed: nothing that was received before counts, and nobody waits for what was asked. */
  forget(nowMs: number): void;
}

/** What a framing notices beside answers. */
export interface FramingEvents {
  /** A good answer came to a question that had been given up, so long after it was asked. */
  late(unit: number, afterMs: number): void;
  /** An answer, or something that began like one, came damaged. */
  damaged(unit: number | undefined): void;
  /** The line returns what is sent on it although it was not said to, or does so no more. */
  echo(isThere: boolean): void;
  /** An answer came once more. */
  repeated(unit: number): void;
  /** A good answer came that nobody had asked for. */
  unasked(unit: number): void;
}

/** Unit, function and exception code. */
export const EXCEPTION_BYTES = 3;
/** Marks the function code of an exception. */
export const EXCEPTION_FLAG = 0x80;
export const CRC_BYTES = 2;

/** Unit, function and byte count, or half an address: by these a damaged frame is still known for an answer. */
export const HEAD_BYTES = 3;
/** Exception codes end at 11 (V1.1b3 §7): a larger one is noise. */
const EXCEPTION_CODE_MAX = 11;
const ORDERS: ReadonlySet<number> = new Set([5, 6, 15, 16, 22]);

/** What the CRC of a frame starts with (Modbus over serial line V1.02 §6.2.2). */
const CRC_START = 0xffff;

/** True when the last two bytes are the CRC of the others. */
export function hasGoodCrc(frame: Uint8Array): boolean {
  // Over a frame with its own CRC appended the CRC is zero.
  return crc16(frame, CRC_START) === 0;
}

/** Appends the CRC, least significant byte first. */
export function withCrc(bytes: Uint8Array): Uint8Array {
  const frame = new Uint8Array(bytes.length + CRC_BYTES);
  frame.set(bytes);
  new DataView(frame.buffer).setUint16(bytes.length, crc16(bytes, CRC_START), true);
  return frame;
}

/** Whether an answer begins as this question's must, in the first `length` bytes; an exception of its function does. */
export function fits({ unit, code, answerStart }: Question, answer: Uint8Array, length: number = answerStart.length): boolean {
  if (answer[0] !== unit) return false;
  if (answer[1] === (code | EXCEPTION_FLAG)) return true;
  const compared = Math.min(length, answerStart.length, answer.length);
  for (let i = 1; i < compared; i++) if (answer[i] !== answerStart[i]) return false;
  return true;
}

/** Whether the answer repeats the whole question. */
export function repeatsItself({ request, answerStart }: Question): boolean {
  return answerStart.length === request.length;
}

/** Whether it only writes (V1.1b3 §6.5, 6.6, 6.11, 6.12, 6.16). */
export function isOrder({ code }: Question): boolean {
  return ORDERS.has(code);
}

/** Answers to two questions of one unit and one shape cannot be told apart. An exception fits every shape of its function. */
export function shapeOf({ code, answerStart }: Question): string {
  return `${code} ${answerStart.join(' ')}`;
}

/** How long the frame of an answer that begins like this is, with its CRC; undefined where it cannot be one to this question. */
export function frameLength(question: Question, bytes: Uint8Array): number | undefined {
  if (bytes.length < HEAD_BYTES || !fits(question, bytes, HEAD_BYTES)) return undefined;
  const [, code = 0, third = 0] = bytes;
  if ((code & EXCEPTION_FLAG) === 0) return question.answerBytes + CRC_BYTES;
  return third >= 1 && third <= EXCEPTION_CODE_MAX ? EXCEPTION_BYTES + CRC_BYTES : undefined;
}

/** Whether bytes begin with a whole good answer to this question. */
export function beginsWithAnswer(question: Question, bytes: Uint8Array): boolean {
  const length = frameLength(question, bytes);
  return length !== undefined && length <= bytes.length && fits(question, bytes) && hasGoodCrc(bytes.subarray(0, length));
}

export function isException(answer: Uint8Array): boolean {
  return ((answer[1] as number) & EXCEPTION_FLAG) !== 0;
}

/** `unit 1, function 4`, for messages. */
export function describe({ unit, code }: Question): string {
  return `unit ${unit}, function ${code}`;
}
