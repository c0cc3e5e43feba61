import { describe, expect, it } from 'vitest';
import { HttpError } from '../../gateway/host.ts';
import type { TimeAnchor } from '../../gateway/record.ts';
import { Bench, observation, START_WALL_MS } from './support.ts';

const MINUTE_MS = 60_000;
/** The boot before was known to have come to ten seconds before this one. */
const BEFORE: TimeAnchor = {
  kind: 'anchor',
  boot: 'before',
  monotonicMs: 0,
  wallMs: START_WALL_MS - 10_000,
  wallQuality: 'synced',
  source: 'system-clock',
  errorMs: 500,
};

/** A machine that may have begun with the time of its last switching off, and one reading of it. */
function restarted(): Bench {
  const bench = new Bench([BEFORE, observation('a', 0, 1, { wallQuality: 'floor' })]);
  bench.isTimeKept = true;
  bench.quality = 'floor';
  return bench;
}

describe('a clock that nobody has checked and that may stand at the time of the last switching off', () => {
  it('is used for the city five minutes after the city was first heard, when no synchronisation has come by then', async () => {
    const bench = restarted();
    let isAway = true;
    bench.script = (request, _text, city, signal) => {
      if (isAway) throw new HttpError('ECONNREFUSED', false, 'refused');
      return city(request, signal);
    };
    await bench.start();
    await bench.clock.advance(60 * MINUTE_MS);
    expect(bench.puts()).toEqual([]);
    // Asked once a minute, and nothing else.
    expect(bench.traffic.length).toBeLessThanOrEqual(60);
    isAway = false;
    const { length } = bench.traffic;
    await bench.clock.advance(5 * MINUTE_MS);
    expect(bench.puts()).toEqual([]);
    expect(bench.traffic).toHaveLength(length + 1);
    await bench.clock.advance(2 * MINUTE_MS);
    expect(bench.stored().map(({ timestampMs }) => timestampMs - START_WALL_MS)).toEqual([0]);
    await bench.stop();
  });

  it('is not used when a synchronisation comes in the minutes after the network', async () => {
    const bench = restarted();
    await bench.start();
    await bench.clock.advance(4 * MINUTE_MS);
    expect(bench.puts()).toEqual([]);
    bench.quality = 'synced';
    await bench.clock.advance(10_000);
    expect(bench.stored().map(({ timestampMs }) => timestampMs - START_WALL_MS)).toEqual([0]);
    expect(bench.journal.records.flatMap((record) => (record.kind === 'anchor' ? [record.wallQuality] : []))).toEqual([
      'synced',
      'floor',
      'synced',
    ]);
    await bench.stop();
  });

  it('is not waited for by what was measured before', async () => {
    const bench = restarted();
    await bench.append(observation('a', 5_000, 7, { boot: 'before', wallMs: START_WALL_MS - 5_000 }));
    await bench.start();
    await bench.clock.advance(10_000);
    expect(bench.values()).toEqual(['7']);
    await bench.clock.advance(6 * MINUTE_MS);
    expect(bench.values().sort()).toEqual(['1', '7']);
    // The city was heard when it took the first one: nobody asks again.
    expect(bench.traffic.filter(({ method }) => method === 'GET').length).toBeLessThanOrEqual(1);
    await bench.stop();
  });
});
