/** A serial character at its longest: start bit, eight data bits, parity and stop, or two stop bits. */
const BITS_PER_CHARACTER = 11;
/** Modbus over serial line V1.02 §2.5.1.1: 3.5 characters of silence between frames, and a fixed time above 19200 baud. */
const SILENCE_CHARACTERS = 3.5;
const FAST_BAUD = 19_200;
const FAST_SILENCE_MS = 1.75;
/** What a slave may at least take before it answers, however short the configured timeout is. */
const TURNAROUND_MIN_MS = 50;

/** What meters and relay boards take between question and answer: 3 ms for a fast one (sigrok's captures), 50 ms for slow ones. */
export const USUAL_TURNAROUND_MS = 50;

/** Milliseconds that bytes need on a serial line. Without a baud rate (TCP) they are taken to need none. */
export function lineMs(byteCount: number, baud: number | undefined): number {
  return baud === undefined ? 0 : (byteCount * BITS_PER_CHARACTER * 1000) / baud;
}

/** Milliseconds of silence that separate two frames; none on TCP, where their length does. */
export function silenceMs(baud: number | undefined): number {
  if (baud === undefined) return 0;
  return baud > FAST_BAUD ? FAST_SILENCE_MS : lineMs(SILENCE_CHARACTERS, baud);
}

/** How many bytes a question and its answer are on the wire. */
export interface Exchange {
  readonly requestBytes: number;
  readonly answerBytes: number;
}

/** What reading `count` registers, or bits, costs on a serial line: unit, function, address, count and CRC; unit, function, byte count, data and CRC. */
export function readExchange(isBits: boolean, count: number): Exchange {
  return { requestBytes: 8, answerBytes: 5 + (isBits ? Math.ceil(count / 8) : 2 * count) };
}

/**
 * Milliseconds from the first byte of a request until the last of its answer must be there: `timeoutMs` after the end of the
 * request, but never less than the line needs for the answer.
 */
export function deadlineMs({ requestBytes, answerBytes }: Exchange, timeoutMs: number, baud: number | undefined): number {
  const answerMs = TURNAROUND_MIN_MS + lineMs(answerBytes, baud);
  return lineMs(requestBytes, baud) + Math.max(timeoutMs, answerMs);
}
