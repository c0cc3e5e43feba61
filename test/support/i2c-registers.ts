import type { I2cBus } from '../../drivers/bus/i2c.ts';
import { BusError } from '../../drivers/errors.ts';

/**
 * A chip at `address` that answers a question (the written bytes as hex; empty for a read alone) always the same, and
 * takes every other write without effect.
 */
export function registersAt(address: number, answers: Readonly<Record<string, Uint8Array | undefined>>): I2cBus {
  return {
    async transfer(toAddress, write, readLength) {
      if (toAddress !== address) throw new BusError('no-answer', `nobody at 0x${toAddress.toString(16)}`);
      if (readLength === 0) return new Uint8Array(0);
      const question = Buffer.from(write).toString('hex');
      const answer = answers[question];
      if (answer === undefined) throw new BusError('no-answer', `no answer to a read after ${question}`);
      return answer.slice(0, readLength);
    },
  };
}
