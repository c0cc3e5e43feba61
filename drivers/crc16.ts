const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  return crc;
});

/**
 * CRC-16 with the polynomial x¹⁶ + x¹⁵ + x² + 1, reflected, without a final exclusive or. Modbus over serial line V1.02 §6.2.2
 * starts with FFFF, the P1 port of a smart meter (P1 companion standard 5.0.2 §6.2) with 0.
 */
export function crc16(bytes: Uint8Array, start: 0xffff | 0): number {
  let crc: number = start;
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] as number);
  return crc;
}
