import type { ByteOrder } from './driver.ts';
import { DeviceError } from './errors.ts';
import { hex } from './hex.ts';
import { isTextValue } from './reading.ts';

const REGISTER_BYTES = 2;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** What fills the rest of a text that is shorter than its registers. */
const PADDING = /[ \t\r\n]+$/;
/** Bytes that a message shows. */
const SHOWN_BYTES_MAX = 32;

/**
 * Understands registers that hold a text: two characters each, in UTF-8, which ASCII is a part of. It ends at the first NUL
 * or with the last register, and white space at its end is padding. `bytes` are the registers as they came over the wire.
 *
 * The registers of a text stand in their order, whatever the byte order says of those of a number: CDAB is like ABCD, and
 * DCBA like BADC, which has the bytes swapped within each register. So it is in Telegraf; a master that turns the registers
 * round was found (pymodbus), and no device that wants it.
 * @throws DeviceError `not-available` when every register holds one and the same of `notAvailable`; `implausible` for bytes
 *   that are no text: not in UTF-8, or with control characters
 */
export function decodeText(
  bytes: Uint8Array,
  { byteOrder, notAvailable = [] }: { readonly byteOrder: ByteOrder; readonly notAvailable?: readonly number[] },
): string {
  const isSwapped = byteOrder === 'BADC' || byteOrder === 'DCBA';
  const wire = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ordered = new DataView(new ArrayBuffer(bytes.length));
  for (let at = 0; at < bytes.length; at += REGISTER_BYTES) ordered.setUint16(at, wire.getUint16(at, isSwapped));
  if (notAvailable.some((listed) => isFilledWith(ordered, listed)))
    throw new DeviceError('not-available', `the device sends ${shown(bytes)}, which means that it has no text`);
  const characters = new Uint8Array(ordered.buffer);
  const end = characters.indexOf(0);
  const text = inUtf8(end < 0 ? characters : characters.subarray(0, end))?.replace(PADDING, '');
  if (text !== undefined && isTextValue(text)) return text;
  throw new DeviceError('implausible', `expected a text in UTF-8, found ${shown(bytes)}`);
}

/** Boards write the bit pattern (0xFFFF) or the number (-1): both are meant. */
function isFilledWith(registers: DataView, listed: number): boolean {
  for (let at = 0; at < registers.byteLength; at += REGISTER_BYTES)
    if (registers.getUint16(at) !== listed && registers.getInt16(at) !== listed) return false;
  return true;
}

function inUtf8(bytes: Uint8Array): string | undefined {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}

function shown(bytes: Uint8Array): string {
  return hex(bytes.subarray(0, SHOWN_BYTES_MAX)) + (bytes.length > SHOWN_BYTES_MAX ? '…' : '');
}
