/**
 * CRC-8 of Sensirion's I2C sensors: polynomial 0x31 (x⁸ + x⁵ + x⁴ + 1), start value 0xFF, not reflected, no final
 * exclusive or (SHT3x data sheet §4.12, table 20). The check value of BE EF is 92.
 */
export function crc8(bytes: Uint8Array): number {
  let crc = 0xff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80 ? ((crc << 1) ^ 0x31) & 0xff : crc << 1;
  }
  return crc;
}
