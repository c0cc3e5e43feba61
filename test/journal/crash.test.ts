import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Delivery, JournalError } from '../../gateway/journal/journal.ts';
import { drain } from '../support/test-clock.ts';
import { appendAll, FOLDER, IS_DEEP, observation, open, readAll, seeded, storedValues, upTo } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

interface Truth {
  /** Value of every append, acknowledged or not. */
  readonly appended: Set<number>;
  /** Value by sequence. */
  readonly acknowledged: Map<number, number>;
  readonly settled: Set<number>;
  /** Settled before a state became durable. */
  readonly durablySettled: Set<number>;
  readonly durablyBegun: Set<number>;
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('append' as const), count: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('deliver' as const), count: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('flush' as const), count: fc.constant(0) }) },
);
const life = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 12 }),
  /** The operation, from the opening on, during which the power goes; later than the last: when all is done. */
  cutAt: fc.integer({ min: 1, max: 90 }),
  seed: fc.integer(),
});

describe('a power cut at any operation', () => {
  it('keeps every acknowledged record and delivery, invents none, over several lives', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 4 }), async (lives) => {
        const disk = new ModelDisk();
        const truth: Truth = {
          appended: new Set(),
          acknowledged: new Map(),
          settled: new Set(),
          durablySettled: new Set(),
          durablyBegun: new Set(),
        };
        for (const { steps, cutAt, seed } of lives) {
          const start = disk.operationCount;
          disk.fault = (_operation, count) => (count >= start + cutAt ? 'hang' : undefined);
          void live(disk, steps, truth).catch((error: unknown) => {
            if (!(error instanceof JournalError)) throw error;
          });
          await drain();
          disk.crash(seeded(seed));
          await check(disk, truth);
        }
      }),
      { numRuns: IS_DEEP ? 10_000 : 700 },
    );
  }, 300_000);

  it('starts after a hundred power cuts in a row during the opening', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk);
    await appendAll(journal, 1, 50);
    disk.crash(seeded(1));
    const name = `${FOLDER}/000000000001.journal`;
    const garbage = disk.bytes(name).slice();
    disk.put(name, new Uint8Array([...garbage, ...garbage.subarray(40, 400)]));
    for (let seed = 0; seed < 100; seed++) {
      const start = disk.operationCount;
      disk.fault = (_operation, count) => (count >= start + 1 + (seed % 20) ? 'hang' : undefined);
      void open(disk).then((opened) => opened.append(observation(1000 + seed)));
      await drain();
      disk.crash(seeded(seed));
    }
    const values = await storedValues(await open(disk));
    expect(values.slice(0, 50)).toEqual(upTo(50));
    expect(disk.paths.length).toBeLessThan(120);
  });
});

async function live(
  disk: ModelDisk,
  steps: readonly { do: 'append' | 'deliver' | 'flush'; count: number }[],
  truth: Truth,
): Promise<void> {
  const journal = await open(disk, { maxSizeBytes: 1 << 30 });
  const delivery = await journal.delivery('sentilo');
  // Looked up in the city.
  delivery.settle(
    delivery.unresolved,
    delivery.unresolved.filter((sequence) => truth.settled.has(sequence)),
  );
  for (const { do: action, count } of steps) {
    if (action === 'append') {
      const appends = upTo(count).map(async () => {
        const value = truth.appended.size + 1;
        truth.appended.add(value);
        truth.acknowledged.set(await journal.append(observation(value)), value);
      });
      await Promise.all(appends);
    } else if (action === 'deliver') await deliver(delivery, truth, count);
    else {
      const before = [...truth.settled];
      await delivery.flush();
      for (const sequence of before) truth.durablySettled.add(sequence);
    }
  }
}

async function deliver(delivery: Delivery, truth: Truth, count: number): Promise<void> {
  // The newest first, and every third refused: that is what makes ranges.
  const open = [...truth.acknowledged.keys()].filter((sequence) => !delivery.isDelivered(sequence)).sort((a, b) => b - a);
  const batch = open.slice(0, count);
  const before = [...truth.settled];
  await delivery.begin(batch);
  for (const sequence of before) truth.durablySettled.add(sequence);
  for (const sequence of batch) truth.durablyBegun.add(sequence);
  const accepted = batch.filter((sequence) => sequence % 3 !== 0);
  // The city has them from here on.
  for (const sequence of accepted) truth.settled.add(sequence);
  delivery.settle(batch, accepted);
}

async function check(disk: ModelDisk, truth: Truth): Promise<void> {
  const journal = await open(disk.copy(), { maxSizeBytes: 1 << 30 });
  const delivery = await journal.delivery('sentilo');
  const stored = await readAll(journal, 7);
  const bySequence = new Map(stored.map(({ sequence, record }) => [sequence, record]));
  stored.forEach(({ sequence }, i) => {
    expect(sequence).toBeGreaterThan(stored[i - 1]?.sequence ?? 0);
  });
  for (const [sequence, value] of truth.acknowledged) expect(bySequence.get(sequence)).toEqual(observation(value));
  for (const { record } of stored) {
    if (record.kind === 'observation') expect(truth.appended.has(record.value as number)).toBe(true);
    else expect(record.kind).toBe('gap');
  }
  expect(journal.stats().recordCount).toBe(stored.length);
  const unresolved = new Set(delivery.unresolved);
  for (const sequence of truth.durablySettled) expect(delivery.isDelivered(sequence)).toBe(true);
  for (const sequence of truth.acknowledged.keys()) {
    if (delivery.isDelivered(sequence)) expect(truth.settled.has(sequence)).toBe(true);
    // What the city may have and this state does not know to be delivered must be looked up.
    else if (truth.settled.has(sequence)) expect(unresolved.has(sequence)).toBe(true);
  }
}
