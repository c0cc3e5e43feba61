import { invert } from '../invert.ts';
import type { I2cModel, ModelContext } from './model.ts';

/**
 * A simulated Bosch BME280 or, on a board named bmp280, a BMP280, by its data sheet (BST-BME280-DS002). It holds the
 * calibration of a real chip and shows the raw values which that chip would have to show: the data sheet's integer
 * compensation (§4.2.3) is inverted numerically. The gateway's driver computes in floating point and shares nothing with it.
 */
export function model(context: ModelContext): I2cModel {
  const { device } = context;
  if (device.address === undefined) throw new Error(`device ${device.id} has no I2C address`);
  const hasHumidity = device.board !== 'bmp280';
  const chip = new Chip(hasHumidity, (atMs) => ({
    temperatureC: context.signal('temperature', atMs),
    pressurePa: 100 * context.signal('pressure', atMs),
    humidityPercent: hasHumidity ? context.signal('humidity', atMs) : 0,
  }));
  return { kind: 'i2c', address: device.address, transfer: (write, readLength, atMs) => chip.transfer(write, readLength, atMs) };
}

interface Climate {
  readonly temperatureC: number;
  readonly pressurePa: number;
  readonly humidityPercent: number;
}

/** Registers 0x88 to 0xA1 and 0xE1 to 0xE7 of a real BME280, as read by periph's test (periph/devices, bmxx80/bmx280_test.go). */
const CALIBRATION_LOW = bytes('106e6c6632005d95b8d5d00b771e9dfff9ffac260ad8bd10004b');
const CALIBRATION_HIGH = bytes('6e01001305001e');

const REGISTER = {
  calibrationLow: 0x88,
  id: 0xd0,
  reset: 0xe0,
  calibrationHigh: 0xe1,
  humidity: 0xf2,
  status: 0xf3,
  measure: 0xf4,
  data: 0xf7,
};
const STATUS_MEASURING = 0x08;
const STATUS_COPYING = 0x01;
const RESET_WORD = 0xb6;
/** Start-up time after power-on or reset, data sheet table 1. */
const START_MS = 2;
/** What the data registers hold before a measurement, and for a quantity that is not measured (§5.4.7 to 5.4.9). */
const SKIPPED_20_BITS = 0x80000;
const SKIPPED_16_BITS = 0x8000;

class Chip {
  readonly #hasHumidity: boolean;
  readonly #climate: (atMs: number) => Climate;
  readonly #memory = new Uint8Array(256);
  #pointer = 0;
  /** The humidity setting takes effect only with the next write of the measuring register (§5.4.3). */
  #humiditySetting = 0;
  #readyAtMs = START_MS;
  #measuredAtMs: number | undefined;

  constructor(hasHumidity: boolean, climate: (atMs: number) => Climate) {
    this.#hasHumidity = hasHumidity;
    this.#climate = climate;
    this.#memory.set(CALIBRATION_LOW, REGISTER.calibrationLow);
    if (hasHumidity) this.#memory.set(CALIBRATION_HIGH, REGISTER.calibrationHigh);
    this.#memory[REGISTER.id] = hasHumidity ? 0x60 : 0x58;
    this.#reset(-START_MS);
  }

  /** A write carries pairs of register and value; a lone register at its end is where the next read begins (§6.2). */
  transfer(write: Uint8Array, readLength: number, atMs: number): Uint8Array {
    this.#finishMeasurement(atMs);
    for (let i = 0; i + 1 < write.length; i += 2) this.#write(write[i] ?? 0, write[i + 1] ?? 0, atMs);
    if (write.length % 2 === 1) this.#pointer = write[write.length - 1] ?? 0;
    this.#memory[REGISTER.status] = this.#status(atMs);
    const answer = Uint8Array.from({ length: readLength }, (_, i) => this.#memory[(this.#pointer + i) & 0xff] ?? 0);
    this.#pointer = (this.#pointer + readLength) & 0xff;
    return answer;
  }

  #status(atMs: number): number {
    return (this.#measuredAtMs === undefined ? 0 : STATUS_MEASURING) | (atMs < this.#readyAtMs ? STATUS_COPYING : 0);
  }

  #write(register: number, value: number, atMs: number): void {
    if (register === REGISTER.reset && value === RESET_WORD) this.#reset(atMs);
    // Everything else that can be written lies from the humidity setting to the configuration, 0xF2 to 0xF5.
    if (register < REGISTER.humidity || register > 0xf5 || register === REGISTER.status) return;
    this.#memory[register] = value;
    if (register !== REGISTER.measure) return;
    this.#humiditySetting = (this.#memory[REGISTER.humidity] ?? 0) & 0x07;
    if ((value & 0x03) !== 0) this.#measuredAtMs = Math.max(atMs, this.#readyAtMs) + this.#measuringMs();
  }

