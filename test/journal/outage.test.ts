import { describe, expect, it } from 'vitest';
import type { Delivery, Journal } from '../../gateway/journal/journal.ts';
import type { JournalRecord } from '../../gateway/record.ts';
import type { DiskOperation } from '../../simulator/faults.ts';
import { TestClock } from '../support/test-clock.ts';
import { checkJournal } from './harness/check.ts';
import { Boot } from './harness/program.ts';
import { type History, keyOf, truthOf } from './harness/truth.ts';
import { type OpenOptions, observation, open, readAll, seeded, WALL_MS } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const MINUTE_MS = 60_000;
const ROUND_MS = 10_000;
const SENSORS = 12;
const SIZES = { slotBytes: 65_536, slotCount: 3, blockFileBytes: 65_536, maxSizeBytes: 1024 * 1024 };
const WRITING: readonly DiskOperation[] = ['pwrite', 'fdatasync', 'fsyncDir'];
const CHANGING: readonly DiskOperation[] = [...WRITING, 'truncate', 'rename', 'unlink', 'mkdir'];

/** A gateway's day in twenty minutes: every ten seconds twelve readings, and an uplink that sends what waits. */
class World {
  readonly clock = new TestClock({ ms: WALL_MS, quality: 'synced' });
  readonly disk = new ModelDisk();
  readonly history: History = [];
  readonly appended: JournalRecord[] = [];
  /** How often the city got each record. */
  readonly delivered = new Map<string, number>();
  readonly lines: NonNullable<OpenOptions['lines']> = [];
  acknowledgedCount = 0;
  rejectedCount = 0;
  readonly #boot = new Boot(1);
  readonly #random = seeded(4);
  #journal: Journal | undefined;
  #delivery: Delivery | undefined;

  async start(): Promise<this> {
    this.#journal = await open(this.disk, { clock: this.clock, lines: this.lines, syncMs: 1_000, ...SIZES });
    this.#delivery = await this.journal.delivery('sentilo');
    return this;
  }

  get journal(): Journal {
    return this.#journal as Journal;
  }

  get delivery(): Delivery {
    return this.#delivery as Delivery;
  }

  append(record: JournalRecord = this.#boot.next(this.#random), isUrgent = false): Promise<void> {
    this.appended.push(record);
    this.history.push({ what: 'appended', record });
    return this.journal.append(record, isUrgent).then(
      (sequence) => {
        this.acknowledgedCount += 1;
        this.history.push({ what: 'acknowledged', record, sequence });
      },
      () => {
        this.rejectedCount += 1;
      },
    );
  }

  /** Lets a gateway run for so long. */
  async run(minutes: number, sends = true): Promise<void> {
    for (let round = 0; round < (minutes * MINUTE_MS) / ROUND_MS; round++) {
      for (let i = 0; i < SENSORS; i++) void this.append();
      await this.clock.advance(2_000);
      if (sends) await this.send();
      await this.clock.advance(ROUND_MS - 2_000);
    }
  }

  /** Sends what waits: what is durable, or, while the disk refuses writes, what is in memory only. */
  async send(): Promise<void> {
    const from = Math.max(this.delivery.lowWater + 1, this.journal.stats().failing?.fromSequence ?? 0);
    const { revision } = this.journal;
    const read = (await this.journal.read(from, 5_000)).filter(({ sequence }) => !this.delivery.isDelivered(sequence));
    const sequences = read.map(({ sequence }) => sequence);
    if (sequences.length === 0 || this.delivery.isStale(sequences, revision)) return;
    this.history.push({ what: 'beginning', sequences });
    const isBegun = await this.delivery.begin(sequences).then(
      () => true,
      () => false,
    );
    if (!isBegun) return;
    for (const { record } of read) this.delivered.set(keyOf(record), (this.delivered.get(keyOf(record)) ?? 0) + 1);
    this.history.push({ what: 'settled', sequences, delivered: sequences });
    this.delivery.settle(sequences, sequences);
    await this.delivery.flush().catch(() => undefined);
  }

  /** Everything that was measured was sent once, and a power cut costs nothing. */
  async checkAll(): Promise<void> {
    await this.send();
    expect(this.rejectedCount).toBe(0);
    expect(this.acknowledgedCount).toBe(this.appended.length);
    expect(this.appended.filter((record) => this.delivered.get(keyOf(record)) !== 1)).toEqual([]);
    await this.checkAfterPowerCut();
  }

