import { expect, test } from 'vitest';
import { model } from '../../../simulator/devices/ads1115.ts';
import { bytes, hex } from '../../support/hex.ts';
import { vectors } from '../../support/vectors.ts';
import { context } from '../site.ts';

const NOTHING = new Uint8Array(0);

/** A chip whose inputs 0 to 3 are at these voltages. */
function chip(volts: readonly number[]) {
  const simulated = model({
    ...context({ driver: 'ads1115', address: 0x48 }, {}),
    pluggedInto: (port) => ({ volts: () => volts[Number(port.at(-1))] ?? 0, level: () => false, drive: () => {} }),
  });
  return (write: string, length: number, atMs: number) => hex(simulated.transfer(bytes(write), length, atMs) ?? NOTHING);
}

const configured = vectors('ads1115').filter(({ context: of, expected }) => 'config_written' in of && 'voltage' in expected);

// Those at the end of a range are beyond what the chip's supply lets through here.
const below = configured.filter(({ expected }) => Math.abs(Number(expected['voltage'])) < 3.5);

test.each(below)('shows the code of $id when it is set as that test set it', ({ context: of, input, expected }) => {
  const setting = bytes(String(of['config_written']).slice(3));
  // The tests that say "differential" compare inputs 0 and 3.
  const volts = Number(expected['voltage']);
  const transfer = chip(volts < 0 ? [0, 0, 0, -volts] : [volts, 0, 0, 0]);
  transfer(`01${hex(Uint8Array.of((setting[0] ?? 0) | 0x80, setting[1] ?? 0))}`, 0, 0);
  expect(transfer('00', 2, 1000)).toBe(input);
});

test('shows the setting that it has after power-on (SBAS444D §9.6.3)', () => {
  expect(chip([])('01', 2, 0)).toBe('8583');
});

test('is busy while it measures, 1/128 s, and shows what was there when it began', () => {
  const transfer = chip([1.024, 0, 0, 0]);
  transfer('01c383', 0, 100);
  expect(transfer('01', 2, 107.8)).toBe('4383');
  expect(transfer('01', 2, 107.9)).toBe('c383');
  expect(transfer('00', 2, 108)).toBe('2000');
});

test('takes no other setting while it measures', () => {
  const transfer = chip([1.024, 2.048, 0, 0]);
  transfer('01c383', 0, 100);
  transfer('01d383', 0, 104);
  expect(transfer('01', 2, 120)).toBe('c383');
  expect(transfer('00', 2, 120)).toBe('2000');
});

test('stops at the ends of its range and of its supply', () => {
  const transfer = chip([5, -5, 0, 0]);
  transfer('01c983', 0, 0);
  expect(transfer('00', 2, 10)).toBe('7fff');
  transfer('01db83', 0, 20);
  expect(transfer('00', 2, 30)).toBe('8000');
});
