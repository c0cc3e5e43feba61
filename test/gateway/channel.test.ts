import { expect, test } from 'vitest';
import type { ChannelConfig } from '../../config/config.ts';
import { openChannel } from '../../gateway/channel.ts';
import { TestClock } from '../support/test-clock.ts';

const BASE: ChannelConfig = {
  reading: 'temperature',
  name: {},
  quantity: 'air_temperature',
  unit: 'degC',
  precision: 0.01,
  kind: 'gauge',
  sensor: 'street-air-temperature',
  component: 'street',
  cityType: 'temperature',
  publish: true,
  sendSuspect: false,
  reject: [],
};

function channel(over: Partial<ChannelConfig>) {
  const clock = new TestClock({ ms: Date.UTC(2026, 10, 25, 12), quality: 'synced' });
  return { clock, channel: openChannel('air', { ...BASE, ...over }, { clock, boot: 'boot-1', note: () => {} }) };
}

test('stamps an observation with boot, monotonic and wall time', () => {
  const { clock, channel: air } = channel({});
  const [observation] = air.accept(21.5);
  expect(observation).toMatchObject({
    kind: 'observation',
    sensor: 'street-air-temperature',
    channel: 'air.temperature',
    value: 21.5,
    unit: 'Cel',
    quality: 'good',
    publish: true,
    boot: 'boot-1',
    monotonicMs: clock.monotonicMs(),
    wallMs: clock.wall().ms,
    wallQuality: clock.wall().quality,
  });
  expect(observation).not.toHaveProperty('uncalibrated');
});

test('keeps the uncalibrated value beside the calibrated one', () => {
  const { channel: air } = channel({ calibrate: { offset: -0.8, scale: 1 } });
  expect(air.accept(21)).toMatchObject([{ value: 20.2, uncalibrated: 21 }]);
});

// The two-point calibration of a soil probe: dry air 2.71 V is 0 %, a glass of water 1.18 V is 100 %.
test.each([
  [2.71, 0],
  [1.18, 100],
  [1.945, 50],
  [3.475, -50],
  [0.415, 150],
])('calibrates %d by straight lines through points to %d', (raw, expected) => {
  const { channel: soil } = channel({
    calibrate: {
      points: [
        [2.71, 0],
        [1.18, 100],
      ],
    },
  });
  expect(soil.accept(raw)[0]?.value).toBeCloseTo(expected, 9);
});

test('keeps a value outside the valid range as suspect and does not send it', () => {
  const { channel: air } = channel({ valid: [-40, 85] });
  expect(air.accept(120)).toMatchObject([{ value: 120, quality: 'suspect', reason: 'out-of-range', publish: false }]);
  expect(air.latest).toMatchObject({ quality: 'suspect', reason: 'out-of-range' });
});

test('sends a suspect value where the site asks for it', () => {
  const { channel: air } = channel({ valid: [-40, 85], sendSuspect: true });
  expect(air.accept(120)).toMatchObject([{ quality: 'suspect', publish: true }]);
});

test('marks a step that is too large for its time, against the last good value', async () => {
  const { clock, channel: air } = channel({ maxStep: { by: 5, withinMs: 60_000 } });
  air.accept(20);
  await clock.advance(10_000);
  expect(air.accept(30)).toMatchObject([{ quality: 'suspect', reason: 'jump' }]);
  await clock.advance(10_000);
  expect(air.accept(21)).toMatchObject([{ quality: 'good' }]);
  await clock.advance(60_001);
  expect(air.accept(30)).toMatchObject([{ quality: 'good' }]);
});

test.each([85, Number.NaN, Number.POSITIVE_INFINITY])('throws for %d, which is a known lie or no number', (value) => {
  const { channel: probe } = channel({ reject: [85] });
  expect(() => probe.accept(value)).toThrow(expect.objectContaining({ name: 'DeviceError' }));
  expect(probe.latest).toBeUndefined();
});

test('reports the mean of each window, stamped at its end', async () => {
  const { clock, channel: power } = channel({ report: { of: 'mean', windowMs: 60_000 } });
  await clock.advance(60_000 - (clock.monotonicMs() % 60_000));
  const startMs = clock.monotonicMs();
  const wallMs = clock.wall().ms;
  expect(power.accept(100)).toEqual([]);
  await clock.advance(30_000);
  expect(power.accept(300)).toEqual([]);
  await clock.advance(35_000);
  expect(power.accept(1000)).toMatchObject([{ value: 200, monotonicMs: startMs + 60_000, wallMs: wallMs + 60_000 }]);
  expect(power.finish()).toMatchObject([{ value: 1000, monotonicMs: startMs + 65_000 }]);
});

test.each([
  ['max', 300],
  ['min', 100],
  ['last', 200],
] as const)('reports the %s of a window', async (of, expected) => {
  const { channel: power } = channel({ report: { of, windowMs: 60_000 } });
  for (const value of [100, 300, 200]) power.accept(value);
  expect(power.finish()).toMatchObject([{ value: expected }]);
});

