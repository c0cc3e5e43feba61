import { describe, expect, it } from 'vitest';
import { quotaPaceMs } from '../../gateway/orders/poll.ts';
import { Quota, resetMs } from '../../gateway/uplink/quota.ts';
import type { SentiloUplink } from '../../gateway/uplink/sentilo.ts';
import { TestClock } from '../support/test-clock.ts';
import { answerOf, Bench, history, observation, once } from './support.ts';

const HOUR_MS = 3_600_000;

/** One reading every so often for so long. */
async function measure(bench: Bench, forMs: number, everyMs = 1000): Promise<void> {
  for (let atMs = 0; atMs < forMs; atMs += everyMs) {
    await bench.append(observation('a', bench.clock.monotonicMs(), atMs / everyMs));
    await bench.clock.advance(everyMs);
  }
}

/** Requests with readings in the fullest hour. */
function mostInAnHour(starts: readonly number[]): number {
  return Math.max(...starts.map((from) => starts.filter((atMs) => atMs >= from && atMs < from + HOUR_MS).length));
}

describe('the quota of the city', () => {
  it('of 120 requests an hour lasts for one reading a second: no refusal, and nothing is later than minutes', {
    timeout: 60_000,
  }, async () => {
    const bench = new Bench([], { quotaPerHour: 120 });
    const refused: number[] = [];
    bench.script = async (request, _text, city, signal) => {
      const answer = await city(request, signal);
      if (answer.status === 429) refused.push(bench.clock.monotonicMs());
      return answer;
    };
    await bench.start();
    await measure(bench, 3 * HOUR_MS);
    await bench.clock.advance(120_000);
    expect(refused).toEqual([]);
    expect(bench.stored()).toHaveLength(3 * 3600);
    expect(new Set(bench.values()).size).toBe(3 * 3600);
    const lagMs = Math.max(...bench.stored().map(({ arrivalMs, timestampMs }) => arrivalMs - timestampMs));
    expect(lagMs).toBeLessThan(150_000);
    // One half is left to the polling of orders and to questions.
    expect(mostInAnHour(bench.puts().map(({ atMs }) => atMs))).toBeLessThanOrEqual(60);
    expect(bench.status()).toMatchObject({ state: 'ok', quota: { perHour: 120 } });
    await bench.stop();
  });

  it('that is not needed changes nothing', async () => {
    const bench = new Bench([], { quotaPerHour: 10_000 });
    await bench.start();
    await measure(bench, 600_000);
    expect(bench.puts().length).toBeGreaterThan(590);
    expect(bench.status()).not.toHaveProperty('quota');
    await bench.stop();
  });

  it('is shared between what is new and what waits', { timeout: 60_000 }, async () => {
    const bench = new Bench(history('old', 1_500), { quotaPerHour: 120 });
    await bench.start();
    await measure(bench, HOUR_MS, 2_000);
    expect(bench.values('old')).toHaveLength(1_500);
    const late = bench.stored('a').map(({ arrivalMs, timestampMs }) => arrivalMs - timestampMs);
    expect(Math.max(...late)).toBeLessThan(300_000);
    expect(bench.puts().length).toBeLessThanOrEqual(60);
    await bench.stop();
  });

  it('that somebody else uses up as well is left to them until it is free again', { timeout: 60_000 }, async () => {
    const bench = new Bench([], { quotaPerHour: 120 });
    let refusedCount = 0;
    bench.script = async (request, _text, city, signal) => {
      const answer = await city(request, signal);
      if (answer.status === 429) refusedCount++;
      return answer;
    };
    await bench.start();
    const other = { method: 'GET', url: 'http://city.test/data/x', timeoutMs: 1, responseBytesMax: 1 } as const;
    const headers = bench.requests[0]?.headers;
    for (let minute = 0; minute < 180; minute++) {
      await measure(bench, 60_000, 10_000);
      const own = headers ?? bench.requests[0]?.headers ?? {};
      if (minute < 90) await bench.city({ ...other, headers: own }, new AbortController().signal);
    }
    expect(refusedCount).toBe(0);
    await bench.clock.advance(400_000);
    expect(bench.stored()).toHaveLength(180 * 6);
    expect(bench.status().waitingCount).toBe(0);
    await bench.stop();
  });

  it('gone for an hour costs few requests, loses nothing, and everything is delivered once afterwards', {
    timeout: 60_000,
  }, async () => {
    const bench = new Bench();
    const headers = {
      'x-ratelimit-inbound-limit': '1000',
      'x-ratelimit-inbound-remaining': '0',
      'x-ratelimit-inbound-reset': '1',
    };
    bench.script = (request, _text, city, signal) =>
      bench.clock.monotonicMs() < HOUR_MS
        ? answerOf(429, { code: 429, message: 'Sent quota exceeded.' }, headers)
        : city(request, signal);
    await bench.start();
    await measure(bench, HOUR_MS, 10_000);
    expect(bench.traffic.length).toBeLessThanOrEqual(20);
    expect(bench.logged).toHaveLength(1);
    await measure(bench, 600_000, 10_000);
    expect(bench.values()).toHaveLength(420);
    expect(new Set(bench.stored().map(({ timestampMs }) => timestampMs)).size).toBe(420);
    await bench.stop();
  });

  it('says one time at which readings are tried next, and what keeps them, whatever was wrong before', async () => {
    const bench = new Bench();
    const oneAnHour = {
      'x-ratelimit-global-inbound-limit': '1',
      'x-ratelimit-global-inbound-remaining': '0',
      'x-ratelimit-global-inbound-reset': '1',
    };
    const quotaGone = () => answerOf(429, { code: 429, message: 'Sent quota exceeded.' }, oneAnHour);
    bench.script = () => answerOf(401, { code: 401, message: 'Invalid credential' });
    await bench.start();
    await bench.append(observation('a', bench.clock.monotonicMs(), 1));
    await bench.clock.advance(10_000);
    expect(bench.status()).toMatchObject({ state: 'refused', problem: { code: 'S401' } });
    // Somebody else asks, and is told that the quota of the hour is gone.
    bench.script = quotaGone;
    const { http, request } = (bench.uplink as SentiloUplink).link;
    const asked = http(request('GET', 'http://city.test/order/x'), new AbortController().signal);
    await bench.clock.advance(1_000);
    expect((await asked).status).toBe(429);
    bench.script = (request, _text, city, signal) => city(request, signal);
    expect(bench.status()).toMatchObject({ state: 'waiting', problem: { code: 'S429', parameters: { status: 429 } } });
    const triedCount = bench.puts().length;
    await bench.clock.advance((bench.status().nextTryInMs ?? 0) - 2_000);
    expect(bench.puts()).toHaveLength(triedCount);
    await bench.clock.advance(4_000);
    expect(bench.puts()).toHaveLength(triedCount + 1);
    await bench.stop();
  });

  it('gone again each time that it was said to be there is asked for the less the more often, by anybody', async () => {
    const clock = new TestClock();
    const quota = new Quota({ clock, random: () => 0.5 });
    const answered = (status: number) => {
      const response = answerOf(status, '', { 'x-ratelimit-inbound-reset': '1' });
      quota.heard({ method: 'GET', response, beganMs: clock.monotonicMs(), endedMs: clock.monotonicMs() });
      return quota.pauseMs('ask');
    };
    const waits: number[] = [];
    for (let count = 0; count < 8; count++) {
      waits.push(answered(429));
      // Another that was on its way already tells nothing new.
      answered(429);
      await clock.advance(waits.at(-1) ?? 0);
    }
    expect(waits).toEqual([90_000, 90_000, 90_000, 180_000, 225_000, 225_000, 225_000, 225_000]);
    answered(200);
    expect(answered(429)).toBe(90_000);
  });

  it('gone while batches are in doubt is not asked for them', { timeout: 60_000 }, async () => {
    const sensors = Array.from({ length: 50 }, (_, index) => `s${index}`);
    const bench = new Bench(sensors.map((sensor) => observation(sensor, -5000, 1)));
    const gone = { 'x-ratelimit-inbound-reset': '40' };
    const lost = once(() => answerOf(500, { code: 500, message: 'Something went wrong' }), 1, true);
    bench.script = (request, text, city, signal) =>
      request.method === 'GET' && bench.clock.monotonicMs() < 40 * 60_000
        ? answerOf(429, { code: 429, message: 'Sent quota exceeded.' }, gone)
        : lost(request, text, city, signal);
    await bench.start();
    await bench.clock.advance(40 * 60_000);
    expect(bench.traffic.map(({ method }) => method)).toEqual(['PUT', 'GET']);
    await bench.clock.advance(60_000);
    expect(bench.traffic.filter(({ method }) => method === 'PUT')).toHaveLength(1);
    expect(bench.status()).toMatchObject({ deliveredCount: 50, waitingCount: 0, lookUpCount: 0 });
    await bench.stop();
  });

  it('that is small lets questions wait before it is gone', async () => {
    const sensors = Array.from({ length: 100 }, (_, index) => `s${index}`);
    const bench = new Bench(
      sensors.map((sensor) => observation(sensor, -5000, 1)),
      { quotaPerHour: 80 },
    );
    bench.script = once(() => answerOf(500, { code: 500, message: 'Something went wrong' }), 1, true);
    await bench.start();
    await bench.clock.advance(30 * 60_000);
    const asked = bench.traffic.filter(({ method }) => method === 'GET');
    expect(asked.length).toBeGreaterThan(40);
    expect(asked.length).toBeLessThan(80);
    await bench.clock.advance(3 * HOUR_MS);
    expect(bench.values()).toHaveLength(100);
    expect(bench.status()).toMatchObject({ deliveredCount: 100, lookUpCount: 0 });
    await bench.stop();
  });
});

