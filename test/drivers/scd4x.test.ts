import { describe, expect, test } from 'vitest';
import type { DeviceSpec } from '../../drivers/driver.ts';
import { isReading, type MissingReading, type Reading } from '../../drivers/reading.ts';
import { scd4x } from '../../drivers/scd4x.ts';
import { model } from '../../simulator/devices/scd4x.ts';
import { context } from '../simulator/site.ts';
import { deviceSpec } from '../support/device-spec.ts';
import { bytes, hex } from '../support/hex.ts';
import { type I2cStep, i2cPlayback } from '../support/i2c-playback.ts';
import { expectNoValueOfSpoilt, modelBus, SPOILT } from '../support/model-bus.ts';
import { TestClock } from '../support/test-clock.ts';
import { type Vector, vectors } from '../support/vectors.ts';

const NO_ABORT = new AbortController().signal;
const ALL = ['co2', 'temperature', 'humidity'];
/** The words that periph/devices wrote to a chip (scd4x_test.go): 1604 m, self-calibration off. */
const OPTIONS = scd4x.with.parse({ altitude: 1_604_000, self_calibration: false });
const SPEC: DeviceSpec<typeof OPTIONS> = deviceSpec('scd41', OPTIONS, ALL);

const SET_UP: readonly I2cStep[] = [{ write: '3f86' }, { write: '2427064422' }, { write: '2416000081' }];
const START: readonly I2cStep[] = [...SET_UP, { write: '21b1' }];
const READY: readonly I2cStep[] = [{ write: 'e4b8' }, { write: '', answer: '800604' }];
const NOT_READY: readonly I2cStep[] = [{ write: 'e4b8' }, { write: '', answer: '8000a2' }];
const measured = (answer: string): readonly I2cStep[] => [{ write: 'ec05' }, { write: '', answer }];
const GOOD = '022ca3670d364d08f1';

async function open(steps: readonly I2cStep[]) {
  const clock = new TestClock();
  const bus = i2cPlayback(0x62, steps);
  const device = await scd4x.open(bus, SPEC, clock);
  const once = () => clock.run(device.read?.(NO_ABORT) ?? Promise.reject(new Error('no read')));
  return { clock, bus, once };
}

const ANSWERS = vectors('scd4x').filter(({ input }) => input.length === 18);
const isGood = ({ kind }: Vector) => kind !== 'fault';

test.each(ANSWERS.filter(isGood))('decodes $id', async ({ input, expected, tolerance }) => {
  const { bus, once } = await open([...START, ...READY, ...measured(input)]);
  const results = await once();
  bus.expectDone();
  expect(results.map(({ id }) => id)).toEqual(ALL);
  for (const result of results as Reading[]) {
    const apart = Math.abs(Number(result.value) - Number(expected[result.id]));
    expect(apart, result.id).toBeLessThanOrEqual(tolerance[result.id] ?? 0);
  }
});

test.each([
  ...ANSWERS.filter((vector) => !isGood(vector)),
  { id: 'all zero', input: '00'.repeat(9) },
  { id: 'all ones', input: 'ff'.repeat(9) },
])('refuses $id for its checksum', async ({ input }) => {
  const { once } = await open([...START, ...READY, ...measured(input)]);
  await expect(once()).rejects.toMatchObject({ name: 'BusError', kind: 'bad-checksum' });
});

test.each(['000000', 'ffffff', '800605'])('does not believe a status with a wrong checksum: %s', async (answer) => {
  const { once } = await open([...START, { write: 'e4b8' }, { write: '', answer }]);
  await expect(once()).rejects.toMatchObject({ kind: 'bad-checksum' });
});

// Bits 15 to 11 say nothing of a measurement.
test.each(vectors('scd4x').filter(({ expected }) => 'data_ready' in expected))(
  'takes $id for a measurement',
  async ({ input }) => {
    const { bus, once } = await open([...START, { write: 'e4b8' }, { write: '', answer: input }, ...measured(GOOD)]);
    expect(await once()).toHaveLength(3);
    bus.expectDone();
  },
);

test('sets the chip up once, waits 0.5 s for the stop and 5 s for the first measurement, and only asks from then on', async () => {
  const { clock, bus, once } = await open([...START, ...READY, ...measured(GOOD), ...READY, ...measured(GOOD)]);
  await once();
  expect(clock.monotonicMs()).toBe(500 + 1 + 1 + 5_000 + 1 + 1);
  await clock.advance(60_000);
  await once();
  bus.expectDone();
});

test('looks again for a first measurement that is late', async () => {
  const { bus, once } = await open([...START, ...NOT_READY, ...NOT_READY, ...READY, ...measured(GOOD)]);
  expect((await once()).every(isReading)).toBe(true);
  bus.expectDone();
});

// Sensirion's examples for every SCD4x skip such a sample; sparkfun/SparkFun_SCD4x_Arduino_Library issue 2: VDDH was open.
test('makes no value of a measurement that the chip calls invalid: 0 ppm', async () => {
  const { once } = await open([...START, ...READY, ...measured('000081670d364d08f1')]);
  await expect(once()).rejects.toMatchObject({
    name: 'DeviceError',
    kind: 'not-available',
    message: expect.stringMatching(/0 ppm.*supply/),
  });
});

