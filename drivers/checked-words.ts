import { crc8 } from './crc8.ts';
import { BusError } from './errors.ts';
import { addressText } from './i2c-device.ts';

/**
 * The 16-bit words of an answer in which each has its CRC behind it: | high | low | CRC | high | low | CRC | … (Sensirion's
 * I2C sensors, and the DNMS, which speaks as they do). All are checked before any is given: one broken word makes the
 * others doubtful. `answer` has a multiple of three bytes.
 * @throws BusError `bad-checksum`, with the word, both checksums and the whole answer
 */
export function checkedWords(answer: Uint8Array, address: number): readonly number[] {
  return Array.from({ length: answer.length / 3 }, (_, index) => {
    const [high = 0, low = 0, found = 0] = answer.subarray(3 * index, 3 * index + 3);
    const expected = crc8(Uint8Array.of(high, low));
    if (found === expected) return (high << 8) | low;
    const bytes = Buffer.from(answer).toString('hex');
    throw new BusError(
      'bad-checksum',
      `${addressText(address)}: CRC of word ${index + 1} is 0x${found.toString(16)}, expected 0x${expected.toString(16)}, in the answer ${bytes}`,
    );
  });
}

/** A word as it is sent to such a sensor: high byte first, its CRC behind it. */
export function wordWithCrc(word: number): readonly number[] {
  const bytes = Uint8Array.of(word >> 8, word & 0xff);
  return [...bytes, crc8(bytes)];
}
