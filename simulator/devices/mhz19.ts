import { obeying } from '../commands.ts';
import type { ModelContext, SerialModel } from './model.ts';

const COMMAND_LENGTH = 9;
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
  let range = FACTORY_RANGE;

  const shown = (atMs: number): number => {
    const show = PREHEAT.findLast(([fromMs]) => atMs >= fromMs)?.[1] ?? (() => 0);
    return Math.min(Math.max(Math.round(show(context.signal('co2', atMs))), 0), range);
  };

  const obey = ([, , what = 0, ...data]: readonly number[], atMs: number): Uint8Array | undefined => {
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
    receive: obeying({ length: COMMAND_LENGTH, isCommand, obey, answerAfterMs: ANSWER_AFTER_MS }),
  };
}

function isCommand([head, address, ...rest]: readonly number[]): boolean {
  return head === 255 && address === 1 && total([address, ...rest]) % 256 === 0;
}

/** All but the first byte add up to a multiple of 256. */
function frame(body: readonly number[]): Uint8Array {
  return Uint8Array.from([255, ...body, (256 - (total(body) % 256)) % 256]);
}

function total(bytes: readonly number[]): number {
  return bytes.reduce((sum, byte) => sum + byte, 0);
}
