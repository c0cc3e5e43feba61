import { describe, expect, test } from 'vitest';
import { dnms } from '../../drivers/dnms.ts';
import type { MissingReading, Reading } from '../../drivers/reading.ts';
import { model } from '../../simulator/devices/dnms.ts';
import { context } from '../simulator/site.ts';
import { deviceSpec } from '../support/device-spec.ts';
import { bytes } from '../support/hex.ts';
import { type I2cStep, i2cPlayback } from '../support/i2c-playback.ts';
import { expectNoValueOfSpoilt, modelBus, SPOILT } from '../support/model-bus.ts';
import { TestClock } from '../support/test-clock.ts';

// No recording of the bytes of a real board is public. The levels are real ones; their bytes were made with Python's
// struct.pack('>f') and a CRC-8 of its own, which gives the check value of the data sheet.

const NO_ABORT = new AbortController().signal;
const SPEC = deviceSpec('dnms', { address: 0x55 }, ['laeq', 'la_min', 'la_max']);

const IDENTIFY: readonly I2cStep[] = [{ write: '0002' }, { write: '', answer: '444ea94d5365' }];
const CALCULATE: readonly I2cStep[] = [{ write: '0003' }];
const READY: readonly I2cStep[] = [{ write: '0004' }, { write: '', answer: '0001b0' }];
const NOT_READY: readonly I2cStep[] = [{ write: '0004' }, { write: '', answer: '000081' }];
const levels = (answer: string): readonly I2cStep[] => [{ write: '0005' }, { write: '', answer }];
const BEGIN = [...IDENTIFY, ...CALCULATE];
const GOOD = '425a74147b7e422c2a5c29dc42977ff0a4a1';

async function open(steps: readonly I2cStep[]) {
  const clock = new TestClock();
  const bus = i2cPlayback(0x55, steps);
  const device = await dnms.open(bus, SPEC, clock);
  const read = () => clock.run(device.read?.(NO_ABORT) ?? Promise.reject(new Error('no read')));
  return { clock, bus, read };
}

test.each([
  // lichtteil/local_luftdaten issue 52, hbitter/DNMS issues 39 and 26, klein0r/ioBroker.luftdaten issue 38.
  { input: GOOD, expected: [54.52, 43.09, 75.97] },
  { input: '424519e14887423d580a3de6426c17b8523b', expected: [49.47, 47.26, 59.18] },
  { input: '4233470a3de64227c00000814241ddf5c3fa', expected: [44.76, 41.75, 48.49] },
  { input: '425927cccd944225a2d70a30428b41d70a30', expected: [54.45, 41.46, 69.92] },
])('decodes the levels $expected', async ({ input, expected }) => {
  const { bus, read } = await open([...BEGIN, ...CALCULATE, ...READY, ...levels(input)]);
  expect(await read()).toEqual(
    ['laeq', 'la_min', 'la_max'].map((id, index) => ({ id, value: expect.closeTo(expected[index] ?? 0, 4) })),
  );
  bus.expectDone();
});

test.each([
  { says: 'a flipped bit', input: '425a74147b7e422c2a5c29dc42977ff0a5a1' },
  { says: 'all zero', input: '00'.repeat(18) },
  { says: 'all ones', input: 'ff'.repeat(18) },
])('refuses $says for its checksum', async ({ input }) => {
  const { read } = await open([...BEGIN, ...CALCULATE, ...READY, ...levels(input)]);
  await expect(read()).rejects.toMatchObject({ name: 'BusError', kind: 'bad-checksum' });
});

test.each([
  {
    says: 'zeros with a good checksum: nothing measured yet',
    input: '000081'.repeat(6),
    kind: 'not-available',
    message: /a level/,
  },
  // hbitter/DNMS issue 24: "> 800 dBA".
  { says: '812.5 dB(A)', input: '444b5c20005d422c2a000081444f988000a2', kind: 'implausible', message: /0 to 140.*812\.5/ },
  { says: 'what is not a number', input: '7fc064000081422c2a000081428cd6000081', kind: 'implausible', message: /NaN/ },
  { says: 'a level below zero', input: '425a74147b7ebf80f300008142977ff0a4a1', kind: 'implausible', message: /LAmin -1/ },
  {
    says: 'a lowest level above the mean',
    input: '425a74147b7e42702900008142964e000081',
    kind: 'implausible',
    message: /LAmin 60/,
  },
  {
    says: 'a highest level below the mean',
    input: '425a74147b7e422c2a5c29dc424855000081',
    kind: 'implausible',
    message: /LAmax 50/,
  },
  { says: 'the silence of a broken microphone', input: '40a0f4000081'.repeat(3), kind: 'implausible', message: /microphone/ },
])('refuses $says', async ({ input, kind, message }) => {
  const { read } = await open([...BEGIN, ...CALCULATE, ...READY, ...levels(input)]);
  await expect(read()).rejects.toMatchObject({ name: 'DeviceError', kind, message: expect.stringMatching(message) });
});

