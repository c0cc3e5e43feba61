import { expect, test } from 'vitest';
import { crc16 } from '../../drivers/crc16.ts';
import { bytes } from '../support/hex.ts';
import { vectors } from '../support/vectors.ts';

test.each(vectors('modbus_rtu').filter(({ expected }) => 'crc16' in expected))('is that of $id', ({ input, expected }) => {
  expect(crc16(bytes(input), 0xffff)).toBe(expected['crc16']);
});

// The check values of the catalogue of parametrised CRC algorithms: CRC-16/MODBUS and CRC-16/ARC.
test.each([
  { start: 0xffff, check: 0x4b37 },
  { start: 0, check: 0xbb3d },
] as const)('gives the check value $check when it starts with $start', ({ start, check }) => {
  expect(crc16(Buffer.from('123456789'), start)).toBe(check);
});
