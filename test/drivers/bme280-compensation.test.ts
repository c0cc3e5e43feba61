import { expect, test } from 'vitest';
import { fineTemperature, humidityPercent, parseCalibration, pressurePa } from '../../drivers/bme280-compensation.ts';
import { bytes } from '../support/hex.ts';

// BME280 esphome/issues#3383: T1 28307, T2 26788, T3 50 and H1 75, with the pressure values of no account; H2 358, H3 0, H6 30.
const FIRST = bytes(`936ea46832${'00'.repeat(20)}4b`);
const SECOND = bytes('660100142b1e1e');

test('puts H4 and H5 together from the nibbles that they share', () => {
  const { humidity } = parseCalibration(FIRST, SECOND);
  expect(humidity).toEqual({ H1: 75, H2: 358, H3: 0, H4: 331, H5: 482, H6: 30 });
});

test('takes H4, H5 and H6 as signed numbers', () => {
  // By the rule of the data sheet, table 16: E4 = FF with the nibble 1 is -15, E6 = 80 with the nibble F is -2033.
  expect(parseCalibration(FIRST, bytes('660100fff180fe')).humidity).toMatchObject({ H4: -15, H5: -2033, H6: -2 });
});

test('gives the humidity of the logged raw values', () => {
  const calibration = parseCalibration(FIRST, SECOND);
  if (calibration.humidity === undefined) throw new Error('no humidity calibration');
  const fine = fineTemperature(520472, calibration);
  expect(humidityPercent(24982, fine, calibration.humidity)).toBeCloseTo(15.53, 2);
});

test('holds the humidity within 0 and 100, as the data sheet does', () => {
  const calibration = parseCalibration(FIRST, SECOND);
  if (calibration.humidity === undefined) throw new Error('no humidity calibration');
  const fine = fineTemperature(520472, calibration);
  expect(humidityPercent(0, fine, calibration.humidity)).toBe(0);
  expect(humidityPercent(65535, fine, calibration.humidity)).toBe(100);
});

test('gives the numbers of the example in the BMP280 data sheet', () => {
  const calibration = parseCalibration(bytes('706b436718fc7d8e43d6d00b270b8c00f9ff8c3cf8c67017'));
  expect(calibration).toEqual({ T1: 27504, T2: 26435, T3: -1000, P: [36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000] });
  const fine = fineTemperature(519888, calibration);
  expect(fine / 5120).toBeCloseTo(25.08, 2);
  expect(pressurePa(415148, fine, calibration)).toBeCloseTo(100653.27, 1);
});

test.each(['00', 'ff'])('refuses calibration bytes that are all %s', (byte) => {
  const idle = (length: number) => bytes(byte.repeat(length));
  expect(() => parseCalibration(idle(24))).toThrow(/implausible: all/);
  expect(() => parseCalibration(FIRST, idle(7))).toThrow(/calibration from 0xE1/);
});
