import { describe, expect, test } from 'vitest';
import { ads1115, ads1115Volts } from '../../drivers/ads1115.ts';
import type { AnalogInput } from '../../drivers/bus/analog.ts';
import type { I2cBus } from '../../drivers/bus/i2c.ts';
import { BusError } from '../../drivers/errors.ts';
import { bytes } from '../support/hex.ts';
import { i2cPlayback } from '../support/i2c-playback.ts';
import { TestClock } from '../support/test-clock.ts';
import { vectors } from '../support/vectors.ts';

const NO_ABORT = new AbortController().signal;

function inputs(bus: I2cBus, clock: TestClock, range = 4.096) {
  const spec = { board: 'adc', with: { address: 0x48, range }, readings: [], outputs: [] };
  const open = ads1115.ports?.open(spec, clock);
  return (port: string) => {
    const input = open?.(port, 'analog', bus) as AnalogInput;
    return { read: (signal = NO_ABORT) => clock.run(input.readVolts(signal)) };
  };
}

describe('codes of other projects', () => {
  const ranges: Readonly<Record<string, number>> = { '01 9103': 6.144, '01 91c3': 6.144 };
  const withVolts = vectors('ads1115').filter(({ expected }) => 'voltage' in expected);

  test.each(withVolts)('$id', ({ input, expected, context }) => {
    const range = Number(context['full_scale_V'] ?? ranges[String(context['config_written'])]);
    const code = Buffer.from(bytes(input)).readInt16BE(0);
    expect(code).toBe(expected['raw']);
    expect(ads1115Volts(code, range)).toBeCloseTo(Number(expected['voltage']), 3);
  });

  test('there are six', () => expect(withVolts).toHaveLength(6));
});

// The bits of the setting: SBAS444D §9.6.3. Input 0 to 3 against ground is 100 to 111 in bits 14 to 12; once is bit 8.
test.each([
  ['ain0', 6.144, 'c183'],
  ['ain1', 4.096, 'd383'],
  ['ain2', 2.048, 'e583'],
  ['ain3', 0.256, 'fb83'],
] as const)('measures %s once with a range of %d V', async (port, range, setting) => {
  const set = { write: '01', answer: setting };
  const bus = i2cPlayback(0x48, [{ write: `01${setting}` }, set, { write: '00', answer: '4000' }, set]);
  expect(await inputs(bus, new TestClock(), range)(port).read()).toBeCloseTo(range / 2, 9);
  bus.expectDone();
});

test('waits until the measurement is over, and not for ever', async () => {
  const busy = { write: '01', answer: '4383' };
  const bus = i2cPlayback(0x48, [
    { write: '01c383' },
    busy,
    busy,
    { write: '01', answer: 'c383' },
    { write: '00', answer: '2000' },
    { write: '01', answer: 'c383' },
    { write: '01c383' },
    ...Array.from({ length: 11 }, () => busy),
  ]);
  const { read } = inputs(bus, new TestClock())('ain0');
  expect(await read()).toBeCloseTo(1.024, 9);
  await expect(read()).rejects.toMatchObject({ kind: 'implausible', message: expect.stringContaining('still measuring') });
  bus.expectDone();
});

test('a chip that was reset in the middle gives no reading', async () => {
  const bus = i2cPlayback(0x48, [{ write: '01c383' }, { write: '01', answer: '8583' }]);
  await expect(inputs(bus, new TestClock())('ain0').read()).rejects.toMatchObject({
    name: 'DeviceError',
    kind: 'implausible',
    message: expect.stringMatching(/^ADS1115 at 0x48, ain0: expected the setting 0x4383, found 0x0583/),
  });
});

test('nor one that was reset before its result was taken', async () => {
  const bus = i2cPlayback(0x48, [
    { write: '01c383' },
    { write: '01', answer: 'c383' },
    { write: '00', answer: '0000' },
    { write: '01', answer: '8583' },
  ]);
  await expect(inputs(bus, new TestClock())('ain0').read()).rejects.toMatchObject({ kind: 'implausible' });
});

test.each([
  ['gobot-7fff-250-g1', /more than 4.096 V/],
  ['eldruin-16b-8000', /less than −4.096 V/],
])('an input at the end of its range (%s) gives no reading', async (id, message) => {
  const code = vectors('ads1115').find((each) => each.id === `ads1115/${id}`)?.input ?? '';
  const set = { write: '01', answer: 'c383' };
  const bus = i2cPlayback(0x48, [{ write: '01c383' }, set, { write: '00', answer: code }, set]);
  const reading = inputs(bus, new TestClock())('ain0').read();
  await expect(reading).rejects.toMatchObject({ name: 'DeviceError', kind: 'not-available' });
  await expect(reading).rejects.toThrow(message);
});

/** A chip that answers a code of its own for each input, as long as it is set to it. */
function fourInputs(clock: TestClock): I2cBus {
  let setting = 0x8583;
  return {
    async transfer(_address, write, readLength) {
      await new Promise<void>((resolve) => void clock.timer(1, resolve));
      if (write.length === 3) setting = ((write[1] ?? 0) << 8) | (write[2] ?? 0);
      if (readLength === 0) return new Uint8Array(0);
      const code = 0x1000 * (1 + ((setting >> 12) & 3));
      return write[0] === 0 ? Uint8Array.of(code >> 8, 0) : Uint8Array.of(setting >> 8, setting & 0xff);
    },
  };
}

test('four inputs that are read at once do not get each other’s voltage', async () => {
  const clock = new TestClock();
  const input = inputs(fourInputs(clock), clock);
  const volts = await Promise.all(['ain0', 'ain1', 'ain2', 'ain3'].map((port) => input(port).read()));
  expect(volts.map((each) => Math.round(1000 * each))).toEqual([512, 1024, 1536, 2048]);
  expect(clock.timerCount).toBe(0);
});

test('an input whose reading fails or is given up does not keep the others waiting', async () => {
  const clock = new TestClock();
  const error = new BusError('no-answer', 'nobody');
  const chip = fourInputs(clock);
  let isGone = true;
  const bus: I2cBus = { transfer: (...all) => (isGone ? Promise.reject(error) : chip.transfer(...all)) };
  const input = inputs(bus, clock);
  await expect(input('ain0').read()).rejects.toBe(error);
  isGone = false;
  const controller = new AbortController();
  const given = input('ain1').read(controller.signal);
  const reason = new Error('enough');
  controller.abort(reason);
  await expect(given).rejects.toBe(reason);
  expect(await input('ain2').read()).toBeCloseTo(1.536, 9);
});
