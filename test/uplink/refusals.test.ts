import { describe, expect, it } from 'vitest';
import { answerOf, Bench, history, observation, once, refusing, SIE03, STARTING, TOKEN } from './support.ts';

describe('a refusal of one observation', () => {
  it('is narrowed down: the culprit is set aside and named, everything else arrives', async () => {
    const bench = new Bench(history('a', 100));
    bench.script = refusing('37');
    await bench.start();
    await bench.clock.advance(10_000);
    expect(
      bench
        .values()
        .map(Number)
        .sort((a, b) => a - b),
    ).toEqual(Array.from({ length: 100 }, (_, index) => index + 1).filter((value) => value !== 37));
    expect(bench.puts().length).toBeLessThan(20);
    expect(bench.journal.events).toMatchObject([
      {
        code: 'observation-set-aside',
        fields: {
          sensor: 'a',
          value: '37',
          time: '25/11/2026T11:58:56',
          reason: 'refused-by-city',
          words: `${SIE03} Wrong timestamp value: 37`,
        },
      },
    ]);
    expect(bench.status()).toMatchObject({
      state: 'ok',
      deliveredCount: 99,
      rejected: { 'refused-by-city': 1 },
      waitingCount: 0,
    });
    await bench.stop();
  });

  it('never delays what comes after it', async () => {
    const bench = new Bench();
    bench.script = refusing('13');
    await bench.start();
    for (let second = 0; second < 30; second++) {
      await bench.append(
        ...['a', 'b', 'c'].map((sensor) =>
          observation(sensor, second * 1000, sensor === 'b' && second === 5 ? 13 : second + 100),
        ),
      );
      await bench.clock.advance(1000);
    }
    await bench.clock.advance(3000);
    expect(bench.values()).toHaveLength(89);
    for (const { timestampMs, arrivalMs } of bench.stored()) expect(arrivalMs - timestampMs).toBeLessThan(2500);
    await bench.stop();
  });

  it.each(['java.net.SocketTimeoutException: null', 'org.apache.http.ConnectionClosedException: Premature end'])(
    'that is a fault of the way (%s) is sent again as it was',
    async (detail) => {
      const bench = new Bench(history('a', 10));
      bench.script = once(() => answerOf(400, { code: 400, message: SIE03, errorDetails: [detail] }));
      await bench.start();
      await bench.clock.advance(5000);
      expect(bench.puts().map((one) => one.count)).toEqual([10, 10]);
      expect(bench.values()).toHaveLength(10);
      await bench.stop();
    },
  );

  it('that is about the address blames no observation', async () => {
    const bench = new Bench(history('a', 4));
    bench.script = once(() => answerOf(400, { code: 400, message: 'Invalid path was requested:/data/x/y/z' }), 3);
    await bench.start();
    await bench.clock.advance(60);
    expect(bench.status()).toMatchObject({ state: 'refused', waitingCount: 4, rejected: {} });
    await bench.clock.advance(120_000);
    expect(bench.values()).toHaveLength(4);
    await bench.stop();
  });
});

