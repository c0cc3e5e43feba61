import {
  beginsWithAnswer,
  CRC_BYTES,
  frameLength,
  hasGoodCrc,
  isException,
  isOrder,
  type Question,
  shapeOf,
} from './modbus-frame.ts';

/** So long after an answer a copy of it may come. */
const COPY_WINDOW_MS = 500;
/** After so many answers of which no copy came a unit answers once again: it was another master, or a converter that was mended. */
const SINGLE_AGAIN_COUNT = 20;

/** An answer of which a copy may come. */
interface Recent {
  readonly question: Question;
  readonly frame: Uint8Array;
  readonly atMs: number;
  /** Whether a copy comes of it is known, or cannot be known: the line was closed. */
  isSettled: boolean;
}

/**
 * Behind some converters every answer comes twice, and the copy looks like an answer to the next question of its shape. Until a
 * unit is known to answer once it is not asked the like of a question for as long as a copy may come; then it depends on what
 * came meanwhile. Orders are left out: what repeats one says the same whichever it answers.
 */
export class ModbusCopies {
  /** By unit. Of answers that cannot be told apart those that are older than the window leave with the next question. */
  readonly #recent = new Map<number, Recent[]>();
  /** Units that answer twice, with how many answers came since of which no copy did. */
  readonly #doubling = new Map<number, number>();
  readonly #single = new Set<number>();

  /** @param mayBeCopy of an answer that came damaged before */
  answered(question: Question, frame: Uint8Array, atMs: number, mayBeCopy = false): void {
    if (isOrder(question)) return;
    const ofUnit = this.#recent.get(question.unit) ?? [];
    ofUnit.push({ question, frame, atMs, isSettled: mayBeCopy });
    this.#recent.set(question.unit, ofUnit);
  }

  /** From when on no copy can be taken for an answer to this question; undefined when that is now. */
  readyMs(question: Question, nowMs: number): number | undefined {
    if (isOrder(question) || this.isSingle(question.unit)) return undefined;
    const readyMs = Math.max(...this.#like(question).map(({ atMs }) => atMs + COPY_WINDOW_MS));
    return readyMs > nowMs ? readyMs : undefined;
  }

  /** Called when a question is asked: where there was time for a copy of the like of it and none came, the unit answers once. */
  asked(question: Question, nowMs: number): void {
    const { unit } = question;
    const over = this.#like(question).filter(({ atMs }) => nowMs >= atMs + COPY_WINDOW_MS);
    if (over.length === 0) return;
    const ofUnit = this.#recent.get(unit) ?? [];
    this.#recent.set(
      unit,
      ofUnit.filter((recent) => !over.includes(recent)),
    );
    for (const { isSettled } of over) {
      if (isSettled) continue;
      this.#single.add(unit);
      const onceCount = this.#doubling.get(unit);
      if (onceCount === undefined) continue;
      if (onceCount + 1 < SINGLE_AGAIN_COUNT) this.#doubling.set(unit, onceCount + 1);
      else this.#doubling.delete(unit);
    }
  }

  /** How long the copy of an answer is that these bytes, with a CRC, begin with, which it takes note of; undefined where they begin with none. */
  lengthOf(bytes: Uint8Array, nowMs: number): number | undefined {
    const copied = this.#within(bytes, nowMs).find(({ frame }) => isCopyOf(bytes, frame));
    if (copied === undefined) return undefined;
    this.#doubles(copied);
    return copied.frame.length + CRC_BYTES;
  }

  /**
   * How long the good answer is that these bytes begin with, which nobody asked for, to a question that was answered a moment ago: a
   * copy of an older answer had been taken for its own. Takes note of it; undefined where they begin with none.
   */
  lengthOfOther(bytes: Uint8Array, nowMs: number): number | undefined {
    const mistaken = this.#within(bytes, nowMs).find(({ question }) => beginsWithAnswer(question, bytes));
    if (mistaken === undefined) return undefined;
    this.#doubles(mistaken);
    return frameLength(mistaken.question, bytes);
  }

  /**
   * Whether a frame, without its CRC, is once more an answer that came to another question since this one was asked, at `askedMs`,
   * which it fits as well: of a unit that may answer twice it is no other.
   */
  isCopy(question: Question, frame: Uint8Array, askedMs: number): boolean {
    if (isOrder(question) || this.isSingle(question.unit)) return false;
    const copied = this.#like(question).find(({ atMs, frame: newest }) => atMs >= askedMs && Buffer.compare(newest, frame) === 0);
    if (copied === undefined) return false;
    // Or two registers hold the same: it tells nothing of the unit.
    copied.isSettled = true;
    return true;
  }

  /** Whether it is known to answer once. */
  isSingle(unit: number): boolean {
    return this.#single.has(unit) && !this.#doubling.has(unit);
  }

  /** The line was closed: copies may have come meanwhile, and may come when it is open again. */
  closed(): void {
    for (const ofUnit of this.#recent.values()) for (const recent of ofUnit) recent.isSettled = true;
  }

  /** The answers that could be taken for one to this question. An exception fits all questions of its function. */
  #like(question: Question): Recent[] {
    const shape = shapeOf(question);
    const ofUnit = this.#recent.get(question.unit) ?? [];
    return ofUnit.filter(({ question: old, frame }) =>
      isException(frame) ? old.code === question.code : shapeOf(old) === shape,
    );
  }

  /** The answers of the unit that these bytes begin with of which a copy may still come, the newest first. */
  #within(bytes: Uint8Array, nowMs: number): Recent[] {
    const ofUnit = this.#recent.get(bytes[0] as number) ?? [];
    return ofUnit.filter(({ atMs }) => nowMs <= atMs + COPY_WINDOW_MS).reverse();
  }

  #doubles(copied: Recent): void {
    copied.isSettled = true;
    this.#doubling.set(copied.question.unit, 0);
  }
}

/** Whether bytes begin with this frame and a good CRC. */
function isCopyOf(bytes: Uint8Array, frame: Uint8Array): boolean {
  const length = frame.length + CRC_BYTES;
  return bytes.length >= length && frame.every((byte, i) => bytes[i] === byte) && hasGoodCrc(bytes.subarray(0, length));
}
