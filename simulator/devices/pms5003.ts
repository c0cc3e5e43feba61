import { obeying } from '../commands.ts';
import type { ModelContext, SerialModel } from './model.ts';

/** While little changes (Plantower PMS5003 data manual V2.3, appendix I). */
const REPORT_EVERY_MS = 2300;
/** The fan has to turn before anything is counted: until then frames hold zeros. */
const WAKE_MS = 3000;
const ANSWER_AFTER_MS = 20;
const COMMAND_LENGTH = 7;
const FIRMWARE_VERSION = 0x97;

/**
 * A simulated Plantower PMS5003. It has been on since before the start of time, in active mode. Asleep it hears nothing
 * but the command to wake, which it does not confirm; awake again it is in active mode.
 *
 *     command  'B' 'M' what data data sum sum
 *     answer   'B' 'M' 0 4 what data sum sum            to sleep and to a change of mode
 *     data     'B' 'M' 0 28, 13 words, sum sum
 */
export function model(context: ModelContext): SerialModel {
  let isAwake = true;
  let isActive = true;
  let wokeAtMs = Number.NEGATIVE_INFINITY;

  const data = (atMs: number): Uint8Array => {
    const isReady = atMs - wokeAtMs >= WAKE_MS;
    const [pm1 = 0, pm25 = 0, pm10 = 0] = ['pm1', 'pm2_5', 'pm10'].map((id) =>
      micrograms(isReady ? context.signal(id, atMs) : 0),
    );
    // As many small particles as a room has even when their mass rounds to nothing.
    const small = isReady ? 90 + 24 * pm25 : 0;
    const counts = [small, Math.floor(small / 3), Math.floor(small / 5), 2 * pm10, pm10, 0];
    return frame([pm1, pm25, pm10, pm1, pm25, pm10, ...counts, FIRMWARE_VERSION * 256]);
  };

  const obey = ([, , what = 0, , value = 0]: readonly number[], atMs: number): Uint8Array | undefined => {
    if (!isAwake && !(what === 0xe4 && value === 1)) return undefined;
    switch (what) {
      case 0xe1:
        isActive = value === 1;
        return frame([what * 256 + value]);
      case 0xe2:
        return isActive ? undefined : data(atMs);
      case 0xe4: {
        if (value === 1 && !isAwake) [wokeAtMs, isActive] = [atMs, true];
        isAwake = value === 1;
        return isAwake ? undefined : frame([what * 256 + value]);
      }
      default:
        return undefined;
    }
  };

  return {
    kind: 'serial',
    receive: obeying({ length: COMMAND_LENGTH, isCommand, obey, answerAfterMs: ANSWER_AFTER_MS }),
    unasked: { everyMs: REPORT_EVERY_MS, frame: (atMs) => (isAwake && isActive ? data(atMs) : undefined) },
  };
}

function isCommand([b = 0, m = 0, what = 0, high = 0, low = 0, sumHigh = 0, sumLow = 0]: readonly number[]): boolean {
  return b === 0x42 && m === 0x4d && b + m + what + high + low === 256 * sumHigh + sumLow;
}

function micrograms(value: number): number {
  return Math.min(Math.max(Math.round(value), 0), 0xffff);
}

function codes(text: string): number[] {
  return Array.from(text, (character) => character.charCodeAt(0));
}

function frame(words: readonly number[]): Uint8Array {
  const body = codes('BM').concat([2 * words.length + 2, ...words].flatMap((word) => [Math.floor(word / 256), word % 256]));
  const sum = body.reduce((total, byte) => total + byte);
  return Uint8Array.from([...body, Math.floor(sum / 256), sum % 256]);
}