  #reset(atMs: number): void {
    this.#readyAtMs = atMs + START_MS;
    this.#measuredAtMs = undefined;
    this.#humiditySetting = 0;
    this.#memory.fill(0, REGISTER.humidity, REGISTER.data);
    this.#store({ temperature: SKIPPED_20_BITS, pressure: SKIPPED_20_BITS, humidity: SKIPPED_16_BITS });
  }

  /** The longest time a measurement takes (§9.1). */
  #measuringMs(): number {
    const setting = this.#memory[REGISTER.measure] ?? 0;
    const temperature = samples(setting >> 5);
    const pressure = samples(setting >> 2);
    const humidity = this.#hasHumidity ? samples(this.#humiditySetting) : 0;
    return 1.25 + 2.3 * temperature + (pressure > 0 ? 2.3 * pressure + 0.575 : 0) + (humidity > 0 ? 2.3 * humidity + 0.575 : 0);
  }

  /** In forced mode the chip measures once and sleeps; in normal mode every read finds the values of now. */
  #finishMeasurement(atMs: number): void {
    if (this.#measuredAtMs === undefined || atMs < this.#measuredAtMs) return;
    const setting = this.#memory[REGISTER.measure] ?? 0;
    const isNormal = (setting & 0x03) === 0x03;
    this.#measure(isNormal ? atMs : this.#measuredAtMs, setting);
    if (isNormal) return;
    this.#measuredAtMs = undefined;
    this.#memory[REGISTER.measure] = setting & ~0x03;
  }

  #measure(atMs: number, setting: number): void {
    const climate = this.#climate(atMs);
    const raw = rawTemperature(climate.temperatureC);
    const fine = fineTemperature(raw);
    this.#store({
      temperature: samples(setting >> 5) > 0 ? raw : SKIPPED_20_BITS,
      pressure: samples(setting >> 2) > 0 ? rawPressure(climate.pressurePa, fine) : SKIPPED_20_BITS,
      humidity: samples(this.#humiditySetting) > 0 ? rawHumidity(climate.humidityPercent, fine) : SKIPPED_16_BITS,
    });
  }

  /** 0xF7: pressure and temperature as 20 bits each, left-aligned in three bytes; then, on a BME280, humidity as 16 bits. */
  #store({ temperature, pressure, humidity }: { temperature: number; pressure: number; humidity: number }): void {
    const twenty = (raw: number) => [raw >> 12, (raw >> 4) & 0xff, (raw & 0x0f) << 4];
    const sixteen = this.#hasHumidity ? [humidity >> 8, humidity & 0xff] : [];
    this.#memory.set([...twenty(pressure), ...twenty(temperature), ...sixteen], REGISTER.data);
  }
}

/** Oversampling of a three-bit setting: 0 skips the quantity, 1 to 5 take 1, 2, 4, 8, 16 samples, the rest too (§5.4.3). */
function samples(setting: number): number {
  const bits = setting & 0x07;
  return bits === 0 ? 0 : 1 << (Math.min(bits, 5) - 1);
}

// ------------------------------------------------------------------------------------- the data sheet's integer formulas

const low = new DataView(CALIBRATION_LOW.buffer);
const high = new DataView(CALIBRATION_HIGH.buffer);
const T = [low.getUint16(0, true), low.getInt16(2, true), low.getInt16(4, true)] as const;
const P = [low.getUint16(6, true), ...[8, 10, 12, 14, 16, 18, 20, 22].map((at) => low.getInt16(at, true))].map(BigInt);
const H = [
  low.getUint8(25),
  high.getInt16(0, true),
  high.getUint8(2),
  // H4 and H5 are 12 bits wide and share the byte at 0xE5 (table 16).
  (high.getInt8(3) << 4) | (high.getUint8(4) & 0x0f),
  (high.getInt8(5) << 4) | (high.getUint8(4) >> 4),
  high.getInt8(6),
] as const;

/** `t_fine`: the temperature in 1/5120 °C, which the other two formulas need. */
function fineTemperature(raw: number): number {
  const first = (((raw >> 3) - (T[0] << 1)) * T[1]) >> 11;
  const difference = (raw >> 4) - T[0];
  const second = (((difference * difference) >> 12) * T[2]) >> 14;
  return first + second;
}

/** Pressure in 1/256 Pa. Falls as the raw value rises. */
function pressureQ8(raw: number, fine: number): number {
  const [p1, p2, p3, p4, p5, p6, p7, p8, p9] = P as [bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint];
  const deviation = BigInt(fine) - 128000n;
  let offset = deviation * deviation * p6 + ((deviation * p5) << 17n) + (p4 << 35n);
  let gain = ((deviation * deviation * p3) >> 8n) + ((deviation * p2) << 12n);
  gain = (((1n << 47n) + gain) * p1) >> 33n;
  let pressure = ((((1048576n - BigInt(raw)) << 31n) - offset) * 3125n) / gain;
  gain = (p9 * (pressure >> 13n) * (pressure >> 13n)) >> 25n;
  offset = (p8 * pressure) >> 19n;
  pressure = ((pressure + gain + offset) >> 8n) + (p7 << 4n);
  return Number(pressure);
}

/** Relative humidity in 1/1024 %. */
function humidityQ10(raw: number, fine: number): number {
  const deviation = fine - 76800;
  const scaled = ((raw << 14) - (H[3] << 20) - H[4] * deviation + 16384) >> 15;
  const byTemperature = ((((deviation * H[5]) >> 10) * (((deviation * H[2]) >> 11) + 32768)) >> 10) + 2097152;
  let value = Math.imul(scaled, (byTemperature * H[1] + 8192) >> 14);
  value -= ((((value >> 15) * (value >> 15)) >> 7) * H[0]) >> 4;
  return Math.min(Math.max(value, 0), 419430400) >> 12;
}

function rawTemperature(temperatureC: number): number {
  return invert((raw) => (fineTemperature(raw) * 5 + 128) >> 8, Math.round(temperatureC * 100), 0, 0xfffff);
}

function rawPressure(pressurePa: number, fine: number): number {
  // Inverted over the mirrored raw value, because the pressure falls as the raw value rises.
  return 0xfffff - invert((mirrored) => pressureQ8(0xfffff - mirrored, fine), pressurePa * 256, 0, 0xfffff);
}

function rawHumidity(humidityPercent: number, fine: number): number {
  return invert((raw) => humidityQ10(raw, fine), humidityPercent * 1024, 0, 0xffff);
}

function bytes(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