  async checkAfterPowerCut(): Promise<void> {
    this.disk.crash(seeded(5));
    const journal = await open(this.disk, { clock: new TestClock({ ms: WALL_MS, quality: 'synced' }), ...SIZES });
    await checkJournal(journal, truthOf(this.history), { causes: 'any' });
  }
}

describe('a disk that refuses for ten minutes', () => {
  // Case jo-06: the disk begins to fail while running.
  it.each([
    ['EIO on every write and sync', 'EIO', WRITING],
    ['read-only', 'EROFS', CHANGING],
    ['full, whatever is freed', 'ENOSPC', ['pwrite', 'fdatasync']],
    ['over quota', 'EDQUOT', ['pwrite']],
  ] as const)(
    '%s: said within a second, measured and delivered from memory, written again within a minute, nothing lost',
    async (_says, code, operations: readonly DiskOperation[]) => {
      const world = await new World().start();
      await world.run(5);
      world.disk.fault = (operation) => (operations.includes(operation) ? code : undefined);
      const beganMs = world.clock.monotonicMs();
      void world.append(undefined, true);
      await world.clock.advance(1_000);
      expect(world.journal.stats().failing).toMatchObject({ code });
      await world.run(10);
      expect(world.clock.monotonicMs() - beganMs).toBeGreaterThanOrEqual(10 * MINUTE_MS);
      const { failing } = world.journal.stats();
      expect(failing?.waitingCount).toBeGreaterThanOrEqual(60 * SENSORS);
      expect(failing?.waitingMax).toBeGreaterThan(failing?.waitingCount ?? 0);
      // Delivered from memory, all but the last round, and what was on its way when the disk failed: nobody knows whether that is on it.
      const onItsWay = 1 + SENSORS;
      const measured = world.appended.slice(0, -SENSORS);
      expect(measured.filter((record) => !world.delivered.has(keyOf(record))).length).toBeLessThanOrEqual(onItsWay);

      world.disk.fault = undefined;
      await world.clock.advance(MINUTE_MS);
      expect(world.journal.stats().failing).toBeUndefined();
      expect(world.acknowledgedCount).toBe(world.appended.length);
      await world.run(5);
      expect(world.lines.length).toBeLessThanOrEqual(10);
      await world.checkAll();
    },
  );

  it('the power goes in the middle of it: what was acknowledged is there, and what was measured since is not invented', async () => {
    const world = await new World().start();
    await world.run(5);
    world.disk.fault = (operation) => (WRITING.includes(operation) ? 'EIO' : undefined);
    await world.run(5, false);
    await world.checkAfterPowerCut();
  });

  it('what was sent from memory and then lost with the power leaves no trace: nothing that comes later passes for sent', async () => {
    const world = await new World().start();
    await world.run(2);
    // The state of the delivery can be written, the records cannot.
    world.disk.fault = (operation, _count, path) =>
      WRITING.includes(operation) && !path.includes('sentilo.cursor') && !path.endsWith('/journal') ? 'EIO' : undefined;
    await world.run(2);
    world.disk.crash(seeded(6));
    const journal = await open(world.disk, { clock: world.clock, ...SIZES });
    const delivery = await journal.delivery('sentilo');
    const boot = new Boot(2);
    for (let i = 0; i < 300; i++) {
      const sequence = await world.clock.run(journal.append(boot.next(seeded(i))));
      expect(delivery.isDelivered(sequence), `record ${sequence}`).toBe(false);
    }
  });

  it('the state of the delivery can be written and no record: only what the slots were given waits for them', async () => {
    const world = await new World().start();
    await world.run(2);
    world.disk.fault = (operation, _count, path) => (WRITING.includes(operation) && path.includes('/slot-') ? 'EIO' : undefined);
    await world.run(10);
    expect(world.journal.stats().failing).toMatchObject({ code: 'EIO' });
    // Each slot was given what waited at one of the first attempts. Later ones give nothing away: there is no file to write to.
    const attempted = SIZES.slotCount * 3 * SENSORS;
    const measured = world.appended.slice(0, -SENSORS);
    expect(measured.filter((record) => !world.delivered.has(keyOf(record))).length).toBeLessThanOrEqual(attempted);
    world.disk.fault = undefined;
    await world.clock.advance(MINUTE_MS);
    await world.run(1);
    await world.checkAll();
  });

  it('so long that memory is full of what was delivered: nothing that was not is given up for it, whatever its class', async () => {
    const world = await new World().start();
    world.disk.fault = (operation) => (WRITING.includes(operation) ? 'EIO' : undefined);
    await world.run(1);
    const { waitingMax = 0 } = world.journal.stats().failing ?? {};
    for (let value = 1; value <= waitingMax; ) {
      for (let i = 0; i < 2_000; i++) void world.append(observation(value++, { sensor: 'flat-energy', readingKind: 'total' }));
      await world.clock.advance(2_000);
      await world.send();
    }
    const gauges = Array.from({ length: 1_000 }, (_, i) => observation(-1 - i));
    for (const gauge of gauges) void world.append(gauge);
    await world.clock.advance(2_000);
    await world.send();
    expect(gauges.filter((each) => world.delivered.get(keyOf(each)) !== 1)).toEqual([]);
    expect(world.journal.stats().evictedUndeliveredCount).toBeLessThanOrEqual(2 * SENSORS);
  });

  it('so long that what was delivered has to leave the memory: only the rest counts as lost to the city', async () => {
    const world = await new World().start();
    world.disk.fault = (operation) => (WRITING.includes(operation) ? 'EIO' : undefined);
    await world.run(1);
    const { waitingMax = 0 } = world.journal.stats().failing ?? {};
    let value = 0;
    const append = async (count: number, sends: boolean) => {
      for (let done = 0; done < count; done += 1_000) {
        for (let i = 0; i < 1_000; i++) void world.append(observation(++value));
        await world.clock.advance(2_000);
        if (sends) await world.send();
      }
    };
    const sentCount = 2_000;
    await append(sentCount, true);
    await append(waitingMax, false);
    // The oldest are given up first: all that were delivered, but for what the disk was given when it failed, and some that were not.
    const lostCount = world.journal.stats().evictedUndeliveredCount;
    expect(lostCount).toBeGreaterThan(0);
    expect(lostCount).toBeLessThanOrEqual(world.rejectedCount - sentCount + 2 * SENSORS);
  });

  it('others fill the disk: the state of the delivery and orders are written all the same, and readings as long as there is room', async () => {
    const world = await new World().start();
    await world.run(5);
    world.disk.capacityBytes = world.disk.usedBytes;
    await world.run(10);
    const order = { kind: 'order', boot: 'b', monotonicMs: 1, wallMs: WALL_MS, wallQuality: 'synced' } as const;
    await world.clock.run(world.append({ ...order, id: 'o1', output: 'pump', on: true, from: 'city' }, true));
    await world.clock.run(world.delivery.flush());
    world.disk.capacityBytes = undefined;
    await world.clock.advance(MINUTE_MS);
    expect(world.journal.stats().failing).toBeUndefined();
    await world.run(5);
    await world.checkAll();
  });
});