describe('sensors that the city does not take', () => {
  it('are held while the others go on, and asked for again after 30 seconds', async () => {
    const bench = new Bench();
    bench.unknown.add('b');
    await bench.start();
    await bench.append(observation('a', 0, 1), observation('b', 0, 2));
    await bench.clock.advance(2000);
    expect(bench.values()).toEqual(['1']);
    expect(bench.status().held).toMatchObject([{ sensor: 'b', words: 'Sensor [b] not found on Sentilo (404.1).' }]);
    const before = bench.traffic.length;
    await bench.clock.advance(28_000);
    expect(bench.traffic.length).toBe(before);
    await bench.clock.advance(5_000);
    expect(bench.traffic.length).toBe(before + 1);
    bench.unknown.clear();
    await bench.clock.advance(70_000);
    expect(bench.values()).toEqual(['1', '2']);
    expect(bench.status()).toMatchObject({ held: [], waitingCount: 0 });
    await bench.stop();
  });

  it('after a loss of the registry are asked for ever more rarely, and everything arrives once (sn-01)', {
    timeout: 60_000,
  }, async () => {
    const bench = new Bench();
    const sensors = ['a', 'b', 'c', 'd', 'e'];
    for (const sensor of sensors) bench.unknown.add(sensor);
    await bench.start();
    const value = new Map<string, string[]>(sensors.map((sensor) => [sensor, []]));
    for (let step = 0; step < 3 * 60 * 2; step++) {
      for (const sensor of sensors) {
        value.get(sensor)?.push(String(step));
        await bench.append(observation(sensor, step * 30_000, step));
      }
      await bench.clock.advance(30_000);
    }
    expect(bench.values()).toEqual([]);
    expect(bench.puts().length).toBeLessThan(30);
    expect(bench.logged.filter((one) => one.level !== 'info')).toHaveLength(1);
    bench.unknown.clear();
    await bench.clock.advance(15 * 60_000);
    for (const sensor of sensors)
      expect(
        bench
          .values(sensor)
          .map(Number)
          .sort((x, y) => x - y)
          .map(String),
      ).toEqual(value.get(sensor));
    expect(bench.status()).toMatchObject({ held: [], waitingCount: 0 });
    await bench.stop();
  });

  it('among many others never break the delivery state into more ranges than it holds', { timeout: 60_000 }, async () => {
    const bench = new Bench();
    bench.unknown.add('b').add('d');
    await bench.start();
    for (let second = 0; second < 1000; second++) {
      await bench.append(...['a', 'b', 'c', 'd', 'e'].map((sensor) => observation(sensor, second * 1000, second)));
      await bench.clock.advance(1000);
    }
    expect(bench.journal.rangesSeenMax).toBeLessThanOrEqual(32);
    expect(bench.values('a')).toHaveLength(999);
    // Each held record is moved a few times, not once per batch.
    expect(bench.journal.records.length).toBeLessThan(5000 + 2000 * 6);
    bench.unknown.clear();
    await bench.clock.advance(15 * 60_000);
    const expected = Array.from({ length: 1000 }, (_, second) => second);
    for (const sensor of ['b', 'd'])
      expect(
        bench
          .values(sensor)
          .map(Number)
          .sort((x, y) => x - y),
      ).toEqual(expected);
    await bench.stop();
  });
});

describe('a held sensor', () => {
  it.each([1_000, 10_000])(
    'makes no other wait, with a sync interval of %d ms and a slow card',
    {
      timeout: 60_000,
    },
    async (syncMs) => {
      const bench = new Bench();
      bench.unknown.add('c').add('f');
      bench.journal.interval = () => bench.pause(syncMs, new AbortController().signal);
      bench.journal.pause = () => bench.pause(20, new AbortController().signal);
      await bench.clock.run(bench.start());
      const sensors = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
      for (let step = 0; step < 1800; step++) {
        for (const sensor of sensors) {
          const one = observation(sensor, bench.clock.monotonicMs(), step);
          void bench.journal.append(one, true).then(() => bench.uplink?.notify());
        }
        await bench.clock.advance(2000);
      }
      expect(bench.values('a').length).toBeGreaterThan(1797);
      const late = bench.stored().map(({ timestampMs, arrivalMs }) => arrivalMs - timestampMs);
      expect(Math.max(...late)).toBeLessThan(3000);
      expect(bench.journal.rangesSeenMax).toBeLessThanOrEqual(32);
      await bench.stop();
    },
  );
});

