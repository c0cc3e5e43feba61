import { describe, expect, test } from 'vitest';
import { bme280 } from '../../drivers/bme280.ts';
import { BusError } from '../../drivers/errors.ts';
import { isReading, type MissingReading, type Reading } from '../../drivers/reading.ts';
import { deviceSpec } from '../support/device-spec.ts';
import { type I2cStep, i2cPlayback } from '../support/i2c-playback.ts';
import { TestClock } from '../support/test-clock.ts';
import { type Vector, vectors } from '../support/vectors.ts';

const NO_ABORT = new AbortController().signal;
const ALL = ['temperature', 'humidity', 'pressure'];

/** The recording of periph/devices (vector periph-bme280-i2c). */
const CALIBRATION: readonly I2cStep[] = [
  { write: '88', answer: '106e6c6632005d95b8d5d00b771e9dfff9ffac260ad8bd10004b' },
  { write: 'e1', answer: '6e01001305001e' },
];
const DATA = '4a52c08096c07a76';
const IDENTIFY: readonly I2cStep[] = [{ write: 'd0', answer: '60' }, { write: 'f3', answer: '00' }, ...CALIBRATION];
const START: readonly I2cStep[] = [{ write: 'f201' }, { write: 'f425' }];
const READY: I2cStep = { write: 'f3', answer: '00' };
const BUSY: I2cStep = { write: 'f3', answer: '08' };
const data = (answer: string): I2cStep => ({ write: 'f7', answer });
const GOOD_READ: readonly I2cStep[] = [...START, READY, data(DATA)];

type Results = readonly (Reading | MissingReading)[];

async function open(steps: readonly I2cStep[], readings: readonly string[] = ALL, clock = new TestClock()) {
  const bus = i2cPlayback(0x76, steps);
  const device = await bme280.open(bus, deviceSpec('bme280', { address: 0x76 }, readings), clock);
  const read = (signal = NO_ABORT): Promise<Results> => clock.run(device.read?.(signal) ?? Promise.reject(new Error('no read')));
  return { read, clock, expectDone: bus.expectDone };
}

async function readOnce(steps: readonly I2cStep[], readings?: readonly string[]) {
  const { read, expectDone } = await open(steps, readings);
  const results = await read();
  expectDone();
  return results;
}

function exchangeOf({ input, context }: Vector): readonly I2cStep[] {
  const recorded = JSON.parse(input) as Record<string, string | null>;
  const isBme = context['chip_id(0xD0)'] === '0x60';
  const second = recorded['calib_0xE1..0xE7'];
  return [
    { write: 'd0', answer: isBme ? '60' : '58' },
    READY,
    { write: '88', answer: recorded['calib_0x88..'] ?? '' },
    ...(second ? [{ write: 'e1', answer: second }] : []),
    ...(isBme ? START : START.slice(1)),
    READY,
    { write: 'f7', answer: (recorded['data_0xF7..'] ?? '').slice(0, isBme ? 16 : 12) },
  ];
}