it('hangs for half a minute in a sync: said, nothing else waits for it, and everything is written then', async () => {
  const world = await new World().start();
  await world.run(1);
  let hangs = 0;
  world.disk.fault = (operation) => {
    if (operation !== 'fdatasync' || hangs++ > 0) return undefined;
    return new Promise((resolve) => world.clock.timer(30_000, () => resolve(undefined)));
  };
  expect(world.journal.stats().slow).toBeUndefined();
  await world.run(0.5);
  const { slow } = world.journal.stats();
  expect(slow?.forMs).toBeGreaterThan(20_000);
  expect(slow?.waitingCount).toBe(36);
  await world.run(0.5);
  expect(world.journal.stats().slow).toBeUndefined();
  expect(world.lines.filter(({ code }) => code === 'journal-slow')).toHaveLength(1);
  expect(hangs).toBeGreaterThan(1);
  expect((await readAll(world.journal)).length).toBeGreaterThan(0);
  await world.run(1);
  await world.checkAll();
});

it('takes six seconds for each sync: said once', async () => {
  const world = await new World().start();
  world.disk.fault = (operation) =>
    operation === 'fdatasync' ? new Promise((resolve) => world.clock.timer(6_000, () => resolve(undefined))) : undefined;
  await world.run(5, false);
  expect(world.lines.filter(({ code }) => code === 'journal-slow')).toHaveLength(1);
});
