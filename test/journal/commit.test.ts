import { describe, expect, it } from 'vitest';
import type { WallQuality } from '../../drivers/clock.ts';
import type { Journal } from '../../gateway/journal/journal.ts';
import type { JournalRecord, Observation } from '../../gateway/record.ts';
import { drain, TestClock } from '../support/test-clock.ts';
import { appendAll, gapsOf, observation, open, readAll, seeded, storedValues, upTo, valuesOf, WALL_MS } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

function testClock(): TestClock {
  return new TestClock({ ms: WALL_MS, quality: 'synced' });
}

function countOperations(disk: ModelDisk): Record<string, number> {
  const counts: Record<string, number> = {};
  disk.fault = (operation) => {
    counts[operation] = (counts[operation] ?? 0) + 1;
    return undefined;
  };
  return counts;
}

describe('group commit', () => {
  it('makes everything of one interval durable with one write and one sync, and not before', async () => {
    const disk = new ModelDisk();
    const clock = testClock();
    const journal = await open(disk, { clock, syncMs: 1000 });
    await clock.run(journal.append(observation(1)));
    const counts = countOperations(disk);
    const order: number[] = [];
    const appends = upTo(50, 2).map((value) => journal.append(observation(value)).then((sequence) => order.push(sequence)));
    await clock.advance(999);
    expect(order).toEqual([]);
    expect(await journal.read(1, 10)).toHaveLength(1);
    await clock.advance(1);
    expect(order).toEqual(upTo(50, 2));
    await Promise.all(appends);
    expect(counts).toMatchObject({ pwrite: 1, fdatasync: 1 });
    expect(counts['fsyncDir']).toBeUndefined();
    await journal.close();
    expect(clock.timerCount).toBe(0);
  });

  it('ends the interval at once for an urgent record, with all that came before it', async () => {
    const clock = testClock();
    const journal = await open(new ModelDisk(), { clock, syncMs: 60_000 });
    const early = journal.append(observation(1));
    const urgent = journal.append(observation(2), true);
    await drain();
    expect(await Promise.all([early, urgent])).toEqual([1, 2]);
    expect(clock.timerCount).toBe(0);
  });

  it('gathers what arrives while a sync is in flight into the next group', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk);
    await journal.append(observation(1));
    const counts = countOperations(disk);
    const first = journal.append(observation(2));
    // The turn in which it was appended is over: its group is on the way.
    await Promise.resolve();
    const rest = appendAll(journal, 3, 20);
    expect(await first).toBe(2);
    expect(await rest).toEqual(upTo(20, 3));
    expect(counts['fdatasync']).toBe(2);
  });

  it('goes on when each append follows the one before at once', async () => {
    const journal = await open(new ModelDisk());
    for (let value = 1; value <= 200; value++) expect(await journal.append(observation(value))).toBe(value);
  });

  it('rejects a record that cannot be stored and stores the others', async () => {
    const journal = await open(new ModelDisk());
    const wrong = journal.append(observation(1, { value: Number.NaN }));
    const right = journal.append(observation(2));
    await expect(wrong).rejects.toThrow('value must be a finite number');
    expect(await right).toBe(1);
  });

  it('makes what was appended durable when it closes', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk, { syncMs: 60_000 });
    const appended = appendAll(journal, 1, 5);
    await journal.close();
    expect(await appended).toEqual(upTo(5));
    disk.crash(() => 0);
    expect(await storedValues(await open(disk))).toEqual(upTo(5));
  });

  it('keeps the seven kinds', async () => {
    const stamp = { boot: 'b1', monotonicMs: 5.25, wallMs: WALL_MS, wallQuality: 'floor' } as const;
    const records: JournalRecord[] = [
      observation(1, { reason: 'stuck', quality: 'suspect', heldFrom: 1, location: '41.4 2.2', uncalibrated: 20.75 }),
      { kind: 'order', ...stamp, id: 'o1', output: 'pump', on: true, from: 'city' },
      { kind: 'intent', ...stamp, order: 'o1', output: 'pump', on: true },
      { kind: 'result', ...stamp, order: 'o1', output: 'pump', done: false, reason: 'stuck' },
      { kind: 'anchor', ...stamp, source: 'ntp', errorMs: 12 },
      { kind: 'gap', ...stamp, firstSequence: 1, lastSequence: 2, cause: 'damaged' },
      { kind: 'event', ...stamp, code: 'started', fields: { version: '0.1.0', count: 3, cold: true, ['__proto__']: 'x' } },
    ];
    const disk = new ModelDisk();
    const journal = await open(disk);
    for (const record of records) await journal.append(record);
    await journal.close();
    expect((await readAll(await open(disk))).map(({ record }) => record)).toEqual(records);
  });
});

