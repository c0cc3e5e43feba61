import { describe, expect, it } from 'vitest';
import { answerOf, Bench, history, observation, once, refusing, START_WALL_MS, STARTING, TOKEN } from './support.ts';

describe('a request to the city', () => {
  it('is one PUT with the token, closed afterwards, with limits of its own', async () => {
    const bench = new Bench([observation('a', -5000, 21.456)]);
    await bench.start();
    await bench.clock.advance(1000);
    const [request] = bench.requests;
    expect(request).toMatchObject({
      method: 'PUT',
      url: 'http://city.test:8081/data/makers%40poblenou',
      headers: { IDENTITY_KEY: TOKEN, 'Content-Type': 'application/json', Connection: 'close', 'User-Agent': 'barri' },
      timeoutMs: 15_000,
      responseBytesMax: 1_048_576,
    });
    expect(new TextDecoder().decode(request?.body)).toBe(
      '{"sensors":[{"sensor":"a","observations":[{"value":"21.46","timestamp":"25/11/2026T11:59:55"}]}]}',
    );
    await bench.stop();
  });

  it('carries places, states and at most the configured number of observations', async () => {
    const bench = new Bench([...history('a', 5), observation('door', -1000, true, { location: '41.4 2.2' })]);
    bench.config = { ...bench.config, send: { everyMs: 1000, batch: 4 } };
    await bench.start();
    await bench.clock.advance(2000);
    expect(bench.puts().map((one) => one.count)).toEqual([4, 2]);
    expect(bench.stored('door')).toMatchObject([{ value: 'true', location: '41.4 2.2' }]);
    await bench.stop();
  });

  it('leaves out what is not published, what is no observation, and what the city would refuse', async () => {
    const bench = new Bench([
      observation('a', -9000, 1),
      observation('private', -9000, 2, { publish: false }),
      { kind: 'event', code: 'started', fields: {}, boot: 'boot', monotonicMs: 0, wallMs: 0, wallQuality: 'none' },
      observation('no id', -9000, 3),
      observation('b', -9000, 4, { location: '41.4, 2.2' }),
      observation('b', -8000, 5, { location: '91 2' }),
      observation('b', -7000, Number.NaN),
      observation('b', -6000, 6, { wallMs: Number.NaN }),
      observation('suspect', -5000, 7, { quality: 'suspect' }),
    ]);
    await bench.start();
    await bench.clock.advance(5000);
    expect(bench.values()).toEqual(['1', '7']);
    expect(bench.status().rejected).toEqual({
      'invalid-sensor-id': 1,
      'invalid-location': 2,
      'invalid-value': 1,
      'invalid-time': 1,
    });
    expect(bench.journal.events.filter((event) => event.code === 'observation-set-aside')).toHaveLength(4);
    expect(bench.status().waitingCount).toBe(0);
    await bench.stop();
  });

  it('is made by at most two lanes, one at a time each', async () => {
    const bench = new Bench(history('old', 10_000));
    bench.latencyMs = 300;
    await bench.start();
    for (let second = 0; second < 20; second++) {
      await bench.append(observation('new', second * 1000, second));
      await bench.clock.advance(1000);
    }
    expect(bench.inFlightMax).toBe(2);
    await bench.stop();
  });
});

describe('what waits', () => {
  const EVENT = {
    kind: 'event',
    code: 'started',
    fields: {},
    boot: 'boot',
    monotonicMs: 0,
    wallMs: 0,
    wallQuality: 'none',
  } as const;

  it('is only what is for the city, also while the city is away', async () => {
    const bench = new Bench([EVENT, EVENT]);
    bench.script = once(() => answerOf(503, STARTING), 20);
    await bench.start();
    await bench.append(...Array.from({ length: 1200 }, () => EVENT));
    await bench.clock.advance(1_000);
    await bench.append(EVENT, EVENT, observation('a', 1_000, 1));
    await bench.clock.advance(5_000);
    expect(bench.status()).toMatchObject({ state: 'waiting', waitingCount: 1 });
    await bench.append(EVENT);
    await bench.clock.advance(60 * 60_000);
    await bench.append(EVENT);
    await bench.clock.advance(5_000);
    expect(bench.status()).toMatchObject({ state: 'ok', waitingCount: 0 });
    await bench.stop();
  });
});

