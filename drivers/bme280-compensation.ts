import { DeviceError } from './errors.ts';

// The arithmetic of the Bosch BME280 (data sheet BST-BME280-DS002, 1.6) and BMP280 (BST-BMP280-DS001, 1.14): no bus, no
// time. Temperature and pressure are the same in both chips.

/** A chip's trimming values, named as in the data sheet (table 16), little endian on the bus. */
export interface Calibration {
  readonly T1: number;
  readonly T2: number;
  readonly T3: number;
  /** P1 to P9. */
  readonly P: readonly [number, number, number, number, number, number, number, number, number];
  /** Only in a BME280. */
  readonly humidity?: HumidityCalibration;
}

interface HumidityCalibration {
  readonly H1: number;
  readonly H2: number;
  readonly H3: number;
  readonly H4: number;
  readonly H5: number;
  readonly H6: number;
}

/** The registers that hold the trimming values: temperature, pressure (and H1 as the last byte) from 0x88; H2 to H6 from 0xE1. */
export const CALIBRATION_FIRST = { register: 0x88, length: { bmp280: 24, bme280: 26 } } as const;
export const CALIBRATION_SECOND = { register: 0xe1, length: 7 } as const;

/**
 * Understands the trimming values. `second` is left out for a BMP280.
 * @throws DeviceError `implausible` when a block is all 00 or all FF: a wire is broken, or the chip is still starting
 */
export function parseCalibration(first: Uint8Array, second?: Uint8Array): Calibration {
  refuseIdle(first, 'calibration from 0x88');
  const view = viewOf(first);
  const [T1, P1] = [view.getUint16(0, true), view.getUint16(6, true)];
  const signed = (offset: number) => view.getInt16(offset, true);
  return {
    T1,
    T2: signed(2),
    T3: signed(4),
    P: [P1, signed(8), signed(10), signed(12), signed(14), signed(16), signed(18), signed(20), signed(22)],
    ...(second && { humidity: parseHumidityCalibration(view.getUint8(25), second) }),
  };
}

// H4 and H5 are 12-bit signed numbers that share the byte 0xE5, each with its lower half in another nibble of it:
//
//   0xE4  H4[11:4]      0xE5  H5[3:0] | H4[3:0]      0xE6  H5[11:4]
function parseHumidityCalibration(H1: number, second: Uint8Array): HumidityCalibration {
  refuseIdle(second, 'calibration from 0xE1');
  const view = viewOf(second);
  const shared = view.getUint8(4);
  return {
    H1,
    H2: view.getInt16(0, true),
    H3: view.getUint8(2),
    H4: view.getInt8(3) * 16 + (shared & 0x0f),
    H5: view.getInt8(5) * 16 + (shared >> 4),
    H6: view.getInt8(6),
  };
}

/** Throws DeviceError `implausible` when all bytes are 00 or all are FF: the levels of a bus on which nobody speaks. */
export function refuseIdle(bytes: Uint8Array, what: string): void {
  const first = bytes[0];
  if ((first !== 0x00 && first !== 0xff) || bytes.some((byte) => byte !== first)) return;
  const all = first === 0 ? 'zero' : 'FF';
  throw new DeviceError(
    'implausible',
    `implausible: all ${all} in the ${what}. Expected data, found an idle bus. Check the wires and the supply of 3.3 V.`,
  );
}

/** The fine temperature that the other two formulas start from (appendix 8.1); 5120 of it is one degree Celsius. */
export function fineTemperature(raw: number, { T1, T2, T3 }: Calibration): number {
  const coarse = raw / 16384 - T1 / 1024;
  const square = (raw / 131072 - T1 / 8192) * (raw / 131072 - T1 / 8192);
  return coarse * T2 + square * T3;
}

/** Pressure in Pa (appendix 8.1). Not finite when the calibration makes the divisor zero. */
export function pressurePa(raw: number, fine: number, { P: [P1, P2, P3, P4, P5, P6, P7, P8, P9] }: Calibration): number {
  const t = fine / 2 - 64000;
  const offset = ((t * t * P6) / 32768 + t * P5 * 2) / 4 + P4 * 65536;
  const sensitivity = (1 + ((P3 * t * t) / 524288 + P2 * t) / 524288 / 32768) * P1;
  const linear = ((1048576 - raw - offset / 4096) * 6250) / sensitivity;
  return linear + ((P9 * linear * linear) / 2147483648 + (linear * P8) / 32768 + P7) / 16;
}

/** Relative humidity in percent, held within 0 and 100 as the data sheet does (appendix 8.1). */
export function humidityPercent(raw: number, fine: number, { H1, H2, H3, H4, H5, H6 }: HumidityCalibration): number {
  const t = fine - 76800;
  const slope = (H2 / 65536) * (1 + (H6 / 67108864) * t * (1 + (H3 / 67108864) * t));
  const uncorrected = (raw - (H4 * 64 + (H5 / 16384) * t)) * slope;
  return Math.min(100, Math.max(0, uncorrected * (1 - (H1 * uncorrected) / 524288)));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
