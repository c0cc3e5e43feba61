import { z } from 'zod';
import { checkedWords, wordWithCrc } from './checked-words.ts';
import type { Clock } from './clock.ts';
import { sleep } from './clock.ts';
import type { Driver } from './driver.ts';
import { DeviceError } from './errors.ts';
import { addressText, plannedTransfer, type Transfer, transferTo } from './i2c-device.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { wantedReadings } from './produced-readings.ts';

// Sensirion SCD40 and SCD41: CO2, temperature and humidity. Data sheet SCD4x, version 1.3, chapter 3; the driver that
// Sensirion gives away (Sensirion/arduino-i2c-scd4x) for what it leaves open.
//
//   answer   | CO2 high | CO2 low | CRC | T high | T low | CRC | RH high | RH low | CRC |

/** Every SCD4x has this address. */
const ADDRESS = 0x62;

const COMMAND = {
  start: [0x21, 0xb1],
  stop: [0x3f, 0x86],
  isReady: [0xe4, 0xb8],
  read: [0xec, 0x05],
  setAltitude: [0x24, 0x27],
  setSelfCalibration: [0x24, 0x16],
} as const;

/** What the commands take until the chip answers or takes the next one (§3.4, table 9). */
const COMMAND_MS = 1;
const STOP_MS = 500;

/** A measurement comes every 5 s by the chip's own clock; one that is later than this does not come. */
const UPDATE_MS = 5_000;
const UPDATE_MS_MAX = 6_000;
/** How often a chip that was started is asked for its first measurement. */
const LOOK_AGAIN_MS = 200;

/** A measurement is ready when one of these bits is set (§3.8.2). */
const READY_BITS = 0x07ff;

/** Highest concentration that the chip gives (§1.1). */
const CO2_MAX_PPM = 40_000;
/** Highest altitude that the chip takes (§3.6.3). */
const ALTITUDE_MAX_M = 3_000;

const PRODUCES = { co2: 'ppm', temperature: 'degC', humidity: '%' } as const;
type Sample = Readonly<Record<keyof typeof PRODUCES, number>>;

/** `altitude` comes in millimetres, as every length under `with:`. */
const settings = z
  .strictObject({
    altitude: z
      .number()
      .min(0)
      .max(ALTITUDE_MAX_M * 1000),
    self_calibration: z.boolean(),
  })
  .transform(({ altitude, self_calibration }) => ({
    altitudeM: Math.round(altitude / 1000),
    isSelfCalibrating: self_calibration,
  }));
type Settings = z.output<typeof settings>;

/**
 * CO2, temperature and humidity of an SCD4x on I2C, which measures by itself every 5 s and gives each measurement once. The
 * first read sets it up and waits for its first measurement, 5.5 s; so does a read that finds it idle, because it has lost its
 * supply. The settings are not kept in the chip: its memory takes 2000 writes (§3.9.1).
 */
export const scd4x: Driver<'i2c', Settings> = {
  id: 'scd4x',
  needs: 'i2c',
  produces: PRODUCES,
  with: settings,
  // With the start, which the longest round contains.
  plan: (spec) => [
    plannedTransfer(2, 0, STOP_MS),
    plannedTransfer(5, 0, COMMAND_MS),
    plannedTransfer(5, 0, COMMAND_MS),
    plannedTransfer(2, 0, UPDATE_MS_MAX),
    plannedTransfer(2, 0, COMMAND_MS),
    plannedTransfer(0, 3),
    plannedTransfer(2, 0, COMMAND_MS),
    plannedTransfer(0, 9, 0, wantedReadings(PRODUCES, spec)),
  ],
  async open(bus, spec, clock) {
    const wanted = wantedReadings(PRODUCES, spec);
    const next = measuring(transferTo(bus, ADDRESS), spec.with, clock);
    const read = oneAtATime(async (signal: AbortSignal) => {
      signal.throwIfAborted();
      const sample = await next(signal);
      // The chip is there and well: what is missing is the reading alone.
      if (sample instanceof DeviceError) return wanted.map((id) => ({ id, error: sample }));
      return wanted.map((id) => ({ id, value: sample[id] }));
    });
    return { read, close: async () => {} };
  },
};