describe('two observations of one sensor in one second', () => {
  it('are folded into the last', async () => {
    const bench = new Bench([observation('a', -5000, 1), observation('a', -4500, 2), observation('a', -4000, 3)]);
    await bench.start();
    await bench.clock.advance(1000);
    expect(bench.values()).toEqual(['2', '3']);
    expect(bench.status()).toMatchObject({ foldedCount: 1, deliveredCount: 2, waitingCount: 0 });
    await bench.stop();
  });

  it('are waited for while the second runs', async () => {
    const bench = new Bench();
    await bench.start();
    await bench.append(observation('a', 0, true));
    await bench.clock.advance(400);
    await bench.append(observation('a', 400, false));
    await bench.clock.advance(1600);
    expect(bench.values()).toEqual(['false']);
    await bench.stop();
  });

  it('leave the city with the first when that is there already', async () => {
    const bench = new Bench([observation('a', -5000, 1)]);
    await bench.start();
    await bench.clock.advance(1000);
    await bench.append(observation('a', -4600, 2));
    await bench.clock.advance(2000);
    expect(bench.values()).toEqual(['1']);
    expect(bench.status()).toMatchObject({ foldedCount: 1, waitingCount: 0 });
    await bench.stop();
  });
});

describe('the two lanes', () => {
  it('deliver what is new within two seconds while a long backlog drains beside it', async () => {
    const bench = new Bench(history('old', 20_000));
    bench.latencyMs = 1000;
    await bench.start();
    await bench.append(observation('new', 0, 7));
    await bench.clock.advance(3500);
    expect(bench.values('new')).toEqual(['7']);
    expect(bench.values('old').length).toBeLessThan(1000);
    await bench.clock.advance(250_000);
    expect(bench.values('old')).toEqual(history('old', 20_000).map((one) => String(one.value)));
    await bench.stop();
  });

  it('send what is new at most once per interval', async () => {
    const bench = new Bench();
    bench.config = { ...bench.config, send: { everyMs: 5000, batch: 100 } };
    await bench.start();
    for (let step = 0; step < 300; step++) {
      await bench.append(observation('a', step * 100, step));
      await bench.clock.advance(100);
    }
    const starts = bench.puts().map((one) => one.atMs);
    expect(starts.length).toBeGreaterThan(4);
    for (let i = 1; i < starts.length; i++) expect((starts[i] ?? 0) - (starts[i - 1] ?? 0)).toBeGreaterThanOrEqual(5000);
    await bench.stop();
  });

  it('keep little of a backlog in memory and settle it all', async () => {
    const bench = new Bench(history('old', 3_000));
    bench.journal.gone.add(7);
    for (let sequence = 100; sequence < 2500; sequence++) bench.journal.gone.add(sequence);
    await bench.start();
    await bench.clock.advance(10_000);
    expect(bench.values()).toHaveLength(3_000 - 1 - 2_400);
    expect(bench.status()).toMatchObject({ state: 'ok', waitingCount: 0 });
    await bench.stop();
  });
});

