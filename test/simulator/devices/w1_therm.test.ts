import { expect, test } from 'vitest';
import { checksum, model } from '../../../simulator/devices/w1_therm.ts';
import { bytes, hex } from '../../support/hex.ts';
import { vectors } from '../../support/vectors.ts';
import { context } from '../site.ts';

const ALL = vectors('ds18b20');

function probe(temperature: number) {
  return model(context({ driver: 'w1_therm', with: { rom: '28-0316a2799dff' } }, { temperature }));
}

test.each(ALL.filter(({ kind, expected }) => kind === 'capture' && 'temperature' in expected))(
  'shows the temperature of the capture $id in its first two bytes',
  ({ input, expected }) => {
    expect(hex(probe(Number(expected['temperature'])).scratchpad(0)).slice(0, 4)).toBe(input.slice(0, 4));
  },
);

test('sends the captured bytes of a chip with the same settings', () => {
  expect(hex(probe(26.75).scratchpad(0))).toBe('ac014b467fff041086');
});

test.each(ALL.filter(({ expected }) => 'rom_crc_ok' in expected))(
  'reckons the checksum of the ROM $id',
  ({ input, expected }) => {
    const rom = [...bytes(input)];
    expect(checksum(rom.slice(0, -1)) === rom.at(-1)).toBe(expected['rom_crc_ok']);
  },
);

test('measures from -55 to 125 °C', () => {
  expect(hex(probe(-300).scratchpad(0)).slice(0, 4)).toBe('90fc');
  expect(hex(probe(300).scratchpad(0)).slice(0, 4)).toBe('d007');
});
