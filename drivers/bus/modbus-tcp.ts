import { BusError } from '../errors.ts';
import {
  type Answered,
  describe,
  EXCEPTION_BYTES,
  EXCEPTION_FLAG,
  type Failed,
  type Framing,
  type FramingEvents,
  fits,
  isException,
  type Question,
} from './modbus-frame.ts';

/*
 * Modbus messaging on TCP/IP V1.0b §3.1.3:
 *
 *   transaction (2) | protocol, 0 (2) | length of the rest (2) | unit (1) | function (1) | data
 */
const HEADER_BYTES = 6;
/** Unit, function and one byte of data: the shortest answer is an exception. */
const LENGTH_MIN = EXCEPTION_BYTES;
/** Unit and the largest protocol data unit, 253 bytes (V1.1b3 §4.1). */
const LENGTH_MAX = 254;
/** Less of a header than its transaction and protocol is taken for data, which often ends with one zero or two. */
const HEADER_PART_BYTES = 4;
/** Questions that were given up and are still known by their transaction, to say how late an answer was. */
const GIVEN_UP_MAX = 64;

/** So much is shown of what cannot be understood. */
const SHOWN_MAX_BYTES = 16;

const NOTHING = new Uint8Array(0);

interface Asked {
  readonly question: Question;
  readonly askedMs: number;
  /** An answer of another unit came in its name. */
  strangeUnit?: number;
}

/**
 * Modbus TCP. Transaction ids of 16 bits tell late answers from the right one, and answers of several questions from each
 * other. Where a frame is cut short, the header of the answer behind it is known by what was asked. Any other header that cannot
 * be true leaves no way to find the next frame: then the connection is broken.
 */
export class TcpFraming implements Framing {
  readonly #name: string;
  readonly #events: FramingEvents;
  #transaction = 0;
  readonly #waiting = new Map<number, Asked>();
  readonly #givenUp = new Map<number, Asked>();
  #received: Uint8Array = NOTHING;
  #broken: BusError | undefined;
  /** Something came on this connection that only Modbus TCP can be. */
  #isUnderstood = false;

  constructor(name: string, events: FramingEvents) {
    this.#name = name;
    this.#events = events;
  }

  get broken(): BusError | undefined {
    return this.#broken;
  }

  readyMs(): undefined {
    return undefined;
  }

  ask(question: Question, nowMs: number): Uint8Array {
    this.#transaction = (this.#transaction + 1) & 0xffff;
    this.#givenUp.delete(this.#transaction);
    this.#waiting.set(this.#transaction, { question, askedMs: nowMs });
    const { request } = question;
    // Out of Node's pool: a small array of its own would have to be moved before a socket can send it.
    const message = Buffer.allocUnsafe(HEADER_BYTES + request.length);
    message.writeUInt16BE(this.#transaction, 0);
    message.writeUInt16BE(0, 2);
    message.writeUInt16BE(request.length, 4);
    message.set(request, HEADER_BYTES);
    return message;
  }

  receive(bytes: Uint8Array, nowMs: number): readonly (Answered | Failed)[] {
    const received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    const answers: (Answered | Failed)[] = [];
    let at = 0;
    while (this.#broken === undefined && received.length - at >= HEADER_BYTES) {
      const protocol = wordAt(received, at + 2);
      const length = wordAt(received, at + 4);
      const isTrue = protocol === 0 && length >= LENGTH_MIN && length <= LENGTH_MAX;
      const end = at + HEADER_BYTES + (isTrue ? length : 0);
      const next = this.#headerWithin(received, at, end);
      if (next?.isWhole === false) break;
      if (next !== undefined) {
        const failed = this.#cutOff(received.subarray(at, next.at), isTrue ? wordAt(received, next.at) : undefined);
        if (failed !== undefined) answers.push(failed);
        at = next.at;
        continue;
      }
      if (!isTrue) {
        const why = `not a Modbus TCP header: protocol ${protocol}, length ${length}`;
        this.#breakOff(this.#isUnderstood ? why : strange(received));
        break;
      }
      if (received.length < end) break;
      const answered = this.#judge(wordAt(received, at), new Uint8Array(received.subarray(at + HEADER_BYTES, end)), nowMs);
      if (answered !== undefined) answers.push(answered);
      at = end;
    }
    // Nothing behind a break can be understood, and it must not grow until the connection is closed.
    this.#received = this.#broken !== undefined || at === received.length ? NOTHING : received.subarray(at);
    return answers;
  }

  giveUp(question: Question, nowMs: number): BusError | Uint8Array {
    const held = this.#takeHeld(question, nowMs);
    if (held !== undefined) return held.answer;
    const who = describe(question);
    const strangeUnit = this.#leave(question);
    const strange = strangeUnit === undefined ? '' : `; an answer of unit ${strangeUnit} came instead`;
    const received = this.#received.length;
    // Perhaps the length in its header was a lie; waiting for the rest would swallow the next answer. Unless it is one that waits itself.
    const isOfAnother = received > 1 && this.#waiting.has(wordAt(this.#received, 0));
    if (received > 0 && !isOfAnother) return this.#breakOff(`${who}: only a part of an answer came (${received} bytes)`);
    return new BusError('timeout', `${this.#name}: no answer from ${who}${strange}`);
  }

  forget(): void {
    this.#waiting.clear();
    this.#givenUp.clear();
    this.#received = NOTHING;
    this.#broken = undefined;
    this.#isUnderstood = false;
  }

  /** The answer to this question, whose end looked like the header of another one that has not come since. */
  #takeHeld(question: Question, nowMs: number): Answered | Failed | undefined {
    const received = this.#received;
    if (received.length < HEADER_BYTES || this.#waiting.get(wordAt(received, 0))?.question !== question) return undefined;
    const end = HEADER_BYTES + wordAt(received, 4);
    if (received.length < end) return undefined;
    const answered = this.#judge(wordAt(received, 0), new Uint8Array(received.subarray(HEADER_BYTES, end)), nowMs);
    if (answered !== undefined) this.#received = received.subarray(end);
    return answered;
  }

  /** Looks at one whole frame without its header. Returns it when it answers a question that waits, well or not. */
  #judge(transaction: number, answer: Uint8Array, nowMs: number): Answered | Failed | undefined {
    const asked = this.#waiting.get(transaction);
    if (asked === undefined) {
      const old = this.#givenUp.get(transaction);
      this.#givenUp.delete(transaction);
      if (old === undefined) this.#events.unasked(answer[0] as number);
      else this.#events.late(old.question.unit, nowMs - old.askedMs);
      return undefined;
    }
    this.#isUnderstood = true;
    const { question } = asked;
    if (answer[0] !== question.unit) {
      asked.strangeUnit = answer[0] as number;
      return undefined;
    }
    this.#waiting.delete(transaction);
    // One that was sent again has other transactions.
    this.#leave(question);
    const bytes = isException(answer) ? EXCEPTION_BYTES : question.answerBytes;
    if (answer.length === bytes && fits(question, answer)) return { question, answer };
    const expected = `function ${question.code} with ${question.answerBytes} bytes`;
    const found = `function ${answer[1]} with ${answer.length} bytes`;
    // The header is in step with the others: what its device says is of no use, and the connection is.
    return this.#failed(question, `expected ${expected}, found ${found} or other data than was written`);
  }

