// A city that for a while refuses everything as bad data, such as a broken release of it or a proxy that spoils bodies: no
// reading is to blame for that, and none may be set aside.

import { describe, expect, it } from 'vitest';
import { answerOf, Bench, history, observation, refusing, SIE03 } from './support.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const TOO_LONG = 'Unable to read message. Request payload size (9000 bytes) exceeds the limit (10 bytes)';
/** Of sensors each of whose observations is so long that it could be to blame. */
const LONG_IDS = ['a'.repeat(250), 'b'.repeat(250)];

/** Refuses every PUT before this time with this answer. */
function refuseUntil(bench: Bench, untilMs: number, answer: () => ReturnType<typeof answerOf>): void {
  bench.script = (request, _text, city, signal) =>
    request.method === 'PUT' && bench.clock.monotonicMs() < untilMs ? answer() : city(request, signal);
}

async function measure(
  bench: Bench,
  minutes: number,
  value: (minute: number) => number,
  sensors: readonly string[] = ['a', 'b'],
): Promise<void> {
  for (let minute = 0; minute < minutes; minute++) {
    const atMs = bench.clock.monotonicMs();
    await bench.append(...sensors.map((sensor) => observation(sensor, atMs, value(minute))));
    await bench.clock.advance(MINUTE_MS);
  }
}

describe('a city that refuses all data for an hour', () => {
  it.each([
    [
      'which it cannot read',
      { code: 400, message: SIE03, errorDetails: ['com.fasterxml.jackson.core.JsonParseException: Unexpected end-of-input'] },
    ],
    ['without a detail', { code: 400, message: SIE03 }],
    ['for its time', { code: 400, message: SIE03, errorDetails: ['Wrong timestamp value: 25/11/2026T12:00:00'] }],
    ['as incomplete', { code: 400, message: 'To publish data is mandatory to fill in the value field' }],
  ])('(%s) loses nothing, is told, and is hardly asked', { timeout: 60_000 }, async (_name, body) => {
    const bench = new Bench([...history('a', 2000), ...history('b', 2000)]);
    refuseUntil(bench, HOUR_MS, () => answerOf(400, body));
    await bench.start();
    await measure(bench, 59, (minute) => 5000 + minute);
    expect(bench.status()).toMatchObject({ state: 'refused', problem: { code: 'S400' }, rejected: {} });
    // At the pace of everything that somebody has to do something about: in an hour some 16 times, each halved down to one.
    expect(bench.puts().length).toBeLessThan(100);
    await bench.clock.advance(2 * HOUR_MS);
    expect(bench.values()).toHaveLength(4000 + 2 * 59);
    expect(bench.status()).toMatchObject({ state: 'ok', waitingCount: 0, rejected: {}, held: [] });
    await bench.stop();
  });

  it('loses nothing though it takes a request now and then', { timeout: 60_000 }, async () => {
    const bench = new Bench(history('a', 300));
    let putCount = 0;
    bench.script = (request, _text, city, signal) => {
      if (request.method !== 'PUT' || bench.clock.monotonicMs() > HOUR_MS) return city(request, signal);
      putCount += 1;
      return putCount % 20 === 0 ? city(request, signal) : answerOf(400, { code: 400, message: SIE03 });
    };
    await bench.start();
    await bench.clock.advance(3 * HOUR_MS);
    const { rejected } = bench.status();
    // For each that was taken one at most looks as if it alone were refused.
    expect(rejected['refused-by-city'] ?? 0).toBeLessThanOrEqual(putCount / 20);
    expect(bench.values().length + (rejected['refused-by-city'] ?? 0)).toBe(300);
    await bench.stop();
  });

  it('loses one at most of each sensor of which single ones were refused before', async () => {
    const bench = new Bench();
    bench.script = refusing('13');
    await bench.start();
    await measure(bench, 30, (minute) => (minute % 3 === 0 ? 13 : minute));
    const before = bench.status().rejected['refused-by-city'] ?? 0;
    expect(before).toBeGreaterThan(2);
    refuseUntil(bench, bench.clock.monotonicMs() + HOUR_MS, () => answerOf(400, { code: 400, message: SIE03 }));
    await measure(bench, 60, (minute) => 100 + minute);
    await bench.clock.advance(3 * HOUR_MS);
    const { rejected, waitingCount } = bench.status();
    expect((rejected['refused-by-city'] ?? 0) - before).toBeLessThanOrEqual(2);
    expect(bench.values().length + (rejected['refused-by-city'] ?? 0) + waitingCount).toBe(180);
    await bench.stop();
  });

  it('as too long loses nothing either', async () => {
    const bench = new Bench();
    refuseUntil(bench, HOUR_MS, () => answerOf(400, { code: 400, message: TOO_LONG }));
    await bench.start();
    await measure(bench, 59, (minute) => minute, LONG_IDS);
    expect(bench.status()).toMatchObject({ state: 'refused', problem: { code: 'S400' }, rejected: {} });
    await bench.clock.advance(2 * HOUR_MS);
    expect(bench.values()).toHaveLength(2 * 59);
    expect(bench.status()).toMatchObject({ state: 'ok', waitingCount: 0, rejected: {} });
    await bench.stop();
  });
});

describe('one observation that the city refuses', () => {
  it('waits alone until the city has taken another, and is set aside then', async () => {
    const bench = new Bench([observation('a', -1000, 37)]);
    bench.script = refusing('37');
    await bench.start();
    await bench.clock.advance(HOUR_MS);
    expect(bench.status()).toMatchObject({ state: 'refused', problem: { code: 'S400' }, waitingCount: 1, rejected: {} });
    await bench.append(observation('b', HOUR_MS, 1));
    await bench.clock.advance(10 * MINUTE_MS);
    expect(bench.values()).toEqual(['1']);
    expect(bench.status()).toMatchObject({ state: 'ok', waitingCount: 0, rejected: { 'refused-by-city': 1 } });
    await bench.stop();
  });

  it('does not keep the only sensor there is from being delivered for good, however many of it were refused', async () => {
    const bench = new Bench();
    bench.script = (request, text, city, signal) =>
      request.method === 'PUT' && text.includes('"value":"-')
        ? answerOf(400, { code: 400, message: SIE03 })
        : city(request, signal);
    await bench.start();
    await measure(bench, 200, (minute) => -1000 - minute, ['a']);
    expect(bench.status()).toMatchObject({ state: 'refused', rejected: {} });
    await measure(bench, 24 * 60, (minute) => minute, ['a']);
    await bench.clock.advance(30 * MINUTE_MS);
    const numbers = bench.values().map(Number);
    expect(numbers.sort((x, y) => x - y)).toEqual(Array.from({ length: 24 * 60 }, (_, index) => index));
    await bench.stop();
  });
});
