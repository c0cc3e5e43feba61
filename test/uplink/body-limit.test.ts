import { describe, expect, it } from 'vitest';
import { TEXT_BYTES_MAX } from '../../drivers/reading.ts';
import type { Observation } from '../../gateway/record.ts';
import { answerOf, Bench, history, observation } from './support.ts';

const DAY_MS = 24 * 3_600_000;
/** The example of the city's own documentation (sentilo.md §1.5.5). */
const LIMIT = 4096;

const bodies = (bench: Bench) => bench.requests.filter(({ method }) => method === 'PUT').map(({ body }) => body?.length ?? 0);
const text = (sensor: string, secondsAgo: number, value: string): Observation =>
  observation(sensor, -secondsAgo * 1000, value, { unit: '{text}', precision: 1, readingKind: 'state' });

describe('a limit of the city on the length of a request', () => {
  it('is learned from one refusal and used to the full', async () => {
    const bench = new Bench([...history('a', 300), ...history('b', 100)], { bodyBytesMax: LIMIT });
    await bench.start();
    await bench.clock.advance(20_000);
    expect(bench.stored()).toHaveLength(400);
    const [first, ...rest] = bodies(bench);
    expect(first).toBeGreaterThan(LIMIT);
    expect(Math.max(...rest)).toBeLessThanOrEqual(LIMIT);
    // Those that were made after it are as long as an observation allows.
    expect(rest.filter((bytes) => bytes > LIMIT - 100).length).toBeGreaterThan(2);
    expect(rest.length).toBeLessThan(9);
    await bench.stop();
  });

  it('counts bytes, not letters', async () => {
    const bench = new Bench(
      Array.from({ length: 60 }, (_, index) => text('lift', 100 - index, '电梯'.repeat(10))),
      { bodyBytesMax: LIMIT },
    );
    await bench.start();
    await bench.clock.advance(20_000);
    expect(bench.stored()).toHaveLength(60);
    expect(bodies(bench).filter((bytes) => bytes > LIMIT)).toHaveLength(1);
    await bench.stop();
  });

  it('is tried out again after a day, with one request', { timeout: 60_000 }, async () => {
    const bench = new Bench(history('a', 200), { bodyBytesMax: LIMIT });
    await bench.start();
    await bench.clock.advance(20_000);
    await bench.append(...history('b', 200));
    await bench.clock.advance(20_000);
    expect(bodies(bench).filter((bytes) => bytes > LIMIT)).toHaveLength(1);
    await bench.clock.advance(DAY_MS);
    await bench.append(...history('c', 200));
    await bench.clock.advance(20_000);
    expect(bodies(bench).filter((bytes) => bytes > LIMIT)).toHaveLength(2);
    expect(bench.stored()).toHaveLength(600);
    await bench.stop();
  });

  // A quotation mark takes two bytes in JSON.
  it('sets aside an observation that is too long alone, and everything else arrives', async () => {
    const bench = new Bench([text('lift', 30, 'OK'), text('lift', 20, '"'.repeat(TEXT_BYTES_MAX)), text('lift', 10, 'KO')], {
      bodyBytesMax: 300,
    });
    await bench.start();
    await bench.clock.advance(60_000);
    expect(bench.values()).toEqual(['OK', 'KO']);
    expect(bench.status()).toMatchObject({ rejected: { 'too-large': 1 }, waitingCount: 0 });
    expect(bench.journal.events).toMatchObject([
      { code: 'observation-set-aside', fields: { reason: 'too-large', sensor: 'lift' } },
    ]);
    expect(bench.puts().length).toBeLessThan(8);
    await bench.stop();
  });

  it('that no observation fits into is the limit’s fault: nothing is set aside, and it is asked for more and more rarely', async () => {
    const bench = new Bench(history('a', 40), { bodyBytesMax: 50 });
    await bench.start();
    await bench.clock.advance(3_600_000);
    expect(bench.status()).toMatchObject({ state: 'refused', problem: { code: 'S400' }, waitingCount: 40, rejected: {} });
    expect(bench.puts().length).toBeLessThan(40);
    await bench.stop();
  });

  it('of a proxy that tells no number is found by halving', async () => {
    const bench = new Bench(history('a', 400));
    bench.script = (request, _text, city, signal) =>
      (request.body?.length ?? 0) > 2000 ? answerOf(413, '<html>413 Request Entity Too Large</html>') : city(request, signal);
    await bench.start();
    await bench.clock.advance(20_000);
    expect(bench.values()).toHaveLength(400);
    expect(bodies(bench).filter((bytes) => bytes > 2000).length).toBeLessThan(5);
    await bench.stop();
  });
});