describe('decoding', () => {
  const recordings = vectors('bme280_bmp280').filter(({ kind }) => kind !== 'fault');
  test.each(recordings)('gives the values of $id', async (vector) => {
    const wanted = Object.keys(vector.expected);
    const results = await readOnce(exchangeOf(vector), wanted);
    expect(results.map(({ id }) => id)).toEqual(wanted);
    for (const result of results) {
      // The vectors have Pa; the driver gives hPa.
      const toPerUnit = result.id === 'pressure' ? 100 : 1;
      const found = isReading(result) ? Number(result.value) * toPerUnit : Number.NaN;
      const difference = Math.abs(found - Number(vector.expected[result.id]));
      expect(difference, `${result.id} is ${found}`).toBeLessThanOrEqual(vector.tolerance[result.id] ?? 0);
    }
  });

  test('gives the other readings when only the pressure was not measured', async () => {
    const vector = vectors('bme280_bmp280').find(({ id }) => id.endsWith('gobot-bme280-humidity')) as Vector;
    const [temperature, pressure] = await readOnce(exchangeOf(vector), ['temperature', 'pressure']);
    expect(temperature).toEqual({ id: 'temperature', value: expect.closeTo(25.08, 2) });
    expect(pressure).toMatchObject({ id: 'pressure', error: { name: 'DeviceError', kind: 'implausible' } });
  });

  test.each([
    ['all zero', '0000000000000000', /implausible: all zero/],
    ['all FF', 'ffffffffffffffff', /implausible: all FF/],
    ['the values after a reset', '8000008000008000', /temperature register holds 0x80000/],
    // opendata-stuttgart/sensors-software#926: zeros of a bad wire in a part of the answer gave -140 °C.
    ['zeros in the place of the temperature', '4a52c00000007a76', /implausible temperature: expected -40 to 85 degC, found -/],
  ])('refuses %s', async (_, answer, message) => {
    const attempt = readOnce([...IDENTIFY, ...START, READY, data(answer)]);
    await expect(attempt).rejects.toMatchObject({
      name: 'DeviceError',
      kind: 'implausible',
      message: expect.stringMatching(message),
    });
  });

  // The bus was lost in the middle of the block: what comes after is its idle level, and what came before may be cut as well.
  test.each([
    ['low, before the humidity', '4a52c08096c00000', /all zero in the humidity at 0xFD/],
    ['high, before the humidity', '4a52c08096c0ffff', /all FF in the humidity at 0xFD/],
    ['low, in the temperature', '4a52c08096000000', /all zero in the humidity at 0xFD/],
    ['high, in the temperature', '4a52c08096ffffff', /all FF in the humidity at 0xFD/],
    ['for a moment in the temperature', '4a52c080ffff7a76', /four zero bits .* found 0xc0 and 0xff/],
    ['for a moment in the pressure', '4affff8096c07a76', /four zero bits .* found 0xff and 0xc0/],
  ])('refuses the whole answer when the bus goes %s', async (_, answer, message) => {
    const kind = 'implausible';
    const attempt = readOnce([...IDENTIFY, ...START, READY, data(answer)]);
    await expect(attempt).rejects.toMatchObject({ name: 'DeviceError', kind, message: expect.stringMatching(message) });
  });

  test('refuses the answer of a BMP280 when the bus goes high in its temperature', async () => {
    const [id, ...rest] = exchangeOf(vectors('bme280_bmp280').find(({ id }) => id.endsWith('datasheet-example')) as Vector);
    const steps = [id as I2cStep, ...rest.slice(0, -1), data('655ac07eedff')];
    await expect(readOnce(steps, ['temperature'])).rejects.toThrow(/four zero bits .* found 0xc0 and 0xff/);
  });

  test('refuses only the humidity when only the humidity was not measured', async () => {
    const [temperature, humidity] = await readOnce(
      [...IDENTIFY, ...START, READY, data('4a52c08096c08000')],
      ['temperature', 'humidity'],
    );
    expect(temperature).toEqual({ id: 'temperature', value: expect.closeTo(23.72, 2) });
    expect(humidity).toMatchObject({
      error: { kind: 'implausible', message: expect.stringMatching(/humidity register holds 0x8000,/) },
    });
  });

  test('refuses only the pressure when only the pressure is impossible', async () => {
    const [temperature, pressure] = await readOnce(
      [...IDENTIFY, ...START, READY, data('fffff08096c07a76')],
      ['temperature', 'pressure'],
    );
    expect(temperature).toEqual({ id: 'temperature', value: expect.closeTo(23.72, 2) });
    expect(pressure).toMatchObject({
      error: { kind: 'implausible', message: expect.stringMatching(/expected 300 to 1100 hPa/) },
    });
  });
});