describe('reading', () => {
  it('finds any place of a long backlog without reading it all', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk);
    for (const from of [1, 10_001, 20_001, 30_001]) await appendAll(journal, from, from + 9_999);
    const counts = countOperations(disk);
    for (const from of [1, 255, 256, 257, 20_000, 39_999]) {
      const part = await journal.read(from, 10);
      expect(part.map(({ sequence }) => sequence)).toEqual(upTo(Math.min(40_000, from + 9), from));
    }
    expect(counts['pread']).toBeLessThanOrEqual(20);
    expect(await journal.read(40_001, 10)).toEqual([]);
    expect(await journal.read(1, 0)).toEqual([]);
  });

  it('drains exactly what was written while appends and evictions go on', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk, { maxSizeBytes: 262_144, slotBytes: 16_384, slotCount: 3, blockFileBytes: 16_384 });
    const delivery = await journal.delivery('sentilo');
    const drained: unknown[] = [];
    let next = 1;
    const uplink = async () => {
      while (drained.length < 3000) {
        const part = await journal.read(next, 17);
        drained.push(...valuesOf(part));
        delivery.settle(
          [],
          part.map(({ sequence }) => sequence),
        );
        next = (part.at(-1)?.sequence ?? next - 1) + 1;
        await drain();
      }
    };
    const meter = async () => {
      for (let value = 1; value <= 3000; value += 5) {
        await appendAll(journal, value, value + 4);
        while (value - drained.length > 100) await drain();
      }
    };
    await Promise.all([uplink(), meter()]);
    expect(drained).toEqual(upTo(3000));
    expect(journal.stats().evictedUndeliveredCount).toBe(0);
    expect(journal.stats().firstSequence).toBeGreaterThan(1);
  });
});

