import type { I2cBus } from '../../drivers/bus/i2c.ts';
import { BusError } from '../../drivers/errors.ts';
import { hex } from './hex.ts';

/**
 * A chip at `address` that is asked with a command (hex) and read afterwards, in a transaction of its own, and answers a
 * command always the same. It takes every other command without effect.
 */
export function commandsAt(address: number, answers: Readonly<Record<string, Uint8Array | undefined>>): I2cBus {
  let command = '';
  return {
    async transfer(toAddress, write, readLength) {
      if (toAddress !== address) throw new BusError('no-answer', `nobody at 0x${toAddress.toString(16)}`);
      if (write.length > 0) command = hex(write);
      if (readLength === 0) return new Uint8Array(0);
      const answer = answers[command];
      if (answer === undefined) throw new BusError('no-answer', `no answer to a read after ${command}`);
      return answer.slice(0, readLength);
    },
  };
}
