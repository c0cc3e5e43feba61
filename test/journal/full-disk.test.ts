import { describe, expect, it, test } from 'vitest';
import { ownStamp } from '../../gateway/journal/loss.ts';
import { type JournalOptions, openJournal } from '../../gateway/journal/open-journal.ts';
import { SequenceSet } from '../../gateway/journal/sequence-set.ts';
import type { Event } from '../../gateway/record.ts';
import { VirtualClock } from '../../simulator/clock.ts';
import { SimulatedDisk } from '../../simulator/disk.ts';
import { createRandom } from '../../simulator/random.ts';
import { turn } from '../../simulator/wire/turn.ts';
import { TestClock } from '../support/test-clock.ts';
import { FOLDER, gapsOf, type OpenOptions, observation, open, readAll, seeded, upTo, valuesOf, WALL_MS } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

test('waits instead of spinning while the disk says that it is full whatever is freed, and keeps everything', async () => {
  const clock = new VirtualClock(Date.UTC(2026, 10, 25), turn);
  const fault = { at: 'disk', code: 'ENOSPC', operations: ['fdatasync'], fromMs: 1_000, toMs: 60_000 } as const;
  const disk = new SimulatedDisk({ clock, random: createRandom(1), faults: [fault] });
  const options = { clock, log: () => {}, syncMs: 1_000, maxSizeBytes: 1e9, keepMs: 1e12 };
  const journal = await clock.run(openJournal(disk, '/journal', options));
  const appended = [];
  for (let second = 0; second < 120; second += 1) {
    appended.push(journal.append(observation(second)));
    await clock.runUntil((second + 1) * 1_000);
  }
  expect(new Set(await clock.run(Promise.all(appended))).size).toBe(120);
});

/** A journal on a disk of which only the slots can be written while it is full, whatever is deleted. */
async function onFullDisk() {
  const disk = new ModelDisk();
  let isFull = false;
  disk.fault = (operation, _count, path) => (isFull && operation === 'pwrite' && path.includes('.blocks') ? 'ENOSPC' : undefined);
  const clock = new TestClock({ ms: WALL_MS, quality: 'synced' });
  const lines: NonNullable<OpenOptions['lines']> = [];
  const sizes = { slotBytes: 4 * 4_096, slotCount: 4, blockFileBytes: 4_096 };
  const journal = await open(disk, { clock, lines, ...sizes });
  const delivery = await journal.delivery('sentilo');
  const random = seeded(17);
  let appendedCount = 0;
  const append = async (count: number) => {
    for (const end = appendedCount + count; appendedCount < end; ) {
      const group = Array.from({ length: 20 }, () => observation(++appendedCount, { value: random(), uncalibrated: random() }));
      for (const reading of group) journal.append(reading).catch(() => {});
      await clock.advance(1);
    }
  };
  const deletedCount = () => lines.filter(({ code }) => code === 'journal-file-deleted').length;
  const setFull = (full: boolean) => {
    isFull = full;
  };
  return { journal, delivery, clock, lines, append, setFull, deletedCount };
}

test('deletes what is delivered before a slot is given up, though what it deletes is in vain for a while', async () => {
  const { journal, delivery, clock, lines, append, setFull, deletedCount } = await onFullDisk();
  await append(20_000);
  const delivered = journal.lastSequence;
  delivery.settle([], upTo(delivered));
  const fileCount = journal.stats().files.filter(({ kind }) => kind === 'block').length;
  expect(fileCount).toBeGreaterThan(50);
  setFull(true);
  await append(4_000);
  await clock.advance(2_000);
  expect(journal.isFailing).toBe(true);
  expect(deletedCount()).toBeGreaterThan(8);
  expect(deletedCount()).toBeLessThan(fileCount);
  setFull(false);
  await clock.advance(10_000);
  expect(journal.isFailing).toBe(false);
  expect(lines.filter(({ code }) => code === 'journal-slot-given-up')).toEqual([]);
  expect(journal.stats().evictedUndeliveredCount).toBe(0);
  const stored = await clock.run(readAll(journal, 5_000));
  expect(stored.filter(({ sequence, record }) => sequence > delivered && record.kind === 'observation')).toHaveLength(4_000);
});

