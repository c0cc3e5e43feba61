import type { Answer, ModelContext, SerialModel } from './model.ts';

/** While little changes (Plantower PMS5003 data manual V2.3, appendix I). */
const REPORT_EVERY_MS = 2300;
/** The fan has to turn before anything is counted: until then frames hold zeros. */
const WAKE_MS = 3000;
const ANSWER_AFTER_MS = 20;
const COMMAND_LENGTH = 7;
/** What the device keeps of bytes that begin no command. */
const RECEIVED_MAX = 4 * COMMAND_LENGTH;
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
  let received = '';
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

  const obey = (what: number, value: number, atMs: number): Uint8Array | undefined => {
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
    receive: (bytes, atMs) => {
      received = (received + String.fromCharCode(...bytes)).slice(-RECEIVED_MAX);
      const answers: Answer[] = [];
      for (let at = received.indexOf('BM'); at >= 0 && received.length - at >= COMMAND_LENGTH; at = received.indexOf('BM')) {
        const [b = 0, m = 0, what = 0, high = 0, low = 0, ...sum] = codes(received.slice(at, at + COMMAND_LENGTH));
        const isCommand = b + m + what + high + low === 256 * (sum[0] ?? 0) + (sum[1] ?? 0);
        received = received.slice(at + (isCommand ? COMMAND_LENGTH : 1));
        const answer = isCommand ? obey(what, low, atMs) : undefined;
        if (answer !== undefined) answers.push({ afterMs: ANSWER_AFTER_MS, bytes: answer });
      }
      return answers;
    },
    unasked: { everyMs: REPORT_EVERY_MS, frame: (atMs) => (isAwake && isActive ? data(atMs) : undefined) },
  };
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
