import { BusError } from '../errors.ts';
import { CRC_BYTES, describe, type Frame, type Framing, type ModbusStats, type Question, withCrc } from './modbus-frame.ts';

/*
 * Modbus messaging on TCP/IP V1.0b §3.1.3:
 *
 *   transaction (2) | protocol, 0 (2) | length of the rest (2) | unit (1) | function (1) | data
 */
const HEADER_BYTES = 6;
/** Unit, function and one byte of data: the shortest answer is an exception. */
const LENGTH_MIN = 3;
/** Unit and the largest protocol data unit, 253 bytes (V1.1b3 §4.1). */
const LENGTH_MAX = 254;

/**
 * Modbus TCP. Transaction ids of 16 bits tell late answers from the right one, so nothing has to be remembered of
 * earlier questions. A header that cannot be true leaves no way to find the next frame: then the connection is broken.
 */
export class TcpFraming implements Framing {
  readonly #name: string;
  readonly #stats: ModbusStats;
  #transaction = 0;
  #waiting: Question | undefined;
  #received: Uint8Array = new Uint8Array(0);
  #broken: BusError | undefined;
  #strangeUnit: number | undefined;

  constructor(name: string, stats: ModbusStats) {
    this.#name = name;
    this.#stats = stats;
  }

  get broken(): BusError | undefined {
    return this.#broken;
  }

  ask(question: Question): Uint8Array {
    this.#transaction = (this.#transaction + 1) & 0xffff;
    this.#waiting = question;
    this.#strangeUnit = undefined;
    const body = question.frame.subarray(0, -CRC_BYTES);
    const message = new Uint8Array(HEADER_BYTES + body.length);
    const view = new DataView(message.buffer);
    view.setUint16(0, this.#transaction);
    view.setUint16(4, body.length);
    message.set(body, HEADER_BYTES);
    return message;
  }

  receive(bytes: Uint8Array): Frame | undefined {
    this.#received = Buffer.concat([this.#received, bytes]);
    let answer: Frame | undefined;
    while (this.#broken === undefined && this.#received.length >= HEADER_BYTES) {
      const view = new DataView(this.#received.buffer, this.#received.byteOffset, this.#received.byteLength);
      const protocol = view.getUint16(2);
      const length = view.getUint16(4);
      if (protocol !== 0 || length < LENGTH_MIN || length > LENGTH_MAX) {
        this.#breakOff(`not a Modbus TCP header: protocol ${protocol}, length ${length}`);
        break;
      }
      if (this.#received.length < HEADER_BYTES + length) break;
      answer ??= this.#judge(view.getUint16(0), this.#received.subarray(HEADER_BYTES, HEADER_BYTES + length));
      this.#received = this.#received.subarray(HEADER_BYTES + length);
    }
    // Nothing behind a break can be understood, and it must not grow until the connection is closed.
    if (this.#broken !== undefined) this.#received = new Uint8Array(0);
    return answer;
  }

  giveUp(): BusError {
    const who = this.#waiting === undefined ? 'anybody' : describe(this.#waiting);
    this.#waiting = undefined;
    const received = this.#received.length;
    // Perhaps the length in its header was a lie; waiting for the rest would swallow the next answer.
    if (received > 0) return this.#breakOff(`${who}: only a part of an answer came (${received} bytes)`);
    this.#stats.timeoutCount++;
    const strange = this.#strangeUnit === undefined ? '' : `; an answer of unit ${this.#strangeUnit} came instead`;
    return new BusError('timeout', `${this.#name}: no answer from ${who}${strange}`);
  }

  forget(): void {
    this.#waiting = undefined;
    this.#received = new Uint8Array(0);
    this.#broken = undefined;
  }

  /** Looks at the body of one whole frame: unit, function, data. Returns it with a CRC when it is the answer. */
  #judge(transaction: number, body: Uint8Array): Frame | undefined {
    const question = this.#waiting;
    if (question === undefined || transaction !== this.#transaction) {
      this.#stats.lateCount++;
      return undefined;
    }
    const [unit, code = 0, dataBytes] = body;
    if (unit !== question.unit) {
      this.#strangeUnit = unit;
      return undefined;
    }
    const isException = code === (question.code | 0x80) && body.length === LENGTH_MIN;
    const isAnswer = code === question.code && dataBytes === question.dataBytes && body.length === LENGTH_MIN + dataBytes;
    if (!isException && !isAnswer) {
      const expected = `function ${question.code} with ${question.dataBytes} bytes of data`;
      const found = `function ${code}, byte count ${dataBytes}, ${body.length - LENGTH_MIN} bytes of data`;
      this.#breakOff(`${describe(question)}: expected ${expected}, found ${found}`);
      return undefined;
    }
    this.#waiting = undefined;
    return withCrc(body);
  }

  #breakOff(why: string): BusError {
    this.#stats.damagedCount++;
    this.#broken = new BusError('bad-checksum', `${this.#name}: ${why}; the connection has to be opened again`);
    return this.#broken;
  }
}
