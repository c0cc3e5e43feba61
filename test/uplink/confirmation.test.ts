import { describe, expect, it } from 'vitest';
import type { Value } from '../../drivers/reading.ts';
import type { StoredValue } from '../../gateway/uplink/city.ts';
import { Confirmation } from '../../gateway/uplink/confirmation.ts';
import type { Entry } from '../../gateway/uplink/entry.ts';
import { TestClock } from '../support/test-clock.ts';
import { answerOf, Bench, observation, STARTING } from './support.ts';

const MINUTE_MS = 60_000;

/** Measures every sensor every ten seconds, each at its own moment, for so long. */
async function measure(bench: Bench, forMs: number, sensors: Readonly<Record<string, (atMs: number) => Value>>): Promise<void> {
  const stepMs = 10_000 / Object.keys(sensors).length;
  for (let ms = 0; ms < forMs; ms += 10_000) {
    for (const [sensor, value] of Object.entries(sensors)) {
      const atMs = bench.clock.monotonicMs();
      await bench.append(observation(sensor, atMs, value(atMs)));
      await bench.clock.advance(stepMs);
    }
  }
}

const rising = (offset: number) => (atMs: number) => offset + atMs / 1000;
const asked = (bench: Bench) =>
  bench.traffic.filter(({ method }) => method === 'GET').map(({ url }) => /data\/[^/]+\/(\w+)/.exec(url)?.[1]);
const told = (bench: Bench) => bench.journal.events.map(({ code }) => code);

