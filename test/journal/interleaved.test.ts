import { expect, it } from 'vitest';
import type { Journal } from '../../gateway/journal/journal.ts';
import { TestClock } from '../support/test-clock.ts';
import { FOLDER, observation, open, seeded, sequencesOf, upTo, WALL_MS } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

function testClock(): TestClock {
  return new TestClock({ ms: WALL_MS, quality: 'synced' });
}

/** Lets everything run that waits for nothing. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await undefined;
}

it('a reading that a sealing overtakes misses nothing', async () => {
  const disk = new ModelDisk();
  const journal = await open(disk, { slotBytes: 16_384, slotCount: 6, blockFileBytes: 1 << 20 });
  let count = 0;
  const group = () => Promise.all(upTo(12).map(() => journal.append(mixed(++count))));
  const sealed = () =>
    Math.max(0, ...journal.stats().files.flatMap(({ file, lastSequence }) => (file.startsWith('gauges') ? lastSequence : [])));
  while (sealed() === 0) await group();
  // All classes, and what follows from that.
  while (!journal.stats().files.some(({ file }) => file.startsWith('counts'))) await turns();
  for (let turn = 0; turn < 10; turn++) await turns();
  const before = sealed();
  let gaugesAreSealed = () => {};
  const gauges = new Promise<void>((resolve) => {
    gaugesAreSealed = resolve;
  });
  let readingIsOver = () => {};
  const over = new Promise<void>((resolve) => {
    readingIsOver = resolve;
  });
  disk.fault = async (operation, _count, path) => {
    const name = path.slice(FOLDER.length + 1);
    if (operation === 'pwrite' && name.startsWith('counts')) {
      gaugesAreSealed();
      await over;
    }
    if (operation === 'pread' && name.startsWith('gauges')) await gauges;
    return undefined;
  };
  const from = Math.max(1, before - 40);
  const reading = journal.read(from, 100_000);
  while (sealed() === before) {
    await group();
    await turns();
  }
  const sequences = (await reading).map(({ sequence }) => sequence);
  readingIsOver();
  expect(sequences).toEqual(upTo(sequences.at(-1) ?? 0, from));
});

function mixed(value: number) {
  return value % 3 === 0
    ? observation(value, { sensor: 'meter', channel: 'meter.total', readingKind: 'total' })
    : observation(value);
}

it('what begins to be sent from memory while it is being written is looked up after a power cut', async () => {
  const disk = new ModelDisk();
  const clock = testClock();
  const journal = await clock.run(open(disk, { clock }));
  const delivery = await clock.run(journal.delivery('sentilo'));
  await clock.run(Promise.all(upTo(10).map((value) => journal.append(observation(value)))));
  await clock.run(delivery.begin(upTo(10)));
  delivery.settle(upTo(10), upTo(10));
  let mode: 'fails' | 'is slow' | 'works' = 'fails';
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let isCommitting = false;
  disk.fault = (operation, _count, path) => {
    if (mode === 'fails' && (operation === 'pwrite' || operation === 'fdatasync')) return 'EIO';
    if (mode !== 'is slow' || operation !== 'fdatasync' || !path.includes('slot-')) return undefined;
    isCommitting = true;
    return held.then(() => undefined);
  };
  const appends = upTo(20, 11).map((value) => journal.append(observation(value)));
  await clock.advance(500);
  mode = 'is slow';
  for (let second = 0; second < 60 && !isCommitting; second++) await clock.advance(1000);
  const read = (await journal.read(11, 100)).map(({ sequence }) => sequence);
  expect(read).toEqual(upTo(20, 11));
  await delivery.begin(read);
  release();
  mode = 'works';
  await clock.run(Promise.all(appends));
  disk.crash(seeded(1));
  const again = await clock.run(open(disk, { clock }));
  expect(sequencesOf((await clock.run(again.delivery('sentilo'))).unresolved)).toEqual(read);
});

it('closes a group before its interval is over when memory would not hold the interval', async () => {
  const clock = testClock();
  const journal = await clock.run(open(new ModelDisk(), { clock, syncMs: 60_000, slotBytes: 1 << 20 }));
  const appends: Promise<number>[] = [];
  for (let second = 0; second < 59; second++) {
    for (let i = 0; i < 400; i++) appends.push(journal.append(observation(second * 400 + i)));
    await clock.advance(1000);
  }
  await clock.advance(60_000);
  expect(await Promise.all(appends)).toHaveLength(59 * 400);
});

it('goes on with the other slots when one can be neither written nor replaced', async () => {
  const disk = new ModelDisk();
  const clock = testClock();
  const journal = await clock.run(open(disk, { clock, slotBytes: 16_384, slotCount: 4 }));
  let value = 0;
  const appendOne = () => journal.append(observation(++value));
  await clock.run(appendOne());
  disk.fault = (operation, _count, path) =>
    path.endsWith('slot-000') && ['fdatasync', 'unlink'].includes(operation) ? 'EIO' : undefined;
  for (let i = 0; i < 100; i++) await clock.run(appendOne());
  expect(journal.isFailing).toBe(false);
});

it('a full disk costs delivered files before anything that is not delivered', async () => {
  const disk = new ModelDisk();
  const clock = testClock();
  const sizes = { slotBytes: 16_384, slotCount: 3, blockFileBytes: 16_384, maxSizeBytes: 160 * 1024 };
  const journal = await clock.run(open(disk, { clock, ...sizes }));
  const delivery = await clock.run(journal.delivery('sentilo'));
  let value = 0;
  const group = async () => {
    value += 30;
    await clock.run(appendRough(journal, value - 29, value));
  };
  while (value < 21_000) await group();
  const delivered = upTo(journal.lastSequence);
  delivery.settle(delivered, delivered);
  await clock.run(delivery.flush());
  disk.capacityBytes = disk.usedBytes + 1000;
  const before = journal.stats().evictedUndeliveredCount;
  const files = () =>
    journal.stats().files.filter(({ recordClass, lastSequence }) => recordClass === 'gauges' && lastSequence <= delivered.length);
  while (journal.stats().evictedUndeliveredCount === before && value < 30_000) await group();
  // The newest file of the class stays, whatever is in it.
  expect(files().length).toBeLessThanOrEqual(1);
});

async function appendRough(journal: Journal, from: number, to: number): Promise<void> {
  await Promise.all(
    upTo(to, from).map((each) => journal.append(observation(each, { value: Math.sin(each) * 1000, monotonicMs: each * 10_000 }))),
  );
}

it('opens each of its files once, however many wait for it', async () => {
  const disk = new ModelDisk();
  const first = await open(disk);
  for (const value of upTo(40)) await first.append(observation(value));
  await first.close();
  const journal = await open(disk);
  const opened = new Map<string, number>();
  disk.fault = (operation, _count, path) => {
    if (operation === 'open') opened.set(path, (opened.get(path) ?? 0) + 1);
    return undefined;
  };
  await Promise.all([journal.read(1, 100), journal.read(5, 100), journal.append(observation(41)), journal.read(1, 100)]);
  expect(Math.max(0, ...opened.values())).toBeLessThanOrEqual(1);
});