describe('a refusal of everything', () => {
  it('tells who must do what in the city’s own words, without the token anywhere', async () => {
    const bench = new Bench(history('a', 3));
    bench.script = once(() => answerOf(401, { code: 401, message: `Invalid credential ${TOKEN}` }), 5);
    await bench.start();
    await bench.clock.advance(100);
    expect(bench.status()).toMatchObject({
      state: 'refused',
      problem: { code: 'S401', parameters: { words: 'Invalid credential ***' } },
      waitingCount: 3,
    });
    expect(bench.everythingTold()).not.toContain('se/cret');
    await bench.clock.advance(3_600_000);
    expect(bench.values()).toHaveLength(3);
    expect(bench.logged.map((one) => one.code)).toEqual(['city-refused', 'city-ok']);
    await bench.stop();
  });

  it('is tried again every few minutes at most, and measuring goes on (sn-04)', { timeout: 60_000 }, async () => {
    const bench = new Bench();
    const message = 'Entity makers@poblenou has not permission to WRITE  info about entity makers@poblenou';
    bench.script = once(() => answerOf(403, { code: 403, message }), Number.POSITIVE_INFINITY);
    await bench.start();
    for (let hour = 0; hour < 72; hour++) {
      await bench.append(observation('a', hour * 3_600_000, hour));
      await bench.clock.advance(3_600_000);
    }
    expect(bench.puts().length).toBeLessThan(72 * 30);
    expect(bench.status()).toMatchObject({
      state: 'refused',
      problem: { code: 'S403', parameters: { words: message } },
      waitingCount: 72,
    });
    bench.script = undefined;
    await bench.clock.advance(600_000);
    expect(bench.values()).toHaveLength(72);
    expect(bench.logged).toHaveLength(2);
    await bench.stop();
  });

  it('by a quota of the whole city waits as long as it says too', async () => {
    const bench = new Bench(history('a', 3));
    const headers = { 'x-ratelimit-inbound-reset': '0', 'x-ratelimit-global-inbound-reset': '5' };
    bench.script = once(() => answerOf(429, { code: 429, message: 'Sent quota exceeded.' }, headers));
    await bench.start();
    await bench.clock.advance(20);
    expect(bench.status()).toMatchObject({ problem: { code: 'S429' }, nextTryInMs: 5.5 * 60_000 });
    await bench.stop();
  });

  it('of another kind begins with a short wait, however long the trouble before it lasted', async () => {
    const bench = new Bench(history('a', 3));
    bench.script = once(() => answerOf(503, STARTING), 12);
    await bench.start();
    while (bench.puts().length < 12) await bench.clock.advance(1000);
    bench.script = once(() => answerOf(429, { code: 429, message: 'Sent quota exceeded.' }));
    while (bench.status().problem?.code !== 'S429') await bench.clock.advance(1000);
    // The first wait for a quota of which nothing is told: half a minute, and by chance up to a whole one more.
    expect(bench.status().nextTryInMs).toBeLessThan(90_000);
    await bench.stop();
  });

  it('by a quota waits as long as the city says, and half of the minute that it rounds down', async () => {
    const bench = new Bench(history('a', 3));
    bench.script = once(() =>
      answerOf(429, { code: 429, message: 'Sent quota exceeded.' }, { 'x-ratelimit-inbound-reset': '17' }),
    );
    await bench.start();
    await bench.clock.advance(20);
    expect(bench.status()).toMatchObject({ state: 'waiting', problem: { code: 'S429' }, nextTryInMs: 17.5 * 60_000 });
    await bench.clock.advance(17.5 * 60_000 + 100);
    expect(bench.puts().map((one) => one.atMs)).toEqual([0, 20 + 17.5 * 60_000]);
    await bench.stop();
  });

  it.each([
    [503, 'waiting'],
    [405, 'refused'],
    [302, 'refused'],
  ] as const)('with %d keeps everything', async (status, state) => {
    const bench = new Bench(history('a', 3));
    bench.script = once(() => answerOf(status, { code: status, message: 'no' }), 3);
    await bench.start();
    await bench.clock.advance(100);
    expect(bench.status()).toMatchObject({ state, waitingCount: 3, problem: { code: `S${status}` } });
    await bench.clock.advance(300_000);
    expect(bench.values()).toEqual(['1', '2', '3']);
    await bench.stop();
  });

  it('backs off from one second to one minute when the city stays away', async () => {
    const bench = new Bench(history('a', 1));
    bench.random = () => 0.999;
    bench.script = once(() => answerOf(503, STARTING), Number.POSITIVE_INFINITY);
    await bench.start();
    await bench.clock.advance(600_000);
    const starts = bench.puts().map((one) => one.atMs);
    const waits = starts.slice(1).map((start, index) => Math.round((start - (starts[index] ?? 0)) / 1000));
    expect(waits.slice(0, 8)).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    await bench.stop();
  });
});
