// CRC-8 of a 16-bit word with polynomial x^8 + x^5 + x^4 + 1 and start 0xFF, as Sensirion's chips send it. A CRC is linear:
// each bit of the word adds a remainder of its own to the checksum of the word 0.

/** Checksum of 00 00. */
const OF_ZERO = 0x81;

/** What each bit adds, the lowest first: x^8, x^9, … by the polynomial. */
const REMAINDERS: readonly number[] = remainders();

function remainders(): number[] {
  const all = [0x31];
  while (all.length < 16) {
    const doubled = 2 * (all.at(-1) ?? 0);
    all.push(doubled < 256 ? doubled : (doubled - 256) ^ 0x31);
  }
  return all;
}

/** The checksum that stands behind a word (0 to 65535). */
export function wordCheck(word: number): number {
  return REMAINDERS.reduce((check, remainder, bit) => ((word >> bit) & 1 ? check ^ remainder : check), OF_ZERO);
}

/** Words as such a chip sends them: high byte, low byte, checksum; 0xFF where it has nothing more to send. */
export function wordsAsSent(words: readonly number[], readLength: number): Uint8Array {
  const bytes = words.flatMap((word) => [Math.floor(word / 256), word % 256, wordCheck(word)]);
  return Uint8Array.from({ length: readLength }, (_, at) => bytes[at] ?? 0xff);
}
