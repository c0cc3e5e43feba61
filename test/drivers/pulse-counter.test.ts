import { describe, expect, test } from 'vitest';
import type { InputOptions } from '../../drivers/bus/gpio.ts';
import type { WallTime } from '../../drivers/clock.ts';
import type { DeviceSpec, LastTotal, PulseSpec } from '../../drivers/driver.ts';
import { BusError } from '../../drivers/errors.ts';
import { pulseCounter } from '../../drivers/pulse-counter.ts';
import { FakeInput } from '../support/fake-gpio.ts';
import { drain, TestClock } from '../support/test-clock.ts';
import { vectors } from '../support/vectors.ts';

const NO_ABORT = new AbortController().signal;
const DELTA: PulseSpec = { kind: 'delta', unit: 'mm', scaleBy: 0.2 };
const TOTAL: PulseSpec = { kind: 'total', unit: 'mm', scaleBy: 0.2 };
const TODAY: PulseSpec = { ...TOTAL, resets: 'daily' };
const DAY_MS = 86_400_000;
/** 1 March 2026, 12:00 UTC. */
const NOON_MS = 1_772_366_400_000;

interface Sketch {
  readonly pulses?: Readonly<Record<string, PulseSpec>>;
  readonly pull?: 'up' | 'down' | 'none';
  readonly options?: Readonly<Record<string, number>>;
  readonly last?: Readonly<Record<string, LastTotal>>;
  readonly wall?: WallTime;
}

/** An input that can refuse to be read while its changes are told. */
class RefusingInput extends FakeInput {
  readFailure: Error | undefined;

  override async open(options: InputOptions) {
    const input = await super.open(options);
    const read = async () => {
      if (this.readFailure !== undefined) throw this.readFailure;
      return input.read();
    };
    return { ...input, read };
  }
}

async function open({ pulses = { rain: DELTA }, pull = 'up', options = {}, last, wall }: Sketch = {}) {
  const input = new RefusingInput(pull !== 'down');
  const clock = new TestClock(wall);
  const spec: DeviceSpec<Parameters<typeof pulseCounter.plan>[0]['with']> = {
    board: 'rain-gauge',
    with: pulseCounter.with.parse({ pull, debounce: 50, ...options }),
    readings: Object.entries(pulses).map(([id, pulse]) => ({ id, pulses: pulse })),
    outputs: [],
    timezone: 'UTC',
    ...(last && { lastTotals: new Map(Object.entries(last)) }),
  };
  const device = await pulseCounter.open(input, spec, clock);
  await drain();
  const read = async () => (await device.read?.(NO_ABORT)) ?? [];
  const values = async () => Object.fromEntries((await read()).map((result) => [result.id, 'value' in result && result.value]));
  return { input, device, clock, read, values };
}

async function levels(input: FakeInput, changes: readonly boolean[]): Promise<void> {
  for (const level of changes) {
    input.change(level);
    await drain();
  }
}

/** The contact closes to ground and opens again. */
async function tip(input: FakeInput, times = 1): Promise<void> {
  for (let i = 0; i < times; i++) await levels(input, [false, true]);
}

