import { describe, expect, it } from 'vitest';
import type { Journal } from '../../gateway/journal/journal.ts';
import type { Observation } from '../../gateway/record.ts';
import type { DiskOperation } from '../../simulator/faults.ts';
import { TestClock } from '../support/test-clock.ts';
import { Bench, observation as observationOf } from '../uplink/support.ts';
import { FOLDER, gapsOf, type OpenOptions, observation, open, readAll, seeded, upTo, valuesOf, WALL_MS } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

/** Several block files of each class after a thousand readings. */
const SIZES = { slotBytes: 16_384, slotCount: 3, blockFileBytes: 8_192 };
const GROUP = 50;

function blockFiles(disk: ModelDisk): string[] {
  return disk.paths.filter((path) => path.startsWith(`${FOLDER}/gauges-`) && path.endsWith('.blocks')).sort();
}

async function appendGroups(journal: Journal, to: number, readingOf: (value: number) => Observation): Promise<void> {
  for (let value = 1; value <= to; value += GROUP)
    await Promise.all(upTo(Math.min(to, value + GROUP - 1), value).map((each) => journal.append(readingOf(each))));
}

/** The bench of the uplink works on any journal. */
function use(bench: Bench, journal: Journal): void {
  bench.journal = journal as unknown as Bench['journal'];
}

/** Lets what waits for the disk come to its end: the model disk answers at once. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe('the uplink sends everything, once', () => {
  const COUNT = 3_000;
  const ofTwo = (value: number) =>
    observationOf(value % 2 === 0 ? 'hall' : 'roof', (value - 2 * COUNT) * 1_000, value + Math.sin(value) / 10, {
      uncalibrated: Math.sin(value),
    });

  async function backlog(): Promise<ModelDisk> {
    const disk = new ModelDisk();
    const journal = await open(disk, SIZES);
    await (await journal.delivery('sentilo')).flush();
    await appendGroups(journal, COUNT, ofTwo);
    await journal.close();
    return disk;
  }

  async function drain(bench: Bench, disk: ModelDisk): Promise<void> {
    use(bench, await open(disk, { ...SIZES, clock: bench.clock }));
    bench.latencyMs = 1;
    await bench.start();
    await bench.clock.advance(900_000);
    await bench.stop();
    await bench.clock.run(bench.journal.close());
  }

  it('when the disk refuses a block file for two seconds in the middle of the backlog', async () => {
    const disk = await backlog();
    const bench = new Bench();
    const path = blockFiles(disk)[1];
    let refusedMs: number | undefined;
    disk.fault = (operation, _count, at) => {
      if (operation !== 'pread' || at !== path) return undefined;
      refusedMs ??= bench.clock.monotonicMs();
      return bench.clock.monotonicMs() < refusedMs + 2_000 ? 'EIO' : undefined;
    };
    await drain(bench, disk);
    expect(refusedMs).toBeDefined();
    expect(bench.values()).toHaveLength(COUNT);
  });

  it.each(['EMFILE', 'EIO'])('when a block file cannot be opened at the opening (%s): with the next one', async (code) => {
    const disk = await backlog();
    const bench = new Bench();
    const path = blockFiles(disk)[1];
    disk.fault = (operation, _count, at) => (operation === 'open' && at === path ? code : undefined);
    use(bench, await open(disk, { ...SIZES, clock: bench.clock }));
    disk.fault = undefined;
    bench.latencyMs = 1;
    await bench.start();
    await bench.clock.advance(900_000);
    await bench.stop();
    await bench.clock.run(bench.journal.close());
    expect(bench.values().length).toBeLessThan(COUNT);
    await drain(bench, disk);
    expect(bench.values()).toHaveLength(COUNT);
  });

  it('when a slot is refused for a second after a start', async () => {
    const disk = new ModelDisk();
    const bench = new Bench();
    const journal = await open(disk, { clock: bench.clock });
    const delivery = await journal.delivery('sentilo');
    for (const value of upTo(12))
      await journal.append(observationOf(['hall', 'roof', 'yard'][value % 3] as string, -100_000 + value * 1_000, value));
    delivery.settle([], upTo(8));
    await delivery.flush();
    await journal.close();
    use(bench, await open(disk, { clock: bench.clock }));
    let untilMs: number | undefined;
    disk.fault = (operation, _count, path) => {
      if (operation !== 'pread' || !path.includes('/slot-')) return undefined;
      untilMs ??= bench.clock.monotonicMs() + 1_000;
      return bench.clock.monotonicMs() < untilMs ? 'EIO' : undefined;
    };
    await bench.start();
    await bench.clock.advance(300_000);
    await bench.stop();
    expect(bench.values()).toHaveLength(4);
  });
});

it('a block file that is refused for a moment while it is thinned keeps what is in it', async () => {
  const disk = new ModelDisk();
  const clock = new TestClock({ ms: WALL_MS, quality: 'synced' });
  const lines: NonNullable<OpenOptions['lines']> = [];
  const small = { ...SIZES, maxSizeBytes: 120 * 1024, clock, lines };
  const journal = await open(disk, small);
  await (await journal.delivery('sentilo')).flush();
  let refusedCount = 0;
  disk.fault = (operation, _count, path) => {
    const isHit = operation === 'pread' && path.includes('/gauges-') && refusedCount < 12;
    if (isHit) refusedCount += 1;
    return isHit ? 'EIO' : undefined;
  };
  const isThinned = () => lines.some(({ code }) => code === 'journal-file-thinned' || code === 'journal-file-deleted');
  let count = 0;
  while (count < 20_000 && !isThinned()) {
    const first = count + 1;
    count += GROUP;
    const readings = upTo(count, first).map((value) =>
      observation(value, { monotonicMs: value * 20_000, uncalibrated: Math.sin(value) }),
    );
    await clock.run(Promise.all(readings.map((reading) => journal.append(reading))));
  }
  expect([refusedCount, isThinned()]).toEqual([12, true]);
  await clock.run(journal.close());
  const stored = await readAll(await open(disk, { ...small, clock: new TestClock({ ms: WALL_MS, quality: 'synced' }) }));
  const inWindows = stored.reduce(
    (sum, { record }) => sum + (record.kind === 'observation' ? (record.window?.count ?? 1) : 0),
    0,
  );
  expect(inWindows + gapsOf(stored).reduce((sum, gap) => sum + (gap.count ?? 0), 0)).toBe(count);
});

/** A gateway at work, against the clock: what is appended, and what became of it. */
class Load {
  readonly clock = new TestClock({ ms: WALL_MS, quality: 'synced' });
  readonly disk = new ModelDisk();
  acknowledgedCount = 0;
  rejectedCount = 0;
  givenCount = 0;
  failingSeconds = 0;
  #journal: Journal | undefined;

