import { expect, test } from 'vitest';
import { wordCheck, wordsAsSent } from '../../simulator/word-check.ts';
import { bytes, hex } from '../support/hex.ts';
import { vectors } from '../support/vectors.ts';

test.each(vectors('sensirion_crc8').filter(({ input }) => input.length === 4))('gives the check value of $id', (vector) => {
  expect(wordCheck(Number.parseInt(vector.input, 16))).toBe(vector.expected['crc8']);
});

test('sends words as the recorded chip does, and lets the line idle after them', () => {
  expect(hex(wordsAsSent([0x022c, 0x670d, 0x4d08], 9))).toBe('022ca3670d364d08f1');
  expect(wordsAsSent([0x8006], 5)).toEqual(bytes('800604ffff'));
  expect(wordsAsSent([0x8006], 2)).toEqual(bytes('8006'));
});
