/** Bytes from hexadecimal text. */
export function bytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'));
}

/** Hexadecimal text of bytes. */
export function hex(data: Uint8Array): string {
  return Buffer.from(data).toString('hex');
}
