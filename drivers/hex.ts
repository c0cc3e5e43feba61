/** Two lower-case digits a byte, nothing between them. */
export function hex(bytes: Iterable<number>): string {
  return Buffer.from(Uint8Array.from(bytes)).toString('hex');
}
