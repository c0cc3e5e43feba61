import { wordsAsSent } from '../word-check.ts';
import type { I2cModel, ModelContext } from './model.ts';

// DNMS, as its firmware 2.0.4 for the Teensy 4.0 behaves (hbitter/DNMS); that the levels are gone once they were read is
// the way of versions 5 and 6.

/** A block of sound; a calculation is done at the end of the one in which it was asked for. */
const BLOCK_MS = 35;
/** How long it is deaf after a reset, and how much of the sound it then throws away. */
const START_MS = 500;
const SETTLE_MS = 560;

const VERSION = 'DNMS Version 2.0.4';

/**
 * A simulated DNMS. It acknowledges every command, and a read too when it has nothing to say: the line is then high. Its
 * levels are those that the site gives at the end of the window.
 */
export function model(context: ModelContext): I2cModel {
  const { device, signal } = context;
  if (device.address === undefined) throw new Error(`device ${device.id} has no I2C address`);
  let deafUntilMs = 0;
  let listensFromMs = 0;
  /** What was asked for and is not done yet, by the moment at which it will be. */
  let dueMs: number | undefined;
  let isReady = false;
  let levels = [0, 0, 0];
  let answer: readonly number[] = [];

  const work = (atMs: number) => {
    if (dueMs === undefined || atMs < dueMs) return;
    const doneMs = dueMs;
    levels = ['laeq', 'la_min', 'la_max'].map((reading) => signal(reading, doneMs));
    [dueMs, isReady] = [undefined, true];
  };

  const restart = (atMs: number) => {
    deafUntilMs = atMs + START_MS;
    listensFromMs = deafUntilMs + SETTLE_MS;
    [dueMs, isReady, levels] = [undefined, false, [0, 0, 0]];
  };

  const obey = (command: number, atMs: number) => {
    answer = [];
    if (command === 1) restart(atMs);
    else if (command === 2) answer = asWords(Buffer.from(VERSION, 'ascii'));
    else if (command === 3) {
      const blocks = Math.floor(Math.max(atMs - listensFromMs, 0) / BLOCK_MS) + 1;
      [dueMs, isReady] = [listensFromMs + blocks * BLOCK_MS, false];
    } else if (command === 4) answer = [isReady ? 1 : 0];
    else if (command === 5) {
      answer = asWords(floats(levels));
      [isReady, levels] = [false, [0, 0, 0]];
    }
  };

  return {
    kind: 'i2c',
    address: device.address,
    transfer: (write, readLength, atMs) => {
      if (atMs < deafUntilMs) return undefined;
      work(atMs);
      if (write.length > 0) obey((write[0] ?? 0) * 256 + (write[1] ?? 0), atMs);
      if (readLength === 0) return new Uint8Array(0);
      const bytes = wordsAsSent(answer, readLength);
      answer = [];
      return bytes;
    },
  };
}

/** IEEE 754 single precision, the most significant byte first. */
function floats(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeFloatBE(value, 4 * index);
  return bytes;
}

function asWords(bytes: Buffer): number[] {
  return Array.from({ length: bytes.length / 2 }, (_, index) => bytes.readUInt16BE(2 * index));
}
