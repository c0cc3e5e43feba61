import { describe, expect, it } from 'vitest';
import { HttpError } from '../../gateway/host.ts';
import { timestamp } from '../../gateway/uplink/timestamp.ts';
import { answerOf, Bench, history, observation, once, PROVIDER, START_WALL_MS, sensorsOf, TOKEN } from './support.ts';

describe('an unknown outcome', () => {
  it.each([
    ['a 500 after everything was stored', () => answerOf(500, { code: 500, message: 'Something went wrong' }), 0],
    ['an answer that is not the city’s', () => answerOf(200, '<html>Welcome</html>'), 2000],
    ['a 404 that names no sensor', () => answerOf(404, { code: 404, message: 'gone' }), 0],
  ] as const)('after %s is looked up and nothing is sent twice', async (_name, answer, settleMs) => {
    const bench = new Bench(history('a', 5));
    bench.script = once(answer, 1, true);
    await bench.start();
    await bench.clock.advance(60_000);
    expect(bench.values()).toEqual(['1', '2', '3', '4', '5']);
    expect(bench.traffic.map((one) => one.method)).toEqual(['PUT', 'GET']);
    const [put, get] = bench.traffic;
    expect((get?.atMs ?? 0) - (put?.atMs ?? 0)).toBe(bench.latencyMs + settleMs);
    expect(get?.url).toBe(
      `http://city.test:8081/data/${encodeURIComponent(PROVIDER)}/a?from=25%2F11%2F2026T11%3A59%3A55&to=25%2F11%2F2026T11%3A59%3A59&limit=200`,
    );
    await bench.stop();
  });

  it.each([
    ['TIMEOUT', 10_000],
    ['ECONNRESET', 2000],
  ])('after %s waits until the city has settled', async (code, settleMs) => {
    const bench = new Bench(history('a', 3));
    bench.script = once(
      () => {
        throw new HttpError(code, true, `the answer was lost: ${code}`);
      },
      1,
      true,
    );
    await bench.start();
    await bench.clock.advance(30_000);
    expect(bench.traffic.map((one) => [one.method, one.atMs])).toEqual([
      ['PUT', 0],
      ['GET', 20 + settleMs],
    ]);
    expect(bench.values()).toEqual(['1', '2', '3']);
    await bench.stop();
  });

  it('with a stored prefix sends only what is missing', async () => {
    const bench = new Bench([...history('a', 3), ...history('b', 3)]);
    let isFirst = true;
    bench.script = async (request, text, city, signal) => {
      if (!isFirst) return city(request, signal);
      isFirst = false;
      const [first] = sensorsOf(new TextEncoder().encode(text));
      const part = { sensors: [{ ...first, observations: first?.observations.slice(0, 2) }] };
      await city({ ...request, body: new TextEncoder().encode(JSON.stringify(part)) }, signal);
      return answerOf(500, { code: 500, message: 'Something went wrong' });
    };
    await bench.start();
    await bench.clock.advance(10_000);
    expect(bench.values('a')).toEqual(['1', '2', '3']);
    expect(bench.values('b')).toEqual(['1', '2', '3']);
    expect(bench.traffic.map((one) => `${one.method} ${one.count}`)).toEqual(['PUT 6', 'GET 0', 'GET 0', 'PUT 4']);
    await bench.stop();
  });

  it('whose look-up fails holds back this batch and nothing else', async () => {
    const bench = new Bench(history('old', 3));
    let isDown = true;
    bench.script = async (request, text, city, signal) => {
      if (request.method === 'GET' && isDown) return answerOf(502, 'bad gateway');
      const answer = await city(request, signal);
      return request.method === 'PUT' && text.includes('"old"') && isDown ? answerOf(500, { code: 500, message: 'no' }) : answer;
    };
    await bench.start();
    await bench.clock.advance(1000);
    await bench.append(observation('new', 1000, 7));
    await bench.clock.advance(30_000);
    expect(bench.values('new')).toEqual(['7']);
    expect(bench.status()).toMatchObject({ state: 'ok', lookUpCount: 1 });
    expect(bench.puts()).toHaveLength(2);
    isDown = false;
    await bench.clock.advance(60_000);
    expect(bench.values('old')).toEqual(['1', '2', '3']);
    expect(bench.status()).toMatchObject({ lookUpCount: 0, waitingCount: 0, deliveredCount: 4 });
    await bench.stop();
  });

  it('is not asked for more often because there are many, while the city answers no question', async () => {
    const bench = new Bench();
    bench.script = () => {
      throw new HttpError('ECONNRESET', true, 'the answer was lost');
    };
    await bench.start();
    for (let minute = 0; minute < 90; minute++) {
      await bench.append(observation('a', minute * 60_000, minute), observation('b', minute * 60_000, minute));
      await bench.clock.advance(60_000);
    }
    expect(bench.status().lookUpCount).toBeGreaterThan(30);
    const questions = bench.traffic.filter(({ method, atMs }) => method === 'GET' && atMs >= 30 * 60_000);
    // Between half a minute and a minute pass before each, as before the tries to send something.
    expect(questions.length).toBeGreaterThan(50);
    expect(questions.length).toBeLessThanOrEqual(2 * 60);
    bench.script = undefined;
    await bench.clock.advance(10 * 60_000);
    expect(
      bench
        .values('a')
        .map(Number)
        .sort((x, y) => x - y),
    ).toEqual(Array.from({ length: 90 }, (_, minute) => minute));
    expect(bench.status()).toMatchObject({ lookUpCount: 0, waitingCount: 0 });
    await bench.stop();
  });

  it('is not asked for more rarely because a question now and then is not answered', async () => {
    const bench = new Bench(Array.from({ length: 400 }, (_, index) => history(`s${index}`, 1)).flat());
    let questions = 0;
    bench.script = async (request, _text, city, signal) => {
      const answer = await city(request, signal);
      if (request.method !== 'GET') return answerOf(500, { code: 500, message: 'no' });
      questions++;
      if (questions % 4 === 0) throw new HttpError('ECONNRESET', true, 'the answer was lost');
      return answer;
    };
    await bench.start();
    await bench.clock.advance(60_000);
    // Four batches are in doubt, each about a hundred sensors: while one of them waits the others go on.
    expect(bench.status()).toMatchObject({ lookUpCount: 0, waitingCount: 0, deliveredCount: 400 });
    await bench.stop();
  });

  it('is asked for in parts when the city holds more than one answer can carry', async () => {
    const bench = new Bench(history('a', 600));
    await bench.start();
    await bench.clock.advance(5000);
    await bench.stop();
    // Sent late, these two enclose the 600 that the city has already.
    bench.journal = new Bench([observation('a', -700_000, 1000), observation('a', -500, 1001)]).journal;
    bench.script = once(() => answerOf(500, { code: 500, message: 'no' }), 1, true);
    await bench.start();
    await bench.clock.advance(30_000);
    // All of it, and then each of the two.
    expect(bench.traffic.filter((one) => one.method === 'GET')).toHaveLength(3);
    expect(bench.values()).toHaveLength(602);
    await bench.stop();
  });

  it('is not taken for known because the city holds the same value of that second from before the clock was set back', async () => {
    const bench = new Bench(history('a', 3));
    await bench.start();
    await bench.clock.advance(2000);
    expect(bench.values()).toEqual(['1', '2', '3']);
    const again = history('a', 3).map((one) => ({ ...one, monotonicMs: one.monotonicMs + 10_000 }));
    const lose = (isStored: boolean) => {
      bench.script = once(() => answerOf(500, { code: 500, message: 'no' }), 1, isStored);
    };
    lose(false);
    await bench.append(...again);
    await bench.clock.advance(30_000);
    expect(bench.values().sort()).toEqual(['1', '1', '2', '2', '3', '3']);
    lose(true);
    await bench.append(...again.map((one) => ({ ...one, monotonicMs: one.monotonicMs + 40_000 })));
    await bench.clock.advance(30_000);
    expect(bench.values().sort()).toEqual(['1', '1', '1', '2', '2', '2', '3', '3', '3']);
    expect(bench.status()).toMatchObject({ waitingCount: 0, lookUpCount: 0 });
    await bench.stop();
  });

  it('of the process before is looked up before anything of it is sent', async () => {
    const bench = new Bench(history('a', 5));
    bench.script = async (request, _text, city, signal) => {
      const answer = await city(request, signal);
      if (request.method === 'PUT') await bench.pause(60_000, signal);
      return answer;
    };
    await bench.start();
    await bench.clock.advance(100);
    expect(bench.values()).toHaveLength(5);
    bench.script = undefined;
    await bench.crash();
    await bench.clock.advance(10_000);
    expect(bench.values()).toEqual(['1', '2', '3', '4', '5']);
    expect(bench.traffic.map((one) => one.method)).toEqual(['PUT', 'GET']);
    expect(bench.status()).toMatchObject({ waitingCount: 0 });
    await bench.stop();
  });

  it('is not assumed when no byte has left', async () => {
    const bench = new Bench(history('a', 2));
    bench.script = once(() => {
      throw new HttpError('ECONNREFUSED', false, 'connection refused by city.test');
    }, 3);
    await bench.start();
    await bench.clock.advance(200);
    expect(bench.status()).toMatchObject({ state: 'unreachable', attempt: 1, waitingCount: 2, problem: { code: 'S000' } });
    await bench.clock.advance(20_000);
    expect(bench.traffic.map((one) => one.method)).toEqual(['PUT', 'PUT', 'PUT', 'PUT']);
    expect(bench.status()).toMatchObject({ state: 'ok', attempt: 0 });
    expect(bench.logged.map((one) => one.code)).toEqual(['city-unreachable', 'city-ok']);
    await bench.stop();
  });
});

