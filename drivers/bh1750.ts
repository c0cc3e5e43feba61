import type { Clock } from './clock.ts';
import { sleep } from './clock.ts';
import type { Driver } from './driver.ts';
import { DeviceError } from './errors.ts';
import type { AddressOnly, Transfer } from './i2c-device.ts';
import { addressOnly, addressText, plannedTransfer, transferTo } from './i2c-device.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { wantedReadings } from './produced-readings.ts';

// ROHM BH1750FVI, ambient light. Technical Note 2009.04, Rev. B.
//
//   answer   | count high | count low |
//
// The chip has neither an id nor a checksum. What can be noticed all the same: that nobody acknowledges, that the count
// stands at its end (too much light, or a line that nobody pulls down), and that a chip restarts while it measures, if it
// does so only once. What cannot: a bit that turned round on the wire, another chip at this address, a covered or broken
// photodiode, and a data line that is held low only while the answer is read: it looks like darkness.

/** Measures once at a resolution of 1 lx and switches itself off (p. 5): nothing is measured that nobody reads. */
const MEASURE_ONCE = 0x20;

/** A measurement takes at most this long (p. 2), at the usual sensitivity. */
const MEASURE_MS = 180;

/** Measurement time register (p. 11): sensitivity and duration are proportional to it. 69 after power-on, 31 is the least. */
const USUAL_MTREG = 69;
const LEAST_MTREG = 31;

/** Counts per lux at the usual sensitivity (p. 2, p. 10). */
const COUNTS_PER_LUX = 1.2;

/** The count cannot get higher: the light is as bright or brighter. A bus on which nobody answers reads the same. */
const FULL_SCALE = 0xffff;

const PRODUCES = { light: 'lx' } as const;

/**
 * Illuminance of a BH1750 on I2C, from 0 to 121,555 lx. Light that is too bright for the usual sensitivity is measured once
 * more at the least one. Darkness is measured twice: a chip that loses its supply while it measures starts with the count 0.
 */
export const bh1750: Driver<'i2c', AddressOnly> = {
  id: 'bh1750',
  needs: 'i2c',
  produces: PRODUCES,
  with: addressOnly,
  // The second measurement, where there is one, at its longest: darkness.
  plan: (spec) => [
    plannedTransfer(1, 0, MEASURE_MS),
    plannedTransfer(0, 2, 0, wantedReadings(PRODUCES, spec)),
    plannedTransfer(1, 0, MEASURE_MS),
    plannedTransfer(0, 2),
  ],
  async open(bus, spec, clock) {
    const wanted = wantedReadings(PRODUCES, spec);
    const { address } = spec.with;
    const measure = measuring(transferTo(bus, address), clock);
    const read = oneAtATime(async (signal: AbortSignal) => {
      signal.throwIfAborted();
      const light = await illuminance(measure, address, signal);
      return wanted.map((id) => ({ id, value: light }));
    });
    return { read, close: async () => {} };
  },
};

type Measure = (mtreg: number, signal: AbortSignal) => Promise<number>;

async function illuminance(measure: Measure, address: number, signal: AbortSignal): Promise<number> {
  let mtreg = USUAL_MTREG;
  let count = await measure(mtreg, signal);
  if (count === 0) count = await measure(mtreg, signal);
  if (count === FULL_SCALE) {
    mtreg = LEAST_MTREG;
    count = await measure(mtreg, signal);
    if (count === FULL_SCALE) throw tooBright(address);
    // In the light of a moment ago the count is at least 29,443 now.
    if (count === 0) throw restarted(address);
  }
  return (count / COUNTS_PER_LUX) * (USUAL_MTREG / mtreg);
}

/**
 * Gives what makes one measurement and resolves to its count. The measurement time register is written where the chip may
 * hold another value: a restart puts back the usual one, so a chip that has it needs no second look.
 */
function measuring(transfer: Transfer, clock: Clock): Measure {
  let known: number | undefined;
  return async (mtreg, signal) => {
    if (known !== mtreg || mtreg !== USUAL_MTREG) {
      known = undefined;
      // One instruction a transaction: the chip takes no second one before the stop condition (p. 10).
      await transfer([0x40 | (mtreg >> 5)], 0);
      await transfer([0x60 | (mtreg & 0x1f)], 0);
      known = mtreg;
    }
    await transfer([MEASURE_ONCE], 0);
    await sleep(clock, Math.ceil((MEASURE_MS * mtreg) / USUAL_MTREG), signal);
    const answer = await transfer([], 2);
    return new DataView(answer.buffer, answer.byteOffset, answer.byteLength).getUint16(0);
  };
}

function tooBright(address: number): DeviceError {
  return new DeviceError(
    'implausible',
    `${addressText(address)}: expected a count below 0xffff at the least sensitivity, found 0xffff: more than 121555 lx, or nobody drives the bus. Check the wires; in the sun, cover the sensor with a diffuser.`,
  );
}

function restarted(address: number): DeviceError {
  return new DeviceError(
    'implausible',
    `${addressText(address)}: expected bright light, found the counts 0xffff and 0x0000 one after the other: the chip restarted. Check its supply.`,
  );
}
