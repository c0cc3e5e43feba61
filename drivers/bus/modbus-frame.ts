import type { BusError } from '../errors.ts';

/** What modbus-serial counts as one frame, whatever the wire: unit, function, data, CRC (least significant byte first). */
export type Frame = Uint8Array;

/** One request for reading, and what its answer looks like. */
export interface Question {
  readonly unit: number;
  /** Function code, 1 to 4. */
  readonly code: number;
  /** Value of the answer's third byte: how many bytes of data follow. */
  readonly dataBytes: number;
  readonly frame: Frame;
}

/**
 * How frames travel on one kind of line, without the line: bytes in, bytes out, no time of its own. It knows the one
 * question that is waiting for its answer.
 */
export interface Framing {
  /**
   * Makes `question` the one that waits, and returns its bytes for the wire.
   * @throws BusError when it must not be asked now
   */
  ask(question: Question, nowMs: number): Uint8Array;
  /** Takes bytes from the wire; returns the answer, checked in length, unit, function and checksum, once it is there. */
  receive(bytes: Uint8Array, nowMs: number): Frame | undefined;
  /** The deadline has passed without an answer: nobody waits any more. Returns the reason. */
  giveUp(nowMs: number): BusError;
  /** Set when the bytes cannot be told apart any more: only a new connection helps. */
  readonly broken: BusError | undefined;
  /** The line was closed: nothing that was sent or received before counts. */
  forget(): void;
}

/** What happened on one Modbus line since it was opened. Mutable: the client and its framing count into it. */
export interface ModbusStats {
  requestCount: number;
  answerCount: number;
  /** Requests whose deadline passed without a usable answer. */
  timeoutCount: number;
  /** Answers that came damaged: checksum, length or byte count. */
  damagedCount: number;
  exceptionCount: number;
  /** Good answers to questions that had been given up. */
  lateCount: number;
  /** The line returns what is sent on it although it was not said to. */
  echoNoticed: boolean;
}

/** Bytes of an answer around its data: unit, function, byte count, CRC. */
export const ANSWER_OVERHEAD_BYTES = 5;
/** Unit, function, exception code, CRC. */
export const EXCEPTION_BYTES = 5;
export const CRC_BYTES = 2;

/** The CRC-16 of Modbus over serial line V1.02 §6.2.2: polynomial A001 (reflected), start FFFF. */
export function crc16(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  }
  return crc;
}

/** True when the last two bytes are the CRC of the others. */
export function hasGoodCrc(frame: Frame): boolean {
  // Over a frame with its own CRC appended the CRC is zero.
  return crc16(frame) === 0;
}

/** Appends the CRC. */
export function withCrc(bytes: Uint8Array): Frame {
  const frame = new Uint8Array(bytes.length + CRC_BYTES);
  frame.set(bytes);
  new DataView(frame.buffer).setUint16(bytes.length, crc16(bytes), true);
  return frame;
}

/** V1.1b3 §6.1 to §6.4: functions 1 and 2 pack eight bits into a byte, functions 3 and 4 send two bytes a register. */
export function dataBytesOf(code: number, count: number): number {
  return code <= 2 ? Math.ceil(count / 8) : 2 * count;
}

/** Understands a read request (functions 1 to 4: unit, function, address, count, CRC), as modbus-serial builds it. */
export function questionOf(frame: Frame): Question {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const code = view.getUint8(1);
  const count = view.getUint16(4);
  return { unit: view.getUint8(0), code, dataBytes: dataBytesOf(code, count), frame: Uint8Array.from(frame) };
}

/** `unit 1, function 4`, for messages. */
export function describe(question: Question): string {
  return `unit ${question.unit}, function ${question.code}`;
}
