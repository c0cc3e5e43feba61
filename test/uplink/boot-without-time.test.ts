import { describe, expect, it } from 'vitest';
import type { Event, JournalRecord } from '../../gateway/record.ts';
import { Bench, history, observation, START_WALL_MS } from './support.ts';

const HOUR_MS = 3_600_000;
const BOOT_COUNT = 40;
const READINGS = 50;
const NO_TIME = { wallQuality: 'none', wallMs: 5_000 } as const;

/** A boot that began at 1970 and ended there: its start, and readings of three sensors, of which two stay here. */
function timeless(boot: string, readings = READINGS): JournalRecord[] {
  const started: Event = { kind: 'event', code: 'gateway-started', fields: {}, boot, monotonicMs: 0, ...NO_TIME };
  const groups = Array.from({ length: readings }, (_, index) => [
    observation('early', index * 1000, index, { ...NO_TIME, boot }),
    observation('private', index * 1000, index, { ...NO_TIME, boot, publish: false }),
    observation('secret', index * 1000, index, { ...NO_TIME, boot, publish: false }),
  ]);
  return [started, ...groups.flat()];
}

/** What was appended again to make room in the delivery state. */
function copiesIn(bench: Bench): number {
  return bench.journal.records.filter((record) => record.kind === 'observation' && record.heldFrom !== undefined).length;
}

describe('boots that ended without a time', () => {
  it('are one gap in the delivery state each, however long they are and whatever stands between their readings', async () => {
    const bench = new Bench([...timeless('early', 3_000), ...history('late', 300)]);
    for (const sequence of [100, 1_001, 1_002]) bench.journal.gone.add(sequence);
    bench.isTimeKept = true;
    await bench.start();
    await bench.clock.advance(60_000);
    expect(bench.values()).toHaveLength(300);
    const delivery = await bench.journal.crashed().delivery();
    expect({ lowWater: delivery.lowWater, ranges: delivery.ranges.length, copies: copiesIn(bench) }).toEqual({
      lowWater: 1,
      ranges: 1,
      copies: 0,
    });
    await bench.stop();
  });

  it('take few ranges of it, however many they are', async () => {
    const records: JournalRecord[] = [];
    for (let boot = 0; boot < BOOT_COUNT; boot++) records.push(...timeless(`early ${boot}`), ...history('late', 3));
    const bench = new Bench(records);
    bench.isTimeKept = true;
    await bench.start();
    for (let minute = 0; minute < 60; minute++) {
      await bench.append(observation('now', bench.clock.monotonicMs(), minute));
      await bench.clock.advance(60_000);
    }
    expect(bench.values('early')).toEqual([]);
    expect(bench.values('now')).toHaveLength(60);
    expect(bench.status()).toMatchObject({ state: 'ok', noTimeCount: BOOT_COUNT * READINGS });
    expect(bench.journal.rangesSeenMax).toBeLessThanOrEqual(32);
    const delivery = await bench.journal.crashed().delivery();
    expect(delivery.ranges.length).toBeLessThanOrEqual(24);
    // Only whole boots were appended again to make room, and none of them more than twice.
    expect(copiesIn(bench)).toBeLessThan(2 * BOOT_COUNT * READINGS);
    await bench.stop();
    expect(bench.failures).toEqual([]);
  });

  it('are held, then dropped: counted by reason, told with what is known of when they were, and never sent', async () => {
    const before = history('late', 1).map((one) => ({ ...one, boot: 'before' }));
    const bench = new Bench([...before, ...timeless('early 1'), ...timeless('early 2')]);
    bench.isTimeKept = true;
    bench.holdMs = HOUR_MS;
    await bench.start();
    await bench.clock.advance(HOUR_MS - 60_000);
    expect(bench.status()).toMatchObject({ noTimeCount: 2 * READINGS, rejected: {} });
    await bench.crash();
    await bench.clock.advance(180_000);
    expect(bench.status()).toMatchObject({ noTimeCount: 0, rejected: { 'no-time': 2 * READINGS } });
    const told = (code: string) => bench.journal.events.filter((event) => event.code === code).map(({ fields }) => fields);
    const bounds = (boot: string) => ({ boot, toMs: START_WALL_MS });
    expect(told('boot-without-time-dropped')).toEqual([bounds('early 1'), bounds('early 2')]);
    expect(told('readings-without-time-dropped')).toEqual([
      { ...bounds('early 1'), count: READINGS },
      { ...bounds('early 2'), count: READINGS },
    ]);
    expect(bench.values()).toEqual(['1']);
    // What is dropped for the city stays in the history.
    expect(bench.journal.records.filter((record) => record.kind === 'observation')).toHaveLength(1 + 6 * READINGS);
    await bench.crash();
    await bench.clock.advance(180_000);
    expect(bench.values()).toEqual(['1']);
    expect(told('readings-without-time-dropped')).toHaveLength(2);
    await bench.stop();
    expect(bench.failures).toEqual([]);
  });
});

describe('a reading that the journal has merged into a window', () => {
  it('between its being read and its being sent is read anew', async () => {
    const bench = new Bench(history('a', 3));
    const { journal } = bench;
    const read = journal.read.bind(journal);
    let isFirst = true;
    journal.read = async (from, limit, recordClass) => {
      const page = await read(from, limit, recordClass);
      if (isFirst && page.length > 0) {
        isFirst = false;
        journal.revision = 1;
        for (const sequence of [1, 2, 3]) journal.merged.set(sequence, 1);
        journal.gone.add(1).add(2);
        journal.records[2] = observation('a', -1000, 2);
      }
      return page;
    };
    await bench.start();
    await bench.clock.advance(10_000);
    expect(bench.stored().map(({ value, timestampMs }) => [value, timestampMs - START_WALL_MS])).toEqual([['2', -1000]]);
    expect(bench.status()).toMatchObject({ waitingCount: 0 });
    await bench.stop();
  });
});
