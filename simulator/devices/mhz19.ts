import type { Answer, ModelContext, SerialModel } from './model.ts';

const COMMAND_LENGTH = 9;
/** What the device keeps of bytes that begin no command. */
const RECEIVED_MAX = 4 * COMMAND_LENGTH;
const ANSWER_AFTER_MS = 12;
/** What it shows from when on after it was switched on, as users have seen it: 400, zeros for minutes, and then too little. */
const PREHEAT: readonly (readonly [fromMs: number, show: (ppm: number) => number])[] = [
  [0, () => 400],
  [5_000, () => 0],
  [150_000, (ppm) => 0.8 * ppm],
  [180_000, (ppm) => ppm],
];
/** 26 °C. */
const TEMPERATURE_BYTE = 66;
const FACTORY_RANGE = 5000;

/**
 * A simulated Winsen MH-Z19B, switched on at the start of time. It answers what it is asked and says nothing by itself.
 *
 *     command  255 1 what data data data data data check
 *     answer   255 134 co2 co2 temperature 0 0 0 check       high byte first, ppm
 *     setting  255 what 1 0 0 0 0 0 check
 */
export function model(context: ModelContext): SerialModel {
  let received: number[] = [];
  let range = FACTORY_RANGE;

  const shown = (atMs: number): number => {
    const show = PREHEAT.findLast(([fromMs]) => atMs >= fromMs)?.[1] ?? (() => 0);
    return Math.min(Math.max(Math.round(show(context.signal('co2', atMs))), 0), range);
  };

  const obey = (what: number, data: readonly number[], atMs: number): Uint8Array | undefined => {
    switch (what) {
      case 134:
        return frame([what, Math.floor(shown(atMs) / 256), shown(atMs) % 256, TEMPERATURE_BYTE, 0, 0, 0]);
      case 121:
        return frame([what, 1, 0, 0, 0, 0, 0]);
      case 153:
        range = 256 * (data[3] ?? 0) + (data[4] ?? 0);
        return frame([what, 1, 0, 0, 0, 0, 0]);
      default:
        return undefined;
    }
  };

  return {
    kind: 'serial',
    receive: (bytes, atMs) => {
      received = [...received, ...bytes].slice(-RECEIVED_MAX);
      const answers: Answer[] = [];
      while (received.length >= COMMAND_LENGTH) {
        const [head, address, what = 0, ...data] = received.slice(0, COMMAND_LENGTH);
        const isCommand = head === 255 && address === 1 && total([1, what, ...data]) % 256 === 0;
        received = received.slice(isCommand ? COMMAND_LENGTH : 1);
        const answer = isCommand ? obey(what, data, atMs) : undefined;
        if (answer !== undefined) answers.push({ afterMs: ANSWER_AFTER_MS, bytes: answer });
      }
      return answers;
    },
  };
}

/** All but the first byte add up to a multiple of 256. */
function frame(body: readonly number[]): Uint8Array {
  return Uint8Array.from([255, ...body, (256 - (total(body) % 256)) % 256]);
}

function total(bytes: readonly number[]): number {
  return bytes.reduce((sum, byte) => sum + byte, 0);
}
