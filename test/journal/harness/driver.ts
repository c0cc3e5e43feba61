import { strict as assert } from 'node:assert';
import { isDeepStrictEqual } from 'node:util';
import {
  DELIVERY_RANGES_MAX,
  type Delivery,
  type Journal,
  JournalError,
  type StoredRecord,
} from '../../../gateway/journal/journal.ts';
import type { JournalRecord } from '../../../gateway/record.ts';
import type { SimulatedDisk } from '../../../simulator/disk.ts';
import { TestClock } from '../../support/test-clock.ts';
import { open, readAll, seeded, upTo, WALL_MS } from '../kit.ts';
import { Boot, type Life, type Sizes, type Step } from './program.ts';
import { type Happening, type History, keyOf, membersOf, truthOf } from './truth.ts';

/** How long a step may take of the clock's time until what it waits for has happened. */
const PATIENCE_MS = 120_000;
/** Records on their way while a state is flushed. */
const BUSY_RECORDS = 5;

/** Runs the steps of one life on a disk of which one operation may fail, and notes what happens. It ends in the middle: nothing is closed. */
export async function live(disk: SimulatedDisk, sizes: Sizes, life: Life, number: number, history: History): Promise<void> {
  const clock = new TestClock({ ms: WALL_MS + number * 3_600_000, quality: 'synced' });
  await new Driver(disk, sizes, life, new Boot(number), clock, history).run();
}

class Driver {
  readonly #disk: SimulatedDisk;
  readonly #sizes: Sizes;
  readonly #life: Life;
  readonly #boot: Boot;
  readonly #clock: TestClock;
  readonly #history: History;
  readonly #appends: Promise<void>[] = [];
  /** What the opening found, and is not known to be there for good. */
  readonly #found: Happening[] = [];
  #journal: Journal | undefined;
  #delivery: Delivery | undefined;

  constructor(disk: SimulatedDisk, sizes: Sizes, life: Life, boot: Boot, clock: TestClock, history: History) {
    this.#disk = disk;
    this.#sizes = sizes;
    this.#life = life;
    this.#boot = boot;
    this.#clock = clock;
    this.#history = history;
  }

  async run(): Promise<void> {
    await this.#open();
    // No turn between two steps: what one of them has begun is in flight while the next one goes on.
    for (const step of this.#life.steps) await this.#step(step);
    await this.#clock.advance(0);
  }

  async #step(step: Step): Promise<void> {
    if (step.do === 'append') await this.#append(step.count, seeded(step.seed), step.isUrgent, step.isAwaited);
    else if (step.do === 'deliver') await this.#deliver(step.count, step.isNewestFirst, step.refused);
    else if (step.do === 'begin') await this.#begin(step.count, true);
    else if (step.do === 'flush') await this.#flush(step.isBusy);
    else if (step.do === 'read') await this.#read(step.fromPart, step.limit);
    else if (step.do === 'wait') await this.#clock.advance(step.ms);
    else {
      await this.#within(this.journal.close());
      await this.#open();
    }
  }

