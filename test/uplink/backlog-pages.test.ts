import { describe, expect, it } from 'vitest';
import { answerOf, Bench, history, observation } from './support.ts';

const BATCH = 100;
/** Records that the backlog lane reads at once. */
const PAGE = 500;

describe('a page of a long backlog', () => {
  it('is read once and not once for each of its batches', async () => {
    const bench = new Bench(history('a', 40 * BATCH));
    const { journal } = bench;
    const read = journal.read.bind(journal);
    const pages: number[] = [];
    journal.read = (from, limit, recordClass) => {
      if (limit === PAGE) pages.push(from);
      return read(from, limit, recordClass);
    };
    await bench.start();
    await bench.clock.advance(60_000);
    expect(bench.values()).toEqual(history('a', 40 * BATCH).map(({ value }) => String(value)));
    expect(bench.puts()).toHaveLength(40);
    expect(pages.length).toBeLessThan(12);
    await bench.stop();
  });

  it('that gives no full batch any more is read anew, so that nobody is asked more often than before', async () => {
    // Of what the second batch would be made, all but a few wait for a sensor that the city does not know.
    const records = [...history('b', BATCH), ...history('held', 380), ...history('a', 300)];
    const bench = new Bench(records);
    bench.unknown.add('held');
    await bench.start();
    await bench.clock.advance(20_000);
    expect(bench.puts().map(({ count }) => count)).toEqual([100, 100, 100, 100, 100]);
    expect(bench.values('a')).toHaveLength(300);
    await bench.stop();
  });

  it('of a sensor with which every request fails is not read anew at each of its failures', async () => {
    const bench = new Bench(history('bad', 40 * PAGE));
    const { journal } = bench;
    const read = journal.read.bind(journal);
    let pageCount = 0;
    journal.read = (from, limit, recordClass) => {
      if (limit === PAGE) pageCount++;
      return read(from, limit, recordClass);
    };
    let failureCount = 0;
    bench.script = (request, text, city, signal) => {
      if (request.method !== 'PUT' || !text.includes('"sensor":"bad"')) return city(request, signal);
      failureCount++;
      return answerOf(500, { code: 500, message: 'Something went wrong' });
    };
    await bench.start();
    const measure = async (minutes: number) => {
      for (let minute = 0; minute < minutes; minute++) {
        await bench.append(observation('a', bench.clock.monotonicMs(), minute));
        await bench.clock.advance(60_000);
      }
    };
    await measure(30);
    expect(bench.status().held).toMatchObject([{ sensor: 'bad' }]);
    pageCount = 0;
    failureCount = 0;
    await measure(30);
    expect(failureCount).toBeGreaterThan(10);
    // One for each failure, and two for each minute that is new: it is looked at before its second is over, and after that.
    expect(pageCount).toBeLessThan(failureCount + 2 * 30 + 10);
    await bench.stop();
  });
});
