import { expect } from 'vitest';
import type { I2cBus } from '../../drivers/bus/i2c.ts';
import { bytes, hex } from './hex.ts';

/** One expected transaction: what must be written (hex), and the answer (hex) or the failure. */
export interface I2cStep {
  readonly write: string;
  readonly answer?: string;
  readonly error?: Error;
}

/** A bus on which exactly the given transactions happen, in this order. */
interface I2cPlayback extends I2cBus {
  /** Fails when an expected transaction did not take place. */
  expectDone(): void;
}

/** Plays recorded transactions with the chip at `address`; any other transaction, or one too many, fails the test. */
export function i2cPlayback(address: number, steps: readonly I2cStep[]): I2cPlayback {
  let next = 0;
  return {
    async transfer(toAddress, write, readLength) {
      const found = { address: toAddress, write: hex(write), readLength };
      const step = steps[next];
      next += 1;
      if (step === undefined) throw new Error(`unexpected transaction ${next}: ${JSON.stringify(found)}`);
      expect(found.address).toBe(address);
      expect(found.write, `transaction ${next}`).toBe(step.write);
      if (step.error !== undefined) throw step.error;
      const answer = bytes(step.answer ?? '');
      expect(readLength, `length of transaction ${next}`).toBe(answer.length);
      return answer;
    },
    expectDone: () => expect(next, 'transactions made').toBe(steps.length),
  };
}
