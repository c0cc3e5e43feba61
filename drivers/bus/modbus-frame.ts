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
}

/** An answer, or an exception, and the question that it belongs to. */
export interface Answered {
  readonly question: Question;
  /** Unit, function, data. */
  readonly answer: Uint8Array;
}

/**
 * How questions travel on one kind of line, without the line: bytes in, bytes out, no time of its own. It knows the
 * questions that wait for their answer.
 */
export interface Framing {
  /** From when on this question may be asked: when no answer can be mistaken for its own any more. Undefined: at once. */
  readyMs(question: Question, nowMs: number): number | undefined;
  /** Makes `question` one that waits, and returns its bytes for the wire. */
  ask(question: Question, nowMs: number): Uint8Array;
  /** Takes bytes from the wire; returns the answers, checked in length, unit, function and checksum, that are there now. */
  receive(bytes: Uint8Array, nowMs: number): readonly Answered[];
  /** The deadline has passed without an answer: nobody waits for it any more. Returns the reason. */
  giveUp(question: Question, nowMs: number): BusError;
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
  /** The line returns what is sent on it although it was not said to. */
  echo(): void;
  /** A good answer came that nobody had asked for. */
  unasked(unit: number): void;
}

/** Unit, function and exception code. */
export const EXCEPTION_BYTES = 3;
/** Marks the function code of an exception. */
export const EXCEPTION_FLAG = 0x80;
export const CRC_BYTES = 2;

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
export function isCopy({ request, answerStart }: Question): boolean {
  return answerStart.length === request.length;
}

/** What an answer to one of two questions to a unit could be taken for an answer to the other by: a text that is the same for both. */
export function shapeOf({ code, answerStart }: Question): string {
  return `${code} ${answerStart.join(' ')}`;
}

export function isException(answer: Uint8Array): boolean {
  return ((answer[1] as number) & EXCEPTION_FLAG) !== 0;
}

/** `unit 1, function 4`, for messages. */
export function describe({ unit, code }: Question): string {
  return `unit ${unit}, function ${code}`;
}
