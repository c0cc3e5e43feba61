import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rangeCountAfter } from '../../gateway/journal/delivery.ts';
import { DELIVERY_RANGES_MAX, JournalError } from '../../gateway/journal/journal.ts';
import { appendAll, FOLDER, IS_DEEP, observation, open, seeded, sequencesOf, upTo } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const CURSOR = `${FOLDER}/sentilo.cursor`;

const batch = fc.record({
  /** Which of the undelivered records, counted from the newest (true) or the oldest. */
  isNewestFirst: fc.boolean(),
  accepted: fc.array(fc.boolean(), { minLength: 1, maxLength: 8 }),
  next: fc.constantFrom('go on', 'flush', 'restart'),
});

describe('a delivery', () => {
  it('agrees with a plain list under any order of partial acceptance and restarts: nothing twice, nothing forgotten', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(batch, { maxLength: 30 }), fc.integer(), async (batches, seed) => {
        const disk = new ModelDisk();
        let journal = await open(disk);
        let delivery = await journal.delivery('sentilo');
        await appendAll(journal, 1, 60);
        const model = new Set<number>();
        for (const { isNewestFirst, accepted, next } of batches) {
          const open60 = upTo(60).filter((sequence) => !model.has(sequence));
          const sent = isNewestFirst ? open60.slice(-accepted.length) : open60.slice(0, accepted.length);
          const taken = sent.filter((_, i) => accepted[i]);
          if (rangeCountAfter(delivery, taken) > DELIVERY_RANGES_MAX) break;
          await delivery.begin(sent);
          delivery.settle(sent, taken);
          for (const sequence of taken) model.add(sequence);
          if (next !== 'go on') await delivery.flush();
          if (next === 'restart') {
            disk.crash(seeded(seed));
            journal = await open(disk);
            delivery = await journal.delivery('sentilo');
            expect(delivery.unresolved).toEqual([]);
          }
          for (const sequence of upTo(60)) expect(delivery.isDelivered(sequence)).toBe(model.has(sequence));
          const lowWater = upTo(61).find((sequence) => !model.has(sequence)) as number;
          expect(delivery.lowWater).toBe(lowWater - 1);
        }
      }),
      { numRuns: IS_DEEP ? 3000 : 200 },
    );
  }, 300_000);

  it('names exactly what was being sent when the power went', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk);
    await appendAll(journal, 1, 30);
    const delivery = await journal.delivery('sentilo');
    await delivery.begin([1, 2, 3]);
    delivery.settle([1, 2, 3], [1, 2, 3]);
    await delivery.begin([10, 11, 29, 30]);
    disk.crash(seeded(1));
    const again = await (await open(disk)).delivery('sentilo');
    expect(sequencesOf(again.unresolved)).toEqual([10, 11, 29, 30]);
    expect(again.lowWater).toBe(3);
    // They stay in the list, over any number of restarts, until somebody says what became of them.
    await again.flush();
    disk.crash(seeded(2));
    const third = await (await open(disk)).delivery('sentilo');
    expect(sequencesOf(third.unresolved)).toEqual([10, 11, 29, 30]);
    third.settle(sequencesOf(third.unresolved), [10, 11]);
    await third.flush();
    disk.crash(seeded(3));
    const fourth = await (await open(disk)).delivery('sentilo');
    expect(fourth.unresolved).toEqual([]);
    expect(fourth.ranges).toEqual([{ first: 10, last: 11 }]);
  });

  it('uses the older slot when the newer one is damaged, and looks everything up when both are', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk);
    await appendAll(journal, 1, 9);
    const delivery = await journal.delivery('sentilo');
    for (const sequence of [1, 2, 3]) {
      delivery.settle([], [sequence]);
      await delivery.flush();
    }
    const damaged = (slots: number[]) => {
      const copy = disk.copy();
      const bytes = new Uint8Array(copy.bytes(CURSOR));
      for (const slot of slots) bytes[slot * 4096 + 30] = 0xff;
      copy.put(CURSOR, bytes);
      return copy;
    };
    // Generations 1, 2, 3 went to the slots 1, 0, 1.
    expect((await (await open(damaged([]))).delivery('sentilo')).lowWater).toBe(3);
    expect((await (await open(damaged([1]))).delivery('sentilo')).lowWater).toBe(2);
    expect((await (await open(damaged([0]))).delivery('sentilo')).lowWater).toBe(3);
    const lost = await (await open(damaged([0, 1]))).delivery('sentilo');
    expect(lost.lowWater).toBe(0);
    expect(sequencesOf(lost.unresolved)).toEqual(upTo(9));
  });

  it('looks up what may have been sent when a commit knows of a newer state than the one that can be read', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk);
    await appendAll(journal, 1, 9);
    const delivery = await journal.delivery('sentilo');
    delivery.settle([], [1, 2]);
    await delivery.flush();
    // From here on the city may have these.
    await delivery.begin([3, 4, 5]);
    await appendAll(journal, 10, 10);
    const bytes = new Uint8Array(disk.bytes(CURSOR));
    // Generations 1 and 2 went to the slots 1 and 0.
    bytes[30] = 0xff;
    disk.put(CURSOR, bytes);
    const again = await (await open(disk)).delivery('sentilo');
    expect(again.lowWater).toBe(2);
    expect(sequencesOf(again.unresolved)).toEqual(upTo(10, 3));
    again.settle(upTo(10, 3), [3, 4, 5]);
    await again.flush();
    const third = await (await open(disk)).delivery('sentilo');
    expect(third.unresolved).toEqual([]);
    expect(third.lowWater).toBe(5);
  });

  it('looks everything up when its file is missing beside records of an earlier life, and nothing when all is new', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk);
    await appendAll(journal, 1, 4);
    expect((await journal.delivery('sentilo')).unresolved).toEqual([]);
    await journal.close();
    const again = await open(disk);
    await again.append(observation(5));
    expect(sequencesOf((await again.delivery('sentilo')).unresolved)).toEqual(upTo(4));
  });

  it('counts the old place of a record that was appended again as delivered, in every delivery', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk);
    await appendAll(journal, 1, 6);
    const delivery = await journal.delivery('sentilo');
    await delivery.begin([3, 4]);
    // The power goes between the second append and the settlement.
    expect(await journal.append(observation(3, { heldFrom: 3 }))).toBe(7);
    disk.crash(seeded(1));
    const again = await open(disk);
    const sentilo = await again.delivery('sentilo');
    expect(sentilo.isDelivered(3)).toBe(true);
    expect(sentilo.isDelivered(7)).toBe(false);
    expect(sequencesOf(sentilo.unresolved)).toEqual([4]);
    expect((await again.delivery('mqtt')).isDelivered(3)).toBe(true);
  });

  it('refuses to hold more than 32 ranges, and says so before anything changes', async () => {
    const journal = await open(new ModelDisk());
    await appendAll(journal, 1, 100);
    const delivery = await journal.delivery('sentilo');
    const even = upTo(33).map((n) => n * 2);
    delivery.settle([], even.slice(0, 32));
    expect(delivery.ranges).toHaveLength(DELIVERY_RANGES_MAX);
    expect(rangeCountAfter(delivery, [66])).toBe(33);
    expect(() => delivery.settle([], [66])).toThrow(JournalError);
    expect(delivery.isDelivered(66)).toBe(false);
    // What joins ranges is always welcome.
    delivery.settle([], [3]);
    expect(delivery.ranges).toHaveLength(31);
  });

  it('rejects `begin` while the disk fails, and begins in a new file once it does not', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk);
    await appendAll(journal, 1, 5);
    const delivery = await journal.delivery('sentilo');
    await delivery.begin([1]);
    disk.fault = (operation, _count, path) => (operation === 'fdatasync' && path.includes('.cursor') ? 'EIO' : undefined);
    await expect(delivery.begin([2])).rejects.toThrow(/nothing is sent until it can/);
    await expect(delivery.flush()).rejects.toThrow(JournalError);
    const synced: string[] = [];
    disk.fault = (operation, _count, path) => {
      if (operation === 'fdatasync') synced.push(path);
      return undefined;
    };
    await delivery.begin([3]);
    // The new file, and the next spare.
    expect(synced).toEqual([`${CURSOR}.new`, `${CURSOR}.new`]);
    disk.crash(seeded(5));
    expect(sequencesOf((await (await open(disk)).delivery('sentilo')).unresolved)).toEqual([1, 3]);
  });

  it('never lets a cursor that is ahead of the records swallow new ones', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk);
    await appendAll(journal, 1, 20);
    const delivery = await journal.delivery('sentilo');
    delivery.settle([], upTo(20));
    await delivery.flush();
    await journal.close();
    // The card lied: the records are gone, the cursor is there.
    disk.put(`${FOLDER}/slot-000`, new Uint8Array(disk.bytes(`${FOLDER}/slot-000`).length));
    const again = await open(disk);
    const sequence = await again.append(observation(21));
    expect(sequence).toBeGreaterThan(20);
    expect((await again.delivery('sentilo')).isDelivered(sequence)).toBe(false);
  });

  it('jumps over holes: what is not there needs no delivery', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk);
    for (let value = 1; value <= 10; value++) await journal.append(observation(value));
    await journal.close();
    const path = `${FOLDER}/slot-000`;
    const bytes = new Uint8Array(disk.bytes(path));
    disk.put(path, bytes.fill(0, 3 * 4096, 5 * 4096));
    const again = await open(disk);
    const delivery = await again.delivery('sentilo');
    const left = (await again.read(1, 100)).map(({ sequence }) => sequence);
    expect(left.length).toBeLessThan(10);
    delivery.settle([], left);
    expect(delivery.lowWater).toBe(10);
    expect(delivery.ranges).toEqual([]);
  });
});

