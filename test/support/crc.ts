/** One kind of CRC. Bits go in as they go over the wire: the lowest of each byte first where it is reflected. */
interface CrcKind {
  readonly width: 8 | 16;
  /** The generator without its highest term, highest power first. */
  readonly polynomial: number;
  readonly start: number;
  readonly isReflected: boolean;
}

/** Modbus over serial line V1.02 §2.5.1.2: x¹⁶ + x¹⁵ + x² + 1. */
export const CRC_MODBUS: CrcKind = { width: 16, polynomial: 0x8005, start: 0xffff, isReflected: true };
/** Data sheet SHT3x §4.12, table 20: x⁸ + x⁵ + x⁴ + 1. */
export const CRC_SENSIRION: CrcKind = { width: 8, polynomial: 0x31, start: 0xff, isReflected: false };
/** Data sheet DS18B20, "CRC generation": the same polynomial. */
export const CRC_MAXIM: CrcKind = { width: 8, polynomial: 0x31, start: 0, isReflected: true };

/**
 * The remainder of a long division, one bit after the other, as the specifications draw their shift registers. It judges what
 * the drivers accept, and so shares nothing with theirs.
 */
export function crcOf(bytes: Iterable<number>, { width, polynomial, start, isReflected }: CrcKind): number {
  let remainder = start;
  for (const byte of bytes) {
    for (let step = 0; step < 8; step++) {
      const carry = bitOf(remainder, width - 1);
      remainder = (remainder * 2) % 2 ** width;
      if (carry !== bitOf(byte, isReflected ? step : 7 - step)) remainder ^= polynomial;
    }
  }
  if (!isReflected) return remainder;
  let turned = 0;
  for (let at = 0; at < width; at++) turned = 2 * turned + bitOf(remainder, at);
  return turned;
}

function bitOf(number: number, at: number): number {
  return Math.floor(number / 2 ** at) % 2;
}
