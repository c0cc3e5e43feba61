import fc from 'fast-check';
import { IS_DEEP } from '../journal/kit.ts';

/** How many mutated frames a decoder has to stand in a run of the tests. */
export const MUTATED_COUNT = IS_DEEP ? 1_000_000 : 100_000;
/** And how long that may take on a busy machine: telegrams are a thousand bytes long. */
export const MUTATED_MS_MAX = IS_DEEP ? 900_000 : 90_000;

const KINDS = ['flip', 'set', 'drop', 'insert', 'double', 'cut'] as const;
/** One change of a frame, in one number, because a hundred thousand frames are made of them: what is done, with which byte, and at which part of its length. */
const change = fc.nat({ max: KINDS.length * 256 * 4096 - 1 });

/** One of the frames, changed in one to four places, as a bad line or a reset in the middle would. */
export function mutated(frames: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const changes = fc.array(change, { minLength: 1, maxLength: 4 });
  return fc.tuple(fc.constantFrom(...frames), changes).map(([frame, all]) => {
    const data = [...frame];
    for (const number of all) {
      const what = KINDS[number % KINDS.length];
      const byte = Math.floor(number / KINDS.length) % 256;
      const at = Math.floor((Math.floor(number / KINDS.length / 256) / 4096) * data.length);
      const old = data[at] ?? 0;
      if (what === 'flip') data[at] = old ^ (1 << (byte & 7));
      else if (what === 'set') data[at] = byte;
      else if (what === 'drop') data.splice(at, 1);
      else if (what === 'insert') data.splice(at, 0, byte);
      else if (what === 'double') data.splice(at, 0, ...data.slice(at, at + byte));
      else data.length = at;
    }
    return new Uint8Array(data);
  });
}

/** Runs what ends in an error a hundred thousand times: where each of them came from takes longer than finding it. */
export async function untraced(check: () => unknown): Promise<void> {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    await check();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