test('reports a state when it changes, and at least once in the given time', async () => {
  const { clock, channel: door } = channel({ kind: 'state', unit: 'bool', report: { onChange: true, atLeastMs: 3_600_000 } });
  const told: number[] = [];
  for (let minute = 0; minute < 125; minute += 1) {
    if (door.accept(minute >= 30 && minute < 32).length > 0) told.push(minute);
    await clock.advance(60_000);
  }
  expect(told).toEqual([0, 30, 32, 92]);
});

test.each([true, 'DOOR OPEN'])('reports the last of a window as it is, also when it is no number: %s', (last) => {
  const { channel: lift } = channel({
    kind: 'state',
    unit: typeof last === 'string' ? 'text' : 'bool',
    report: { of: 'last', windowMs: 60_000 },
  });
  for (const value of [typeof last === 'string' ? 'OK' : false, last]) lift.accept(value);
  const [observation] = lift.finish();
  expect(observation?.value).toBe(last);
  expect(observation).not.toHaveProperty('uncalibrated');
});

test('takes a text as it is, and tells it when it is another one, or after a time', async () => {
  const text = {
    kind: 'state',
    unit: 'text',
    precision: 1,
    reject: [0],
    valid: [0, 1],
    calibrate: { offset: 1, scale: 2 },
  } as const;
  const { clock, channel: lift } = channel({ ...text, flatAfterMs: 1, report: { onChange: true, atLeastMs: 3_600_000 } });
  const told: unknown[] = [];
  for (const value of ['OK', 'OK', '12', '0', '', 'OK']) {
    told.push(...lift.accept(value).map((observation) => [observation.value, observation.unit, observation.quality]));
    await clock.advance(60_000);
  }
  expect(told).toEqual(['OK', '12', '0', '', 'OK'].map((value) => [value, '{text}', 'good']));
  await clock.advance(3_600_000);
  expect(lift.accept('OK')).toMatchObject([{ value: 'OK' }]);
  expect(lift.latest).toMatchObject({ value: 'OK', quality: 'good' });
});

test('reports a number when it has moved by the given step', () => {
  const { channel: energy } = channel({ report: { onChange: 0.1 } });
  const told = [10, 10.05, 10.1, 10.15, 10.25].filter((value) => energy.accept(value).length > 0);
  expect(told).toEqual([10, 10.1, 10.25]);
});

test('gives out what a window holds when it has ended, also when nothing comes after it', async () => {
  const { clock, channel: power } = channel({ report: { of: 'mean', windowMs: 60_000 } });
  await clock.advance(60_000);
  power.accept(100);
  await clock.advance(59_999);
  expect(power.due()).toEqual([]);
  await clock.advance(1);
  expect(power.due()).toMatchObject([{ value: 100, monotonicMs: 120_000 }]);
  expect(power.due()).toEqual([]);
});

test('takes the largest of a window with a million readings', () => {
  const { channel: power } = channel({ report: { of: 'max', windowMs: 86_400_000 } });
  for (let value = 0; value < 1_000_000; value += 1) power.accept(value);
  expect(power.finish()).toMatchObject([{ value: 999_999 }]);
});

// gp-06: a rain gauge (weewx-rtldavis) whose counter has seven bits; a tip is 0.2794 mm, which makes a range of 35.7632 mm.
const TIP_MM = 0.2794;
const RAIN = { reading: 'rain', unit: 'mm', kind: 'delta', counterRange: 128 * TIP_MM } as const;

/** What the city is told to have fallen, as it came, and what was kept and not believed. */
function rainOf(counts: readonly number[], over: Partial<ChannelConfig> = {}, lastTotal?: number) {
  const clock = new TestClock({ ms: Date.UTC(2026, 10, 25, 12), quality: 'synced' });
  const events: string[] = [];
  const around = { clock, boot: 'boot-1', note: (code: string) => events.push(code), lastTotal };
  const gauge = openChannel('gauge', { ...BASE, ...RAIN, ...over }, around);
  const all = [...counts.flatMap((count) => gauge.accept(count * TIP_MM)), ...gauge.finish()];
  const good = all.filter(({ quality }) => quality === 'good');
  return {
    mm: good.map(({ value }) => value),
    counters: good.map(({ value, uncalibrated = value }) => Math.round(Number(uncalibrated) / TIP_MM)),
    doubted: all.filter(({ quality }) => quality === 'suspect').map(({ value, reason }) => [value, reason]),
    events,
  };
}

test('tells what a counter has gone on by, also over its end, and nothing of a bad sample', () => {
  expect(rainOf([126, 127, 1, 2])).toEqual({
    mm: [0, 0.2794, 0.8382],
    counters: [126, 127, 2],
    doubted: [[0, 'fell']],
    events: ['meter-rolled-over'],
  });
  expect(rainOf([115, 49, 115])).toEqual({ mm: [0, 0], counters: [115, 115], doubted: [[0, 'fell']], events: [] });
  expect(rainOf([100, 0, 0, 0, 1])).toMatchObject({ mm: [0, 0, 0.2794], events: ['meter-replaced'] });
});

