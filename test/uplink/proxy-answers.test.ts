// What stands between the gateway and the city answers in its own name, and says little about what the city did.

import { describe, expect, it } from 'vitest';
import { answerOf, Bench, history, numbers, observation, type Script, upTo } from './support.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const HTML = { 'content-type': 'text/html' };

describe('a page of a proxy in place of the city’s answer', () => {
  it.each([
    [503, '<html>Service Unavailable</html>', 0],
    // An API gateway's own words have no code, as the city's have, or another one.
    [503, { message: 'Service Unavailable' }, 0],
    [503, { code: 14, message: 'upstream connect error or disconnect/reset before headers' }, 0],
    [503, { code: 503, message: 'Service Unavailable' }, 5_000],
    [403, { code: 7, message: 'denied' }, 0],
    [504, { message: 'The upstream server is timing out' }, 5_000],
    [500, '<html>Internal Server Error</html>', 5_000],
    [520, '<html>Web server is returning an unknown error</html>', 5_000],
    [524, '<html>A timeout occurred</html>', 20_000],
    [408, '<html>Request Timeout</html>', 0],
    [403, '<html>The answer was blocked</html>', 0],
  ])('(%d %j) doubles nothing that the city stores %d ms later', async (status, body, lateMs) => {
    const bench = new Bench(history('a', 12));
    let isFirst = true;
    bench.script = async (request, _text, city, signal) => {
      if (request.method !== 'PUT' || !isFirst) return city(request, signal);
      isFirst = false;
      if (lateMs === 0) await city(request, signal);
      else void bench.pause(lateMs, new AbortController().signal).then(() => city(request, signal));
      return answerOf(status, body, HTML);
    };
    await bench.start();
    await bench.clock.advance(HOUR_MS);
    expect(bench.values().map(Number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(bench.status()).toMatchObject({ state: 'ok', waitingCount: 0 });
    await bench.stop();
  });
});

describe('a proxy that takes out X-Sentilo-Version', () => {
  it('doubles nothing, believes nothing unseen, and is told', async () => {
    const bench = new Bench(history('a', 300));
    bench.script = async (request, _text, city, signal) => {
      const answer = await city(request, signal);
      const { 'x-sentilo-version': _, ...headers } = answer.headers;
      return { ...answer, headers };
    };
    await bench.start();
    await bench.clock.advance(HOUR_MS);
    expect(bench.values()).toHaveLength(300);
    expect(bench.status()).toMatchObject({ state: 'ok', problem: { code: 'S006' }, waitingCount: 0, deliveredCount: 300 });
    await bench.stop();
  });
});

describe('a proxy that refuses everything', () => {
  it.each([
    [401, 'S401'],
    [403, 'S403'],
    [406, 'S406'],
    [407, 'S407'],
    [302, 'S302'],
  ])('with %d is told as that, and asked every few minutes', { timeout: 60_000 }, async (status, code) => {
    const bench = new Bench(history('old', 250));
    bench.script = () => answerOf(status, '<html>Not from here</html>', HTML);
    await bench.start();
    for (let minute = 0; minute < 24 * 60; minute++) {
      const atMs = bench.clock.monotonicMs();
      await bench.append(observation('a', atMs, minute), observation('b', atMs, minute));
      await bench.clock.advance(MINUTE_MS);
      if (minute > 0) expect(bench.status()).toMatchObject({ state: 'refused', problem: { code }, held: [] });
    }
    // One in 225 seconds of each of the two lanes, and some while the pace has not been found yet.
    expect(bench.traffic.length).toBeLessThan((2 * 24 * HOUR_MS) / 225_000 + 40);
    expect(bench.logged.map((one) => one.code)).toEqual(['city-refused']);
    bench.script = undefined;
    const before = bench.traffic.length;
    await bench.clock.advance(10 * MINUTE_MS);
    expect(bench.values()).toHaveLength(250 + 2 * 24 * 60);
    // Nothing is in doubt, and nothing was cut to pieces.
    expect(bench.traffic.length - before).toBeLessThan(45);
    expect(bench.status()).toMatchObject({ state: 'ok', waitingCount: 0, lookUpCount: 0 });
    await bench.stop();
  });
});

describe('a proxy that passes requests on and refuses their answers', () => {
  it.each([403, 406, 418])(
    'doubles nothing in hours of that (%d), and asks every few minutes',
    { timeout: 60_000 },
    async (status) => {
      const bench = new Bench(history('old', 250));
      bench.script = async (request, _text, city, signal) => {
        await city(request, signal);
        return answerOf(status, '<html>Not from here</html>', HTML);
      };
      await bench.start();
      for (let minute = 0; minute < 6 * 60; minute++) {
        const atMs = bench.clock.monotonicMs();
        await bench.append(observation('a', atMs, minute), observation('b', atMs, minute));
        await bench.clock.advance(MINUTE_MS);
        if (minute > 0) expect(bench.status()).toMatchObject({ state: 'refused', problem: { code: `S${status}` }, held: [] });
        // One of each of the two lanes.
        expect(bench.status().lookUpCount).toBeLessThanOrEqual(2);
      }
      // A question in 225 seconds, and some while the pace has not been found yet.
      expect(bench.traffic.length).toBeLessThan((6 * HOUR_MS) / 225_000 + 20);
      bench.script = undefined;
      await bench.clock.advance(10 * MINUTE_MS);
      expect(bench.values('old')).toHaveLength(250);
      for (const sensor of ['a', 'b']) expect(numbers(bench, sensor)).toEqual(upTo(6 * 60));
      expect(bench.status()).toMatchObject({ state: 'ok', waitingCount: 0, lookUpCount: 0 });
      await bench.stop();
    },
  );

  it('doubles nothing where the first request and the first question are refused', async () => {
    const bench = new Bench();
    const seen = new Set<string>();
    bench.script = async (request, _text, city, signal) => {
      const answer = await city(request, signal);
      const isFirst = !seen.has(request.method);
      seen.add(request.method);
      return isFirst ? answerOf(403, '<html>Not from here</html>', HTML) : answer;
    };
    await bench.start();
    await bench.append(observation('a', 0, 1), observation('b', 0, 2));
    await bench.clock.advance(HOUR_MS);
    expect(bench.values()).toEqual(['1', '2']);
    expect(bench.status()).toMatchObject({ state: 'ok', waitingCount: 0 });
    await bench.stop();
  });

  it('has nobody else wait for the name of one sensor that it refuses', async () => {
    const bench = new Bench();
    bench.script = refusingQuestions();
    await bench.start();
    await bench.append(observation('script', 0, 1), observation('b', 0, 2));
    await bench.clock.advance(MINUTE_MS);
    for (let minute = 1; minute < 30; minute++) {
      await bench.append(observation('b', bench.clock.monotonicMs(), minute));
      await bench.clock.advance(MINUTE_MS);
    }
    expect(bench.values('b')).toHaveLength(30);
    expect(bench.values('script')).toEqual(['1']);
    await bench.stop();
  });

  it.each([
    ['asked about first', ['script', 'b', 'c']],
    ['asked about last', ['b', 'c', 'script']],
  ])('has nobody else wait for a sensor of which it refuses readings and questions for good: %s', async (_what, sensors) => {
    const bench = new Bench();
    bench.script = (request, text, city, signal) =>
      request.url.includes('/script?') || text.includes('"sensor":"script"')
        ? answerOf(403, '<html>Not from here</html>', HTML)
        : city(request, signal);
    await bench.start();
    for (let minute = 0; minute < 6 * 60; minute++) {
      await bench.append(...sensors.map((sensor) => observation(sensor, bench.clock.monotonicMs(), minute)));
      await bench.clock.advance(MINUTE_MS);
    }
    for (const sensor of ['b', 'c']) expect(numbers(bench, sensor).slice(0, 350)).toEqual(upTo(350));
    expect(bench.status()).toMatchObject({ state: 'ok', held: [{ sensor: 'script' }] });
    bench.script = undefined;
    await bench.clock.advance(HOUR_MS);
    for (const sensor of sensors) expect(numbers(bench, sensor)).toEqual(upTo(6 * 60));
    await bench.stop();
  });

  it.each([20, 1_500, 4_000])('gets one batch, and only questions then, also where it answers after %i ms', async (latencyMs) => {
    const bench = new Bench();
    bench.latencyMs = latencyMs;
    bench.script = async (request, _text, city, signal) => {
      await city(request, signal);
      return answerOf(403, '<html>Not from here</html>', HTML);
    };
    await bench.start();
    for (let minute = 0; minute < 3 * 60; minute++) {
      await bench.append(observation('a', bench.clock.monotonicMs(), minute));
      await bench.clock.advance(MINUTE_MS);
    }
    // Two, where what is new and what waits begin in one moment.
    expect(bench.puts().length).toBeLessThanOrEqual(2);
    bench.script = undefined;
    await bench.clock.advance(20 * MINUTE_MS);
    expect(numbers(bench, 'a')).toEqual(upTo(3 * 60));
    await bench.stop();
  });

  it('does not keep from being confirmed what has nothing to do with it', async () => {
    const bench = new Bench();
    bench.script = refusingQuestions();
    await bench.start();
    await bench.append(observation('script', 0, 1), observation('b', 0, 2));
    for (let step = 1; step <= 6 * 180; step++) {
      await bench.clock.advance(10_000);
      await bench.append(observation('b', bench.clock.monotonicMs(), step));
    }
    const { confirmedWallMs = 0 } = bench.status();
    // Every 15 minutes, and some chance.
    expect(bench.clock.wall().ms - confirmedWallMs).toBeLessThan(20 * MINUTE_MS);
    await bench.stop();
  });
});

/** A proxy that passes everything on, and refuses the first request and each question about the sensor `script`. */
function refusingQuestions(): Script {
  let isFirst = true;
  return async (request, _text, city, signal) => {
    const answer = await city(request, signal);
    const isRefused = (request.method === 'PUT' && isFirst) || request.url.includes('/script?');
    if (request.method === 'PUT') isFirst = false;
    return isRefused ? answerOf(403, '<html>Not from here</html>', HTML) : answer;
  };
}