describe('the clock', () => {
  const NO_TIME = { wallQuality: 'none', wallMs: 5000 } as const;

  it('that was never set in a boot makes its observations wait, and no others', async () => {
    const bench = new Bench([observation('a', -9000, 1, { ...NO_TIME, boot: 'before' }), observation('a', -8000, 2)]);
    await bench.start();
    await bench.clock.advance(10_000);
    expect(bench.values()).toEqual(['2']);
    expect(bench.status()).toMatchObject({ noTimeCount: 1, waitingCount: 1 });
    expect(bench.status()).not.toHaveProperty('oldestWaitingWallMs');
    await bench.stop();
  });

  it('that is set later gives the observations of its boot their time, from an anchor that is durable', async () => {
    const bench = new Bench([
      observation('a', -9000, 1, { ...NO_TIME, boot: 'before' }),
      observation('a', -8000, 2, NO_TIME),
      observation('a', -7000, 3, NO_TIME),
    ]);
    bench.isTimeKept = true;
    await bench.start();
    await bench.clock.advance(10_000);
    expect(bench.stored().map(({ value, timestampMs }) => [value, timestampMs - START_WALL_MS])).toEqual([
      ['2', -8000],
      ['3', -7000],
    ]);
    expect(bench.status()).toMatchObject({ noTimeCount: 1, waitingCount: 1 });
    expect(bench.journal.records.filter(({ kind }) => kind === 'anchor')).toHaveLength(1);
    await bench.crash();
    await bench.clock.advance(60_000);
    expect(bench.values()).toEqual(['2', '3']);
    expect(bench.journal.records.filter(({ kind }) => kind === 'anchor')).toHaveLength(1);
    await bench.stop();
  });

  it('that is set while a page of the backlog is being read loses nothing of what is looked at again', async () => {
    const early = Array.from({ length: 50 }, (_, index) => observation('early', -90_000 + index * 1000, index, NO_TIME));
    const bench = new Bench([...early, ...history('a', 5_000)]);
    bench.isTimeKept = true;
    bench.journal.pause = () => bench.pause(150, new AbortController().signal);
    const starting = bench.start();
    await bench.clock.run(starting);
    await bench.clock.advance(120_000);
    expect(bench.values('early')).toEqual(early.map(({ value }) => String(value)));
    expect(bench.values('a')).toHaveLength(5_000);
    await bench.stop();
  });

  it('that was set back shows a second twice: both observations are sent, in one batch or in two', async () => {
    const wallMs = START_WALL_MS - 5000;
    const bench = new Bench([
      observation('a', -5000, 1),
      observation('a', -3000, 2, { wallMs }),
      observation('a', -2500, 3, { wallMs }),
    ]);
    await bench.start();
    await bench.clock.advance(2000);
    expect(bench.values()).toEqual(['1', '3']);
    await bench.append(observation('a', 1000, 4, { wallMs }), observation('a', 1000, 5, { wallMs, boot: 'next' }));
    await bench.clock.advance(5000);
    expect(bench.values()).toEqual(['1', '3', '4', '5']);
    expect(bench.status()).toMatchObject({ foldedCount: 1, waitingCount: 0 });
    await bench.stop();
  });

  it('that goes forward by hours makes no burst at the city (ck-03)', async () => {
    const bench = new Bench();
    await bench.start();
    await bench.append(observation('a', 0, 1));
    await bench.clock.advance(86_400_000);
    await bench.append(observation('a', 86_400_000, 2));
    await bench.clock.advance(5000);
    expect(bench.puts()).toHaveLength(2);
    await bench.stop();
  });
});

describe('the journal', () => {
  it('is told durably before every request, and again once nothing more comes', async () => {
    const bench = new Bench(history('a', 250));
    await bench.start();
    await bench.clock.advance(10_000);
    expect(bench.journal.beginCount).toBe(bench.puts().length);
    const { flushCount } = bench.journal;
    expect(flushCount).toBe(1);
    await bench.clock.advance(60_000);
    expect(bench.journal.flushCount).toBe(flushCount);
    const next = await bench.journal.crashed().delivery();
    expect(next).toMatchObject({ lowWater: 250, unresolved: [] });
    await bench.stop();
  });

  it('is flushed when the uplink ends', async () => {
    const bench = new Bench(history('a', 5));
    await bench.start();
    await bench.clock.advance(100);
    await bench.stop();
    expect(await bench.journal.crashed().delivery()).toMatchObject({ lowWater: 5, unresolved: [] });
  });

  it('that cannot write stops the sending, and it goes on by itself', async () => {
    const bench = new Bench(history('a', 5));
    bench.journal.failing = true;
    await bench.start();
    await bench.clock.advance(5000);
    expect(bench.requests).toEqual([]);
    expect(bench.status()).toMatchObject({ state: 'waiting', problem: { code: 'S900' } });
    bench.journal.failing = false;
    await bench.clock.advance(60_000);
    expect(bench.values()).toHaveLength(5);
    await bench.stop();
  });

  it('that fails while an answer is on its way leads to a look-up, not to a second sending', async () => {
    const bench = new Bench(history('a', 10));
    bench.script = refusing('4');
    await bench.start();
    await bench.clock.advance(70);
    bench.journal.failing = true;
    await bench.clock.advance(5000);
    bench.journal.failing = false;
    await bench.clock.advance(120_000);
    expect(
      bench
        .values()
        .map(Number)
        .sort((a, b) => a - b),
    ).toEqual([1, 2, 3, 5, 6, 7, 8, 9, 10]);
    await bench.stop();
  });
});

describe('the end of a run', () => {
  it('comes at once, also with a request on its way, and leaves no timer behind', async () => {
    const bench = new Bench(history('a', 5));
    bench.latencyMs = 14_000;
    await bench.start();
    await bench.clock.advance(1000);
    expect(bench.inFlight).toBe(1);
    await bench.stop();
    expect(bench.clock.monotonicMs()).toBe(1000);
    expect(bench.clock.timerCount).toBe(0);
    expect(await bench.journal.crashed().delivery()).toMatchObject({ lowWater: 0, unresolved: [{ first: 1, last: 5 }] });
  });
});
