import { describe, expect, it } from 'vitest';
import type { LogLevel } from '../../gateway/host.ts';
import { JOURNAL_WAITING_MAX } from '../../gateway/journal/commit-queue.ts';
import { JournalError } from '../../gateway/journal/journal.ts';
import { drain, TestClock } from '../support/test-clock.ts';
import {
  appendAll,
  FOLDER,
  gapsOf,
  IS_DEEP,
  type OpenOptions,
  observation,
  open,
  readAll,
  seeded,
  storedValues,
  upTo,
  valuesOf,
} from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const CODES = ['EIO', 'ENOSPC', 'EROFS', 'short'] as const;

function testClock(): TestClock {
  return new TestClock({ ms: Date.UTC(2026, 10, 25, 12), quality: 'synced' });
}

/** Appends, delivers and closes on a disk that fails; returns the values that were acknowledged. Nothing but JournalErrors may come out. */
async function workload(disk: ModelDisk, clock: TestClock): Promise<Map<number, number>> {
  const acknowledged = new Map<number, number>();
  try {
    const journal = await open(disk, { clock, maxSizeBytes: 16_384 });
    const append = async (value: number) => {
      acknowledged.set(await journal.append(observation(value)), value);
    };
    const appends: Promise<void>[] = [];
    for (let group = 0; group < 5; group++) {
      for (let i = 0; i < 4; i++) appends.push(append(group * 4 + i + 1));
      await drain();
    }
    const delivery = await journal.delivery('sentilo');
    await delivery.begin([1, 2, 3]).then(
      () => delivery.settle([1, 2, 3], [1, 2]),
      (error: unknown) => expect(error).toBeInstanceOf(JournalError),
    );
    await delivery.flush().catch((error: unknown) => expect(error).toBeInstanceOf(JournalError));
    await clock.advance(90_000);
    await journal.close();
    for (const result of await Promise.allSettled(appends))
      if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(JournalError);
  } catch (error) {
    // Only a folder that cannot be listed keeps the journal from opening.
    expect(error).toBeInstanceOf(JournalError);
    expect(String(error)).toContain('cannot be listed');
  }
  return acknowledged;
}

describe('a disk that fails at its n-th operation', () => {
  const clean = async () => {
    const disk = new ModelDisk();
    await workload(disk, testClock());
    return disk.operationCount;
  };

  it.each(CODES.flatMap((code) => [[code, 'once'] as const, [code, 'for ever'] as const]))(
    '%s %s: nothing acknowledged is lost, and the process goes on',
    async (code, length) => {
      const count = await clean();
      expect(count).toBeGreaterThan(20);
      for (let nth = 1; nth <= count; nth++) {
        const disk = new ModelDisk();
        const clock = testClock();
        disk.fault = (_operation, n) => ((length === 'once' ? n === nth : n >= nth) ? code : undefined);
        const acknowledged = await workload(disk, clock);
        expect(clock.timerCount).toBe(0);
        if (length === 'once') expect(acknowledged.size === 20 || nth <= 2, `operation ${nth}`).toBe(true);
        disk.crash(seeded(nth));
        const journal = await open(disk);
        const stored = await readAll(journal);
        const bySequence = new Map(stored.map(({ sequence, record }) => [sequence, record]));
        for (const [sequence, value] of acknowledged)
          expect(bySequence.get(sequence), `operation ${nth}`).toEqual(observation(value));
        expect(new Set(valuesOf(stored)).size).toBe(valuesOf(stored).length);
        await journal.append(observation(100));
        expect((await storedValues(journal)).at(-1)).toBe(100);
      }
    },
  );
});