// A counter of four digits in a register of sixteen bits, which shows all ones or is read as a signed number.
test.each([
  [[1_000, 65_535, 65_535, 1_001, 1_002], [0, 1, 1], undefined, []],
  [[5, 6, 7], [0], 11_000, ['meter-replaced']],
  [[9_999, -5, -4, 9_999], [0, 0], undefined, []],
])('a counter beyond its range (%j) goes neither on by more than that nor back', (counts, rises, last, events) => {
  const found = rainOf(counts, { counterRange: 10_000 * TIP_MM }, last && last * TIP_MM);
  expect(found.mm.map((mm) => Math.round(Number(mm) / TIP_MM))).toEqual(rises);
  expect(found.events).toEqual(events);
});

// A device that starts shows zeros for a while: three of them look like a new meter, and two near the end like a new beginning.
test.each([
  [[1_000, 0, 0, 0, 1_001, 1_002], 2],
  [[30_000, 0, 0, 0, 0, 30_001, 30_002], 2],
  [[64_000, 0, 0, 64_001, 64_002], 1_536],
  // A new meter that counts, one that has a bad sample, and a new beginning with one.
  [[1_000, 0, 0, 0, 1, 2, 900, 1_001, 1_002], 1_002],
  [[1_000, 0, 0, 0, 1_001, 1, 2], 2],
  [[65_530, 2, 3, 65_531, 4, 5], 11],
])('counts nothing twice where a counter that fell is back: %j', (counts, rise) => {
  const { mm } = rainOf(counts, { counterRange: 65_536 * TIP_MM });
  expect(Math.round(mm.reduce<number>((sum, value) => sum + Number(value), 0) / TIP_MM)).toBe(rise);
});

test('goes on after a restart from where the counter stood', () => {
  expect(rainOf([2, 2], {}, 126 * TIP_MM)).toMatchObject({ mm: [4 * TIP_MM], counters: [2] });
  expect(rainOf([127], {}, 126 * TIP_MM)).toMatchObject({ mm: [TIP_MM], counters: [127] });
});

test('calibrates what a counter has gone on by and judges that, and keeps the counter beside it', () => {
  const { mm, counters } = rainOf([10, 13], { calibrate: { offset: 0, scale: 2 }, valid: [0, 5] });
  expect(mm).toEqual([0, 1.6764]);
  expect(counters).toEqual([10, 13]);
  expect(rainOf([10, 17], { calibrate: { offset: 0, scale: 3 }, valid: [0, 5] }).doubted).toEqual([
    [expect.closeTo(5.8674, 9), 'out-of-range'],
  ]);
});

test('leaves nothing out of what came since the last time, however it is reported', () => {
  const counts = [5, 5, 6, 7, 7, 9, 10, 10];
  const report = { onChange: true } as const;
  expect(rainOf(counts, { report })).toMatchObject({
    mm: [0, 0.2794, 0.2794, 0.5588, 0.2794],
    counters: [5, 6, 7, 9, 10],
  });
  expect(rainOf(counts, { report: { onChange: 0.8382 } })).toMatchObject({ mm: [0, 1.1176, 0.2794], counters: [5, 9, 10] });
  expect(rainOf(counts, { report: { of: 'last', windowMs: 60_000 } })).toMatchObject({ mm: [1.397], counters: [10] });
  const { channel: pulses } = channel({ kind: 'delta', calibrate: { offset: 0, scale: 2 }, report });
  const told = [0, 0.2, 0.2, 0, 0.2].flatMap((value) => pulses.accept(value)).map(({ value }) => value);
  expect(told).toEqual([0, 0.4, 0.4, 0.4]);
});

test('tells what it has before a count that is not believed, as a restart goes on from that', () => {
  const report = { of: 'last', windowMs: 60_000 } as const;
  const { channel: rain } = channel({ ...RAIN, report, valid: [0, 1] });
  const told = [10, 12, 16.5].flatMap((count) => rain.accept(count * TIP_MM)).map(({ value, quality }) => [value, quality]);
  expect(told).toEqual([
    [2 * TIP_MM, 'good'],
    [expect.closeTo(4.5 * TIP_MM, 9), 'suspect'],
  ]);
  const { channel: water } = channel({ kind: 'total', report });
  expect([...water.accept(100), ...water.accept(105, true), ...water.finish()].map(({ value }) => value)).toEqual([100, 105]);
});

test('tells that nothing came when that is asked for', async () => {
  const { clock, channel: pulses } = channel({ kind: 'delta', report: { onChange: 0.4, atLeastMs: 3_600_000 } });
  const told: unknown[] = [];
  for (let minute = 0; minute < 125; minute += 1) {
    told.push(...pulses.accept(minute === 70 || minute === 90 ? 0.2 : 0).map(({ value }) => [minute, value]));
    await clock.advance(60_000);
  }
  expect(told).toEqual([
    [0, 0],
    [60, 0],
    [90, 0.4],
  ]);
});
