import { describe, expect, it } from 'vitest';
import { HttpError } from '../../gateway/host.ts';
import { type Bench as AnyBench, Bench, observation, type Script } from './support.ts';

const MINUTE_MS = 60_000;

/** A city that carries a PUT out `afterMs` after it came, when the sender has given up after `givesUpMs`. */
function late(bench: AnyBench, afterMs: number, givesUpMs: number, code: string): Script {
  return async (request, _text, city, signal) => {
    if (request.method !== 'PUT') return await city(request, signal);
    bench.clock.timer(afterMs, () => void city(request, signal));
    await bench.pause(givesUpMs, signal);
    throw new HttpError(code, true, `no answer: ${code}`);
  };
}

describe('a city that acts when nobody waits for it any more', () => {
  it.each([
    ['TIMEOUT', 25_000, 15_000],
    ['TIMEOUT', 100_000, 15_000],
    ['ECONNRESET', 20_000, 3_000],
  ] as const)('is not sent anything twice (%s, %d ms after the request)', async (code, afterMs, givesUpMs) => {
    const bench = new Bench();
    bench.script = late(bench, afterMs, givesUpMs, code);
    await bench.start();
    const expected: string[] = [];
    for (let step = 0; step < 600; step++) {
      if (step === 300) bench.script = undefined;
      for (const sensor of ['a', 'b', 'c']) await bench.append(observation(sensor, step * 2000, step));
      expected.push(String(step));
      await bench.clock.advance(2000);
    }
    await bench.clock.advance(10 * MINUTE_MS);
    for (const sensor of ['a', 'b', 'c']) {
      expect(
        bench
          .values(sensor)
          .map(Number)
          .sort((x, y) => x - y)
          .map(String),
      ).toEqual(expected);
    }
    expect(bench.status()).toMatchObject({ lookUpCount: 0, waitingCount: 0 });
    await bench.stop();
  });

  it('is given the same time for what the process before had sent', async () => {
    const bench = new Bench();
    bench.script = late(bench, 40_000, 15_000, 'TIMEOUT');
    await bench.start();
    await bench.append(observation('a', 0, 1));
    await bench.clock.advance(5_000);
    bench.script = undefined;
    await bench.crash();
    await bench.append(observation('a', 5_000, 2));
    await bench.clock.advance(3_000);
    expect(bench.values()).toEqual(['2']);
    await bench.clock.advance(3 * MINUTE_MS);
    expect(bench.values().sort()).toEqual(['1', '2']);
    expect(bench.status()).toMatchObject({ waitingCount: 0 });
    await bench.stop();
  });

  it('gets again what it never carried out, and what is new meanwhile', async () => {
    const bench = new Bench();
    bench.script = late(bench, 10_000_000, 3_000, 'ECONNRESET');
    await bench.start();
    await bench.append(observation('a', 0, 1));
    await bench.clock.advance(3_000);
    bench.script = undefined;
    await bench.append(observation('a', 3_000, 2));
    await bench.clock.advance(10_000);
    expect(bench.values()).toEqual(['2']);
    await bench.clock.advance(2 * MINUTE_MS);
    expect(bench.values().sort()).toEqual(['1', '2']);
    await bench.stop();
  });
});