  /**
   * Looks for the header of an answer to a question of ours where none should be: in the frame that begins at `start`. Part of one,
   * at the end of what was received, counts only where another question than that of the frame waits: data can look so, and
   * nothing may follow.
   */
  #headerWithin(
    received: Uint8Array,
    start: number,
    end: number,
  ): { readonly at: number; readonly isWhole: boolean } | undefined {
    const last = Math.min(end, received.length - HEADER_PART_BYTES + 1);
    for (let at = start + 1; at < last; at++) {
      // The protocol, which is quickly looked at.
      if (received[at + 2] !== 0 || received[at + 3] !== 0) continue;
      const isWhole = received.length - at >= HEADER_BYTES + 2;
      const transaction = wordAt(received, at);
      if (!isWhole && transaction === wordAt(received, start)) continue;
      const asked = this.#waiting.get(transaction) ?? (isWhole ? this.#givenUp.get(transaction) : undefined);
      const rest = received.subarray(at + 2, at + HEADER_BYTES + 2);
      if (asked !== undefined && isHeaderOf(asked.question, rest)) return { at, isWhole };
    }
    return undefined;
  }

  /** Takes note of the beginning of a frame whose rest is missing: behind it stands the header of transaction `next`. */
  #cutOff(bytes: Uint8Array, next: number | undefined): Failed | undefined {
    const transaction = wordAt(bytes, 0);
    const cut = this.#waiting.get(transaction);
    // A false header, or one of which only a part came, names nobody; and what is sent once more is still to be judged.
    if (next === undefined || next === transaction || bytes.length < HEADER_BYTES || cut === undefined) {
      this.#events.damaged(undefined);
      return undefined;
    }
    this.#waiting.delete(transaction);
    return this.#failed(cut.question, `only a part of an answer came (${bytes.length} bytes)`);
  }

  #failed(question: Question, why: string): Failed {
    this.#events.damaged(question.unit);
    return { question, answer: new BusError('bad-checksum', `${this.#name}: ${describe(question)}: ${why}`) };
  }

  /** Nobody waits for its answer any more, by whichever transaction. Returns the unit that answered in its name, if one did. */
  #leave(question: Question): number | undefined {
    let strangeUnit: number | undefined;
    for (const [transaction, asked] of this.#waiting) {
      if (asked.question !== question) continue;
      this.#waiting.delete(transaction);
      this.#remember(transaction, asked);
      strangeUnit ??= asked.strangeUnit;
    }
    return strangeUnit;
  }

  #remember(transaction: number, asked: Asked): void {
    this.#givenUp.set(transaction, asked);
    const [oldest] = this.#givenUp.keys();
    if (this.#givenUp.size > GIVEN_UP_MAX && oldest !== undefined) this.#givenUp.delete(oldest);
  }

  #breakOff(why: string): BusError {
    this.#events.damaged(undefined);
    const isStranger = !this.#isUnderstood;
    this.#broken = new BusError('bad-checksum', `${this.#name}: ${why}; the connection is opened again`, { isStranger });
    return this.#broken;
  }
}

/** Of a peer that has said nothing yet that can be understood. */
function strange(received: Uint8Array): string {
  const start = received.subarray(0, SHOWN_MAX_BYTES);
  const isText = start.every((byte) => (byte >= 0x20 && byte < 0x7f) || byte === 0x0d || byte === 0x0a);
  const shown = isText ? Buffer.from(start).toString('latin1').trim() : Buffer.from(start).toString('hex');
  return `what answers does not speak Modbus TCP, it says "${shown}": look at \`host:\` and \`tcp_port:\``;
}

/** Whether bytes can be the rest of a header behind its transaction, with unit and function of an answer of any length; or begin so. */
function isHeaderOf({ unit, code }: Question, bytes: Uint8Array): boolean {
  const [protocolHigh, protocolLow, lengthHigh = 0, length = LENGTH_MAX, id = unit, of = code] = bytes;
  if (protocolHigh !== 0 || protocolLow !== 0 || lengthHigh !== 0) return false;
  return length >= LENGTH_MIN && length <= LENGTH_MAX && id === unit && (of & ~EXCEPTION_FLAG) === code;
}

function wordAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}
