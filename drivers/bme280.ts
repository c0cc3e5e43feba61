import type { Calibration } from './bme280-compensation.ts';
import {
  CALIBRATION_FIRST,
  CALIBRATION_SECOND,
  fineTemperature,
  humidityPercent,
  parseCalibration,
  pressurePa,
  refuseIdle,
} from './bme280-compensation.ts';
import type { Clock } from './clock.ts';
import { sleep } from './clock.ts';
import type { Driver } from './driver.ts';
import { DeviceError } from './errors.ts';
import type { AddressOnly, Transfer } from './i2c-device.ts';
import { addressOnly, addressText, plannedTransfer, transferTo } from './i2c-device.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { wantedReadings } from './produced-readings.ts';
import type { MissingReading, Reading } from './reading.ts';

// Bosch BME280 (temperature, humidity, pressure) and BMP280 (the same without humidity). Data sheet BST-BME280-DS002, 1.6.
//
//   data from 0xF7   | P[19:12] | P[11:4] | P[3:0]···· | T[19:12] | T[11:4] | T[3:0]···· | H[15:8] | H[7:0] |

const REGISTER = { id: 0xd0, ctrlHum: 0xf2, status: 0xf3, ctrlMeas: 0xf4, data: 0xf7 } as const;

/** Every chip id that is accepted (BME280 §5.4.1; BMP280: 0x58, samples 0x56 and 0x57). */
const MODELS: ReadonlyMap<number, 'BME280' | 'BMP280'> = new Map([
  [0x60, 'BME280'],
  [0x58, 'BMP280'],
  [0x57, 'BMP280'],
  [0x56, 'BMP280'],
]);

/** Oversampling ×1 of humidity; of temperature and pressure together with forced mode, which measures once and sleeps again. */
const HUMIDITY_X1 = 0x01;
const FORCED_X1 = 0x25;

const STATUS_MEASURING = 0x08;
/** The trimming values are being copied from the chip's memory after a start (§5.4.4). */
const STATUS_STARTING = 0x01;

/** Longest measurement at oversampling ×1: 1.25 + 2.3 + (2.3 + 0.575) + (2.3 + 0.575) ms (§9.1). */
const MEASURE_MS = 9.3;
/** How often and at what distance a chip that still measures after that is asked again. */
const STATUS_READS_MAX = 3;
const STATUS_PAUSE_MS = 2;

/** What stands in the data registers when a quantity was not measured (§4.2.3): the reset values. */
const SKIPPED = { pressure: 0x80000, temperature: 0x80000, humidity: 0x8000 } as const;

/** Where in the data the humidity begins, and where the last bytes of the other two are, of which four bits are always zero (table 18). */
const HUMIDITY_AT = 6;
const XLSB_AT = [2, 5] as const;
const XLSB_ZEROS = 0x0f;

/** Operating range (§1.1, §1.3): what lies outside was not measured but made by a broken wire or chip. */
const RANGE = { temperature: [-40, 85], pressure: [300, 1100] } as const;

const PRODUCES = { temperature: 'degC', humidity: '%', pressure: 'hPa' } as const;
type Id = keyof typeof PRODUCES;

interface Chip {
  readonly model: 'BME280' | 'BMP280';
  readonly calibration: Calibration;
}

/**
 * Temperature, humidity and pressure of a BME280, or temperature and pressure of a BMP280, on I2C. The chip is
 * identified and its calibration read at the first read, and again after any failure, because it may have been replaced.
 */
export const bme280: Driver<'i2c', AddressOnly> = {
  id: 'bme280',
  needs: 'i2c',
  produces: PRODUCES,
  with: addressOnly,
  plan: (spec) => [
    plannedTransfer(2, 0),
    plannedTransfer(2, 0, MEASURE_MS),
    plannedTransfer(1, 1),
    plannedTransfer(1, 8, 0, wantedReadings(PRODUCES, spec)),
  ],
  async open(bus, spec, clock) {
    const wanted = wantedReadings(PRODUCES, spec);
    const { address } = spec.with;
    const transfer = transferTo(bus, address);
    let known: Chip | undefined;
    const read = oneAtATime(async (signal: AbortSignal) => {
      signal.throwIfAborted();
      try {
        known ??= await identify(transfer, address, wanted.includes('humidity'));
        const data = await measure(transfer, clock, known, signal);
        return decode(data, known.calibration, wanted);
      } catch (error) {
        known = undefined;
        throw error;
      }
    });
    return { read, close: async () => {} };
  },
};

