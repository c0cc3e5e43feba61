import { describe, expect, it } from 'vitest';
import { Bench, history } from './support.ts';

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
});
