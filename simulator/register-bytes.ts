import type { ByteOrder, ReadingSpec } from '../drivers/driver.ts';

/** Bounds of the whole-number encodings; a meter whose register is too small stays at its end. */
const RANGE: Readonly<Record<string, readonly [bigint, bigint]>> = {
  uint16: [0n, 0xffffn],
  int16: [-0x8000n, 0x7fffn],
  uint32: [0n, 0xffffffffn],
  int32: [-0x80000000n, 0x7fffffffn],
  uint64: [0n, 0xffffffffffffffffn],
  int64: [-0x8000000000000000n, 0x7fffffffffffffffn],
};

/** The registers that show `value` of a reading, as bytes in the order of the wire: value = raw × scale + offset, turned round. */
export function registerBytes(spec: ReadingSpec, byteOrder: ByteOrder, value: number): Uint8Array {
  const raw = (value - (spec.offset ?? 0)) / (spec.scale ?? 1);
  const encoding = spec.encoding ?? 'uint16';
  if (encoding === 'bool' || spec.bit !== undefined) {
    const word = new DataView(new ArrayBuffer(2));
    word.setUint16(0, value === 0 ? 0 : 1 << (spec.bit ?? 0));
    return ordered(word, byteOrder);
  }
  const view = new DataView(new ArrayBuffer(Number(/\d+$/.exec(encoding)?.[0]) / 8));
  if (encoding === 'float32') view.setFloat32(0, raw);
  else if (encoding === 'float64') view.setFloat64(0, raw);
  else setWhole(view, encoding, raw);
  return ordered(view, byteOrder);
}

/** The registers that show a text, two characters each: in UTF-8, filled up with NUL, and cut where they end. */
export function textBytes(text: string, registers: number, byteOrder: ByteOrder): Uint8Array {
  const bytes = new Uint8Array(2 * registers);
  bytes.set(new TextEncoder().encode(text).subarray(0, bytes.length));
  // The registers of a text stand in their order.
  return ordered(new DataView(bytes.buffer), byteOrder === 'BADC' || byteOrder === 'DCBA' ? 'BADC' : 'ABCD');
}

function setWhole(view: DataView, encoding: string, raw: number): void {
  const [min, max] = RANGE[encoding] ?? [0n, 0n];
  const whole = BigInt(Math.round(raw));
  let rest = whole < min ? min : whole > max ? max : whole;
  for (let at = view.byteLength - 1; at >= 0; at -= 1) {
    view.setUint8(at, Number(rest & 0xffn));
    rest >>= 8n;
  }
}

/** From high byte first to the board's order, in which A is the highest byte; CD first swaps words, B first bytes. */
function ordered(view: DataView, byteOrder: ByteOrder): Uint8Array {
  const wordCount = view.byteLength / 2;
  const isWordSwapped = byteOrder === 'CDAB' || byteOrder === 'DCBA';
  const isByteSwapped = byteOrder === 'BADC' || byteOrder === 'DCBA';
  const bytes = new Uint8Array(view.byteLength);
  for (let word = 0; word < wordCount; word += 1) {
    const from = 2 * (isWordSwapped ? wordCount - 1 - word : word);
    bytes[2 * word] = view.getUint8(isByteSwapped ? from + 1 : from);
    bytes[2 * word + 1] = view.getUint8(isByteSwapped ? from : from + 1);
  }
  return bytes;
}
