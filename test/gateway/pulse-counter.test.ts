import { describe, expect, test } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { observationsOf, type SimulatedGateway, startSimulated } from './simulated-gateway.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Tips of 0.2 mm at 37.1 mm/h: one every 19.4 s and at no full minute, closing to ground with three bounces. */
const GAUGE = `devices:
  gauge:
    board: rain-gauge@1
    via: gpio.pin11
    every: 1min
    with: { per_tip: 0.2mm }
    simulate: { rain: { constant: 37.1 } }
`;

const storm = (fromMs: number, toMs: number): Fault => ({ at: 'device', device: 'gauge', kind: 'noise', rate: 1, fromMs, toMs });

function sumOf(values: readonly unknown[]): number {
  return values.reduce<number>((sum, value) => sum + Number(value), 0);
}

/** How often the debounced pin fell, seen outside the gateway. */
function tipsUntil({ changes }: SimulatedGateway, untilMs: number): number {
  return changes.filter(({ atMs, level }) => atMs <= untilMs && !level).length;
}

describe('rain', () => {
  test('is kept tip by tip: every reading equals what fell in its minute, and the day what fell in all', async () => {
    const running = await startSimulated(GAUGE);
    await running.clock.runUntil(HOUR_MS + 1_000);
    await running.stop();
    const records = await running.records();
    const rain = observationsOf(records, 'gauge.rain');
    // At the start, every minute, and at the end.
    expect(rain).toHaveLength(62);
    for (const [i, { monotonicMs, value, quality }] of rain.entries()) {
      const tips = tipsUntil(running, monotonicMs) - (i === 0 ? 0 : tipsUntil(running, rain[i - 1]?.monotonicMs ?? 0));
      expect(value).toBeCloseTo(tips * 0.2, 9);
      expect(quality).toBe('good');
    }
    // 37.1 mm came down in the hour, and half a tip is still in the bucket.
    expect(sumOf(rain.map(({ value }) => value))).toBeCloseTo(37, 9);
    const today = observationsOf(records, 'gauge.rain_today');
    expect(today.at(-1)).toMatchObject({ publish: false, readingKind: 'total' });
    expect(Number(today.at(-1)?.value)).toBeCloseTo(sumOf(rain.map(({ value }) => value)), 9);
    expect(running.fatal).toEqual([]);
  });

  test('of the day goes on after a restart, and begins again at local midnight', async () => {
    // The world begins at 1:00 in Madrid.
    const running = await startSimulated(GAUGE);
    await running.clock.runUntil(10 * MINUTE_MS + 1_000);
    await running.stop();
    const before = observationsOf(await running.records(), 'gauge.rain_today').at(-1)?.value;
    expect(before).toBeCloseTo(6, 9);
    const again = await running.clock.run(running.openAnother());
    await running.clock.runUntil(20 * MINUTE_MS + 1_000);
    await running.clock.runUntil(23 * HOUR_MS + MINUTE_MS + 1_000);
    await running.clock.run(again.stop());
    const today = observationsOf(await running.records(), 'gauge.rain_today');
    const firstAfter = today.find(({ monotonicMs }) => monotonicMs > 10 * MINUTE_MS + 1_000);
    expect(firstAfter?.value).toBeCloseTo(6, 9);
    const values = today.map(({ value }) => Number(value));
    const falls = today.filter((_, i) => i > 0 && (values[i] ?? 0) < (values[i - 1] ?? 0) - 1e-9);
    expect(falls).toHaveLength(1);
    expect(falls[0]?.monotonicMs).toBeGreaterThanOrEqual(23 * HOUR_MS);
    expect(falls[0]?.monotonicMs).toBeLessThanOrEqual(23 * HOUR_MS + MINUTE_MS);
    expect(running.fatal).toEqual([]);
  });
});

test('of the day takes nothing back at a restart, although it is told in large steps', async () => {
  const running = await startSimulated(
    GAUGE.replace('    simulate', '    readings: { rain_today: { report: { on_change: 5 } } }\n    simulate'),
  );
  await running.clock.runUntil(10 * MINUTE_MS + 1_000);
  await running.stop();
  const again = await running.clock.run(running.openAnother());
  await running.clock.runUntil(20 * MINUTE_MS + 1_000);
  await running.clock.run(again.stop());
  const records = await running.records();
  const rain = sumOf(observationsOf(records, 'gauge.rain').map(({ value }) => value));
  expect(observationsOf(records, 'gauge.rain_today').at(-1)?.value).toBeCloseTo(rain, 9);
});