describe('what the city shows', () => {
  it('is compared with one value every 15 minutes, of each sensor in turn', async () => {
    const bench = new Bench();
    await bench.start();
    await measure(bench, 120 * MINUTE_MS, { a: rising(0), b: rising(10_000), c: rising(20_000) });
    expect(asked(bench).length).toBeGreaterThanOrEqual(7);
    expect(asked(bench).length).toBeLessThanOrEqual(8);
    expect(new Set(asked(bench).slice(0, 3))).toEqual(new Set(['a', 'b', 'c']));
    const { confirmedWallMs = 0, differing } = bench.status();
    expect(bench.clock.wall().ms - confirmedWallMs).toBeLessThan(16 * MINUTE_MS);
    expect(differing).toEqual([]);
    expect(told(bench)).toEqual([]);
    await bench.stop();
  });

  it('is looked at by gateways that were switched on together each at moments of its own', async () => {
    const phases = [0.25, 0.75].map(async (chance) => {
      const bench = new Bench();
      bench.random = () => chance;
      await bench.start();
      await measure(bench, 30 * MINUTE_MS, { a: rising(0) });
      await bench.stop();
      return bench.traffic.filter(({ method }) => method === 'GET').map(({ atMs }) => atMs % 3_000);
    });
    expect((await Promise.all(phases)).map(([first]) => first)).toEqual([750, 2_250]);
  });

  it.each([
    ['at the same moments', 10_000],
    ['at moments of their own', 5_000],
  ])(
    'of two sensors that the server mixes up is noticed when they are measured %s, told once, and its end too',
    async (_when, apartMs) => {
      const bench = new Bench();
      await bench.start();
      const both = async (forMs: number) => {
        for (let ms = 0; ms < forMs; ms += 10_000) {
          const atMs = bench.clock.monotonicMs();
          await bench.append(observation('a', atMs, 20 + atMs / 1e6));
          if (apartMs === 10_000) await bench.append(observation('b', atMs, 400 + atMs / 1e4));
          await bench.clock.advance(5_000);
          if (apartMs === 5_000) await bench.append(observation('b', atMs + 5_000, 400 + atMs / 1e4));
          await bench.clock.advance(5_000);
        }
      };
      await both(40 * MINUTE_MS);
      expect(bench.status().differing).toEqual([]);
      bench.mixUp(['a', 'b']);
      await both(40 * MINUTE_MS);
      expect(bench.status().differing.length).toBeGreaterThan(0);
      const [event] = bench.journal.events;
      expect(event).toMatchObject({ code: 'city-values-differ', fields: { sensor: expect.stringMatching(/^[ab]$/) } });
      expect(bench.logged.filter(({ code }) => code === 'city-values-differ')).toHaveLength(bench.status().differing.length);
      bench.mixUp([]);
      await both(60 * MINUTE_MS);
      expect(bench.status().differing).toEqual([]);
      expect(told(bench).filter((code) => code === 'city-values-differ')).toHaveLength(
        told(bench).filter((code) => code === 'city-values-agree').length,
      );
      await bench.stop();
    },
  );

  it('raises no alarm about what the city has deleted or let run out', async () => {
    const bench = new Bench();
    // Nothing is ever shown, as with a time to live of a second.
    bench.script = (request, _text, city, signal) =>
      request.method === 'GET' ? answerOf(200, { observations: [] }, { 'x-sentilo-version': '2.0.0' }) : city(request, signal);
    await bench.start();
    await measure(bench, 120 * MINUTE_MS, { a: rising(0), b: rising(10_000) });
    expect(asked(bench).length).toBeGreaterThan(5);
    expect(bench.status()).toMatchObject({ differing: [] });
    expect(bench.status()).not.toHaveProperty('confirmedWallMs');
    expect(told(bench)).toEqual([]);
    await bench.stop();
  });

  it('raises no alarm about several values in a second, folded ones, equal ones, and what somebody else sends besides', async () => {
    const bench = new Bench();
    await bench.start();
    for (let ms = 0; ms < 180 * MINUTE_MS; ms += 10_000) {
      const atMs = bench.clock.monotonicMs();
      // Two within a second, of which one is folded; and two sensors that always show the same.
      await bench.append(observation('a', atMs, ms), observation('a', atMs + 300, ms + 1));
      await bench.append(observation('b', atMs, 0), observation('c', atMs, 0));
      await bench.clock.advance(4_000);
      const [put] = bench.requests.filter(({ method }) => method === 'PUT').slice(-1);
      // Stored twice, and beside it another value in the same second.
      if (put !== undefined && ms % 30_000 === 0) {
        await bench.city(put, new AbortController().signal);
        const other = new TextDecoder().decode(put.body).replaceAll(/"value":"[^"]*"/g, '"value":"7777"');
        await bench.city({ ...put, body: new TextEncoder().encode(other) }, new AbortController().signal);
      }
      await bench.clock.advance(6_000);
    }
    expect(asked(bench).length).toBeGreaterThan(9);
    expect(told(bench)).toEqual([]);
    expect(bench.status().differing).toEqual([]);
    await bench.stop();
  });

  it('raises no alarm about equal values where every third batch fails half-way', async () => {
    const bench = new Bench();
    await bench.start();
    let putCount = 0;
    bench.script = async (request, text, city, signal) => {
      if (request.method !== 'PUT' || putCount++ % 3 !== 1) return await city(request, signal);
      const [first] = JSON.parse(text).sensors;
      await city({ ...request, body: new TextEncoder().encode(JSON.stringify({ sensors: [first] })) }, signal);
      return answerOf(500, { code: 500, message: 'Something went wrong' });
    };
    for (let step = 0; step < 720; step++) {
      const atMs = bench.clock.monotonicMs();
      await bench.append(observation('a', atMs, 0), observation('b', atMs, 0));
      await bench.clock.advance(10_000);
    }
    expect(asked(bench).length).toBeGreaterThan(100);
    expect(told(bench)).toEqual([]);
    expect(bench.status().differing).toEqual([]);
    await bench.stop();
  });

  it('raises no alarm about equal values of which some were delivered a minute late', async () => {
    const clock = new TestClock({ ms: 0, quality: 'synced' });
    const events: string[] = [];
    const values: StoredValue[] = [];
    let askedCount = 0;
    const confirmation = new Confirmation({
      host: { clock, random: () => 0, bootId: 'boot' },
      city: {
        shown: async (_sensor, from, to) => {
          askedCount++;
          return values.filter(({ second }) => from <= second && second <= to);
        },
      },
      gate: { state: { state: 'ok', sinceWallMs: 0, attempt: 0, problem: undefined, lastSuccessWallMs: 0 } },
      quota: { pauseMs: () => 0 },
      jobs: { isInDoubt: () => false },
      tally: { tell: async (_level, code) => void events.push(code) },
      componentOf: (sensor) => sensor,
      onError: (error) => events.push(String(error)),
    });
    const stop = new AbortController();
    const running = confirmation.run(stop.signal).catch(() => undefined);
    const late: Entry[] = [];
    for (let step = 0; step < 720; step++) {
      const atMs = step * 5_000;
      const [a, b] = ['a', 'b'].map((sensor): Entry => {
        return { sequence: step, sensor, second: atMs / 1000, value: '0', boot: 'boot', monotonicMs: atMs };
      });
      if (a === undefined || b === undefined) throw new Error('two sensors make two entries');
      confirmation.delivered([a]);
      // Twelve of b come together after a minute, and twelve at once.
      if (step % 24 < 12) late.push(b);
      else confirmation.delivered([...late.splice(0), b]);
      values.push({ second: b.second, value: b.value });
      await clock.advance(5_000);
    }
    expect(askedCount).toBeGreaterThan(5);
    expect(events).toEqual([]);
    expect(confirmation.status().differing).toEqual([]);
    stop.abort();
    await clock.run(running);
  });

  it('is not asked for while the city has trouble, nor when its quota runs low', async () => {
    const bench = new Bench([], { quotaPerHour: 4 });
    await bench.start();
    await measure(bench, 60 * MINUTE_MS, { a: rising(0) });
    expect(asked(bench)).toEqual([]);
    await bench.stop();
    const failing = new Bench();
    failing.script = () => answerOf(503, STARTING);
    await failing.start();
    await measure(failing, 60 * MINUTE_MS, { a: rising(0) });
    expect(asked(failing)).toEqual([]);
    await failing.stop();
  });
});

describe('a component', () => {
  it('is asked about once in 15 minutes, each for itself', async () => {
    const bench = new Bench();
    const sensors = ['a', 'b', 'c', 'd'].map((sensor, index) => ({
      sensor,
      component: index < 2 ? 'first' : 'second',
      type: 'temperature',
      dataType: 'NUMBER' as const,
      description: '',
    }));
    bench.wanted = { sensors, components: new Map() };
    await bench.start();
    await measure(bench, 120 * MINUTE_MS, { a: rising(0), b: rising(1e4), c: rising(2e4), d: rising(3e4) });
    for (const pair of [
      ['a', 'b'],
      ['c', 'd'],
    ]) {
      const count = asked(bench).filter((sensor = '') => pair.includes(sensor)).length;
      expect(count).toBeGreaterThanOrEqual(7);
      expect(count).toBeLessThanOrEqual(8);
    }
    expect(bench.stored('a').length).toBe(720);
    await bench.stop();
  });
});
