import { describe, expect, it } from 'vitest';
import type { JournalRecord } from '../../gateway/record.ts';
import { drain, TestClock } from '../support/test-clock.ts';
import { appendAll, FOLDER, gapsOf, observation, open, readAll, storedValues, upTo, WALL_MS } from './kit.ts';
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
    expect(counts['pread']).toBeLessThanOrEqual(12);
    expect(await journal.read(40_001, 10)).toEqual([]);
    expect(await journal.read(1, 0)).toEqual([]);
  });

  it('drains exactly what was written while appends and evictions go on', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk, { maxSizeBytes: 40_000 });
    const delivery = await journal.delivery('sentilo');
    const drained: unknown[] = [];
    let next = 1;
    const uplink = async () => {
      while (drained.length < 3000) {
        const part = await journal.read(next, 17);
        drained.push(...part.map(({ record }) => (record as { value?: unknown }).value));
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
  it('stays within its size, drops delivered files first, and counts and names what it drops undelivered', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk, { maxSizeBytes: 32_768 });
    const delivery = await journal.delivery('sentilo');
    await appendAll(journal, 1, 100);
    // The first records wait for the city, the later ones are there.
    delivery.settle([], upTo(100, 50));
    for (let value = 101; value <= 320; value++) {
      delivery.settle([], [await journal.append(observation(value))]);
      const onDisk = disk.paths
        .filter((path) => path.endsWith('.journal'))
        .reduce((sum, path) => sum + disk.bytes(path).length, 0);
      expect(onDisk).toBeLessThanOrEqual(32_768);
      expect(journal.stats().sizeBytes).toBe(onDisk);
    }
    // Undelivered data was never dropped for delivered data.
    expect((await storedValues(journal)).slice(0, 49)).toEqual(upTo(49));
    expect(journal.stats().evictedUndeliveredCount).toBe(0);
    // Now nothing is delivered any more.
    await appendAll(journal, 321, 900);
    const stats = journal.stats();
    const left = await readAll(journal);
    expect(stats.evictedUndeliveredCount).toBeGreaterThan(0);
    const leftValues = left.flatMap(({ record }) => (record.kind === 'observation' ? [record.value as number] : []));
    const waiting = [...upTo(49), ...upTo(900, 321)];
    expect(stats.evictedUndeliveredCount).toBe(waiting.filter((value) => !leftValues.includes(value)).length);
    expect(gapsOf(left).some((gap) => gap.cause === 'size-cap')).toBe(true);
    const oldestWaiting = left.find(({ sequence }) => !delivery.isDelivered(sequence));
    expect(delivery.lowWater).toBe((oldestWaiting?.sequence ?? 0) - 1);
    // Every hole has a name, so that the next opening finds no damage.
    await journal.close();
    const again = await open(disk, { maxSizeBytes: 32_768 });
    const gapCount = gapsOf(await readAll(again)).length;
    await again.append(observation(901));
    expect(gapsOf(await readAll(again)).length).toBe(gapCount);
  });

  it.each([
    ['synced', true],
    ['none', false],
  ] as const)('deletes delivered files older than `keep` when the wall clock is %s: %s', async (quality, isDeleted) => {
    const disk = new ModelDisk();
    const day = 86_400_000;
    const options = { keepMs: 7 * day, maxSizeBytes: 65_536, clock: new TestClock({ ms: WALL_MS + 8 * day, quality }) };
    const journal = await open(disk, options);
    const delivery = await journal.delivery('sentilo');
    await appendAll(journal, 1, 200);
    const young = upTo(300, 201).map((value) => journal.append(observation(value, { wallMs: WALL_MS + 7 * day })));
    await Promise.all(young);
    delivery.settle([], upTo(160));
    await Promise.all(upTo(400, 301).map((value) => journal.append(observation(value, { wallMs: WALL_MS + 8 * day }))));
    const first = (await storedValues(journal))[0] as number;
    if (isDeleted) expect(first).toBeGreaterThan(80);
    else expect(first).toBe(1);
    expect(first).toBeLessThanOrEqual(161);
    expect(journal.stats().evictedUndeliveredCount).toBe(0);
    expect(disk.paths).not.toContain(isDeleted ? `${FOLDER}/000000000001.journal` : '');
  });
});
