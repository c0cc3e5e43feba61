import { CRC_BYTES, hasGoodCrc, isCopy, type Question, shapeOf } from './modbus-frame.ts';

/** So long after an answer a copy of it may come. */
const COPY_WINDOW_MS = 500;

/** An answer of a unit, with the question that it was one to. */
interface Newest {
  readonly question: Question;
  readonly frame: Uint8Array;
  readonly atMs: number;
}

/**
 * Behind some converters every answer comes twice, and the copy looks like an answer to the next question of its shape. Until a
 * unit is known to answer once it is not asked the like of a question for as long as a copy may come; then it depends on what
 * came meanwhile.
 */
export class ModbusCopies {
  /** By unit and shape. */
  readonly #newest = new Map<number, Map<string, Newest>>();
  readonly #doubling = new Set<number>();
  readonly #single = new Set<number>();

  answered(question: Question, frame: Uint8Array, atMs: number): void {
    const ofUnit = this.#newest.get(question.unit) ?? new Map<string, Newest>();
    this.#newest.set(question.unit, ofUnit.set(shapeOf(question), { question, frame, atMs }));
  }

  /** From when on no copy can be taken for an answer to this question; undefined when that is now. An order is not held back. */
  readyMs(question: Question, nowMs: number): number | undefined {
    if (isCopy(question)) return undefined;
    const newest = this.#newest.get(question.unit)?.get(shapeOf(question));
    if (newest === undefined || this.#isSingle(question.unit)) return undefined;
    const readyMs = newest.atMs + COPY_WINDOW_MS;
    return readyMs > nowMs ? readyMs : undefined;
  }

  /** Called when a question of this shape is asked: where there was time for a copy and none came, the unit answers once. */
  asked(question: Question, nowMs: number): void {
    const newest = this.#newest.get(question.unit)?.get(shapeOf(question));
    if (newest !== undefined && nowMs >= newest.atMs + COPY_WINDOW_MS) this.#single.add(question.unit);
  }

  /**
   * How long the copy of an answer is that these bytes, with a CRC, begin with; undefined where they begin with none. Takes note of
   * it. What a write repeats is told by the framing.
   */
  lengthOf(bytes: Uint8Array, nowMs: number): number | undefined {
    for (const newest of this.#newest.get(bytes[0] as number)?.values() ?? []) {
      if (isCopy(newest.question) || nowMs > newest.atMs + COPY_WINDOW_MS || !isCopyOf(bytes, newest.frame)) continue;
      this.#doubling.add(newest.question.unit);
      return newest.frame.length + CRC_BYTES;
    }
    return undefined;
  }

  /**
   * Whether a frame, without its CRC, is once more an answer that came since `askedMs` to an older question of this shape: of a unit
   * that may answer twice it is no other.
   */
  isOne(question: Question, frame: Uint8Array, askedMs: number): boolean {
    const newest = this.#newest.get(question.unit)?.get(shapeOf(question));
    if (newest === undefined || this.#isSingle(question.unit) || isCopy(newest.question)) return false;
    return newest.atMs >= askedMs && Buffer.compare(newest.frame, frame) === 0;
  }

  /** A frame came that nobody had asked for. Where it fits a newest answer, a copy of an older one was taken for that. */
  unasked(bytes: Uint8Array, fits: (question: Question) => boolean): void {
    for (const { question, frame } of this.#newest.get(bytes[0] as number)?.values() ?? [])
      if (!isCopy(question) && bytes.length === frame.length + CRC_BYTES && fits(question)) this.#doubling.add(question.unit);
  }

  /** The line was closed: what was on its way is lost, what is known of the units is not. */
  forget(): void {
    this.#newest.clear();
  }

  #isSingle(unit: number): boolean {
    return this.#single.has(unit) && !this.#doubling.has(unit);
  }
}

/** Whether bytes begin with this frame and a good CRC. */
function isCopyOf(bytes: Uint8Array, frame: Uint8Array): boolean {
  const length = frame.length + CRC_BYTES;
  return bytes.length >= length && frame.every((byte, i) => bytes[i] === byte) && hasGoodCrc(bytes.subarray(0, length));
}
