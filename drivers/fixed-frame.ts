import { BusError } from './errors.ts';
import { hex } from './hex.ts';
import type { FrameScanner } from './next-frame.ts';

/** A frame that always has the same length, marks at its ends and a checksum. */
export interface FixedFrame {
  /** The bytes it begins with. */
  readonly head: readonly number[];
  /** The bytes it ends with; left out where the checksum is the last. */
  readonly tail?: readonly number[];
  readonly length: number;
  /** What the checksum of these bytes should be, and where it stands. */
  readonly checksum: { readonly at: number; of(frame: Uint8Array): readonly number[] };
  /** How long it is awaited, for messages. */
  readonly withinMs: number;
  /** What to check when nothing at all comes, for messages. */
  readonly whenSilent: string;
}

/**
 * Finds a frame of one kind in bytes that arrive cut anywhere. What looks like a frame and is none costs one byte and not
 * all of its length, so that a good frame that begins within it is found. Holds at most an unfinished frame.
 */
export class FixedFrameScanner implements FrameScanner<Uint8Array> {
  readonly #kind: FixedFrame;
  #pending: Uint8Array = new Uint8Array(0);
  #byteCount = 0;
  #badSum: string | undefined;

  constructor(kind: FixedFrame) {
    this.#kind = kind;
  }

  /** Whether not a single byte has come. */
  get isSilent(): boolean {
    return this.#byteCount === 0;
  }

  /** Takes the bytes and returns the first valid frame; what follows it is dropped. */
  push(bytes: Uint8Array): Uint8Array | undefined {
    this.#byteCount += bytes.length;
    const { length } = this.#kind;
    const all = new Uint8Array(this.#pending.length + bytes.length);
    all.set(this.#pending);
    all.set(bytes, this.#pending.length);
    let start = 0;
    for (; start + length <= all.length; start++) {
      const candidate = all.subarray(start, start + length);
      if (this.#isFrame(candidate)) return candidate;
    }
    this.#pending = all.subarray(start);
    return undefined;
  }

  failure(): BusError {
    const { head, withinMs, whenSilent } = this.#kind;
    const wanted = `expected a frame ${hex(head)}… within ${withinMs} ms`;
    if (this.#badSum !== undefined) return new BusError('bad-checksum', `${wanted}, ${this.#badSum}. Check the cable.`);
    if (this.isSilent) return new BusError('timeout', `${wanted}, found silence. ${whenSilent}`);
    return new BusError(
      'timeout',
      `${wanted}, found ${this.#byteCount} other bytes. Check that this is the right port and sensor.`,
    );
  }

  #isFrame(bytes: Uint8Array): boolean {
    const { head, tail = [], length, checksum } = this.#kind;
    if (!standsAt(head, bytes, 0) || !standsAt(tail, bytes, length - tail.length)) return false;
    const expected = checksum.of(bytes);
    if (standsAt(expected, bytes, checksum.at)) return true;
    this.#badSum = `found ${hex(bytes)}, whose sum should be ${hex(expected)}`;
    return false;
  }
}

function standsAt(part: readonly number[], bytes: Uint8Array, offset: number): boolean {
  return part.every((byte, index) => bytes[offset + index] === byte);
}

/** The sum of bytes, of which a device sends the lowest one or two bytes. */
export function sumOf(bytes: Iterable<number>): number {
  let sum = 0;
  for (const byte of bytes) sum += byte;
  return sum;
}
