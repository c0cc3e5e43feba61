import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Delivery, Journal, StoredRecord } from '../../gateway/journal/journal.ts';
import type { JournalRecord, Observation } from '../../gateway/record.ts';
import { drain, TestClock } from '../support/test-clock.ts';
import { CAUSES_OF_ROOM, checkJournal } from './harness/check.ts';
import { Boot } from './harness/program.ts';
import { type History, keyOf, membersOf, truthOf } from './harness/truth.ts';
import { IS_DEEP, open, readAll, seeded, WALL_MS } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const RECORDS = IS_DEEP ? 10_000 : 4_000;
const SMALL = { slotBytes: 16_384, slotCount: 3, blockFileBytes: 16_384 };

/** Rounds without anything to send. More means that the uplink is stuck. */
const IDLE_MAX = 5_000;

/** Lets time pass while all of them work, and ends as they do. */
async function together(clock: TestClock, ...work: readonly Promise<unknown>[]): Promise<void> {
  let isDone = false;
  const all = Promise.all(work).finally(() => {
    isDone = true;
  });
  while (!isDone) await clock.advance(1);
  await all;
}

/** One writer and one uplink on one journal, each at its own pace. */
class Pair {
  readonly history: History = [];
  readonly written: JournalRecord[] = [];
  readonly drained: StoredRecord[] = [];
  readonly disk = new ModelDisk();
  readonly clock = new TestClock({ ms: WALL_MS, quality: 'synced' });
  readonly #boot = new Boot(1);
  readonly #random: () => number;
  readonly #recordCount: number;
  #isWriting = true;
  #isStuck = false;

  constructor(seed: number, recordCount = RECORDS) {
    this.#random = seeded(seed);
    this.#recordCount = recordCount;
  }