test('counts the readings of a slot that is given up, and names its events too', async () => {
  const { journal, clock, append, setFull } = await onFullDisk();
  setFull(true);
  const event: Event = { kind: 'event', ...ownStamp('b1', clock), code: 'order-done', fields: {} };
  for (let round = 0; round < 40; round += 1) {
    journal.append(event).catch(() => {});
    await append(20);
  }
  const { evictedUndeliveredCount } = journal.stats();
  const stored = await clock.run(readAll(journal, 5_000));
  const presentCount = (kind: string) => stored.filter(({ record }) => record.kind === kind).length;
  expect(evictedUndeliveredCount).toBeGreaterThan(0);
  expect(evictedUndeliveredCount).toBe(40 * 20 - presentCount('observation'));
  const namedCount = gapsOf(stored).reduce((sum, { count }) => sum + (count ?? 0), 0);
  expect(namedCount - evictedUndeliveredCount).toBe(40 - presentCount('event'));
});

describe.each([512, 1024, 3072])('a file system of %i KiB, and a max_size that it cannot hold', (kibibytes) => {
  it('is used as far as it goes: measured and delivered from the disk, and what is dropped undelivered is named', async () => {
    const disk = new ModelDisk({ capacityBytes: kibibytes * 1024 });
    const clock = new TestClock({ ms: WALL_MS, quality: 'synced' });
    const lines: NonNullable<OpenOptions['lines']> = [];
    const log: JournalOptions['log'] = (level, code, fields) => lines.push({ level, code, fields });
    const options = { clock, log, maxSizeBytes: 1e9, syncMs: 1_000, keepMs: 1e12 };
    const journal = await openJournal(disk, FOLDER, options);
    const delivery = await journal.delivery('sentilo');
    const random = seeded(kibibytes);
    const count = 1_000 * Math.ceil(kibibytes / 10);
    const sequenceOf: number[] = [0];
    for (let from = 1; from <= count; from += 1_000) {
      // Digits that nothing makes shorter: some twenty bytes a reading. Each window has two.
      const readings = upTo(from + 999, from).map((value) =>
        observation(value, { value: random(), uncalibrated: random(), monotonicMs: value * 150_000 }),
      );
      sequenceOf.push(...(await clock.run(Promise.all(readings.map((reading) => journal.append(reading))))));
      expect(journal.stats().failing).toBeUndefined();
      if (from % 20_000 === 1) {
        const sequence = sequenceOf[from] as number;
        await clock.run(delivery.begin([sequence]));
        delivery.settle([sequence], [sequence]);
        await clock.run(delivery.flush());
      }
    }
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
    expect(disk.usedBytes).toBeLessThanOrEqual(kibibytes * 1024);
    const { evictedUndeliveredCount } = journal.stats();
    expect(evictedUndeliveredCount).toBeGreaterThan(0);
    await clock.run(journal.append({ kind: 'event', ...ownStamp('b1', clock), code: 'order-done', fields: {} }, true));
    const stored = await clock.run(readAll(journal, 5_000));
    const left = stored.flatMap(({ record }) => (record.kind === 'observation' ? [record] : []));
    const present = new SequenceSet(
      left.map(({ window, monotonicMs }) => ({
        first: (window?.fromMonotonicMs ?? monotonicMs) / 150_000,
        last: monotonicMs / 150_000,
      })),
    );
    const named = new SequenceSet(
      gapsOf(stored).map(({ firstSequence, lastSequence }) => ({ first: firstSequence, last: lastSequence })),
    );
    const missing = present.missing({ first: 1, last: count }).flatMap(({ first, last }) => upTo(last, first));
    const unnamed = missing.map((value) => sequenceOf[value] as number).filter((sequence) => !named.has(sequence));
    expect(unnamed.filter((sequence) => !delivery.isDelivered(sequence))).toEqual([]);
    const keptCount = left.reduce((sum, { window }) => sum + (window?.count ?? 1), 0);
    expect(keptCount + evictedUndeliveredCount).toBeGreaterThanOrEqual(count - Math.ceil(count / 20_000));
    expect(keptCount + evictedUndeliveredCount).toBeLessThanOrEqual(count);
    await clock.run(journal.close());
    const again = await openJournal(disk, FOLDER, options);
    expect(again.stats().damage).toEqual([]);
    expect(await clock.run(readAll(again, 5_000))).toEqual(stored);
  });
});

