import { expect, test } from 'vitest';
import { checkedWords, wordWithCrc } from '../../drivers/checked-words.ts';
import { bytes, hex } from '../support/hex.ts';
import { vectors } from '../support/vectors.ts';

test.each(vectors('sensirion_crc8').filter(({ input }) => input.length === 4))('reads and writes the word of $id', (vector) => {
  const frame = Uint8Array.of(...bytes(vector.input), Number(vector.expected['crc8']));
  const word = Number.parseInt(vector.input, 16);
  expect(checkedWords(frame, 0x62)).toEqual([word]);
  expect(hex(Uint8Array.from(wordWithCrc(word)))).toBe(hex(frame));
});

test('names the word that is broken, what was expected and what was found, and gives none of the others', () => {
  expect(() => checkedWords(bytes('022ca3670d374d08f1'), 0x62)).toThrow(
    expect.objectContaining({
      name: 'BusError',
      kind: 'bad-checksum',
      message: '0x62: CRC of word 2 is 0x37, expected 0x36, in the answer 022ca3670d374d08f1',
    }),
  );
});

// RobTillaart/SHT31 issues 7 and 23: what a broken wire gives.
test.each(['000000', 'ffffff'])('refuses a line that stands still: %s', (input) => {
  expect(() => checkedWords(bytes(input), 0x62)).toThrow(expect.objectContaining({ kind: 'bad-checksum' }));
});