  async start(sizes: OpenOptions): Promise<this> {
    this.#journal = await open(this.disk, { ...sizes, clock: this.clock });
    await (await this.journal.delivery('sentilo')).flush();
    return this;
  }

  get journal(): Journal {
    return this.#journal as Journal;
  }

  give(readings: readonly Observation[]): void {
    for (const reading of readings) {
      this.givenCount += 1;
      this.journal.append(reading).then(
        () => {
          this.acknowledgedCount += 1;
        },
        () => {
          this.rejectedCount += 1;
        },
      );
    }
  }

  async second(readings: readonly Observation[]): Promise<void> {
    this.give(readings);
    await turns(6);
    await this.clock.advance(1_000);
    if (this.journal.isFailing) this.failingSeconds += 1;
  }
}

it('a slot that goes bad as a whole while it is full costs its own records, each named once, and nobody else waits long', async () => {
  const load = await new Load().start({ slotBytes: 64 * 4096, slotCount: 5 });
  let value = 0;
  const next = (count: number) => Array.from({ length: count }, () => observation(++value));
  for (let commit = 0; commit < 130; commit++) {
    load.give(next(1));
    await turns(6);
  }
  load.disk.damage(`${FOLDER}/slot-000`, 0, new Uint8Array(64 * 4096));
  let announcedCount = 0;
  load.disk.fault = (operation: DiskOperation, _count, path) => {
    if (operation === 'fdatasync' && path.endsWith('/losses')) announcedCount += 1;
    return undefined;
  };
  for (let second = 0; second < 300; second++) await load.second(next(20));
  expect(load.rejectedCount).toBe(0);
  expect(load.failingSeconds).toBeLessThanOrEqual(60);
  expect(announcedCount).toBeLessThanOrEqual(8);
  const stored = await load.clock.run(readAll(load.journal, 5_000));
  expect(gapsOf(stored).reduce((sum, { count = 0 }) => sum + count, 0)).toBe(64);
  expect(valuesOf(stored)).toHaveLength(value - 64);
});

it('a page of a slot that is refused for a second while sealing is urgent is sealed then', async () => {
  const load = await new Load().start({ slotBytes: 16_384, slotCount: 4, blockFileBytes: 8_192 });
  let value = 0;
  const next = () => Array.from({ length: GROUP }, () => observation(++value, { uncalibrated: seeded(value)() }));
  load.disk.fault = (operation, _count, path) => (path.includes('.blocks') && operation !== 'size' ? 'EIO' : undefined);
  while (!load.journal.isFailing && value < 5_000) {
    load.give(next());
    await turns(60);
  }
  load.disk.fault = undefined;
  load.disk.setUnreadable(`${FOLDER}/slot-001`, 0);
  await load.clock.advance(1_100);
  await turns(60);
  load.disk.setUnreadable(`${FOLDER}/slot-001`, 0, false);
  for (let second = 0; second < 40; second++) await load.second([]);
  await load.second(next());
  await load.second([]);
  expect(load.acknowledgedCount).toBe(load.givenCount);
  expect(valuesOf(await readAll(load.journal))).toHaveLength(load.givenCount);
});

it('a block file with many unreadable pages that has to go waits half a minute, and not for each page', async () => {
  const load = await new Load().start({ slotBytes: 16_384, slotCount: 3, blockFileBytes: 262_144, maxSizeBytes: 900 * 1024 });
  let value = 0;
  const next = (count: number) =>
    Array.from({ length: count }, () => {
      value += 1;
      return observation(value, { monotonicMs: value * 400_000, uncalibrated: Math.sin(value) });
    });
  while (blockFiles(load.disk).length < 3) {
    load.give(next(100));
    await turns(12);
  }
  const bad = blockFiles(load.disk)[0] as string;
  for (let page = 0; page < load.disk.bytes(bad).length / 4096 - 6; page++) load.disk.setUnreadable(bad, page);
  for (let second = 0; second < 3_000 && load.disk.paths.includes(bad); second++) await load.second(next(50));
  expect(load.disk.paths).not.toContain(bad);
  expect(load.failingSeconds).toBeLessThanOrEqual(90);
  expect(load.rejectedCount).toBe(0);
}, 60_000);
