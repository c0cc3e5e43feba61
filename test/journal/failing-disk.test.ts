import { describe, expect, it } from 'vitest';
import { JournalError } from '../../gateway/journal/journal.ts';
import type { DiskOperation } from '../../simulator/faults.ts';
import { drain, TestClock } from '../support/test-clock.ts';
import { appendAll, FOLDER, gapsOf, observation, open, readAll, seeded, storedValues, upTo, valuesOf, WALL_MS } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const WRITING: readonly DiskOperation[] = ['open', 'pwrite', 'fdatasync'];
const SMALL = { slotBytes: 16_384, slotCount: 3, blockFileBytes: 16_384 };

function testClock(): TestClock {
  return new TestClock({ ms: WALL_MS, quality: 'synced' });
}

function during(operations: readonly DiskOperation[], code: string) {
  return (operation: DiskOperation) => (operations.includes(operation) ? code : undefined);
}

describe('a sync that fails', () => {
  // A file is another one when its name was deleted or replaced meanwhile.
  it.each([1, 2, 3, 5, 8, 13, 21])(
    'the %i-th: what it was for is written elsewhere, and that file is never written or synced again',
    async (nth) => {
      const disk = new ModelDisk();
      const clock = testClock();
      const finished = new Set<string>();
      const again: string[] = [];
      let syncCount = 0;
      disk.fault = (operation, _count, path) => {
        if (operation === 'unlink') finished.delete(path);
        if (operation === 'rename') finished.delete(path.replace(/\.new$/, ''));
        if ((operation === 'pwrite' || operation === 'fdatasync') && finished.has(path)) again.push(`${operation} ${path}`);
        if (operation !== 'fdatasync' || ++syncCount !== nth) return undefined;
        finished.add(path);
        return 'EIO';
      };
      const journal = await open(disk, { clock, ...SMALL });
      const delivery = await journal.delivery('sentilo');
      for (let from = 1; from <= 481; from += 40) {
        await clock.run(appendAll(journal, from, from + 39));
        if (from % 3 === 0) await clock.run(delivery.begin([from]).catch(() => undefined));
      }
      expect(syncCount).toBeGreaterThan(nth);
      expect(again).toEqual([]);
      disk.crash(seeded(nth));
      const values = await storedValues(await open(disk, SMALL));
      expect(values.toSorted((a, b) => Number(a) - Number(b))).toEqual(upTo(520));
    },
  );
});

it('a state of delivery whose write has failed is replaced by a whole new one: the power may go at any moment of that', async () => {
  const disk = new ModelDisk({ tornSectorRate: 0.2 });
  const journal = await open(disk, SMALL);
  await appendAll(journal, 1, 20);
  const delivery = await journal.delivery('sentilo');
  await delivery.begin(upTo(10));
  delivery.settle(upTo(10), upTo(5));
  await delivery.flush();
  disk.fault = during(['fdatasync'], 'EIO');
  delivery.settle([], [7]);
  await expect(delivery.flush()).rejects.toThrow(JournalError);
  const moments: ModelDisk[] = [];
  disk.fault = () => {
    moments.push(disk.fork());
    return undefined;
  };
  await delivery.flush();
  moments.push(disk.fork());
  expect(moments.length).toBeGreaterThan(5);
  for (const moment of moments) {
    for (let seed = 1; seed <= 10; seed++) {
      const left = moment.fork();
      left.crash(seeded(seed));
      const again = await (await open(left, SMALL)).delivery('sentilo');
      expect(upTo(20).filter((sequence) => again.isDelivered(sequence) && sequence !== 7)).toEqual(upTo(5));
    }
  }
});

