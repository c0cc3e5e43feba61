/** A stream of numbers in [0, 1) that one seed determines, on every machine and Node version (32-bit integers only). */
export interface Random {
  (): number;
  /**
   * A stream of its own. It depends on this stream's seed and the label only, not on how much was drawn: one device more
   * leaves the streams of all others as they were.
   */
  fork(label: string): Random;
  /** A number in [0, 1) that depends on this stream's seed and `index` only, in whatever order it is asked. */
  at(index: number): number;
}

type Words = readonly [number, number, number, number];

const TWO_TO_32 = 4294967296;

/** A generator for `seed`. The algorithm is sfc32 (Chris Doty-Humphrey, PractRand, public domain). */
export function createRandom(seed: number | string): Random {
  return fromWords(seedWords(String(seed)));
}

function fromWords(seed: Words): Random {
  let [a, b, c, counter] = seed;
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / TWO_TO_32;
  };
  // The first numbers still show the seed; its author recommends to drop a dozen.
  for (let i = 0; i < 15; i += 1) next();
  return Object.assign(next, {
    fork: (label: string) => fromWords(seedWords(`${seed.join(',')}/${label}`)),
    at: (index: number) => {
      const high = Math.floor(index / TWO_TO_32);
      return scramble(scramble(scramble(seed[0] ^ index) ^ high) ^ seed[1]) / TWO_TO_32;
    },
  });
}

/** Four words of a text: one FNV-1a hash each, with a start of its own, scrambled. */
function seedWords(text: string): Words {
  const word = (start: number) => {
    let hash = start;
    for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    return scramble(hash) | 0;
  };
  return [word(0x811c9dc5), word(0x9e3779b9), word(0x243f6a88), word(0xb7e15162)];
}

/** The finaliser of MurmurHash3 (Austin Appleby, public domain): every bit of the input changes half of the output's. */
function scramble(value: number): number {
  let word = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}