describe('counting', () => {
  test.each(vectors('rain_pulse'))('gives the rain of $id', async ({ input: given, expected }) => {
    const { mm_per_tip: scaleBy, edges_ms: edgesMs } = JSON.parse(given) as { mm_per_tip: number; edges_ms: number[] };
    const { input, clock, values } = await open({ pulses: { rain: { ...DELTA, scaleBy } } });
    for (const atMs of edgesMs) {
      await clock.advance(atMs - clock.monotonicMs());
      await tip(input);
    }
    expect((await values())['rain']).toBeCloseTo(Number(expected['rain']), 9);
  });

  test('counts the first pulse after a pause as any other', async () => {
    // esphome/issues#2107: three bursts of five pulses gave twelve.
    const { input, clock, values } = await open({ pulses: { pulses: { ...TOTAL, scaleBy: 1 } } });
    for (const burstMs of [0, 600_000, 1_200_000]) {
      for (const afterMs of [0, 200, 400, 600, 800]) {
        await clock.advance(burstMs + afterMs - clock.monotonicMs());
        await tip(input);
      }
    }
    expect(await values()).toEqual({ pulses: 15 });
  });

  test('gives each pulse to exactly one of two reads, and one that failed takes none', async () => {
    const { input, device, values } = await open();
    await tip(input, 3);
    await expect(device.read?.(AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped');
    expect((await values())['rain']).toBeCloseTo(0.6, 12);
    expect(await values()).toEqual({ rain: 0 });
  });

  test.each([
    { pull: 'up', level: false },
    { pull: 'none', level: false },
    { pull: 'down', level: true },
  ] as const)('a pulse begins with $level where the pull is $pull', async ({ pull, level }) => {
    const { input, values } = await open({ pull, pulses: { pulses: { ...DELTA, scaleBy: 1 } } });
    await levels(input, [level]);
    expect(await values()).toEqual({ pulses: 1 });
    await levels(input, [!level]);
    expect(await values()).toEqual({ pulses: 0 });
    expect(input.options).toEqual({ pull, debounceMs: 50 });
  });

  test('scales by the pulses of a litre, as flow meters have them printed on', async () => {
    const pulses = {
      flow: { kind: 'rate', unit: 'L/min' },
      volume: { kind: 'total', unit: 'L' },
      metered: { kind: 'total', unit: 'm3', startsAt: 17 },
    } as const;
    const { input, clock, values } = await open({ pulses, options: { pulses_per_litre: 450 } });
    await tip(input, 900);
    await clock.advance(30_000);
    const { flow, volume, metered } = await values();
    expect(flow).toBeCloseTo(4, 12);
    expect(volume).toBeCloseTo(2, 12);
    expect(metered).toBeCloseTo(17.002, 12);
  });

  test('has no rate before any time has passed', async () => {
    const { read } = await open({ pulses: { rate: { kind: 'rate', unit: 'mm/h', scaleBy: 0.2 } } });
    expect(await read()).toMatchObject([{ id: 'rate', error: { kind: 'not-available' } }]);
  });
});

describe('what was missed', () => {
  test('shows in two equal levels, and counts as at least one pulse', async () => {
    const { input, read } = await open({ pulses: { rain: DELTA, total: TOTAL } });
    await tip(input, 2);
    await levels(input, [true]);
    const [rain, total] = await read();
    expect(rain).toMatchObject({ atLeast: true });
    expect(rain).toMatchObject({ value: expect.closeTo(0.6, 12) });
    expect(total).toMatchObject({ value: expect.closeTo(0.6, 12), atLeast: true });
    await tip(input);
    expect(await read()).toEqual([
      { id: 'rain', value: 0.2 },
      { id: 'total', value: 0.8 },
    ]);
  });

  test('is no pulse where the contact opened unseen: both closings were seen', async () => {
    const { input, read } = await open({ pulses: { pulses: { ...DELTA, scaleBy: 1 } } });
    await levels(input, [false, false]);
    expect(await read()).toEqual([{ id: 'pulses', value: 2, atLeast: true }]);
  });

  test('marks the next reading where no level shows it', async () => {
    const { input, read } = await open({ pulses: { pulses: { ...DELTA, scaleBy: 1 } } });
    await tip(input, 2);
    input.missed();
    expect(await read()).toEqual([{ id: 'pulses', value: 2, atLeast: true }]);
    await tip(input);
    expect(await read()).toEqual([{ id: 'pulses', value: 1 }]);
  });

  test('marks the total of a day until the day is over', async () => {
    const { input, clock, read } = await open({ pulses: { today: TODAY }, wall: { ms: NOON_MS, quality: 'synced' } });
    await levels(input, [false, true, true]);
    await read();
    await tip(input);
    expect(await read()).toMatchObject([{ atLeast: true }]);
    await clock.advance(DAY_MS / 2);
    expect(await read()).toEqual([{ id: 'today', value: 0 }]);
  });

  test('in a storm: what was counted until then is told once and marked, then the storm is, and the count goes on after it', async () => {
    const { input, device, read } = await open({ pulses: { rain: { ...DELTA, scaleBy: 1 }, total: { ...TOTAL, scaleBy: 1 } } });
    await tip(input, 2);
    const storm = new BusError('edge-storm', 'too many edges');
    input.readFailure = storm;
    await expect(device.read?.(AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped');
    expect(await read()).toEqual([
      { id: 'rain', value: 2, atLeast: true },
      { id: 'total', value: 2, atLeast: true },
    ]);
    for (let i = 0; i < 3; i++) await expect(read()).rejects.toBe(storm);
    input.readFailure = undefined;
    await tip(input);
    expect(await read()).toMatchObject([{ value: 1 }, { value: 3 }]);
    await tip(input);
    input.readFailure = storm;
    expect(await read()).toMatchObject([
      { value: 1, atLeast: true },
      { value: 4, atLeast: true },
    ]);
    await expect(read()).rejects.toBe(storm);
  });

  test('is not told where the line cannot be read for another reason', async () => {
    const { input, read } = await open({ pulses: { pulses: { ...DELTA, scaleBy: 1 } } });
    await tip(input);
    input.readFailure = new BusError('closed', 'pulled out');
    await expect(read()).rejects.toBe(input.readFailure);
    input.readFailure = undefined;
    expect(await read()).toEqual([{ id: 'pulses', value: 1 }]);
  });

  test('when listening failed, the next read says why, the one after it is marked, and counting goes on', async () => {
    const { input, device, read } = await open({ pulses: { pulses: { ...DELTA, scaleBy: 1 } } });
    await tip(input);
    const error = new BusError('closed', 'gpiomon ended');
    input.fail(error);
    await drain();
    await expect(device.read?.(NO_ABORT)).rejects.toBe(error);
    await drain();
    await tip(input);
    expect(await read()).toEqual([{ id: 'pulses', value: 2, atLeast: true }]);
    expect(await read()).toEqual([{ id: 'pulses', value: 0 }]);
  });
});

describe('a total', () => {
  test('begins where the site says', async () => {
    const { input, values } = await open({ pulses: { total: { ...TOTAL, startsAt: 100 } } });
    await tip(input);
    expect((await values())['total']).toBeCloseTo(100.2, 12);
  });

  test('goes on after a restart from the last durable one', async () => {
    const { input, values } = await open({
      pulses: { total: { ...TOTAL, startsAt: 100 } },
      last: { total: { value: 123.4 } },
    });
    await tip(input);
    expect((await values())['total']).toBeCloseTo(123.6, 12);
  });
});

describe('a total of the day', () => {
  const synced = (ms: number): WallTime => ({ ms, quality: 'synced' });
  const today = async (sketch: Sketch) => open({ pulses: { today: { ...TODAY, scaleBy: 1 } }, ...sketch });

  test('begins again at midnight; a pulse at midnight belongs to the new day', async () => {
    const { input, clock, values } = await today({ wall: synced(NOON_MS) });
    await tip(input, 3);
    await clock.advance(DAY_MS / 2 - 1);
    await tip(input);
    expect(await values()).toEqual({ today: 4 });
    await clock.advance(1);
    await tip(input);
    expect(await values()).toEqual({ today: 1 });
  });

  test.each([
    { says: 'of this day goes on', last: { value: 7, wallMs: NOON_MS - 3_600_000 }, expected: [{ id: 'today', value: 8 }] },
    { says: 'of yesterday is over', last: { value: 7, wallMs: NOON_MS - DAY_MS }, expected: [{ id: 'today', value: 1 }] },
    { says: 'of nobody knows when is not taken', last: { value: 7 }, expected: [{ id: 'today', value: 1, atLeast: true }] },
  ])('$says after a restart', async ({ last, expected }) => {
    const { input, read } = await today({ wall: synced(NOON_MS), last: { today: last } });
    await tip(input);
    expect(await read()).toEqual(expected);
  });

  test('keeps what it counted before the clock was set', async () => {
    // The machine starts with the clock of 1970, and is told the time after the first pulses.
    const wall = { ms: 0, quality: 'none' as WallTime['quality'] };
    const { input, clock, values } = await today({ last: { today: { value: 7, wallMs: NOON_MS - DAY_MS } }, wall });
    await tip(input, 2);
    Object.assign(clock, { wall: () => synced(NOON_MS) });
    expect(await values()).toEqual({ today: 2 });
  });

  test('does not begin again when the clock is put back over midnight', async () => {
    const { input, clock, values } = await today({ wall: synced(NOON_MS) });
    Object.assign(clock, { wall: () => synced(NOON_MS + DAY_MS / 2 + 1) });
    await tip(input, 2);
    Object.assign(clock, { wall: () => synced(NOON_MS + DAY_MS / 2 - 1) });
    await tip(input);
    Object.assign(clock, { wall: () => synced(NOON_MS + DAY_MS / 2 + 1) });
    expect(await values()).toEqual({ today: 3 });
  });
});

test('gives the line back once, and nothing is left listening', async () => {
  const { input, device } = await open();
  await device.close();
  await device.close();
  expect(input.closeCount).toBe(1);
});

test.each([
  { says: 'pulses that stand for nothing', pulses: { x: undefined }, message: /nothing says what the pulses of x stand for/ },
  { says: 'no scale', pulses: { x: { kind: 'total', unit: 'kWh' } }, message: /expected scale_by for x/ },
  {
    says: 'a rate without a time',
    pulses: { x: { kind: 'rate', unit: 'L', scaleBy: 1 } },
    message: /expected a unit per s, min or h/,
  },
])('refuses a board with $says', async ({ pulses, message }) => {
  await expect(open({ pulses: pulses as unknown as Record<string, PulseSpec> })).rejects.toThrow(message);
});

test.each([
  { pull: 'sideways', debounce: 5 },
  { pull: 'up', debounce: -1 },
  { pull: 'up', debounce: 5, per_tip: 'much' },
  { pull: 'up', debounce: 5, pulses_per_litre: 0 },
])('does not accept the options %j', (options) => {
  expect(pulseCounter.with.safeParse(options).success).toBe(false);
});