/**
 * Gives what resolves to the newest measurement, or to the reason why there is no new one yet. Whether the chip measures
 * cannot be asked for; that it does not shows in that nothing new comes.
 */
function measuring(transfer: Transfer, settings: Settings, clock: Clock) {
  /** When it was started or had something new; undefined when it has to be started. */
  let newestMs: number | undefined;

  const send = async (command: readonly number[], waitMs: number, signal: AbortSignal) => {
    await transfer(command, 0);
    await sleep(clock, waitMs, signal);
  };
  const ask = async (command: readonly number[], wordCount: number, signal: AbortSignal) => {
    await send(command, COMMAND_MS, signal);
    return checkedWords(await transfer([], 3 * wordCount), ADDRESS);
  };
  const isReady = async (signal: AbortSignal) => {
    const [status = 0] = await ask(COMMAND.isReady, 1, signal);
    return (status & READY_BITS) !== 0;
  };
  const take = async (signal: AbortSignal) => {
    newestMs = clock.monotonicMs();
    return decode(await ask(COMMAND.read, 3, signal));
  };

  /** A chip that measures takes nothing but a stop; an idle one does not mind it. Resolves to when it was started. */
  const start = async (signal: AbortSignal) => {
    newestMs = undefined;
    await send(COMMAND.stop, STOP_MS, signal);
    await send([...COMMAND.setAltitude, ...wordWithCrc(settings.altitudeM)], COMMAND_MS, signal);
    await send([...COMMAND.setSelfCalibration, ...wordWithCrc(settings.isSelfCalibrating ? 1 : 0)], COMMAND_MS, signal);
    await transfer(COMMAND.start, 0);
    newestMs = clock.monotonicMs();
    return newestMs;
  };

  return async (signal: AbortSignal): Promise<Sample | DeviceError> => {
    if (newestMs !== undefined) {
      if (await isReady(signal)) return take(signal);
      const forMs = clock.monotonicMs() - newestMs;
      if (forMs <= UPDATE_MS_MAX) return nothingNew(forMs);
    }
    const startedMs = await start(signal);
    await sleep(clock, UPDATE_MS, signal);
    while (!(await isReady(signal))) {
      if (clock.monotonicMs() - startedMs >= UPDATE_MS_MAX) throw idle();
      await sleep(clock, LOOK_AGAIN_MS, signal);
    }
    return take(signal);
  };
}

function decode([co2 = 0, temperature = 0, humidity = 0]: readonly number[]): Sample {
  if (co2 === 0) {
    // Sensirion's own examples skip it as an invalid sample; a chip whose heater pin VDDH has no supply gives nothing else.
    throw new DeviceError(
      'not-available',
      `${addressText(ADDRESS)}: expected a CO2 concentration, found 0 ppm, which means an invalid measurement. Check that both supply pins are connected.`,
    );
  }
  if (co2 > CO2_MAX_PPM) {
    throw new DeviceError('implausible', `${addressText(ADDRESS)}: expected at most ${CO2_MAX_PPM} ppm of CO2, found ${co2} ppm`);
  }
  return { co2, temperature: -45 + (175 * temperature) / 65535, humidity: (100 * humidity) / 65535 };
}

function nothingNew(forMs: number): DeviceError {
  const text = `expected a measurement every ${UPDATE_MS / 1000} s, found nothing new ${Math.round(forMs)} ms after the last one`;
  return new DeviceError('not-available', `${addressText(ADDRESS)}: ${text}; the next read will find it`);
}

function idle(): DeviceError {
  return new DeviceError(
    'not-available',
    `${addressText(ADDRESS)}: expected a measurement within ${UPDATE_MS_MAX / 1000} s of the start, found none. Check the supply: the chip needs up to 205 mA for a moment.`,
  );
}