test('refuses another device at its address, and looks again at the next read', async () => {
  const other: readonly I2cStep[] = [{ write: '0002' }, { write: '', answer: '4142a34344dc' }];
  const { bus, read } = await open([...other, ...BEGIN, ...CALCULATE, ...READY, ...levels(GOOD)]);
  await expect(read()).rejects.toMatchObject({ kind: 'implausible', message: expect.stringMatching(/DNMS, found "ABCD"/) });
  expect(await read()).toHaveLength(3);
  bus.expectDone();
});

test('throws away what was averaged before the first read, and averages from read to read afterwards', async () => {
  const once = [...CALCULATE, ...READY, ...levels(GOOD)];
  const { clock, bus, read } = await open([...BEGIN, ...once, ...once]);
  await read();
  expect(clock.monotonicMs()).toBe(1_000 + 20);
  await clock.advance(60_000);
  await read();
  expect(clock.monotonicMs()).toBe(61_020 + 20);
  bus.expectDone();
});

test('averages over a second at least', async () => {
  const once = [...CALCULATE, ...READY, ...levels(GOOD)];
  const { clock, read } = await open([...BEGIN, ...once, ...once]);
  await read();
  await read();
  expect(clock.monotonicMs()).toBe(2 * 1_000 + 20);
});

test('begins anew when nobody has read the board for longer than it averages', async () => {
  const once = [...CALCULATE, ...READY, ...levels(GOOD)];
  const { clock, bus, read } = await open([...BEGIN, ...once, ...once, ...CALCULATE, ...once]);
  await read();
  await clock.advance(3_600_000);
  await read();
  await clock.advance(4_000_000);
  await read();
  bus.expectDone();
});

test('looks again for levels that are not ready', async () => {
  const { clock, bus, read } = await open([...BEGIN, ...CALCULATE, ...NOT_READY, ...NOT_READY, ...READY, ...levels(GOOD)]);
  expect(await read()).toHaveLength(3);
  expect(clock.monotonicMs()).toBe(1_000 + 3 * 20);
  bus.expectDone();
});

test('resets a board that never gets ready, and begins anew', async () => {
  const never = Array.from({ length: 25 }, () => NOT_READY).flat();
  const reset: readonly I2cStep[] = [{ write: '0001' }];
  const { bus, read } = await open([
    ...BEGIN,
    ...CALCULATE,
    ...never,
    ...reset,
    ...BEGIN,
    ...CALCULATE,
    ...READY,
    ...levels(GOOD),
  ]);
  await expect(read()).rejects.toMatchObject({
    name: 'DeviceError',
    kind: 'not-available',
    message: expect.stringMatching(/500 ms.*reset/),
  });
  expect(await read()).toHaveLength(3);
  bus.expectDone();
});

describe('with a simulated board', () => {
  const VALUES = { laeq: 56.25, la_min: 47.5, la_max: 71.75 };
  const board = () => model(context({ driver: 'dnms', address: 0x55 }, VALUES));

  async function start() {
    const clock = new TestClock();
    const bus = modelBus(board(), clock);
    const device = await dnms.open(bus, SPEC, clock);
    const read = () => clock.run(device.read?.(NO_ABORT) ?? Promise.reject(new Error('no read')));
    return { clock, bus, read };
  }

  function expectShown(results: readonly (Reading | MissingReading)[]) {
    expect(results).toEqual(Object.entries(VALUES).map(([id, value]) => ({ id, value })));
  }

  test('reads what the board was shown, every minute', async () => {
    const { clock, read } = await start();
    for (let minute = 0; minute < 5; minute++) {
      expectShown(await read());
      await clock.advance(60_000);
    }
  });

  // Before the window's calculation, while it is awaited, and between reads.
  test.each([200, 1_010, 30_000])('goes on when the board is reset after %d ms', async (atMs) => {
    const { clock, bus, read } = await start();
    clock.timer(atMs, () => bus.replace(board()));
    await read().catch((error: unknown) => expect(error).toMatchObject({ kind: 'not-available' }));
    await clock.advance(60_000);
    expectShown(await read());
  });

  test('lets out that a board which starts does not acknowledge, and reads it afterwards', async () => {
    const { clock, bus, read } = await start();
    expectShown(await read());
    await clock.advance(60_000);
    await bus.transfer(0x55, bytes('0001'), 0);
    await clock.advance(100);
    await expect(read()).rejects.toMatchObject({ name: 'BusError', kind: 'no-answer' });
    await clock.advance(10_000);
    expectShown(await read());
  });

  test.each(SPOILT)('makes no value of answers that are spoilt (%s) for a minute', async (_says, change) => {
    await expectNoValueOfSpoilt(await start(), change, expectShown);
  });
});
