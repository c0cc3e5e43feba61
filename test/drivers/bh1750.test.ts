import { describe, expect, test } from 'vitest';
import { bh1750 } from '../../drivers/bh1750.ts';
import { BusError } from '../../drivers/errors.ts';
import { model } from '../../simulator/devices/bh1750.ts';
import { context } from '../simulator/site.ts';
import { deviceSpec } from '../support/device-spec.ts';
import { type I2cStep, i2cPlayback } from '../support/i2c-playback.ts';
import { modelBus } from '../support/model-bus.ts';
import { TestClock } from '../support/test-clock.ts';
import { vectors } from '../support/vectors.ts';

const NO_ABORT = new AbortController().signal;
const SPEC = deviceSpec('bh1750', { address: 0x23 }, ['light']);
/** 69 and 31 in the measurement time register, high bits first; the instructions as the data sheet prints them. */
const USUAL: readonly I2cStep[] = [{ write: '42' }, { write: '65' }];
const LEAST: readonly I2cStep[] = [{ write: '40' }, { write: '7f' }];
const counted = (answer: string): readonly I2cStep[] => [{ write: '20' }, { write: '', answer }];

async function read(steps: readonly I2cStep[], clock = new TestClock()) {
  const bus = i2cPlayback(0x23, steps);
  const device = await bh1750.open(bus, SPEC, clock);
  const results = await clock.run(device.read?.(NO_ABORT) ?? Promise.reject(new Error('no read')));
  bus.expectDone();
  return results;
}

const VECTORS = vectors('bh1750').filter(({ input }) => input !== 'ffff');

test.each(VECTORS)('decodes $id', async ({ input, expected }) => {
  const results = await read([...USUAL, ...counted(input)]);
  expect(results).toEqual([{ id: 'light', value: expect.closeTo(Number(expected['illuminance']), 2) }]);
});

test('waits for the longest measurement of the data sheet before it reads', async () => {
  const clock = new TestClock();
  await read([...USUAL, ...counted('05b0')], clock);
  expect(clock.monotonicMs()).toBe(180);
});

// TomMajor/SmartHome issue 35: darkness was taken for an overrun.
test('says 0 lx in darkness, when two measurements find it', async () => {
  expect(await read([...USUAL, ...counted('0000'), ...counted('0000')])).toEqual([{ id: 'light', value: 0 }]);
});

test('takes the second measurement when only the first one found nothing', async () => {
  expect(await read([...USUAL, ...counted('0000'), ...counted('035f')])).toEqual([
    { id: 'light', value: expect.closeTo(719.17, 2) },
  ]);
});

test('never takes the end of the count for a value: it measures again at the least sensitivity', async () => {
  const clock = new TestClock();
  // 1 / 1.2 × 69 / 31 lx for each count (data sheet p. 11); 0xd2f0 = 54,000.
  expect(await read([...USUAL, ...counted('ffff'), ...LEAST, ...counted('d2f0')], clock)).toEqual([
    { id: 'light', value: expect.closeTo(100_161.29, 2) },
  ]);
  expect(clock.monotonicMs()).toBe(180 + 81);
});

test.each([
  { says: 'all ones: too bright, or nobody drives the bus', second: 'ffff', message: /0xffff.*Check the wires/ },
  { says: 'full scale and then nothing: a chip that restarted', second: '0000', message: /restarted/ },
])('refuses $says', async ({ second, message }) => {
  const steps = [...USUAL, ...counted('ffff'), ...LEAST, ...counted(second)];
  await expect(read(steps)).rejects.toMatchObject({
    name: 'DeviceError',
    kind: 'implausible',
    message: expect.stringMatching(message),
  });
});

test('goes back to the usual sensitivity after bright light, and leaves it alone otherwise', async () => {
  const clock = new TestClock();
  const bright = [...counted('ffff'), ...LEAST, ...counted('8000')];
  const bus = i2cPlayback(0x23, [...USUAL, ...bright, ...USUAL, ...counted('05b0'), ...counted('05b0')]);
  const device = await bh1750.open(bus, SPEC, clock);
  for (let reads = 0; reads < 3; reads++) await clock.run(device.read?.(NO_ABORT) ?? Promise.resolve([]));
  bus.expectDone();
});

test.each([0, 1, 2, 3])(
  'lets a failure of transaction %i out and sets the sensitivity again where it is not known',
  async (at) => {
    const clock = new TestClock();
    const nack = new BusError('no-answer', '0x23 does not acknowledge');
    const good: readonly I2cStep[] = [...USUAL, ...counted('05b0')];
    const failed = good.slice(0, at + 1).map((step, index) => (index === at ? { write: step.write, error: nack } : step));
    const bus = i2cPlayback(0x23, [...failed, ...(at < 2 ? good : counted('05b0'))]);
    const device = await bh1750.open(bus, SPEC, clock);
    await expect(clock.run(device.read?.(NO_ABORT) ?? Promise.resolve([]))).rejects.toBe(nack);
    expect(await clock.run(device.read?.(NO_ABORT) ?? Promise.resolve([]))).toHaveLength(1);
    bus.expectDone();
  },
);

test('refuses a board that declares what the sensor does not measure', async () => {
  const spec = deviceSpec('odd', { address: 0x23 }, ['uv']);
  await expect(bh1750.open(i2cPlayback(0x23, []), spec, new TestClock())).rejects.toThrow(/board odd declares the reading uv/);
});

describe('with a simulated chip', () => {
  const chip = (light: number) => model(context({ driver: 'bh1750', address: 0x23 }, { light }));

  async function start(light: number) {
    const clock = new TestClock();
    const bus = modelBus(chip(light), clock);
    const device = await bh1750.open(bus, SPEC, clock);
    const once = () => clock.run(device.read?.(NO_ABORT) ?? Promise.reject(new Error('no read')));
    return { clock, bus, once };
  }

  // A step of the count is 5/6 lx, at the least sensitivity 1.86 lx.
  test.each([0, 1, 420.5, 54_000, 54_700, 99_000, 121_000])('reads what the chip was shown: %d lx', async (light) => {
    const { once } = await start(light);
    const [result] = await once();
    expect(result).toMatchObject({ id: 'light' });
    expect(Math.abs(Number((result as { value: number }).value) - light)).toBeLessThanOrEqual(0.93);
  });

  test.each([90, 200])('reads right when the chip restarts %d ms after the measuring began', async (atMs) => {
    const { clock, bus, once } = await start(420.5);
    clock.timer(atMs, () => bus.replace(chip(420.5)));
    for (let reads = 0; reads < 3; reads++) expect(await once()).toEqual([{ id: 'light', value: expect.closeTo(420.5, 0) }]);
  });

  test('reads right when the chip restarts after bright light', async () => {
    const { bus, once } = await start(90_000);
    expect(await once()).toEqual([{ id: 'light', value: expect.closeTo(90_000, -1) }]);
    bus.replace(chip(500));
    expect(await once()).toEqual([{ id: 'light', value: expect.closeTo(500, 0) }]);
  });

  test('makes no value of a bus that nobody drives, and reads again once somebody does', async () => {
    const { bus, once } = await start(420.5);
    bus.garble((answer) => answer.map(() => 0xff));
    await expect(once()).rejects.toMatchObject({ kind: 'implausible' });
    bus.garble(undefined);
    expect(await once()).toEqual([{ id: 'light', value: expect.closeTo(420.5, 0) }]);
  });
});
