import { expect, test } from 'vitest';
import { model } from '../../../simulator/devices/bme280.ts';
import { hex } from '../../support/hex.ts';
import { vectors } from '../../support/vectors.ts';
import { context } from '../site.ts';

const FORCED = Uint8Array.of(0xf2, 0x01, 0xf4, 0x25);
const MEASURED_MS = 1000;

function chip(values: Readonly<Record<string, number>>, board = 'bme280') {
  return model(context({ driver: 'bme280', board, address: 0x76 }, values));
}

function read(chipModel: ReturnType<typeof chip>, register: number, length: number, atMs: number): string {
  return hex(chipModel.transfer(Uint8Array.of(register), length, atMs) ?? new Uint8Array(0));
}

const capture = vectors('bme280_bmp280').find(({ id }) => id.endsWith('periph-bme280-i2c'));

test('holds the calibration of the captured chip and shows the raw values that it had for the captured climate', () => {
  const expected = capture?.expected as Record<string, number>;
  const raw = JSON.parse(capture?.input ?? '{}');
  const simulated = chip({
    temperature: expected['temperature'] ?? 0,
    pressure: (expected['pressure'] ?? 0) / 100,
    humidity: expected['humidity'] ?? 0,
  });
  expect(read(simulated, 0x88, 26, 10)).toBe(raw['calib_0x88..']);
  expect(read(simulated, 0xe1, 7, 10)).toBe(raw['calib_0xE1..0xE7']);
  simulated.transfer(FORCED, 0, 20);
  const data = simulated.transfer(Uint8Array.of(0xf7), 8, MEASURED_MS) ?? new Uint8Array(8);
  const word = (at: number) => ((data[at] ?? 0) << 12) | ((data[at + 1] ?? 0) << 4) | ((data[at + 2] ?? 0) >> 4);
  const { adc_P, adc_T, adc_H } = (capture?.context ?? {}) as Record<string, number>;
  // One step of temperature is 0.005 °C and of the published value 0.01; pressure follows the temperature's error.
  expect(Math.abs(word(3) - (adc_T ?? 0))).toBeLessThanOrEqual(2 * 16);
  expect(Math.abs(word(0) - (adc_P ?? 0))).toBeLessThanOrEqual(2 * 16);
  expect(Math.abs(((data[6] ?? 0) << 8) + (data[7] ?? 0) - (adc_H ?? 0))).toBeLessThanOrEqual(2);
});

test('shows skip values until it has measured, says so while it measures, and sleeps afterwards', () => {
  const simulated = chip({ temperature: 20, pressure: 1000, humidity: 50 });
  expect(read(simulated, 0xf7, 8, 10)).toBe('8000008000008000');
  simulated.transfer(FORCED, 0, 20);
  // Oversampling of one each takes at most 9.3 ms (data sheet, 9.1).
  expect(read(simulated, 0xf3, 2, 29.2)).toBe('0825');
  expect(read(simulated, 0xf7, 8, 29.2)).toBe('8000008000008000');
  expect(read(simulated, 0xf3, 2, 29.4)).toBe('0024');
  expect(read(simulated, 0xf7, 8, 29.4)).not.toBe('8000008000008000');
});

test('does not measure humidity until its setting was followed by one of the measuring register', () => {
  const simulated = chip({ temperature: 20, pressure: 1000, humidity: 50 });
  simulated.transfer(Uint8Array.of(0xf4, 0x25), 0, 20);
  expect(read(simulated, 0xfd, 2, 100)).toBe('8000');
  simulated.transfer(Uint8Array.of(0xf2, 0x01), 0, 110);
  simulated.transfer(Uint8Array.of(0xf4, 0x25), 0, 120);
  expect(read(simulated, 0xfd, 2, 200)).not.toBe('8000');
});

test('measures again and again in normal mode', () => {
  let temperature = 20;
  const simulated = model({
    ...context({ driver: 'bme280', address: 0x76 }, {}),
    signal: (reading) => (reading === 'temperature' ? temperature : reading === 'pressure' ? 1000 : 50),
  });
  simulated.transfer(Uint8Array.of(0xf2, 0x01, 0xf4, 0x27), 0, 10);
  const first = read(simulated, 0xfa, 3, 100);
  temperature = 25;
  expect(read(simulated, 0xfa, 3, 200)).not.toBe(first);
});

test('forgets everything with the reset word and is copying its calibration for two milliseconds', () => {
  const simulated = chip({ temperature: 20, pressure: 1000, humidity: 50 });
  simulated.transfer(FORCED, 0, 20);
  read(simulated, 0xf7, 8, 100);
  simulated.transfer(Uint8Array.of(0xe0, 0xb6), 0, 200);
  expect(read(simulated, 0xf2, 2, 201)).toBe('0001');
  expect(read(simulated, 0xf3, 2, 202)).toBe('0000');
  expect(read(simulated, 0xf7, 8, 203)).toBe('8000008000008000');
});

test('a BMP280 has its own id and no humidity', () => {
  const simulated = chip({ temperature: 20, pressure: 1000 }, 'bmp280');
  expect(read(simulated, 0xd0, 1, 10)).toBe('58');
  expect(read(chip({}), 0xd0, 1, 10)).toBe('60');
  simulated.transfer(FORCED, 0, 20);
  expect(read(simulated, 0xfd, 2, 100)).toBe('0000');
  expect(read(simulated, 0xf7, 3, 100)).not.toBe('800000');
});