describe('a disk that fails for a while', () => {
  it('gives up the oldest reading when memory is full, keeps orders, and names what is gone', async () => {
    const disk = new ModelDisk();
    const clock = testClock();
    const journal = await open(disk, { clock });
    disk.fault = during(WRITING, 'EIO');
    const first = journal.append(observation(0));
    await drain();
    const waitingMax = journal.stats().failing?.waitingMax ?? 0;
    expect(waitingMax).toBeGreaterThan(10_000);
    const stamp = { boot: 'b1', monotonicMs: 0.5, wallMs: WALL_MS, wallQuality: 'synced' } as const;
    const order = journal.append({ kind: 'order', ...stamp, id: 'o1', output: 'pump', on: true, from: 'city' });
    const appends = upTo(waitingMax + 8).map((value) => journal.append(observation(value)));
    const settled = Promise.allSettled([first, ...appends]);
    await drain();
    expect(journal.stats().failing?.waitingCount).toBe(waitingMax);
    disk.fault = undefined;
    await clock.advance(31_000);
    const results = await clock.run(settled);
    const lost = results.flatMap((result, value) => (result.status === 'rejected' ? [value] : []));
    expect(lost).toEqual(upTo(9, 0));
    const orderSequence = await order;
    const stored = await clock.run(readAll(journal, 5_000));
    expect(stored.find(({ sequence }) => sequence === orderSequence)?.record).toMatchObject({ kind: 'order', id: 'o1' });
    expect(valuesOf(stored)).toEqual(upTo(waitingMax + 8, 10));
    const gaps = gapsOf(stored);
    expect(gaps.reduce((sum, gap) => sum + (gap.count ?? gap.lastSequence - gap.firstSequence + 1), 0)).toBe(10);
    expect(new Set(gaps.map(({ cause }) => cause))).toEqual(new Set(['waiting-full']));
    await clock.run(journal.close());
  });

  it('gives the records of one class that wait in memory, however many of another wait before them', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk, { clock: testClock() });
    await journal.append(observation(1));
    disk.fault = during(['pwrite'], 'EIO');
    const ignore = () => undefined;
    for (const value of upTo(500, 2)) journal.append(observation(value)).catch(ignore);
    await drain();
    const stamp = { boot: 'b1', monotonicMs: 1, wallMs: WALL_MS, wallQuality: 'synced' } as const;
    const event = { kind: 'event', ...stamp, code: 'door-open', fields: {} } as const;
    journal.append(event).catch(ignore);
    await drain();
    expect((await journal.read(2, 100, 'events')).map(({ record }) => record)).toEqual([event]);
    expect(valuesOf(await journal.read(2, 100, 'gauges'))).toEqual(upTo(101, 2));
    expect(await journal.read(2, 100, 'counts')).toEqual([]);
  });

  it('survives its folder being deleted under it: goes on in a new one, and says what is gone', async () => {
    const disk = new ModelDisk();
    const clock = testClock();
    const journal = await open(disk, { clock, ...SMALL });
    await clock.run(appendAll(journal, 1, 5));
    disk.removeFolder(FOLDER);
    for (let from = 6; from <= 1_000; from += 40) await clock.run(appendAll(journal, from, from + 39));
    await clock.run(journal.close());
    expect(clock.timerCount).toBe(0);
    const next = await open(disk, SMALL);
    const stored = await readAll(next);
    expect(valuesOf(stored).at(-1)).toBe(1_005);
    const left = new Set(valuesOf(stored));
    const lost = upTo(1_005).filter((value) => !left.has(value));
    const gaps = gapsOf(stored);
    for (const value of lost) {
      expect(gaps.some(({ firstSequence, lastSequence }) => firstSequence <= value && value <= lastSequence)).toBe(true);
    }
  });

  it('seals at once what stood in a slot that was deleted under it: a power cut soon after costs nothing', async () => {
    const disk = new ModelDisk();
    const clock = testClock();
    const journal = await open(disk, { clock });
    await clock.run(appendAll(journal, 1, 5));
    await disk.unlink(`${FOLDER}/slot-000`);
    await disk.fsyncDir(FOLDER);
    await clock.run(appendAll(journal, 6, 10));
    await clock.run(appendAll(journal, 11, 15));
    await drain();
    disk.crash(seeded(3));
    expect(await storedValues(await open(disk))).toEqual(upTo(15));
  });

  it('rejects appends after closing, and what no disk would take before it', async () => {
    const disk = new ModelDisk();
    const clock = testClock();
    const journal = await open(disk, { clock });
    disk.fault = during(WRITING, 'EROFS');
    const lost = journal.append(observation(1));
    const refused = expect(lost).rejects.toThrow(JournalError);
    await drain();
    await journal.close();
    await refused;
    await expect(journal.append(observation(2))).rejects.toThrow('the journal is closed');
    expect(clock.timerCount).toBe(0);
  });

  it('does not open when what is in its folder cannot be listed: writing blindly could overwrite it', async () => {
    const disk = new ModelDisk();
    await (await open(disk)).close();
    disk.fault = during(['readDir'], 'EIO');
    await expect(open(disk)).rejects.toThrow(/cannot be listed \(EIO\): check the card/);
  });

  it('does not take what the disk refuses to read for gone: it is there again when the disk is', async () => {
    const disk = new ModelDisk();
    const clock = testClock();
    const journal = await open(disk, { clock, ...SMALL });
    for (let from = 1; from <= 400; from += 40) await clock.run(appendAll(journal, from, from + 39));
    disk.fault = during(['pread'], 'EIO');
    await clock.run(expect(journal.read(1, 1_000)).rejects.toThrow(JournalError));
    disk.fault = undefined;
    disk.crash(seeded(1));
    expect((await storedValues(await open(disk, SMALL))).length).toBe(400);
  });
});