describe('identification', () => {
  test.each([
    ['00', 'found 0x00 at 0x76. Nobody drives the bus: check the wires.'],
    ['ff', 'found 0xff at 0x76. Nobody drives the bus: check the wires.'],
    ['61', 'found 0x61 at 0x76. Another chip has this address.'],
  ])('refuses the chip id %s before it reads anything else', async (answer, found) => {
    const attempt = readOnce([{ write: 'd0', answer }]);
    const message = `expected chip id 0x60 (BME280) or 0x58 (BMP280), ${found}`;
    await expect(attempt).rejects.toMatchObject({ name: 'DeviceError', kind: 'implausible', message });
  });

  test('says that the chip is a BMP280 when humidity is wanted', async () => {
    await expect(readOnce([{ write: 'd0', answer: '58' }])).rejects.toThrow(
      /found 0x58 .* This is a BMP280, which has no humidity sensor/,
    );
  });

  test.each(['56', '57', '58'])('takes the chip id %s for a BMP280 when humidity is not wanted', async (answer) => {
    const [, ...rest] = exchangeOf(vectors('bme280_bmp280').find(({ id }) => id.endsWith('datasheet-example')) as Vector);
    const results = await readOnce([{ write: 'd0', answer }, ...rest], ['temperature']);
    expect(results).toEqual([{ id: 'temperature', value: expect.closeTo(25.08, 2) }]);
  });

  test.each(['00', 'ff'])('refuses a calibration that is all %s', async (byte) => {
    const steps = [...IDENTIFY.slice(0, 2), { write: '88', answer: byte.repeat(26) }, { write: 'e1', answer: '6e01001305001e' }];
    await expect(readOnce(steps)).rejects.toMatchObject({ name: 'DeviceError', kind: 'implausible' });
  });

  test('does not read the calibration while the chip still copies it', async () => {
    const attempt = readOnce([
      { write: 'd0', answer: '60' },
      { write: 'f3', answer: '01' },
    ]);
    await expect(attempt).rejects.toMatchObject({ name: 'DeviceError', kind: 'not-available' });
  });
});

describe('measuring', () => {
  test('waits the longest measurement time of the data sheet', async () => {
    const { read, clock } = await open([...IDENTIFY, ...GOOD_READ]);
    await read();
    expect(clock.monotonicMs()).toBeCloseTo(9.3, 6);
  });

  test('waits for a chip that still measures, and reads only then', async () => {
    const results = await readOnce([...IDENTIFY, ...START, BUSY, BUSY, READY, data(DATA)], ['temperature']);
    expect(results).toEqual([{ id: 'temperature', value: expect.closeTo(23.72, 2) }]);
  });

  test('gives up on a chip that measures for ever', async () => {
    await expect(readOnce([...IDENTIFY, ...START, BUSY, BUSY, BUSY])).rejects.toMatchObject({ kind: 'not-available' });
  });

  test('reads the calibration once, and starts every measurement anew', async () => {
    const { read, expectDone } = await open([...IDENTIFY, ...GOOD_READ, ...GOOD_READ]);
    expect(await read()).toEqual(await read());
    expectDone();
  });

  test.each([
    ['the bus failed', { write: 'f7', error: new BusError('no-answer', 'unplugged'), answer: '' }],
    ['the answer was implausible', data('0000000000000000')],
  ])('identifies the chip again after %s, because it may be another one', async (_, failing) => {
    const { read, expectDone } = await open([...IDENTIFY, ...START, READY, failing, ...IDENTIFY, ...GOOD_READ]);
    await expect(read()).rejects.toThrow();
    expect((await read()).every(isReading)).toBe(true);
    expectDone();
  });

  test('ends with the reason of a signal that is aborted while the chip measures', async () => {
    const { read, clock } = await open([...IDENTIFY, ...START, ...IDENTIFY, ...GOOD_READ]);
    const controller = new AbortController();
    const reason = new Error('stopped by the test');
    clock.timer(5, () => controller.abort(reason));
    await expect(read(controller.signal)).rejects.toBe(reason);
    expect(clock.timerCount).toBe(0);
    expect(await read()).toHaveLength(3);
  });
});

test('plans the bytes of a round with the address byte of every direction', () => {
  const plan = bme280.plan(deviceSpec('bme280', { address: 0x76 }, ALL));
  expect(plan.map(({ writeBytes, readBytes, waitMs }) => [writeBytes, readBytes, waitMs])).toEqual([
    [3, 0, 0],
    [3, 0, 9.3],
    [2, 2, 0],
    [2, 9, 0],
  ]);
});
