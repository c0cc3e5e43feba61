import { expect } from 'vitest';
import type { I2cBus } from '../../drivers/bus/i2c.ts';
import type { Clock } from '../../drivers/clock.ts';
import { BusError } from '../../drivers/errors.ts';
import type { I2cModel } from '../../simulator/devices/model.ts';
import type { TestClock } from './test-clock.ts';

/** A bus that takes no time, with one simulated chip on it. */
interface ModelBus extends I2cBus {
  /** Puts another chip in its place, such as a new one: what a chip is after its supply was gone. */
  replace(chip: I2cModel): void;
  /** From now on every answer becomes this one; undefined for what the chip really says. */
  garble(change: ((answer: Uint8Array) => Uint8Array) | undefined): void;
}

export function modelBus(first: I2cModel, clock: Clock): ModelBus {
  let chip = first;
  let change: (answer: Uint8Array) => Uint8Array = (answer) => answer;
  return {
    async transfer(address, write, readLength) {
      const answer = address === chip.address ? chip.transfer(write, readLength, clock.monotonicMs()) : undefined;
      if (answer === undefined) throw new BusError('no-answer', `0x${address.toString(16)} does not acknowledge`);
      return change(answer);
    },
    replace: (other) => {
      chip = other;
    },
    garble: (other) => {
      change = other ?? ((answer) => answer);
    },
  };
}

/** A driver of a chip that is polled every ten seconds. */
interface Polled {
  readonly clock: TestClock;
  readonly bus: ModelBus;
  readonly read: () => Promise<unknown>;
}

/** A minute of spoilt answers makes no value, and the first good one is read again; `expectShown` knows what is right. */
export async function expectNoValueOfSpoilt(
  { clock, bus, read }: Polled,
  change: (answer: Uint8Array) => Uint8Array,
  expectShown: (results: never) => void,
): Promise<void> {
  expectShown((await read()) as never);
  bus.garble(change);
  for (let reads = 0; reads < 6; reads++) {
    await clock.advance(10_000);
    await expect(read()).rejects.toBeInstanceOf(BusError);
  }
  bus.garble(undefined);
  await clock.advance(10_000);
  expectShown((await read()) as never);
}

/** What a broken wire makes of an answer that has checksums in it. */
export const SPOILT: readonly (readonly [string, (answer: Uint8Array) => Uint8Array])[] = [
  ['all zero', (answer) => answer.map(() => 0)],
  ['all ones', (answer) => answer.map(() => 0xff)],
  ['one bit', (answer) => answer.map((byte, at) => (at === answer.length - 2 ? byte ^ 4 : byte))],
];