test('refuses more CO2 than the chip can measure', async () => {
  const { once } = await open([...START, ...READY, ...measured('ffffac670d364d08f1')]);
  await expect(once()).rejects.toMatchObject({ kind: 'implausible', message: expect.stringMatching(/40000 ppm.*65535 ppm/) });
});

test.each([
  { altitude: -1000, self_calibration: true },
  { altitude: 3_001_000, self_calibration: true },
  { altitude: 10_000, self_calibration: 1 },
  { altitude: 10_000 },
  { altitude: 10_000, self_calibration: true, address: 0x62 },
])('does not accept %j', (options) => {
  expect(scd4x.with.safeParse(options).success).toBe(false);
});

describe('with a simulated chip', () => {
  const chip = () => model(context({ driver: 'scd4x' }, { co2: 620, temperature: 21.5, humidity: 44 }));

  async function start() {
    const clock = new TestClock();
    const bus = modelBus(chip(), clock);
    const device = await scd4x.open(bus, SPEC, clock);
    const read = () => clock.run(device.read?.(NO_ABORT) ?? Promise.reject(new Error('no read')));
    return { clock, bus, read };
  }

  function expectShown(results: readonly (Reading | MissingReading)[]) {
    expect(results).toEqual([
      { id: 'co2', value: 620 },
      { id: 'temperature', value: expect.closeTo(21.5, 2) },
      { id: 'humidity', value: expect.closeTo(44, 2) },
    ]);
  }

  test('reads what the chip was shown, every minute, with the settings of the board', async () => {
    const { clock, bus, read } = await start();
    for (let minute = 0; minute < 5; minute++) {
      expectShown(await read());
      await clock.advance(60_000);
    }
    await bus.transfer(0x62, bytes('3f86'), 0);
    await clock.advance(500);
    for (const [command, answer] of [
      ['2322', '064422'],
      ['2313', '000081'],
    ] as const) {
      await bus.transfer(0x62, bytes(command), 0);
      await clock.advance(1);
      expect(hex(await bus.transfer(0x62, new Uint8Array(0), 3))).toBe(answer);
    }
  });

  test('says that nothing is new when it is asked twice within five seconds, without disturbing the chip', async () => {
    const { clock, read } = await start();
    expectShown(await read());
    const results = await read();
    expect(results.map(({ id }) => id)).toEqual(ALL);
    for (const result of results)
      expect(result).toMatchObject({ error: { kind: 'not-available', message: expect.stringMatching(/every 5 s/) } });
    await clock.advance(5_000);
    expectShown(await read());
  });

  test('goes on when the gateway starts again and the chip still measures', async () => {
    const { clock, bus, read } = await start();
    await read();
    await clock.advance(2_000);
    const device = await scd4x.open(bus, SPEC, clock);
    expectShown((await clock.run(device.read?.(NO_ABORT) ?? Promise.resolve([]))) ?? []);
  });

  test.each([1_000, 20_000, 59_000])(
    'starts a chip again that was reset %d ms after a read, and reads it at once',
    async (afterMs) => {
      const { clock, bus, read } = await start();
      expectShown(await read());
      await clock.advance(afterMs);
      bus.replace(chip());
      await clock.advance(60_000 - afterMs);
      expectShown(await read());
      await clock.advance(60_000);
      expectShown(await read());
    },
  );

  test.each([0, 300, 501, 3_000])('reads again after a reset %d ms into the setting up', async (atMs) => {
    const { clock, bus, read } = await start();
    clock.timer(atMs, () => bus.replace(chip()));
    // The start is lost with the chip's memory, or it comes after the reset.
    const first = await read().catch((error: unknown) => error);
    if (first instanceof Error) expect(first).toMatchObject({ kind: 'not-available', message: expect.stringMatching(/205 mA/) });
    else expectShown(first as Reading[]);
    await clock.advance(60_000);
    await read().catch(() => undefined);
    await clock.advance(60_000);
    expectShown(await read());
  });

  test('tells of a chip that never measures in each read, and reads it once it does', async () => {
    const { clock, bus, read } = await start();
    bus.garble((answer) => (answer.length === 3 ? bytes('8000a2') : answer));
    await expect(read()).rejects.toMatchObject({ kind: 'not-available' });
    for (let reads = 0; reads < 3; reads++) {
      await clock.advance(60_000);
      const beganMs = clock.monotonicMs();
      await expect(read()).rejects.toMatchObject({ kind: 'not-available' });
      expect(clock.monotonicMs() - beganMs).toBeLessThan(7_000);
    }
    bus.garble(undefined);
    await clock.advance(60_000);
    expectShown(await read());
  });

  test('lets out that nobody acknowledges, and reads once the chip is there', async () => {
    const { clock, bus, read } = await start();
    bus.replace({ ...chip(), address: 0x61 });
    await expect(read()).rejects.toMatchObject({ name: 'BusError', kind: 'no-answer' });
    bus.replace(chip());
    await clock.advance(10_000);
    expectShown(await read());
  });

  test.each(SPOILT)('makes no value of answers that are spoilt (%s) for a minute', async (_says, change) => {
    await expectNoValueOfSpoilt(await start(), change, expectShown);
  });
});
