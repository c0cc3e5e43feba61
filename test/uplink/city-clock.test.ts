import { describe, expect, it } from 'vitest';
import { CityClock } from '../../gateway/uplink/city-clock.ts';
import { TestClock } from '../support/test-clock.ts';
import { answerOf, Bench, history, observation, once, START_WALL_MS } from './support.ts';

const VERSION = { 'x-sentilo-version': '2.0.0' };

/** An answer of a city whose clock shows `cityMs`, to a request that took from `beganMs` to `endedMs`. */
function heard(cityMs: number, beganMs: number, endedMs: number, headers: Readonly<Record<string, string>> = {}) {
  const date = new Date(cityMs).toUTCString();
  return { method: 'PUT', response: answerOf(200, '', { ...VERSION, date, ...headers }), beganMs, endedMs } as const;
}

describe('the clock of the city', () => {
  it('is known to lie within the second that an answer names and the time that its request took', async () => {
    const clock = new TestClock();
    const city = new CityClock(clock);
    expect(city.now()).toBeUndefined();
    await clock.advance(10_000);
    city.heard(heard(START_WALL_MS + 400, 9_700, 10_000));
    // It showed 12:00:00.000 to 12:00:00.999 at some moment between 9,700 and 10,000.
    expect(city.now()).toEqual({ earliestMs: START_WALL_MS, latestMs: START_WALL_MS + 1_300 });
    await clock.advance(100_000);
    // And may have drifted by 100 ppm since.
    expect(city.now()).toEqual({ earliestMs: START_WALL_MS + 99_990, latestMs: START_WALL_MS + 101_310 });
  });

  it('is known ever better by answers at other moments of its second, and never wrong', async () => {
    const clock = new TestClock();
    const city = new CityClock(clock);
    // A clock that goes 50 ppm fast.
    const cityMs = (atMs: number) => START_WALL_MS + 3_600_000 + atMs * 1.00005;
    for (let index = 0; index < 500; index++) {
      await clock.advance(7_003 + (index % 13) * 17);
      const nowMs = clock.monotonicMs();
      city.heard(heard(cityMs(nowMs - 30), nowMs - 50, nowMs));
      const { earliestMs, latestMs } = city.now() ?? { earliestMs: Number.NaN, latestMs: Number.NaN };
      expect(earliestMs).toBeLessThanOrEqual(cityMs(nowMs));
      expect(latestMs).toBeGreaterThanOrEqual(cityMs(nowMs));
      if (index > 100) expect(latestMs - earliestMs).toBeLessThan(250);
    }
  });

  it.each([
    ['an answer out of a cache', { age: '40' }],
    ['an answer that is not the city’s', { 'x-sentilo-version': undefined }],
    ['a date before this program was made', { date: 'Thu, 01 Jan 1970 00:00:00 GMT' }],
    ['a date that no calendar has', { date: 'Wed, 31 Nov 2026 12:00:00 GMT' }],
    ['a date of another form', { date: '2026-11-25T12:00:00Z' }],
    ['no date', { date: undefined }],
  ] as const)('is not learned from %s', (_what, headers) => {
    const city = new CityClock(new TestClock());
    const { response, ...rest } = heard(START_WALL_MS, 0, 0);
    const merged = Object.entries({ ...response.headers, ...headers }).filter(([, value]) => value !== undefined);
    city.heard({ ...rest, response: { ...response, headers: Object.fromEntries(merged) as Record<string, string> } });
    expect(city.now()).toBeUndefined();
  });

  it('is not moved by a proxy that dates an answer now and then, but by three answers that agree', async () => {
    const clock = new TestClock();
    const city = new CityClock(clock);
    const hear = async (aheadMs: number) => {
      await clock.advance(1_000);
      const nowMs = clock.monotonicMs();
      city.heard(heard(START_WALL_MS + nowMs + aheadMs, nowMs, nowMs));
      return Math.round(city.aheadMs(START_WALL_MS + nowMs) / 60_000);
    };
    expect(await hear(0)).toBe(0);
    for (let index = 0; index < 5; index++) {
      expect(await hear(-600_000)).toBe(0);
      expect(await hear(-600_000)).toBe(0);
      expect(await hear(0)).toBe(0);
    }
    // Somebody has set it.
    expect(await hear(3_600_000)).toBe(0);
    expect(await hear(3_600_000)).toBe(0);
    expect(await hear(3_600_000)).toBe(60);
  });
});

describe('a city whose clock is an hour off', () => {
  it.each([3_600_000, -3_600_000])('by %d ms gets readings with their own time, once each, and it is told', async (aheadMs) => {
    const bench = new Bench(history('a', 5));
    bench.cityAheadMs = aheadMs;
    bench.script = once(() => answerOf(500, { code: 500, message: 'Something went wrong' }), 1, true);
    await bench.start();
    await bench.clock.advance(10_000);
    await bench.append(observation('a', bench.clock.monotonicMs(), 6));
    await bench.clock.advance(5_000);
    expect(bench.values()).toEqual(['1', '2', '3', '4', '5', '6']);
    const expected = [-5, -4, -3, -2, -1, 10].map((second) => START_WALL_MS + second * 1000);
    expect(bench.stored().map(({ timestampMs }) => timestampMs)).toEqual(expected);
    const told = bench.status().cityClockAheadMs ?? 0;
    expect(Math.abs(told - aheadMs)).toBeLessThan(1_100);
    await bench.stop();
  });

  it('by a second is not worth a word', async () => {
    const bench = new Bench(history('a', 5));
    bench.cityAheadMs = 1_500;
    await bench.start();
    await bench.clock.advance(10_000);
    expect(bench.status()).not.toHaveProperty('cityClockAheadMs');
    await bench.stop();
  });
});