it.each([true, false])(
  'on a disk that is full for good the oldest slot is written over and named (delivered: %s), and events go on',
  async (isSent) => {
    const disk = new ModelDisk();
    const clock = new TestClock({ ms: WALL_MS, quality: 'synced' });
    const journal = await open(disk, { clock, slotBytes: 16_384, slotCount: 4, blockFileBytes: 16_384 });
    const delivery = await journal.delivery('sentilo');
    await clock.run(delivery.flush());
    disk.fault = (operation, _count, path) => (operation === 'open' && path.endsWith('.blocks.new') ? 'ENOSPC' : undefined);
    const stamp = { boot: 'b1', monotonicMs: 0.5, wallMs: WALL_MS, wallQuality: 'synced' } as const;
    await clock.run(journal.append({ kind: 'event', ...stamp, code: 'gateway-started', fields: { version: '0.1.0' } }));
    const count = 3_000;
    for (let from = 1; from <= count; from += 50) {
      const readings = upTo(from + 49, from).map((value) => observation(value, { uncalibrated: Math.sin(value) }));
      const sequences = await clock.run(Promise.all(readings.map((reading) => journal.append(reading))));
      if (!isSent) continue;
      delivery.settle([], sequences);
      await clock.run(delivery.flush());
    }
    await clock.run(journal.append(observation(count + 1), true));
    const { evictedUndeliveredCount } = journal.stats();
    await clock.run(journal.close());
    const again = await open(disk, { clock, slotBytes: 16_384, slotCount: 4, blockFileBytes: 16_384 });
    const stored = await clock.run(readAll(again, 5_000));
    const left = valuesOf(stored).filter((value) => value !== count + 1).length;
    expect(left).toBeGreaterThan(100);
    expect(left).toBeLessThan(count / 2);
    expect(evictedUndeliveredCount).toBe(isSent ? 0 : count - left);
    expect(again.stats().damage).toEqual([]);
    const gaps = gapsOf(stored);
    expect(new Set(gaps.filter((gap) => gap.count !== 0).map(({ cause }) => cause))).toEqual(new Set(['disk-full']));
    expect(gaps.reduce((sum, gap) => sum + (gap.count ?? 0), 0)).toBe(count - left);
    expect(stored.filter(({ record }) => record.kind === 'event' && record.code === 'gateway-started')).toHaveLength(1);
  },
);

test('others take what room there is at once: a slot that failed is used again, and nothing waits in memory for room', async () => {
  const disk = new ModelDisk();
  const clock = new TestClock({ ms: WALL_MS, quality: 'synced' });
  const journal = await open(disk, { clock, syncMs: 1_000, slotCount: 4 });
  await clock.run(journal.append(observation(0)));
  const slotsOf = () => disk.paths.filter((path) => path.includes('/slot-')).map((path) => disk.bytes(path).length);
  expect(slotsOf()).toEqual([65_536, 65_536, 65_536, 65_536]);
  let isFailing = false;
  disk.fault = (operation, _count, path) => {
    disk.capacityBytes = disk.usedBytes;
    return isFailing && operation === 'fdatasync' && path.includes('/slot-') ? 'EIO' : undefined;
  };
  const appended: Promise<number>[] = [];
  const append = async (from: number, to: number) => {
    for (const value of upTo(to, from)) {
      appended.push(journal.append(observation(value)));
      await clock.advance(100);
    }
  };
  await append(1, 20);
  // Long enough for each slot to fail.
  isFailing = true;
  await append(21, 300);
  expect(journal.isFailing).toBe(true);
  isFailing = false;
  await clock.advance(31_000);
  expect(journal.isFailing).toBe(false);
  await append(301, 400);
  await clock.run(Promise.all(appended));
  expect(slotsOf()).toEqual([65_536, 65_536, 65_536, 65_536]);
  expect(journal.stats().evictedUndeliveredCount).toBe(0);
  disk.crash(() => 0);
  expect(valuesOf(await readAll(await open(disk)))).toEqual(upTo(400, 0));
});
