import { checkedWords } from './checked-words.ts';
import type { Clock } from './clock.ts';
import { sleep } from './clock.ts';
import type { Driver } from './driver.ts';
import { BusError } from './errors.ts';
import type { AddressOnly, Transfer } from './i2c-device.ts';
import { addressOnly, plannedTransfer, transferTo } from './i2c-device.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { wantedReadings } from './produced-readings.ts';

// Sensirion SHT30, SHT31 and SHT35. Data sheet SHT3x-DIS, version 7.
//
//   answer   | T high | T low | CRC | RH high | RH low | CRC |

/** Single shot, high repeatability, no clock stretching (table 9): stretching hangs the I2C unit of older Raspberry Pis. */
const MEASURE = [0x24, 0x00];

/** A measurement of high repeatability takes at most 15 ms, at a supply below 2.4 V 15.5 ms (table 4). */
const MEASURE_MS = 16;

/** How much longer a sensor that still refuses its address after that may take, once: its own oscillator is not ours. */
const EXTRA_MS = 4;

const PRODUCES = { temperature: 'degC', humidity: '%' } as const;

/** Temperature and humidity of an SHT3x on I2C. Nothing is kept between reads, so a replaced sensor needs no set-up. */
export const sht3x: Driver<'i2c', AddressOnly> = {
  id: 'sht3x',
  needs: 'i2c',
  produces: PRODUCES,
  with: addressOnly,
  plan: (spec) => [plannedTransfer(MEASURE.length, 0, MEASURE_MS), plannedTransfer(0, 6, 0, wantedReadings(PRODUCES, spec))],
  async open(bus, spec, clock) {
    const wanted = wantedReadings(PRODUCES, spec);
    const { address } = spec.with;
    const transfer = transferTo(bus, address);
    const read = oneAtATime(async (signal: AbortSignal) => {
      signal.throwIfAborted();
      const answer = await measure(transfer, clock, signal);
      // Formulas of §4.13.
      const [temperatureRaw = 0, humidityRaw = 0] = checkedWords(answer, address);
      const values = { temperature: -45 + (175 * temperatureRaw) / 65535, humidity: (100 * humidityRaw) / 65535 };
      return wanted.map((id) => ({ id, value: values[id] }));
    });
    return { read, close: async () => {} };
  },
};

async function measure(transfer: Transfer, clock: Clock, signal: AbortSignal): Promise<Uint8Array> {
  await transfer(MEASURE, 0);
  await sleep(clock, MEASURE_MS, signal);
  try {
    return await transfer([], 6);
  } catch (error) {
    // Without clock stretching the sensor refuses to be read while it measures (§4.4): the only failure worth waiting for.
    if (!(error instanceof BusError && error.kind === 'no-answer')) throw error;
  }
  await sleep(clock, EXTRA_MS, signal);
  return transfer([], 6);
}
