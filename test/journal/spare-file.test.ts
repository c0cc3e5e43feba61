import { describe, expect, it } from 'vitest';
import type { Journal } from '../../gateway/journal/journal.ts';
import { readTwoSlots, STATE_FILE_BYTES, TwoSlotFile } from '../../gateway/journal/two-slot-file.ts';
import { drain, TestClock } from '../support/test-clock.ts';
import { FOLDER, observation, open, seeded, upTo, WALL_MS } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const PATH = `${FOLDER}/state`;
const SPARE = `${PATH}.new`;
const SMALL = { slotBytes: 16_384, slotCount: 4, blockFileBytes: 8_192 };

/** Digits that nothing makes shorter. */
const reading = (value: number) => observation(value, { uncalibrated: seeded(value)() });
const stateOf = (number: number) => Uint8Array.of(number);
const gaugeFiles = (disk: ModelDisk) => disk.paths.filter((path) => /\/gauges-\d+\.blocks$/.test(path));

async function numberIn(disk: ModelDisk): Promise<number | undefined> {
  const stored = await readTwoSlots(disk, PATH, 'TEST');
  return typeof stored === 'object' ? stored.payload[0] : undefined;
}

/** A state that was written a few times, on a disk that has become full. */
async function onFullDisk() {
  const disk = new ModelDisk({ tornSectorRate: 0.2 });
  const file = new TwoSlotFile(disk, PATH, 'TEST', 0);
  for (const number of [1, 2, 3]) await file.write(stateOf(number));
  disk.capacityBytes = disk.usedBytes;
  return { disk, file };
}

describe('a state that is replaced as a whole, on a full disk', () => {
  it.each(['pwrite', 'fdatasync'])('is replaced after a %s that failed once, again and again', async (failing) => {
    const { disk, file } = await onFullDisk();
    for (const number of [4, 6, 8]) {
      disk.fault = (operation) => (operation === failing ? 'EIO' : undefined);
      await expect(file.write(stateOf(number))).rejects.toThrow('EIO');
      disk.fault = undefined;
      await file.write(stateOf(number + 1));
      expect(await numberIn(disk)).toBe(number + 1);
    }
    expect(disk.usedBytes).toBe(2 * STATE_FILE_BYTES);
  });

  it.each(['pwrite', 'fdatasync'])('is replaced after the %s of its spare has failed as well', async (failing) => {
    const { disk, file } = await onFullDisk();
    disk.fault = (operation) => (operation === failing ? 'EIO' : undefined);
    for (const number of [4, 5, 6]) await expect(file.write(stateOf(number))).rejects.toThrow('EIO');
    disk.fault = undefined;
    await file.write(stateOf(7));
    expect(await numberIn(disk)).toBe(7);
  });

  it('never syncs a spare again whose sync has failed: another file takes its name', async () => {
    const { disk, file } = await onFullDisk();
    disk.fault = (operation) => (operation === 'fdatasync' ? 'EIO' : undefined);
    await expect(file.write(stateOf(4))).rejects.toThrow('EIO');
    await expect(file.write(stateOf(5))).rejects.toThrow('EIO');
    const onSpare: string[] = [];
    disk.fault = (operation, _count, path) => {
      if (path === SPARE && operation !== 'size') onSpare.push(operation);
      return undefined;
    };
    await file.write(stateOf(6));
    expect(onSpare.indexOf('unlink')).toBeGreaterThanOrEqual(0);
    expect(onSpare.indexOf('unlink')).toBeLessThan(onSpare.indexOf('pwrite'));
  });

  it('is the old or the new one after a power cut at any moment of the replacing', async () => {
    const { disk, file } = await onFullDisk();
    disk.fault = (operation) => (operation === 'fdatasync' ? 'EIO' : undefined);
    await expect(file.write(stateOf(4))).rejects.toThrow('EIO');
    const moments: ModelDisk[] = [];
    disk.fault = () => {
      moments.push(disk.fork());
      return undefined;
    };
    await file.write(stateOf(5));
    const done = disk.fork();
    expect(moments.length).toBeGreaterThan(5);
    for (let seed = 1; seed <= 20; seed++) {
      for (const moment of moments) {
        const left = moment.fork();
        left.crash(seeded(seed));
        // What failed to be synced may be there all the same.
        expect([3, 4, 5]).toContain(await numberIn(left));
      }
      const after = done.fork();
      after.crash(seeded(seed));
      expect(await numberIn(after)).toBe(5);
    }
  });

  it('is replaced by the spare that an earlier process has left, whatever is in it', async () => {
    const { disk } = await onFullDisk();
    disk.put(SPARE, new Uint8Array(STATE_FILE_BYTES).fill(7));
    const file = new TwoSlotFile(disk, PATH, 'TEST', 3);
    disk.fault = (operation) => (operation === 'fdatasync' ? 'EIO' : undefined);
    await expect(file.write(stateOf(4))).rejects.toThrow('EIO');
    disk.fault = undefined;
    await file.write(stateOf(5));
    disk.crash(seeded(1));
    expect(await numberIn(disk)).toBe(5);
  });
});

