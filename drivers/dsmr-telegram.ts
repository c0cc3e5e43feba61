import { crc16 } from './crc16.ts';
import { BusError } from './errors.ts';
import { hex } from './hex.ts';
import type { FrameScanner } from './next-frame.ts';

// The telegram of a smart meter's P1 port (Dutch Smart Meter Requirements, P1 companion standard 5.0.2 §6.2 to §6.4, after
// IEC 62056-21 mode D). Lines end with CR LF:
//
//   /ISk5\2MT382-1000              identification
//                                  (empty)
//   1-0:1.8.1(000004.426*kWh)      data object and its values
//   !6EEE                          CRC-16 over all from / to ! included; nothing before DSMR 4
//
// Neither / nor ! stands anywhere else (IEC 62056-21 §6.6), so that each / begins a telegram.

/** Twice the longest that the standard allows for, with its message of 1024 bytes as 2048 digits. */
export const TELEGRAM_BYTES_MAX = 8192;
/** The CRC and the end of the line, behind the mark. */
const END_BYTES_MAX = 6;
const [SLASH, MARK, LINE_FEED] = [0x2f, 0x21, 0x0a];

const IDENTIFICATION = /^\/[\x21-\x7e]{4}[\x20-\x7e]*$/;
/** Some meters write the group F of the code (`*255`) too. */
const OBJECT = /^(\d{1,3}-\d{1,3}:\d{1,3}\.\d{1,3}\.\d{1,3})(?:\*\d{1,3})?((?:\([^()]*\))*)$/;
/** Before DSMR 4 a value of another meter stands in a line of its own. */
const CONTINUED = /^(?:\([^()]*\))+$/;

/** The data objects of one telegram: the groups in brackets, without them, by OBIS code such as `1-0:1.8.1`. */
export type Telegram = ReadonlyMap<string, readonly string[]>;

/** How telegrams are awaited. */
export interface TelegramOptions {
  /** Whether one without a CRC is refused. Without a CRC every line must be one that the standard knows. */
  readonly isChecked: boolean;
  readonly withinMs: number;
}

/**
 * Finds a telegram in bytes that arrive cut anywhere. Half a telegram before a whole one costs nothing: the next / begins
 * anew. Holds at most one unfinished telegram of 8 KiB.
 */
export class TelegramScanner implements FrameScanner<Telegram> {
  readonly #options: TelegramOptions;
  readonly #held = new Uint8Array(TELEGRAM_BYTES_MAX);
  #length = 0;
  /** Where the mark stands in what is held; 0 while it has not come. */
  #markAt = 0;
  #byteCount = 0;
  #damaged: string | undefined;

  constructor(options: TelegramOptions) {
    this.#options = options;
  }

  push(bytes: Uint8Array): Telegram | undefined {
    this.#byteCount += bytes.length;
    for (const byte of bytes) {
      const telegram = this.#take(byte);
      if (telegram !== undefined) return telegram;
    }
    return undefined;
  }

  failure(): BusError {
    const wanted = `expected a telegram of a smart meter within ${this.#options.withinMs} ms`;
    if (this.#damaged !== undefined) return new BusError('bad-checksum', `${wanted}, ${this.#damaged}. Check the cable.`);
    if (this.#byteCount === 0) {
      return new BusError('timeout', `${wanted}, found silence. Check the cable, and that its pin 2 (data request) has 5 V.`);
    }
    const advice = 'Check baud rate and format: 115200 8N1 from DSMR 4 on, 9600 7E1 before; the signal of the port is inverted.';
    return new BusError('timeout', `${wanted}, found ${this.#byteCount} bytes without a whole one. ${advice}`);
  }

  #take(byte: number): Telegram | undefined {
    if (byte === SLASH) [this.#length, this.#markAt] = [0, 0];
    else if (this.#length === 0) return undefined;
    if (byte === MARK && this.#markAt === 0) this.#markAt = this.#length;
    this.#held[this.#length] = byte;
    this.#length += 1;
    const isEnd = this.#markAt > 0 && byte === LINE_FEED;
    const telegram = isEnd ? this.#read() : undefined;
    const isTooLong = this.#length === TELEGRAM_BYTES_MAX || (this.#markAt > 0 && this.#length - this.#markAt > END_BYTES_MAX);
    if (isEnd || isTooLong) [this.#length, this.#markAt] = [0, 0];
    return telegram;
  }

  /** The telegram that has ended, if it is whole. */
  #read(): Telegram | undefined {
    const covered = this.#held.subarray(0, this.#markAt + 1);
    const end = latin1(this.#held.subarray(this.#markAt + 1, this.#length));
    // Some meters leave out leading zeros of the CRC.
    const written = /^([0-9A-Fa-f]{0,4})\r\n$/.exec(end)?.[1];
    if (written === undefined || (written === '' && this.#options.isChecked)) {
      this.#damaged = `found one that ends with ${hex(this.#held.subarray(this.#markAt, this.#length))}, which is no CRC`;
      return undefined;
    }
    const expected = crc16(covered, 0);
    if (written !== '' && Number.parseInt(written, 16) !== expected) {
      const shown = expected.toString(16).toUpperCase().padStart(4, '0');
      this.#damaged = `found one with the CRC ${written}, which should be ${shown}`;
      return undefined;
    }
    const telegram = objects(latin1(covered.subarray(0, this.#markAt)), written !== '');
    if (telegram === undefined) this.#damaged = 'found one with a line that is none';
    return telegram;
  }
}

/** The objects of the text from / to before the mark; undefined when a line is none and no CRC says that it is meant. */
function objects(text: string, isProven: boolean): Telegram | undefined {
  const [identification = '', empty, ...lines] = text.split('\r\n');
  const isWhole = IDENTIFICATION.test(identification) && empty === '' && lines.pop() === '';
  if (!isWhole && !isProven) return undefined;
  const telegram = new Map<string, readonly string[]>();
  let last: string | undefined;
  for (const line of lines) {
    const [, code, groups] = OBJECT.exec(line) ?? [];
    if (code !== undefined) telegram.set(code, groupsOf(groups ?? ''));
    else if (CONTINUED.test(line) && last !== undefined) telegram.set(last, [...(telegram.get(last) ?? []), ...groupsOf(line)]);
    else if (!isProven) return undefined;
    last = code ?? last;
  }
  return telegram;
}

function groupsOf(text: string): string[] {
  return text === '' ? [] : text.slice(1, -1).split(')(');
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
