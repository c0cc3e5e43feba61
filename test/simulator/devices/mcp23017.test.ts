import { expect, test } from 'vitest';
import { model } from '../../../simulator/devices/mcp23017.ts';
import { bytes, hex } from '../../support/hex.ts';
import { vectors } from '../../support/vectors.ts';
import { context } from '../site.ts';

const NOTHING = new Uint8Array(0);

function chip(levels: Readonly<Record<string, boolean>> = {}) {
  const driven: string[] = [];
  const simulated = model({
    ...context({ driver: 'mcp23017', address: 0x20 }, {}),
    pluggedInto: (port) => ({
      volts: () => 0,
      level: (pull) => levels[port] ?? pull === 'up',
      drive: (level) => driven.push(`${port} ${level}`),
    }),
  });
  return {
    driven,
    transfer: (write: string, length = 0) => hex(simulated.transfer(bytes(write), length, 0) ?? NOTHING),
  };
}

test('has the registers of the data sheet after power-on (DS20001952C, table 3-3)', () => {
  expect(chip().transfer('00', 22)).toBe('ffff0000000000000000000000000000000000000000');
});

test('plays the output script of another project', () => {
  const script = vectors('mcp23017').find(({ id }) => id.endsWith('out-pa0-high'))?.input ?? '';
  const { transfer, driven } = chip();
  for (const line of script.split('\n')) {
    const [, register = '', value = ''] = /^W(..) R (..)$/.exec(line) ?? [];
    if (register !== '') expect(transfer(register, 1), line).toBe(value);
    else transfer(line.replace(/^W | /g, ''));
  }
  expect(driven.at(-1)).toBe('gpa0 true');
});

test('shows the levels of both ports one after the other (gpio-pair)', () => {
  const pair = vectors('mcp23017').find(({ id }) => id.endsWith('gpio-pair'));
  const levels: Record<string, boolean> = {};
  for (const port of ['a', 'b'])
    for (const [at, bit] of [...String(pair?.expected[`port${port}`])].entries()) levels[`gp${port}${7 - at}`] = bit === '1';
  expect(chip(levels).transfer('12', 2)).toBe(pair?.input);
});

test('drives a pin from the moment at which it is an output, and with every change of its latch', () => {
  const { transfer, driven } = chip();
  transfer('1501');
  expect(driven).toEqual([]);
  transfer('01fe');
  transfer('1500');
  transfer('1301');
  expect(driven).toEqual(['gpb0 true', 'gpb0 false', 'gpb0 true']);
});

test('pulls up where it is told to', () => {
  const { transfer } = chip();
  expect(transfer('12', 2)).toBe('0000');
  transfer('0cff00');
  expect(transfer('12', 2)).toBe('ff00');
});