it('a spare that found no room is made once there is some, and leaves nothing half-made behind', async () => {
  const disk = new ModelDisk({ capacityBytes: STATE_FILE_BYTES + 100 });
  const file = new TwoSlotFile(disk, PATH, 'TEST', 0);
  await file.write(stateOf(1));
  expect(disk.paths).toEqual([PATH]);
  disk.capacityBytes = 2 * STATE_FILE_BYTES;
  for (const number of upTo(100)) await file.write(stateOf(number));
  expect(disk.paths).toEqual([PATH, SPARE]);
});

/** Appends until all are acknowledged or rejected, or the journal fails. */
async function give(journal: Journal, values: readonly number[]): Promise<void> {
  let openCount = values.length;
  const end = () => {
    openCount -= 1;
  };
  for (const value of values) journal.append(reading(value)).then(end, end);
  for (let turn = 0; turn < 200 && openCount > 0 && !journal.isFailing; turn++) await drain();
}

describe('a journal on a full disk', () => {
  it('goes on giving up what is oldest after one failed sync of `losses`', async () => {
    const disk = new ModelDisk();
    const clock = new TestClock({ ms: WALL_MS, quality: 'synced' });
    const journal = await open(disk, { ...SMALL, maxSizeBytes: 220 * 1024, clock });
    await (await journal.delivery('sentilo')).flush();
    let failedCount = 0;
    disk.fault = (operation, _count, path) => {
      if (operation !== 'fdatasync' || !path.endsWith('/losses') || failedCount > 0 || gaugeFiles(disk).length < 5)
        return undefined;
      failedCount += 1;
      disk.capacityBytes = disk.usedBytes;
      return 'EIO';
    };
    for (let value = 1; value <= 20_000; value += 50) {
      await give(journal, upTo(value + 49, value));
      for (let second = 0; second < 60 && journal.isFailing; second++) await clock.advance(1_000);
      expect(journal.isFailing).toBe(false);
    }
    expect(failedCount).toBe(1);
  });

  it.each(['pwrite', 'fdatasync'])('works again after ten seconds of failing %s', async (failing) => {
    const disk = new ModelDisk();
    const clock = new TestClock({ ms: WALL_MS, quality: 'synced' });
    const journal = await open(disk, { ...SMALL, clock });
    const delivery = await journal.delivery('sentilo');
    await delivery.flush();
    for (let value = 1; value <= 3_000; value += 50) await give(journal, upTo(value + 49, value));
    disk.capacityBytes = disk.usedBytes;
    for (let value = 3_001; value <= 6_000; value += 50) {
      await give(journal, upTo(value + 49, value));
      await clock.advance(1_000);
    }
    disk.fault = (operation) => (operation === failing ? 'EIO' : undefined);
    for (let value = 6_001; value <= 6_200; value += 20) {
      await give(journal, upTo(value + 19, value));
      await clock.advance(1_000);
      await delivery.begin([]).catch(() => undefined);
    }
    disk.fault = undefined;
    for (let second = 0; second < 60 && journal.isFailing; second++) await clock.advance(1_000);
    expect(journal.isFailing).toBe(false);
    await delivery.begin([1]);
  });

  it('delivers again after one failed sync of the cursor', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk, SMALL);
    const delivery = await journal.delivery('sentilo');
    await give(journal, upTo(100));
    await delivery.begin([1]);
    disk.capacityBytes = disk.usedBytes;
    let failedCount = 0;
    disk.fault = (operation, _count, path) =>
      operation === 'fdatasync' && path.endsWith('.cursor') && failedCount++ === 0 ? 'EIO' : undefined;
    await expect(delivery.begin([2])).rejects.toThrow('EIO');
    await delivery.begin([3]);
  });
});