  /** Appends groups; waits while more than `aheadMax` records are not drained. */
  async write(journal: Journal, aheadMax: number, takes: (record: JournalRecord) => boolean = () => true): Promise<void> {
    while (this.written.length < this.#recordCount) {
      const groupSize = 1 + Math.floor(this.#random() * 30);
      const appends = [];
      for (let i = 0; i < groupSize; i++) {
        const record = this.#boot.next(this.#random);
        if (!takes(record)) continue;
        this.written.push(record);
        this.history.push({ what: 'appended', record });
        const append = journal.append(record, this.#random() < 0.1);
        appends.push(append.then((sequence) => this.history.push({ what: 'acknowledged', record, sequence })));
      }
      if (this.#random() < 0.7) await Promise.all(appends);
      // Nothing else here ever gives the others a turn.
      await drain();
      while (this.written.length - this.drained.length > aheadMax && !this.#isStuck) await drain();
      if (this.#isStuck) return;
    }
    this.#isWriting = false;
  }

  /** Reads what waits and settles it, until the writer is done and nothing waits any more, or for so many batches. */
  async drain(journal: Journal, delivery: Delivery, batchesMax = Number.POSITIVE_INFINITY): Promise<void> {
    let idleCount = 0;
    for (let batch = 0; batch < batchesMax; ) {
      const wasWriting = this.#isWriting;
      const { revision } = journal;
      const read = await journal.read(delivery.lowWater + 1, 1 + Math.floor(this.#random() * 60));
      const waiting = read.filter(({ sequence }) => !delivery.isDelivered(sequence));
      const sequences = waiting.map(({ sequence }) => sequence);
      if (sequences.length === 0 && !wasWriting) return;
      if (sequences.length > 0 && !delivery.isStale(sequences, revision)) {
        await delivery.begin(sequences);
        this.drained.push(...waiting);
        this.#settle(delivery, waiting, sequences);
        if (this.#random() < 0.2) await delivery.flush();
        idleCount = 0;
        batch += 1;
      } else idleCount += 1;
      if (idleCount > IDLE_MAX) {
        this.#isStuck = true;
        throw new Error(`nothing to send after ${delivery.lowWater}, and the writer waits`);
      }
      await drain();
    }
  }

  #settle(delivery: Delivery, records: readonly StoredRecord[], sequences: readonly number[]): void {
    const windows = records.flatMap(({ record }) => (isObservation(record) && record.window !== undefined ? [record] : []));
    const truth = windows.length === 0 ? undefined : truthOf(this.history);
    const merged = windows.flatMap((window) =>
      truth === undefined ? [] : membersOf(truth, window).flatMap((member) => truth.sequences.get(keyOf(member)) ?? []),
    );
    this.history.push({ what: 'beginning', sequences }, { what: 'settled', sequences, delivered: [...sequences, ...merged] });
    delivery.settle(sequences, sequences);
  }
}

/** Writes far more than the uplink drains, checks what is left, and gives it with what was drained. */
async function runSlowly(seed: number, maxSizeBytes: number) {
  const pair = new Pair(seed, 4_000);
  const journal = await open(pair.disk, { clock: pair.clock, ...SMALL, maxSizeBytes });
  const delivery = await journal.delivery('sentilo');
  // States lose what did not change without a count; with other observations only, the books must balance.
  const takes = (record: JournalRecord) => isObservation(record) && record.readingKind !== 'state';
  const writing = pair.write(journal, Number.POSITIVE_INFINITY, takes);
  await together(pair.clock, writing, pair.drain(journal, delivery, 10));
  const stats = journal.stats();
  const rest = (await readAll(journal, 500)).filter(({ sequence }) => !delivery.isDelivered(sequence));
  await checkJournal(journal, truthOf(pair.history), { causes: CAUSES_OF_ROOM });
  const readings = [...pair.drained, ...rest].map(({ record }) => record).filter(isObservation);
  return { stats, readings, writtenReadings: pair.written.filter(isObservation) };
}

/** How many observations these stand for. */
function countOf(readings: readonly Observation[]): number {
  return readings.reduce((count, { window }) => count + (window?.count ?? 1), 0);
}

/** What a rain gauge has measured in all. */
function rainOf(readings: readonly Observation[]): number {
  return readings.reduce((sum, { readingKind, value }) => sum + (readingKind === 'delta' ? Number(value) : 0), 0);
}

function isObservation(record: JournalRecord): record is Observation {
  return record.kind === 'observation';
}

describe('what was written equals what was drained and what is still there', () => {
  it.each(IS_DEEP ? [1, 2, 3] : [1])(
    'by value, once each, in order, while records are appended, settled, sealed and evicted (seed %i)',
    async (seed) => {
      const pair = new Pair(seed);
      const options = { clock: pair.clock, ...SMALL, maxSizeBytes: 128 * 1024 };
      const journal = await open(pair.disk, options);
      const delivery = await journal.delivery('sentilo');
      await together(pair.clock, pair.write(journal, 300), pair.drain(journal, delivery));
      // What the journal writes of itself is not among it.
      const isOurs = ({ record }: StoredRecord) =>
        record.kind !== 'gap' && !(record.kind === 'event' && record.code.startsWith('journal-'));
      const own = pair.drained.filter(isOurs);
      const byKey = new Map(own.map((stored) => [keyOf(stored.record), stored.record]));
      expect(own).toHaveLength(pair.written.length);
      expect(pair.written.filter((record) => !isDeepStrictEqual(byKey.get(keyOf(record)), record))).toEqual([]);
      const sequences = pair.drained.map(({ sequence }) => sequence);
      expect(sequences).toEqual(sequences.toSorted((a, b) => a - b));
      expect(journal.stats()).toMatchObject({ evictedUndeliveredCount: 0 });
      // Delivered history was given up meanwhile, or this test has shown nothing.
      expect((await readAll(journal, 500)).length).toBeLessThan(pair.written.length);
      expect(journal.stats().sizeBytes).toBeLessThanOrEqual(options.maxSizeBytes);
      await pair.clock.run(journal.close());
      const again = await open(pair.disk, options);
      await checkJournal(again, truthOf(pair.history), { causes: CAUSES_OF_ROOM });
    },
    120_000,
  );

  it.each(IS_DEEP ? [1, 2, 3] : [1])(
    'by count, while an uplink that is too slow lets old readings be thinned and dropped (seed %i)',
    async (seed) => {
      // Less than that, and the gap records themselves have to make room.
      const { stats, readings, writtenReadings } = await runSlowly(seed, 224 * 1024);
      expect(stats.thinnedCount).toBeGreaterThan(0);
      expect(stats.evictedUndeliveredCount).toBeGreaterThan(0);
      expect(countOf(readings) + stats.evictedUndeliveredCount).toBe(writtenReadings.length);
    },
    120_000,
  );

  it.each(IS_DEEP ? [1, 2, 3] : [1])(
    'by count and by sum, while an uplink that is too slow lets old readings be thinned (seed %i)',
    async (seed) => {
      // As little as thins a good part of them and drops nothing.
      const { stats, readings, writtenReadings } = await runSlowly(seed, 384 * 1024);
      expect(stats.thinnedCount).toBeGreaterThan(1_000);
      expect(stats.evictedUndeliveredCount).toBe(0);
      expect(countOf(readings)).toBe(writtenReadings.length);
      expect(rainOf(readings)).toBeCloseTo(rainOf(writtenReadings), 3);
    },
    120_000,
  );

  it('a reader of the history sees the same as a reader of the queue', async () => {
    const pair = new Pair(9);
    const journal = await open(pair.disk, { clock: pair.clock, ...SMALL, maxSizeBytes: 8 * 1024 * 1024 });
    await together(pair.clock, pair.write(journal, Number.POSITIVE_INFINITY));
    const all = await readAll(journal, 500);
    for (const sensor of new Set(pair.written.filter(isObservation).map((record) => record.sensor))) {
      const read: StoredRecord[] = [];
      for await (const part of journal.history({ sensors: new Set([sensor]) })) read.push(...part);
      const expected = all.filter(({ record }) => isObservation(record) && record.sensor === sensor);
      expect(isDeepStrictEqual(read, expected), sensor).toBe(true);
      const [from, to] = [expected[10], expected[50]].map((stored) => stored?.record.wallMs) as [number, number];
      const part: StoredRecord[] = [];
      for await (const block of journal.history({ sensors: new Set([sensor]), fromWallMs: from, toWallMs: to }))
        part.push(...block);
      const inTime = expected.filter(
        ({ record }) => record.wallQuality !== 'none' && record.wallMs >= from && record.wallMs < to,
      );
      expect(isDeepStrictEqual(part, inTime), `${sensor} from ${from} to ${to}`).toBe(true);
    }
  }, 60_000);
});
