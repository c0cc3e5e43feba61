import { ModbusException } from './bus/modbus-exception.ts';
import { BusError, type DeviceError } from './errors.ts';
import { type Block, partsOf } from './modbus-plan.ts';

/** A request that was never given is asked as a whole, once more, and then two of its parts: other ones each time. */
const ATTEMPTS: readonly ('whole' | 0 | 1)[] = ['whole', 'whole', 0, 1];
const PARTS_PER_CYCLE = 2;
/** Rounds in a row without an answer until that a request gave all before says nothing any more. */
const GIVEN_LAPSES_AFTER = 4;
/** Of which no part is ever answered, a request rests for 2, 4, 8 … rounds, at most 2^6: it costs its deadline each time. */
const REST_DOUBLINGS_MAX = 6;
/** One that was answered before rests for at most 2^3: what it gave is missed, and its silence will pass. */
const ANSWERED_REST_DOUBLINGS_MAX = 3;
/** A rest ends when this has passed too, where rounds are long. */
const REST_MS_MAX = 10 * 60_000;

/** How long one request has been without an answer, what is asked of it because of that, and how long it rests. */
export class Silence {
  #hasGiven = false;
  #wasAnswered = false;
  /** Rounds in a row in which no answer came. */
  #unansweredCount = 0;
  /** Rounds in a row in which it stayed silent while others were answered. */
  #silentCount = 0;
  #restRounds = 0;
  #restEndMs = 0;

  /** The device has answered it, with data or an exception. */
  get wasAnswered(): boolean {
    return this.#wasAnswered;
  }

  /**
   * The part of it that is asked in this round, undefined for all of it. If it stays silent after it gave all, that is not because
   * of its addresses, and mostly passes; where it does not, something changed, as a converter with a smaller buffer. After it was
   * only refused it may be because of them: an inverter at night refuses everything, and by day its long answers come damaged.
   * @param pieces of which it was joined: they were given, so they are asked first, and soon
   */
  partOf(block: Block, pieces: readonly Block[] = []): Block | undefined {
    const count = this.#unansweredCount - (this.#hasGiven && pieces.length === 0 ? GIVEN_LAPSES_AFTER : 0);
    const attempt = ATTEMPTS[count % ATTEMPTS.length] ?? 'whole';
    if (attempt === 'whole') return undefined;
    const parts = [...pieces, ...partsOf(block)];
    return parts[(PARTS_PER_CYCLE * Math.floor(count / ATTEMPTS.length) + attempt) % parts.length];
  }

  /** Called once in each round in which it might rest: whether it does. */
  rests(nowMs: number): boolean {
    // What is left of a rest that ends by time must not be taken up by the next answer that gets lost.
    if (nowMs >= this.#restEndMs) this.#restRounds = 0;
    if (this.#restRounds === 0) return false;
    this.#restRounds -= 1;
    return true;
  }

  given(): void {
    this.#hasGiven = true;
    this.answered();
  }

  answered(): void {
    this.#wasAnswered = true;
    this.#unansweredCount = 0;
    this.#silentCount = 0;
  }

  failed(error: BusError | DeviceError): void {
    if (isUnanswered(error)) this.#unansweredCount += 1;
    if (!endsTheRound(error)) this.#silentCount = 0;
  }

  /** The device gave others in the round in which this one failed with `error`: it is asked more and more rarely. */
  othersGiven(error: BusError | DeviceError, nowMs: number): void {
    this.#restEndMs = nowMs + REST_MS_MAX;
    if (this.#wasAnswered) {
      // A damaged answer costs no deadline.
      if (!endsTheRound(error)) return;
      this.#silentCount += 1;
      // A single answer may get lost on its way.
      if (this.#silentCount > 1) this.#restRounds = 1 << Math.min(this.#silentCount - 1, ANSWERED_REST_DOUBLINGS_MAX);
    } else if (this.#unansweredCount > 0 && this.#unansweredCount % ATTEMPTS.length === 0) {
      this.#restRounds = 1 << Math.min(this.#unansweredCount / ATTEMPTS.length, REST_DOUBLINGS_MAX);
    }
  }
}

/** The slave itself refused: that is an answer. */
export function isAnswer(error: BusError | DeviceError): boolean {
  return error instanceof ModbusException && !error.isFromGateway;
}

/**
 * No answer, also where a gateway says so in the slave's place, or one that never comes through as a whole: a converter's buffer
 * can be too small for it.
 */
export function isUnanswered(error: BusError | DeviceError): boolean {
  if (error instanceof BusError) return error.kind === 'timeout' || error.kind === 'bad-checksum';
  return error instanceof ModbusException && error.isFromGateway;
}

/** A damaged answer or a refused request concerns the readings it was for; everything else the device or the line. */
export function endsTheRound(error: BusError | DeviceError): boolean {
  if (error instanceof BusError) return error.kind !== 'bad-checksum';
  return error instanceof ModbusException && error.isFromGateway;
}