it('never gives a sequence again that a cursor still names as being sent, even when its file is gone', async () => {
  const disk = new ModelDisk();
  const journal = await open(disk);
  await appendAll(journal, 1, 5);
  const delivery = await journal.delivery('sentilo');
  await delivery.begin([3, 4, 5]);
  for (const path of disk.paths.filter((name) => name.includes('slot-'))) await disk.unlink(path);
  const reopened = await open(disk);
  expect(await reopened.append(observation(6))).toBeGreaterThan(5);
});

it('keeps what was settled while a commit was on its way that failed and was written to another slot', async () => {
  const disk = new ModelDisk();
  const journal = await open(disk);
  await appendAll(journal, 1, 10);
  const delivery = await journal.delivery('sentilo');
  await delivery.begin(upTo(10));
  disk.fault = (operation, _count, path) => {
    if (operation !== 'fdatasync' || path !== `${FOLDER}/slot-000`) return undefined;
    disk.fault = undefined;
    delivery.settle(upTo(10), upTo(10));
    return 'EIO';
  };
  await appendAll(journal, 11, 20);
  await delivery.flush();
  // The bytes of the first try reach the card as well: two frames have these sequences, and the older one knows of nothing settled.
  const again = await (await open(disk.copy())).delivery('sentilo');
  expect(again.lowWater).toBe(10);
  expect(again.unresolved).toEqual([]);
});