describe('a batch in doubt with readings of a sensor that the city has far more of', () => {
  const WEEK_S = 7 * 24 * 3600;
  /** What the city has of it already: one in 30 seconds of a week. */
  async function fill(bench: Bench): Promise<void> {
    const stored = Array.from({ length: WEEK_S / 30 }, (_, index) => observationAt(-(index + 1) * 30, -index));
    for (let from = 0; from < stored.length; from += 500) await publish(bench, stored.slice(from, from + 500));
  }

  const observationAt = (second: number, value: number) => {
    return { value: String(value), timestamp: timestamp(START_WALL_MS / 1000 + second) };
  };

  async function publish(bench: Bench, observations: readonly object[]): Promise<void> {
    const body = new TextEncoder().encode(JSON.stringify({ sensors: [{ sensor: 'a', observations }] }));
    const url = `http://city.test:8081/data/${encodeURIComponent(PROVIDER)}`;
    const request = { method: 'PUT', url, headers: { IDENTITY_KEY: TOKEN }, body, timeoutMs: 1, responseBytesMax: 1 } as const;
    expect(await bench.city(request, new AbortController().signal)).toMatchObject({ status: 200 });
  }

  it.each([0, 200])('costs a few questions, also of a quota of %d', { timeout: 60_000 }, async (quotaPerHour) => {
    const bench = new Bench([], { quotaPerHour });
    await fill(bench);
    const before = bench.values().length;
    bench.script = once(
      () => {
        throw new HttpError('ECONNRESET', true, 'reset');
      },
      1,
      true,
    );
    await bench.append(observation('a', -WEEK_S * 1000 + 5_000, 7), observation('a', -5_000, 8));
    await bench.start();
    await bench.clock.advance(10 * 60_000);
    // All of it, and each of the two.
    expect(bench.traffic.map(({ method }) => method)).toEqual(['PUT', 'GET', 'GET', 'GET']);
    expect(bench.values()).toHaveLength(before + 2);
    expect(bench.status()).toMatchObject({ lookUpCount: 0, waitingCount: 0, deliveredCount: 2 });
    await bench.stop();
  });

  it('is not asked for from the beginning again where a question fails', { timeout: 60_000 }, async () => {
    const bench = new Bench();
    await fill(bench);
    let getCount = 0;
    const lost = once(
      () => {
        throw new HttpError('ECONNRESET', true, 'reset');
      },
      1,
      true,
    );
    bench.script = (request, text, city, signal) => {
      if (request.method === 'GET' && getCount++ % 2 === 1) throw new HttpError('ECONNRESET', true, 'reset');
      return lost(request, text, city, signal);
    };
    // Ten, each most of a day after the one before.
    const hours = Array.from({ length: 10 }, (_, index) => index * 16);
    await bench.append(...hours.map((hour) => observation('a', (hour * 3600 - WEEK_S) * 1000 + 5_000, hour)));
    await bench.start();
    await bench.clock.advance(60 * 60_000);
    // At most a question for each, one for each pair of parts, and as many that fail.
    expect(getCount).toBeLessThanOrEqual(2 * (10 + 9));
    expect(bench.puts()).toHaveLength(1);
    expect(bench.status()).toMatchObject({ lookUpCount: 0, waitingCount: 0, deliveredCount: 10 });
    await bench.stop();
  });
});
