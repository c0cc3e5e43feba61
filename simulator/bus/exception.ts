/** Whether the answer's function code has its highest bit set, which marks an exception (Modbus V1.1b3 §7). */
export function isException(pdu: Uint8Array): boolean {
  return ((pdu[0] ?? 0) & 0x80) !== 0;
}
