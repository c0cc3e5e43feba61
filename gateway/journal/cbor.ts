import { inflateRawSync } from 'node:zlib';
import { Encoder } from 'cbor-x';

/** Plain CBOR (RFC 8949): no cbor-x records, no shared structures; byte strings without a tag. Any CBOR tool reads it. */
const cbor = new Encoder({ useRecords: false, tagUint8Array: false });

/**
 * The bytes of one CBOR item. They are a view of a buffer of cbor-x that is not written again at that place; whoever
 * keeps few bytes for long copies them. Minus zero becomes zero.
 */
export function encodeCbor(item: unknown): Uint8Array {
  return cbor.encode(item);
}

/** The one item that the bytes are; undefined when they are not exactly one. Byte strings are views of `bytes`. */
export function decodeCbor(bytes: Uint8Array): unknown {
  try {
    return cbor.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Shortens the array by the nulls at its end. */
export function withoutNullsAtEnd(items: unknown[]): unknown[] {
  while (items.at(-1) === null) items.pop();
  return items;
}

/** What a raw deflate holds; nothing when it is damaged or longer than `bytesMax`. */
export function inflate(bytes: Uint8Array, bytesMax: number): Uint8Array {
  try {
    return inflateRawSync(bytes, { maxOutputLength: bytesMax });
  } catch {
    return new Uint8Array();
  }
}

/** Whether a decoded item is an array of this length. */
export function isArrayOf(item: unknown, length: number): item is readonly unknown[] {
  return Array.isArray(item) && item.length === length;
}