test('what fell between the newest reading and the end is kept at the end', async () => {
  const running = await startSimulated(GAUGE);
  // Two tips after the reading of the tenth minute.
  await running.clock.runUntil(10 * MINUTE_MS + 50_000);
  await running.stop();
  const records = await running.records();
  const tips = tipsUntil(running, Number.POSITIVE_INFINITY);
  expect(sumOf(observationsOf(records, 'gauge.rain').map(({ value }) => value))).toBeCloseTo(tips * 0.2, 9);
  expect(observationsOf(records, 'gauge.rain_today').at(-1)?.value).toBeCloseTo(tips * 0.2, 9);
});

describe('an edge storm', () => {
  test('costs little, is said, and what it may have hidden is marked and not sent', async () => {
    const running = await startSimulated(GAUGE, { faults: [storm(10 * MINUTE_MS + 5_000, 13 * MINUTE_MS)] });
    await running.clock.runUntil(20 * MINUTE_MS + 1_000);
    await running.stop();
    expect(running.log).toContain('device-lost');
    expect(running.log).toContain('device-back');
    const stormy = running.changes.filter(({ atMs }) => atMs > 10 * MINUTE_MS + 5_000 && atMs < 13 * MINUTE_MS);
    expect(stormy.length).toBeLessThan(200);
    const rain = observationsOf(await running.records(), 'gauge.rain');
    const marked = rain.filter(({ quality }) => quality === 'suspect');
    // What was counted until it began, and what may have come while nobody counted.
    expect(marked).toMatchObject([
      { reason: 'at-least', publish: false, monotonicMs: 11 * MINUTE_MS },
      { reason: 'at-least', publish: false, monotonicMs: 14 * MINUTE_MS },
    ]);
    // Nothing is kept for the minutes in which the line was not followed.
    expect(rain.filter(({ monotonicMs }) => monotonicMs > 11 * MINUTE_MS && monotonicMs < 14 * MINUTE_MS)).toEqual([]);
    expect(running.fatal).toEqual([]);
  });

  test('in which the gateway is stopped takes nothing of what was counted before it', async () => {
    const running = await startSimulated(GAUGE, { faults: [storm(10 * MINUTE_MS + 50_000, 13 * MINUTE_MS)] });
    await running.clock.runUntil(10 * MINUTE_MS + 55_000);
    await running.stop();
    const records = await running.records();
    const tips = tipsUntil(running, 10 * MINUTE_MS + 50_000);
    for (const [sensor, total] of [
      ['gauge.rain', sumOf(observationsOf(records, 'gauge.rain').map(({ value }) => value))],
      ['gauge.rain_today', Number(observationsOf(records, 'gauge.rain_today').at(-1)?.value)],
    ] as const) {
      expect(total).toBeGreaterThanOrEqual(tips * 0.2 - 1e-9);
      expect(observationsOf(records, sensor).at(-1)).toMatchObject({ reason: 'at-least', publish: false });
    }
  });
});

test('water: the flow and the volume of every reading are those of the pulses that came', async () => {
  const running = await startSimulated(`devices:
  water:
    board: flow-meter@1
    via: gpio.pin13
    every: 10s
    with: { pulses_per_litre: 450 }
    simulate: { flow: { constant: 8.0301 } }
`);
  await running.clock.runUntil(2 * MINUTE_MS + 1_000);
  await running.stop();
  const records = await running.records();
  for (const { monotonicMs, value } of observationsOf(records, 'water.volume')) {
    expect(value).toBeCloseTo(tipsUntil(running, monotonicMs) / 450, 9);
  }
  // The last one is that of the end, over a single second.
  const flow = observationsOf(records, 'water.flow').slice(0, -1);
  // The first read has no time behind it.
  expect(flow.map(({ monotonicMs }) => monotonicMs)).toEqual(Array.from({ length: 12 }, (_, i) => (i + 1) * 10_000));
  for (const { value } of flow) expect(Math.abs(Number(value) - 8.0301)).toBeLessThan(0.03);
  expect(running.fatal).toEqual([]);
});
