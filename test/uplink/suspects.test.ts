import { describe, expect, it } from 'vitest';
import { answerOf, Bench, observation, type Script, SIE03 } from './support.ts';

const SENSORS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

/** Measures all sensors every two seconds; the value is the number of the step. */
async function measure(bench: Bench, fromStep: number, toStep: number): Promise<void> {
  for (let step = fromStep; step < toStep; step++) {
    await bench.append(...SENSORS.map((sensor) => observation(sensor, step * 2000, step)));
    await bench.clock.advance(2000);
  }
}

function numbers(bench: Bench, sensor: string): number[] {
  return bench
    .values(sensor)
    .map(Number)
    .sort((x, y) => x - y);
}

function steps(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

/** Answers like this to every PUT that holds an observation of `sensor`. */
function failing(sensor: string, status: number, body: unknown, readBack?: number): Script {
  return (request, text, city, signal) => {
    if (request.method === 'GET' && readBack !== undefined) return answerOf(readBack, { code: readBack, message: 'no' });
    if (request.method !== 'PUT' || !text.includes(`"sensor":"${sensor}"`)) return city(request, signal);
    return answerOf(status, body);
  };
}

describe('a sensor that the city cannot cope with', () => {
  it.each([
    [500, { code: 500, message: 'Something went wrong' }],
    [404, { code: 404, message: 'gone', errorDetails: ['nobody knows'] }],
  ])('(always %d) is found, waits alone and loses nothing, while all others go on', { timeout: 60_000 }, async (status, body) => {
    const bench = new Bench();
    bench.script = failing('c', status, body);
    await bench.start();
    await measure(bench, 0, 300);
    expect(bench.values('c')).toEqual([]);
    expect(bench.status().held).toMatchObject([{ sensor: 'c' }]);
    for (const sensor of SENSORS.filter((one) => one !== 'c')) expect(numbers(bench, sensor).length).toBeGreaterThan(297);
    const before = bench.puts().length;
    await measure(bench, 300, 450);
    // One a second for the others' sake at most, and hardly any for this one.
    expect(bench.puts().length - before).toBeLessThan(165);
    const late = bench.stored().filter(({ timestampMs, arrivalMs }) => arrivalMs - timestampMs > 4_000);
    const lastLateMs = Math.max(...late.map(({ timestampMs }) => timestampMs));
    expect(lastLateMs - (bench.clock.wall().ms - 900_000)).toBeLessThan(120_000);
    bench.script = undefined;
    await measure(bench, 450, 550);
    await bench.clock.advance(30 * 60_000);
    for (const sensor of SENSORS) expect(numbers(bench, sensor)).toEqual(steps(0, 550));
    expect(bench.status()).toMatchObject({ held: [], rejected: {}, waitingCount: 0 });
    await bench.stop();
  });

  it('never holds anybody when the city fails at everything', async () => {
    const bench = new Bench();
    bench.script = (request, _text, city, signal) =>
      request.method === 'PUT' ? answerOf(500, { code: 500, message: 'no' }) : city(request, signal);
    await bench.start();
    await measure(bench, 0, 300);
    expect(bench.status()).toMatchObject({ state: 'waiting', held: [] });
    bench.script = undefined;
    await bench.clock.advance(3 * 60_000);
    for (const sensor of SENSORS) expect(numbers(bench, sensor)).toEqual(steps(0, 300));
    await bench.stop();
  });

  it('does not stop what is new because the city does not let itself be asked', async () => {
    const bench = new Bench();
    bench.script = failing('none', 500, undefined, 403);
    await bench.start();
    let left = 20;
    const inner = bench.script;
    bench.script = (request, text, city, signal) =>
      request.method === 'PUT' && left-- > 0 ? answerOf(500, { code: 500, message: 'no' }) : inner(request, text, city, signal);
    await bench.clock.advance(100);
    await measure(bench, 0, 900);
    const newest = numbers(bench, 'a').at(-1);
    expect(newest).toBeGreaterThan(896);
    await bench.stop();
  });
});

describe('a sensor whose observations are refused one by one', () => {
  it('has its own slow requests, so that nobody’s batch is cut again and again', { timeout: 60_000 }, async () => {
    const bench = new Bench();
    bench.script = failing('b', 400, { code: 400, message: SIE03, errorDetails: ['Wrong value'] });
    await bench.start();
    await measure(bench, 0, 30);
    const before = bench.puts().length;
    await measure(bench, 30, 330);
    // 300 of them carry the others.
    expect(bench.puts().length - before).toBeLessThan(330);
    const late = bench.stored().map(({ timestampMs, arrivalMs }) => arrivalMs - timestampMs);
    expect(Math.max(...late)).toBeLessThan(4000);
    bench.script = undefined;
    await bench.clock.advance(60 * 60_000);
    const { rejected, waitingCount, held } = bench.status();
    expect(numbers(bench, 'b').length + (rejected['refused-by-city'] ?? 0)).toBe(330);
    expect(numbers(bench, 'b').length).toBeGreaterThan(300);
    expect({ waitingCount, held }).toEqual({ waitingCount: 0, held: [] });
    await bench.stop();
  });
});
