// Whoever cannot be delivered must cost the others their share at most, however scarce or slow requests are.

import { describe, expect, it } from 'vitest';
import { HttpError } from '../../gateway/host.ts';
import { answerOf, Bench, numbers, observation, type Script, upTo } from './support.ts';

const MINUTE_MS = 60_000;
const GOOD = ['a', 'b', 'c', 'd'];

/** Measures these every `stepMs`; the value is the number of the step. */
async function measure(bench: Bench, sensors: readonly string[], from: number, to: number, stepMs = MINUTE_MS): Promise<void> {
  for (let step = from; step < to; step++) {
    await bench.append(...sensors.map((sensor) => observation(sensor, step * stepMs, step)));
    await bench.clock.advance(stepMs);
  }
}

/** A PUT with one of these sensors fails. */
function failing(bad: readonly string[], failure: (...passed: Parameters<Script>) => ReturnType<Script>): Script {
  return (request, text, city, signal) => {
    const isBad = request.method === 'PUT' && bad.some((sensor) => text.includes(`"sensor":"${sensor}"`));
    return isBad ? failure(request, text, city, signal) : city(request, signal);
  };
}

describe('beside sensors with which every request fails, the backlog of the others', () => {
  it.each([
    { name: 'a scarce quota', badCount: 1, quotaPerHour: 200, tookMs: 0, stepMs: MINUTE_MS },
    { name: 'a very scarce quota', badCount: 3, quotaPerHour: 100, tookMs: 0, stepMs: MINUTE_MS },
    { name: 'requests that time out', badCount: 8, quotaPerHour: 0, tookMs: 15_000, stepMs: 10_000 },
  ])(
    'is delivered after an outage ($name, $badCount of them)',
    { timeout: 60_000 },
    async ({ badCount, quotaPerHour, tookMs, stepMs }) => {
      const bad = upTo(badCount).map((index) => `bad${index}`);
      const bench = new Bench([], { quotaPerHour });
      const script = failing(bad, async (_request, _text, _city, signal) => {
        if (tookMs === 0) return answerOf(500, { code: 500, message: 'Something went wrong' });
        await bench.pause(tookMs, signal);
        throw new HttpError('TIMEOUT', true, 'no answer');
      });
      bench.script = script;
      await bench.start();
      await measure(bench, [...GOOD, ...bad], 0, 180, stepMs);
      bench.script = () => {
        throw new HttpError('ECONNREFUSED', false, 'away');
      };
      await measure(bench, [...GOOD, ...bad], 180, 900, stepMs);
      bench.script = script;
      await measure(bench, [...GOOD, ...bad], 900, 1140, stepMs);
      for (const sensor of GOOD) expect(numbers(bench, sensor).slice(0, 1100)).toEqual(upTo(1100));
      expect(bench.values('bad0')).toEqual([]);
      await bench.stop();
    },
  );
});

describe('beside a sensor that the city does not know, the backlog of the others', () => {
  it('is delivered after an outage where the quota has hardly more than the questions about that sensor', async () => {
    const bench = new Bench([], { quotaPerHour: 10 });
    bench.unknown.add('unknown');
    await bench.start();
    await measure(bench, [...GOOD, 'unknown'], 0, 60);
    bench.script = () => {
      throw new HttpError('ECONNREFUSED', false, 'away');
    };
    await measure(bench, [...GOOD, 'unknown'], 60, 180);
    bench.script = undefined;
    await measure(bench, [...GOOD, 'unknown'], 180, 900);
    for (const sensor of GOOD) expect(numbers(bench, sensor).slice(0, 800)).toEqual(upTo(800));
    await bench.stop();
  });
});
