import { expect, test } from 'vitest';
import { BusError } from '../../drivers/errors.ts';
import { sht3x } from '../../drivers/sht3x.ts';
import { deviceSpec } from '../support/device-spec.ts';
import { type I2cStep, i2cPlayback } from '../support/i2c-playback.ts';
import { TestClock } from '../support/test-clock.ts';
import { vectors } from '../support/vectors.ts';

const NO_ABORT = new AbortController().signal;
const MEASURE: I2cStep = { write: '2400' };
const NACK = new BusError('no-answer', '0x44 does not acknowledge');

async function read(steps: readonly I2cStep[], clock = new TestClock()) {
  const bus = i2cPlayback(0x44, steps);
  const device = await sht3x.open(bus, deviceSpec('sht31', { address: 0x44 }, ['temperature', 'humidity']), clock);
  const results = await clock.run(device.read?.(NO_ABORT) ?? Promise.reject(new Error('no read')));
  bus.expectDone();
  return results;
}

const ANSWERS = vectors('sht3x').filter(({ input }) => input.length === 12 && !input.startsWith('2000'));

test.each(ANSWERS.filter(({ kind }) => kind !== 'fault'))('decodes $id', async ({ input, expected }) => {
  const results = await read([MEASURE, { write: '', answer: input }]);
  expect(results).toEqual([
    { id: 'temperature', value: expect.closeTo(Number(expected['temperature']), 2) },
    { id: 'humidity', value: expect.closeTo(Number(expected['humidity']), 2) },
  ]);
});

test.each([
  ...ANSWERS.filter(({ kind }) => kind === 'fault'),
  // RobTillaart/SHT31 issues 7 and 23: what a broken wire gives.
  { id: 'a bus of zeros', input: '000000000000' },
  { id: 'an idle bus', input: 'ffffffffffff' },
])('refuses $id for its checksum', async ({ input }) => {
  await expect(read([MEASURE, { write: '', answer: input }])).rejects.toMatchObject({ name: 'BusError', kind: 'bad-checksum' });
});

test('waits for the longest measurement of the data sheet before it reads', async () => {
  const clock = new TestClock();
  await read([MEASURE, { write: '', answer: 'beef92beef92' }], clock);
  expect(clock.monotonicMs()).toBeGreaterThanOrEqual(15.5);
  expect(clock.monotonicMs()).toBeLessThan(20);
});

test('asks once more when the sensor still measures', async () => {
  const results = await read([MEASURE, { write: '', answer: '', error: NACK }, { write: '', answer: '000081000081' }]);
  expect(results).toEqual([
    { id: 'temperature', value: -45 },
    { id: 'humidity', value: 0 },
  ]);
});

test('says that nobody answers when the second question is not acknowledged either', async () => {
  const silent = { write: '', error: NACK };
  await expect(read([MEASURE, silent, silent])).rejects.toBe(NACK);
});

test('does not ask again after another failure', async () => {
  const hung = new BusError('timeout', 'the bus hangs');
  await expect(read([MEASURE, { write: '', error: hung }])).rejects.toBe(hung);
});

test('refuses a board that declares what the sensor does not measure', async () => {
  const spec = deviceSpec('odd', { address: 0x44 }, ['pressure']);
  await expect(sht3x.open(i2cPlayback(0x44, []), spec, new TestClock())).rejects.toThrow(
    /board odd declares the reading pressure/,
  );
});

test.each([0x00, 0x07, 0x78, 68.5, '0x44', undefined])('does not accept the address %s', (address) => {
  expect(sht3x.with.safeParse({ address }).success).toBe(false);
});