describe('retention', () => {
  /** A journal in which sealing, thinning and deleting go on all the time. */
  const SMALL = { maxSizeBytes: 262_144, slotBytes: 16_384, slotCount: 3, blockFileBytes: 32_768 };
  /** Values that no column makes small. */
  const rough = (value: number, more: Partial<Observation> = {}) =>
    observation(value, { uncalibrated: Math.sin(value), ...more });
  /** As many commits as there are groups of a hundred. */
  const appendGroups = async (journal: Journal, from: number, to: number, make: (value: number) => Observation) => {
    for (let value = from; value <= to; value += 100)
      await Promise.all(upTo(Math.min(to, value + 99), value).map((each) => journal.append(make(each))));
  };

  it('stays within its size, drops what is delivered before what is not, and counts and names what it drops undelivered', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk, SMALL);
    const delivery = await journal.delivery('sentilo');
    await appendGroups(journal, 1, 100, rough);
    // The first records wait for the city, the later ones are there.
    delivery.settle([], upTo(100, 50));
    for (let value = 101; value <= 30_000; value += 100) {
      await appendGroups(journal, value, value + 99, rough);
      delivery.settle([], upTo(value + 99, value));
      const onDisk = disk.paths
        .filter((path) => /slot|blocks/.test(path))
        .reduce((sum, path) => sum + disk.bytes(path).length, 0);
      expect(onDisk).toBeLessThanOrEqual(SMALL.maxSizeBytes);
    }
    const left = await readAll(journal);
    expect(left.length).toBeLessThan(29_000);
    // Undelivered data was neither dropped nor thinned for delivered data.
    expect(valuesOf(left).slice(0, 49)).toEqual(upTo(49));
    expect(journal.stats().evictedUndeliveredCount).toBe(0);
    expect(gapsOf(left)).toEqual([]);
  });

  it('counts and names what it drops undelivered, so that the next opening finds no damage', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk, SMALL);
    await journal.delivery('sentilo');
    // Each in a window of its own, so that there is nothing to thin.
    await appendGroups(journal, 1, 30_000, (value) => rough(value, { monotonicMs: value * 300_000 }));
    const left = await readAll(journal);
    const { evictedUndeliveredCount, thinnedCount } = journal.stats();
    expect(thinnedCount).toBe(0);
    expect(evictedUndeliveredCount).toBeGreaterThan(0);
    expect(evictedUndeliveredCount).toBe(30_000 - valuesOf(left).length);
    const gaps = gapsOf(left);
    expect(gaps.reduce((sum, { count = 0 }) => sum + count, 0)).toBe(evictedUndeliveredCount);
    for (const gap of gaps)
      expect(gap).toMatchObject({ cause: 'size-cap', recordClass: 'gauges', sensors: ['makers-balcony-temperature'] });
    await journal.close();
    const again = await open(disk, SMALL);
    expect(again.stats().damage).toEqual([]);
    await again.append(observation(30_001));
    expect(gapsOf(await readAll(again))).toHaveLength(gaps.length);
  });

  it('names what it drops undelivered even when the power goes right after the file is gone', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk, SMALL);
    await journal.delivery('sentilo');
    let afterDrop: ModelDisk | undefined;
    let hasDropped = false;
    disk.fault = (operation, _count, path) => {
      // The folder has been synced: the file is gone for good.
      if (hasDropped && operation !== 'fsyncDir') afterDrop ??= disk.fork();
      hasDropped ||= operation === 'unlink' && path.endsWith('.blocks');
      return undefined;
    };
    for (let value = 1; afterDrop === undefined; value += 100)
      await appendGroups(journal, value, value + 99, (each) => rough(each, { monotonicMs: each * 300_000 }));
    afterDrop.fault = undefined;
    afterDrop.crash(seeded(1));
    const again = await open(afterDrop, SMALL);
    await again.append(observation(0));
    const stored = await readAll(again);
    const oldest = valuesOf(stored)[0] as number;
    expect(oldest).toBeGreaterThan(1);
    const gap = { firstSequence: 1, lastSequence: oldest - 1, count: oldest - 1, recordClass: 'gauges', cause: 'size-cap' };
    expect(gapsOf(stored)).toMatchObject([gap]);
  });

  it('thins undelivered gauges before it drops any: the city gets the mean, the rest stays here', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk, SMALL);
    await journal.delivery('sentilo');
    // One reading in ten seconds: 30 to a window.
    await appendGroups(journal, 1, 30_000, (value) => rough(value, { monotonicMs: value * 10_000 }));
    const { evictedUndeliveredCount, thinnedCount } = journal.stats();
    expect(evictedUndeliveredCount).toBe(0);
    expect(thinnedCount).toBeGreaterThan(1000);
    const left = await readAll(journal);
    expect(valuesOf(left)).toHaveLength(30_000 - thinnedCount);
    const first = left[1]?.record;
    // Windows begin at multiples of 300 s: the second one holds 30 to 59.
    expect(first).toMatchObject({
      value: 44.5,
      monotonicMs: 590_000,
      window: { fromMonotonicMs: 300_000, count: 30, min: 30, max: 59 },
    });
  });

  it.each([
    ['synced', true],
    ['none', false],
  ] as const)('deletes delivered files older than `keep` when the wall clock is %s: %s', async (quality, isDeleted) => {
    const disk = new ModelDisk();
    const day = 86_400_000;
    const clock = new TestClock({ ms: WALL_MS + 8 * day, quality });
    const options = { ...SMALL, maxSizeBytes: 1 << 20, keepMs: 7 * day, clock };
    const journal = await open(disk, options);
    const delivery = await journal.delivery('sentilo');
    const append = (from: number, to: number, wallMs: number) =>
      appendGroups(journal, from, to, (value) => rough(value, { wallMs }));
    await append(1, 10_000, WALL_MS);
    await append(10_001, 20_000, WALL_MS + 7 * day);
    delivery.settle([], upTo(20_000));
    await append(20_001, 30_000, WALL_MS + 8 * day);
    const first = (await storedValues(journal))[0] as number;
    if (isDeleted) expect(first).toBeGreaterThan(5000);
    else expect(first).toBe(1);
    expect(first).toBeLessThanOrEqual(10_001);
    expect(journal.stats()).toMatchObject({ evictedUndeliveredCount: 0, thinnedCount: 0 });
  });

  it.each(['floor', 'none'] as const)(
    'counts `keep` of readings whose clock was not right (%s) from the first right time after them',
    async (wallQuality) => {
      const disk = new ModelDisk();
      const day = 86_400_000;
      let nowMs = WALL_MS;
      let quality: WallQuality = wallQuality;
      const clock = { ...new TestClock(), wall: () => ({ ms: nowMs, quality }), monotonicMs: () => 0, timer: () => () => {} };
      const journal = await open(disk, { ...SMALL, maxSizeBytes: 1 << 20, keepMs: 7 * day, clock });
      const delivery = await journal.delivery('sentilo');
      const append = (from: number, to: number) =>
        appendGroups(journal, from, to, (value) => rough(value, { wallMs: nowMs, wallQuality: quality }));
      // Off for longer than it is kept, with a clock that only knows when it was switched off.
      await append(1, 10_000);
      delivery.settle([], upTo(10_000));
      nowMs = WALL_MS + 30 * day;
      quality = 'synced';
      await append(10_001, 20_000);
      delivery.settle([], upTo(20_000, 10_001));
      nowMs += 6 * day;
      await append(20_001, 30_000);
      expect((await storedValues(journal))[0]).toBe(1);
      delivery.settle([], upTo(30_000, 20_001));
      nowMs += 2 * day;
      await append(30_001, 40_000);
      expect((await storedValues(journal))[0]).toBeGreaterThan(5_000);
    },
  );
});