describe('a disk that fails for a while', () => {
  const during = (operations: readonly string[], code: string) => (operation: string) =>
    operations.includes(operation) ? code : undefined;

  it('writes what was not acknowledged into a new file when a sync fails, and never syncs the old one again', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk);
    await appendAll(journal, 1, 3);
    let failed: string | undefined;
    const syncedAfter: string[] = [];
    disk.fault = (operation, _count, path) => {
      if (operation !== 'fdatasync') return undefined;
      if (failed !== undefined) {
        syncedAfter.push(path);
        return undefined;
      }
      failed = path;
      return 'EIO';
    };
    expect(await appendAll(journal, 4, 6)).toEqual([4, 5, 6]);
    expect(failed).toBe(`${FOLDER}/000000000001.journal`);
    expect(syncedAfter).not.toContain(failed);
    disk.crash(seeded(3));
    expect(await storedValues(await open(disk))).toEqual(upTo(6));
  });

  it.each(['EIO', 'ENOSPC', 'EROFS'])(
    '%s for ten minutes: holds readings in memory, says so twice, and writes again by itself',
    async (code) => {
      const disk = new ModelDisk();
      const clock = testClock();
      const lines: NonNullable<OpenOptions['lines']> = [];
      const journal = await open(disk, { clock, lines, syncMs: 1000 });
      const appends: Promise<number>[] = [];
      for (let second = 1; second <= 900; second++) {
        disk.fault =
          second > 60 && second <= 660
            ? during(['open', 'pwrite', 'fdatasync', 'unlink', 'rename', 'truncate'], code)
            : undefined;
        appends.push(journal.append(observation(second)));
        await clock.advance(1000);
        if (second === 63) expect(journal.stats().failing?.code).toBe(code);
      }
      expect(journal.stats().failing).toBeUndefined();
      await clock.advance(1000);
      expect(await Promise.all(appends)).toEqual(upTo(900));
      expect(await storedValues(journal)).toEqual(upTo(900));
      expect(lines.map((line) => line.code)).toEqual(['journal-failing', 'journal-writing-again']);
      await journal.close();
      expect(clock.timerCount).toBe(0);
    },
  );

  it('gives up the oldest observation when memory is full, keeps orders, and names what is gone', async () => {
    const disk = new ModelDisk();
    const clock = testClock();
    const journal = await open(disk, { clock });
    disk.fault = during(['open', 'pwrite', 'fdatasync'], 'EIO');
    const order = journal.append({ ...observation(0), kind: 'order', id: 'o1', output: 'pump', on: true, from: 'city' } as never);
    const appends = upTo(JOURNAL_WAITING_MAX + 9).map((value) => journal.append(observation(value)));
    const settled = Promise.allSettled(appends);
    await drain();
    expect(journal.stats().failing?.waitingCount).toBe(JOURNAL_WAITING_MAX);
    disk.fault = undefined;
    await clock.advance(31_000);
    const results = await settled;
    expect(results.filter((result) => result.status === 'rejected')).toHaveLength(10);
    expect(await order).toBe(1);
    const stored = await readAll(journal, 5000);
    expect(gapsOf(stored)).toEqual([expect.objectContaining({ firstSequence: 2, lastSequence: 11, cause: 'waiting-full' })]);
    const delivery = await journal.delivery('sentilo');
    delivery.settle([], [1, 12]);
    // There is nothing at 2 to 11 that could be delivered.
    expect(delivery.lowWater).toBe(12);
    await journal.close();
  });

  it('survives its folder being deleted under it', async () => {
    const disk = new ModelDisk();
    const clock = testClock();
    const journal = await open(disk, { clock, maxSizeBytes: 16_384 });
    await appendAll(journal, 1, 5);
    disk.removeFolder(FOLDER);
    expect(await readAll(journal)).toEqual([]);
    const more = appendAll(journal, 6, 60);
    await clock.advance(60_000);
    expect(await more).toEqual(upTo(60, 6));
    expect((await storedValues(journal)).at(-1)).toBe(60);
    expect(journal.stats().damage).toMatchObject([{ missing: { first: 1, last: 5 }, kind: 'damaged' }]);
    await journal.close();
  });

  it('begins a new file when its folder was deleted under it, and says what is gone', async () => {
    const disk = new ModelDisk();
    const lines: { level: LogLevel; code: string; fields: unknown }[] = [];
    const journal = await open(disk, { lines });
    await appendAll(journal, 1, 5);
    disk.removeFolder(FOLDER);
    await appendAll(journal, 6, 7);
    await appendAll(journal, 8, 9);
    await journal.close();
    expect(lines).toEqual([
      {
        level: 'warning',
        code: 'journal-damage',
        fields: expect.objectContaining({ missing: { first: 1, last: 5 }, cause: 'deleted' }),
      },
    ]);
    const next = await open(disk);
    const stored = await readAll(next);
    expect(valuesOf(stored)).toEqual([6, 7, 8, 9]);
    expect(gapsOf(stored)).toMatchObject([{ firstSequence: 1, lastSequence: 5, cause: 'deleted' }]);
    await next.close();
  });

  it('rejects appends after closing, and what no disk would take before it', async () => {
    const disk = new ModelDisk();
    const clock = testClock();
    const journal = await open(disk, { clock });
    disk.fault = during(['open', 'pwrite', 'fdatasync'], 'EROFS');
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
    disk.fault = during(['readDir'], 'EIO');
    await expect(open(disk)).rejects.toThrow(/cannot be listed \(EIO\): check the card/);
  });

  it('full disk: gives up delivered files, and no undelivered one as long as memory holds what comes', async () => {
    const disk = new ModelDisk();
    const clock = testClock();
    const lines: NonNullable<OpenOptions['lines']> = [];
    const journal = await open(disk, { clock, lines, maxSizeBytes: 65_536 });
    const delivery = await journal.delivery('sentilo');
    await appendAll(journal, 1, 300);
    const files = disk.paths.filter((path) => path.endsWith('.journal')).length;
    expect(files).toBeGreaterThan(3);
    delivery.settle([], upTo(150));
    // Someone else takes whatever is freed.
    disk.fault = during(['pwrite'], 'ENOSPC');
    const waiting = journal.append(observation(301));
    await clock.advance(600_000);
    const left = await storedValues(journal);
    expect(left[0]).toBeGreaterThan(100);
    expect(left[0]).toBeLessThanOrEqual(151);
    expect(left.at(-1)).toBe(300);
    expect(journal.stats().evictedUndeliveredCount).toBe(0);
    disk.fault = undefined;
    await clock.advance(31_000);
    expect(await waiting).toBe(301);
    await journal.close();
  });
});

it('does not take what the disk refuses to read for gone: it is there again when the disk is', async () => {
  const disk = new ModelDisk();
  const journal = await open(disk);
  await appendAll(journal, 1, 20);
  disk.fault = (operation) => (operation === 'pread' ? 'EIO' : undefined);
  await expect(journal.read(1, 100)).rejects.toMatchObject({ name: 'JournalError' });
  disk.fault = undefined;
  expect(await storedValues(journal)).toEqual(upTo(20));
});

it('two faults at any two operations lose nothing acknowledged', async () => {
  for (let first = 1; first <= 40; first++) {
    for (let second = first + 1; second <= 60; second += IS_DEEP ? 1 : 7) {
      const disk = new ModelDisk();
      disk.fault = (_operation, n) => (n === first || n === second ? 'EIO' : undefined);
      const acknowledged = await workload(disk, testClock());
      disk.crash(seeded(first * 100 + second));
      const bySequence = new Map((await readAll(await open(disk))).map(({ sequence, record }) => [sequence, record]));
      for (const [sequence, value] of acknowledged) expect(bySequence.get(sequence)).toEqual(observation(value));
    }
  }
}, 120_000);