/** Reads which chip this is and its calibration. Nothing is trusted before the id is right. */
async function identify(transfer: Transfer, address: number, wantsHumidity: boolean): Promise<Chip> {
  const id = await readByte(transfer, REGISTER.id);
  const model = MODELS.get(id);
  const found = `found 0x${id.toString(16).padStart(2, '0')} at ${addressText(address)}`;
  if (model === undefined) {
    const advice = id === 0x00 || id === 0xff ? 'Nobody drives the bus: check the wires.' : 'Another chip has this address.';
    throw new DeviceError('implausible', `expected chip id 0x60 (BME280) or 0x58 (BMP280), ${found}. ${advice}`);
  }
  if (model === 'BMP280' && wantsHumidity) {
    const advice = 'This is a BMP280, which has no humidity sensor: use the board bmp280, or fit a BME280.';
    throw new DeviceError('implausible', `expected chip id 0x60 (BME280), ${found}. ${advice}`);
  }
  if ((await readByte(transfer, REGISTER.status)) & STATUS_STARTING) {
    throw new DeviceError('not-available', `the ${model} at ${addressText(address)} is still starting (im_update is set)`);
  }
  if (model === 'BMP280') {
    const first = await transfer([CALIBRATION_FIRST.register], CALIBRATION_FIRST.length.bmp280);
    return { model, calibration: parseCalibration(first) };
  }
  const first = await transfer([CALIBRATION_FIRST.register], CALIBRATION_FIRST.length.bme280);
  const second = await transfer([CALIBRATION_SECOND.register], CALIBRATION_SECOND.length);
  return { model, calibration: parseCalibration(first, second) };
}

/** Makes one measurement and reads it: 8 data bytes of a BME280, 6 of a BMP280. */
async function measure(transfer: Transfer, clock: Clock, { model }: Chip, signal: AbortSignal): Promise<Uint8Array> {
  // Both are written every time, so that a chip that lost its supply in between measures as before. ctrl_hum takes
  // effect only with the write of ctrl_meas after it (§5.4.3).
  if (model === 'BME280') await transfer([REGISTER.ctrlHum, HUMIDITY_X1], 0);
  await transfer([REGISTER.ctrlMeas, FORCED_X1], 0);
  await sleep(clock, MEASURE_MS, signal);
  for (let reads = 1; (await readByte(transfer, REGISTER.status)) & STATUS_MEASURING; reads++) {
    if (reads === STATUS_READS_MAX) {
      throw new DeviceError('not-available', `the ${model} still measures, expected at most ${MEASURE_MS} ms`);
    }
    await sleep(clock, STATUS_PAUSE_MS, signal);
  }
  // One burst, because only then the chip guarantees that all bytes belong to one measurement (§4).
  return transfer([REGISTER.data], model === 'BME280' ? 8 : 6);
}

function decode(data: Uint8Array, calibration: Calibration, wanted: readonly Id[]): readonly (Reading | MissingReading)[] {
  refuseIdle(data, 'data from 0xF7');
  // Where its end is idle the chip was lost on the way, and nobody knows before which byte. No humidity shows either (§1.2).
  refuseIdle(data.subarray(HUMIDITY_AT), 'humidity at 0xFD');
  if (XLSB_AT.some((at) => ((data[at] ?? 0) & XLSB_ZEROS) !== 0)) {
    const found = XLSB_AT.map((at) => `0x${(data[at] ?? 0).toString(16).padStart(2, '0')}`).join(' and ');
    throw new DeviceError('implausible', `implausible: expected four zero bits at the end of 0xF9 and of 0xFC, found ${found}`);
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const raw20 = (offset: number) => (view.getUint16(offset) << 4) | (view.getUint8(offset + 2) >> 4);
  const raw = { pressure: raw20(0), temperature: raw20(3) };
  // Pressure and humidity start from the temperature, so without it there is nothing at all.
  refuseSkipped('temperature', raw.temperature);
  const fine = fineTemperature(raw.temperature, calibration);
  const temperature = inRange('temperature', fine / 5120);
  const values: Record<Id, () => number> = {
    temperature: () => temperature,
    pressure: () => {
      refuseSkipped('pressure', raw.pressure);
      return inRange('pressure', pressurePa(raw.pressure, fine, calibration) / 100);
    },
    humidity: () => {
      if (calibration.humidity === undefined) throw new Error('humidity was asked of a chip without a humidity sensor');
      const rawHumidity = view.getUint16(HUMIDITY_AT);
      refuseSkipped('humidity', rawHumidity);
      return humidityPercent(rawHumidity, fine, calibration.humidity);
    },
  };
  return wanted.map((id) => valueOrReason(id, values[id]));
}

function valueOrReason(id: Id, value: () => number): Reading | MissingReading {
  try {
    return { id, value: value() };
  } catch (error) {
    if (error instanceof DeviceError) return { id, error };
    throw error;
  }
}

function refuseSkipped(id: Id, raw: number): void {
  if (raw !== SKIPPED[id]) return;
  const text = `0x${raw.toString(16)}`;
  throw new DeviceError('implausible', `implausible: the ${id} register holds ${text}, which means that nothing was measured`);
}

function inRange(id: keyof typeof RANGE, value: number): number {
  const [min, max] = RANGE[id];
  if (value >= min && value <= max) return value;
  const unit = PRODUCES[id];
  throw new DeviceError('implausible', `implausible ${id}: expected ${min} to ${max} ${unit}, found ${value.toFixed(2)} ${unit}`);
}

async function readByte(transfer: Transfer, register: number): Promise<number> {
  return (await transfer([register], 1))[0] as number;
}
