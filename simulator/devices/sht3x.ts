import type { I2cModel, ModelContext } from './model.ts';

/** How long a measurement takes at most, by its command without clock stretching (Sensirion SHT3x-DIS, tables 4 and 9). */
const MEASURING_MS: ReadonlyMap<number, number> = new Map([
  [0x2400, 15],
  [0x240b, 6],
  [0x2416, 4],
]);
const COMMAND = {
  readStatus: 0xf32d,
  clearStatus: 0x3041,
  softReset: 0x30a2,
  heaterOn: 0x306d,
  heaterOff: 0x3066,
  stop: 0x3093,
  readSerial: 0x3780,
};
/** Status register, table 18: something to look at, heater on, reset since the last clear. */
const STATUS = { alert: 0x8000, heater: 0x2000, reset: 0x0010 };
/** Longest time of a soft reset. */
const RESET_MS = 1.5;

/**
 * A simulated Sensirion SHT3x. It acknowledges nothing while it measures, and a read only when it has something to send.
 * Of the measuring commands it knows those without clock stretching; any other command is not acknowledged.
 */
export function model(context: ModelContext): I2cModel {
  const { device } = context;
  if (device.address === undefined) throw new Error(`device ${device.id} has no I2C address`);
  const serial = [Math.floor(context.random() * 0x10000), Math.floor(context.random() * 0x10000)];
  let status = STATUS.alert | STATUS.reset;
  let busyUntilMs = 0;
  /** The words that the next read gets; they are made when it comes, and gone afterwards. */
  let answer: (() => readonly number[]) | undefined;

  const measured = (atMs: number) => () => [
    toRaw((context.signal('temperature', atMs) + 45) / 175),
    toRaw(context.signal('humidity', atMs) / 100),
  ];

  /** False for a command that the chip does not know. */
  const obey = (command: number, atMs: number): boolean => {
    answer = undefined;
    const measuringMs = MEASURING_MS.get(command);
    if (measuringMs !== undefined) {
      busyUntilMs = atMs + measuringMs;
      answer = measured(busyUntilMs);
      return true;
    }
    switch (command) {
      case COMMAND.readStatus:
        answer = () => [status];
        return true;
      case COMMAND.readSerial:
        answer = () => serial;
        return true;
      case COMMAND.clearStatus:
        status &= ~(STATUS.alert | STATUS.reset);
        return true;
      case COMMAND.softReset:
        status = STATUS.alert | STATUS.reset;
        busyUntilMs = atMs + RESET_MS;
        return true;
      case COMMAND.heaterOn:
        status |= STATUS.heater;
        return true;
      case COMMAND.heaterOff:
        status &= ~STATUS.heater;
        return true;
      default:
        return command === COMMAND.stop;
    }
  };

  return {
    kind: 'i2c',
    address: device.address,
    transfer: (write, readLength, atMs) => {
      if (atMs < busyUntilMs) return undefined;
      if (write.length > 0 && !obey(((write[0] ?? 0) << 8) | (write[1] ?? 0), atMs)) return undefined;
      if (readLength === 0) return new Uint8Array(0);
      // A measuring command and its read in one transaction: the chip is measuring by now.
      if (answer === undefined || atMs < busyUntilMs) return undefined;
      const words = answer();
      answer = undefined;
      return framed(words, readLength);
    },
  };
}

/** A part of full scale as 16 bits (§4.13); full scale is 2^16 - 1. */
function toRaw(part: number): number {
  return Math.round(Math.min(Math.max(part, 0), 1) * 0xffff);
}

/** Each word high byte first and followed by its checksum; the bus reads 0xFF where the chip has nothing more to send. */
function framed(words: readonly number[], readLength: number): Uint8Array {
  const bytes = new Uint8Array(readLength).fill(0xff);
  words.forEach((word, i) => {
    const [high, low] = [word >> 8, word & 0xff];
    for (const [at, byte] of [high, low, checksum(high, low)].entries()) {
      if (3 * i + at < readLength) bytes[3 * i + at] = byte;
    }
  });
  return bytes;
}

/** CRC-8 with polynomial x^8 + x^5 + x^4 + 1 and start 0xFF (§4.12), by long division bit by bit. */
function checksum(high: number, low: number): number {
  let remainder = 0xff00 ^ (high << 8);
  remainder = divide(remainder) ^ (low << 8);
  return divide(remainder) >> 8;
}

function divide(word: number): number {
  let remainder = word;
  for (let bit = 0; bit < 8; bit += 1) {
    remainder <<= 1;
    if ((remainder & 0x10000) !== 0) remainder ^= 0x13100;
  }
  return remainder & 0xff00;
}