describe('headers that no quota can have', () => {
  it.each([
    ['0.000001', '0'],
    ['0', '0'],
    ['-5', '-5'],
    ['NaN', '0'],
    ['Infinity', '0'],
    ['1000, 1000', '0, 0'],
  ])('(limit %s, %s left) change nothing', (limit, remaining) => {
    const headers = { 'x-ratelimit-inbound-limit': limit, 'x-ratelimit-inbound-remaining': remaining };
    const quota = new Quota({ clock: new TestClock(), random: () => 0.5 });
    quota.heard({ method: 'PUT', response: answerOf(200, undefined, headers), beganMs: 0, endedMs: 0 });
    expect(quota.spacingMs).toBe(0);
    expect(quotaPaceMs({ headers })).toBe(0);
  });

  it('and the smallest that there is spaces readings and polls by an hour at most', () => {
    const headers = { 'x-ratelimit-inbound-limit': '1', 'x-ratelimit-inbound-remaining': '0' };
    const quota = new Quota({ clock: new TestClock(), random: () => 0.5 });
    quota.heard({ method: 'PUT', response: answerOf(200, undefined, headers), beganMs: 0, endedMs: 0 });
    expect(quota.spacingMs).toBe(HOUR_MS);
    expect(quotaPaceMs({ headers }, 5)).toBe(HOUR_MS);
  });
});

describe('the time that the city names until its quota is back', () => {
  it.each([
    ['1', undefined, 60_000],
    ['60', undefined, HOUR_MS],
    ['17', '42', 42 * 60_000],
    // The quota is that of an hour (§1.10): nothing takes longer.
    ['61', undefined, HOUR_MS],
    ['1000000000', undefined, HOUR_MS],
    ['0', '0', undefined],
    ['-5', undefined, undefined],
    ['soon', undefined, undefined],
    [undefined, undefined, undefined],
  ])('(%s minutes for this provider, %s for all) is taken up to an hour', (own, all, expected) => {
    const headers = {
      ...(own !== undefined && { 'x-ratelimit-inbound-reset': own }),
      ...(all !== undefined && { 'x-ratelimit-global-inbound-reset': all }),
    };
    expect(resetMs(answerOf(429, undefined, headers))).toBe(expected);
  });
});
