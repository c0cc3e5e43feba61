import { z } from 'zod';
import type { I2cBus } from './bus/i2c.ts';
import type { PlannedRequest } from './driver.ts';
import { BusError } from './errors.ts';

/** `with:` of a chip that needs nothing but its address. 0x00–0x07 and 0x78–0x7F are reserved (I2C specification UM10204 §3.1.12). */
export const addressOnly = z.strictObject({ address: z.int().min(0x08).max(0x77) });
export type AddressOnly = z.infer<typeof addressOnly>;

/** One transaction with one chip; see I2cBus.transfer. The answer has exactly `readLength` bytes. */
export type Transfer = (write: readonly number[], readLength: number) => Promise<Uint8Array>;

/**
 * Fixes the address of a bus. Its transfers throw what the bus throws, and BusError `bad-checksum` for an answer of
 * another length than asked for.
 */
export function transferTo(bus: I2cBus, address: number): Transfer {
  return async (write, readLength) => {
    const answer = await bus.transfer(address, new Uint8Array(write), readLength);
    if (answer.length === readLength) return answer;
    throw new BusError('bad-checksum', `${addressText(address)}: expected ${readLength} bytes, found ${answer.length}`);
  };
}

/** A 7-bit address as it stands on modules and in files: 0x76. */
export function addressText(address: number): string {
  return `0x${address.toString(16).padStart(2, '0')}`;
}

/** What one transfer costs on the wire: each direction begins with an address byte. `waitMs` is the wait after it. */
export function plannedTransfer(
  writeLength: number,
  readLength: number,
  waitMs = 0,
  readings: readonly string[] = [],
): PlannedRequest {
  return {
    writeBytes: writeLength === 0 ? 0 : writeLength + 1,
    readBytes: readLength === 0 ? 0 : readLength + 1,
    waitMs,
    readings,
  };
}