  get journal(): Journal {
    assert(this.#journal !== undefined);
    return this.#journal;
  }

  get delivery(): Delivery {
    assert(this.#delivery !== undefined);
    return this.#delivery;
  }

  /** Lets as much time pass as the work needs. */
  async #within<T>(work: Promise<T>): Promise<T> {
    const startMs = this.#clock.monotonicMs();
    const result = await this.#clock.run(work);
    assert(this.#clock.monotonicMs() - startMs <= PATIENCE_MS, 'the journal took minutes on a disk that works');
    return result;
  }

  /** The one operation that fails may be one that nobody can do without: whoever asked for it asks again. */
  async #withinAgain<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await this.#within(work());
    } catch (error) {
      if (!(error instanceof JournalError) || this.#life.failsAt === 0) throw error;
      return await this.#within(work());
    }
  }

  /** What is there after an opening is there for good as soon as anything is written, or begins to be sent. */
  async #open(): Promise<void> {
    this.#journal = await this.#within(open(this.#disk, { clock: this.#clock, syncMs: this.#life.syncMs, ...this.#sizes }));
    this.#delivery = await this.#within(this.journal.delivery('sentilo'));
    const { acknowledged, settled } = truthOf(this.#history);
    this.#found.length = 0;
    for (const { sequence, record } of await this.#within(readAll(this.journal))) {
      if (record.kind === 'observation' && record.window !== undefined) continue;
      // Unless that is what failed: nobody was told that a killed process had written it.
      if (!acknowledged.has(sequence) && this.#life.failsAt === 0) this.#found.push({ what: 'acknowledged', record, sequence });
    }
    const unresolved = this.delivery.unresolved.flatMap(({ first, last }) => upTo(last, first));
    const delivered = unresolved.filter((sequence) => settled.has(sequence));
    // An opening that finds no state takes everything for begun.
    this.#history.push({ what: 'beginning', sequences: unresolved });
    this.#settle(unresolved, delivered);
  }

  async #append(count: number, random: () => number, isUrgent: boolean, isAwaited: boolean): Promise<void> {
    const appends = [];
    for (let i = 0; i < count; i++) {
      const record = this.#boot.next(random);
      this.#history.push({ what: 'appended', record });
      appends.push(this.#acknowledge(record, isUrgent && i === count - 1));
    }
    this.#appends.push(...appends);
    if (isAwaited) await this.#within(Promise.all(appends));
  }

  async #acknowledge(record: JournalRecord, isUrgent: boolean): Promise<void> {
    const sequence = await this.journal.append(record, isUrgent);
    this.#history.push(...this.#found.splice(0));
    this.#history.push({ what: 'acknowledged', record, sequence });
  }

  /**
   * Begins to send at most `count` records that wait for the city, as an uplink finds them, and gives them. What the journal
   * has merged since they were read is not sent: they are read once more then.
   */
  async #begin(count: number, isNewestFirst: boolean): Promise<StoredRecord[]> {
    const from = this.delivery.lowWater + 1;
    const { revision } = this.journal;
    const read = await this.#within(this.journal.read(from, isNewestFirst ? 1_000 : count + 100));
    const waiting = read.filter(({ sequence }) => !this.delivery.isDelivered(sequence));
    const batch = isNewestFirst ? waiting.slice(-count) : waiting.slice(0, count);
    const sequences = batch.map(({ sequence }) => sequence);
    if (this.delivery.isStale(sequences, revision)) return await this.#begin(count, isNewestFirst);
    const settled = [...truthOf(this.#history).settled];
    this.#history.push({ what: 'beginning', sequences });
    await this.#withinAgain(() => this.delivery.begin(sequences));
    this.#history.push(...this.#found.splice(0));
    this.#history.push({ what: 'flushed', sequences: settled }, { what: 'begun', sequences });
    return batch;
  }

  async #deliver(count: number, isNewestFirst: boolean, refused: 'none' | 'some' | 'all'): Promise<void> {
    // One batch makes at most as many ranges as it has records.
    const isRoomy = this.delivery.ranges.length + count < DELIVERY_RANGES_MAX;
    const batch = await this.#begin(count, isNewestFirst && isRoomy);
    const takes = ({ sequence }: StoredRecord) => refused === 'none' || !isRoomy || (refused === 'some' && sequence % 3 !== 0);
    const sequences = batch.map(({ sequence }) => sequence);
    this.#settle(
      sequences,
      batch.filter(takes).map(({ sequence }) => sequence),
      batch.filter(takes),
    );
  }

  /** The city has the `delivered` ones from here on, and with a window all that it stands for. */
  #settle(sequences: readonly number[], delivered: readonly number[], records: readonly StoredRecord[] = []): void {
    const truth = truthOf(this.#history);
    const merged = records.flatMap(({ record }) => {
      if (record.kind !== 'observation' || record.window === undefined) return [];
      return membersOf(truth, record).flatMap((member) => truth.sequences.get(keyOf(member)) ?? []);
    });
    this.#history.push({ what: 'settled', sequences, delivered: [...delivered, ...merged] });
    this.delivery.settle(sequences, delivered);
  }

  async #flush(isBusy: boolean): Promise<void> {
    if (isBusy) await this.#append(BUSY_RECORDS, seeded(BUSY_RECORDS), true, false);
    const sequences = [...truthOf(this.#history).settled];
    await this.#withinAgain(() => this.delivery.flush());
    this.#history.push({ what: 'flushed', sequences });
  }

  async #read(fromPart: number, limit: number): Promise<void> {
    const { firstSequence, lastSequence } = this.journal.stats();
    const from = Math.floor(firstSequence + fromPart * (lastSequence - firstSequence));
    const read = await this.#within(this.journal.read(from, limit));
    assert(read.length <= limit);
    const { appended } = truthOf(this.#history);
    for (const { sequence, record } of read) {
      assert(sequence >= from);
      if (record.kind === 'observation' && record.window === undefined) {
        assert(isDeepStrictEqual(record, appended.get(keyOf(record))), `a reader got what nobody wrote, at ${sequence}`);
      }
    }
  }
}
