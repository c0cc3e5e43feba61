import { expect, test } from 'vitest';
import { model } from '../../../simulator/devices/bh1750.ts';
import { hex } from '../../support/hex.ts';
import { vectors } from '../../support/vectors.ts';
import { context } from '../site.ts';

const NOTHING = new Uint8Array(0);

function chip(light: number) {
  const simulated = model(context({ driver: 'bh1750', address: 0x23 }, { light }));
  return {
    write: (opcode: number, atMs: number) => simulated.transfer(Uint8Array.of(opcode), 0, atMs),
    both: (opcodes: readonly number[], atMs: number) => simulated.transfer(Uint8Array.from(opcodes), 0, atMs),
    shows: (atMs: number) => hex(simulated.transfer(NOTHING, 2, atMs) ?? NOTHING),
  };
}

test.each(vectors('bh1750'))('shows the count of $id for its light', ({ input, expected }) => {
  const simulated = chip(Number(expected['illuminance']));
  expect(simulated.write(0x20, 0)).toEqual(NOTHING);
  expect(simulated.shows(180)).toBe(input);
});

test('shows 0 after power-on, and the old count until a measurement is finished', () => {
  const simulated = chip(1213.33);
  expect(simulated.shows(0)).toBe('0000');
  simulated.write(0x20, 100);
  expect(simulated.shows(279)).toBe('0000');
  expect(simulated.shows(280)).toBe('05b0');
  expect(simulated.shows(10_000)).toBe('05b0');
});

test('counts and takes time in proportion to its measurement time register', () => {
  const simulated = chip(1213.33);
  simulated.write(0x40 | (138 >> 5), 0);
  simulated.write(0x60 | (138 & 0x1f), 0);
  simulated.write(0x20, 0);
  expect(simulated.shows(359)).toBe('0000');
  // Twice the count of 05b0.
  expect(simulated.shows(360)).toBe('0b60');
});

test('stays at the end of its count', () => {
  const simulated = chip(80_000);
  simulated.write(0x20, 0);
  expect(simulated.shows(180)).toBe('ffff');
});

test('clears its count only while it is switched on, and goes off after a single measurement', () => {
  const simulated = chip(1213.33);
  simulated.write(0x20, 0);
  simulated.write(0x07, 200);
  expect(simulated.shows(201)).toBe('05b0');
  simulated.write(0x01, 202);
  simulated.write(0x07, 203);
  expect(simulated.shows(204)).toBe('0000');
});

test('goes on measuring in the continuous mode', () => {
  const simulated = chip(1213.33);
  simulated.write(0x10, 0);
  expect(simulated.shows(180)).toBe('05b0');
  simulated.write(0x07, 200);
  expect(simulated.shows(359)).toBe('0000');
  expect(simulated.shows(361)).toBe('05b0');
});

test('does not acknowledge two instructions in one transaction, or one that it does not know', () => {
  const simulated = chip(100);
  expect(simulated.both([0x42, 0x65], 0)).toBeUndefined();
  expect(simulated.write(0x99, 0)).toBeUndefined();
});
