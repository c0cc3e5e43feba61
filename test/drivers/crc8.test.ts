import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc8 } from '../../drivers/crc8.ts';
import { bytes } from '../support/hex.ts';
import { vectors } from '../support/vectors.ts';

test.each(vectors('sensirion_crc8'))('gives the check value of $id', ({ input, expected }) => {
  expect(crc8(bytes(input))).toBe(expected['crc8']);
});

test('differs for every burst of up to eight wrong bits', () => {
  // A property of every CRC of eight bits: it finds all such bursts.
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 2, maxLength: 2 }),
      fc.integer({ min: 1, max: 255 }),
      fc.integer({ min: 0, max: 8 }),
      (word, burst, shift) => {
        const wrong = (((word[0] as number) << 8) | (word[1] as number)) ^ (burst << shift);
        expect(crc8(Uint8Array.of(wrong >> 8, wrong & 0xff))).not.toBe(crc8(word));
      },
    ),
  );
});
