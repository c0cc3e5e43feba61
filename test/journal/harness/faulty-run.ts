import { strict as assert } from 'node:assert';
import { type Delivery, type Journal, JournalError } from '../../../gateway/journal/journal.ts';
import type { JournalRecord } from '../../../gateway/record.ts';
import type { DiskHook, SimulatedDisk } from '../../../simulator/disk.ts';
import { TestClock } from '../../support/test-clock.ts';
import { open, seeded, upTo, WALL_MS } from '../kit.ts';
import { type Causes, checkJournal } from './check.ts';
import { Boot, type Sizes } from './program.ts';
import { type History, truthOf } from './truth.ts';

const SIZES = { maxSizeBytes: 128 * 1024, slotBytes: 16_384, slotCount: 3, blockFileBytes: 16_384 };
const GROUPS = 16;
const GROUP_RECORDS = 24;
/** Longer than any back-off of the journal. */
const PATIENCE_MS = 90_000;
/** How long a disk hangs. */
const HANG_MS = 30_000;

/** What came of a run. */
interface FaultyOutcome {
  readonly history: History;
  readonly appendedCount: number;
  readonly acknowledgedCount: number;
  /** False when the folder could not even be listed. */
  readonly hasOpened: boolean;
}

/** Whatever the disk does, only a JournalError comes out of the journal. */
async function orJournalError<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    assert(error instanceof JournalError, `not a JournalError: ${String(error)}`);
    return undefined;
  }
}

/**
 * The same program each time, on a disk that fails as its hook says: appends in groups, delivers, seals, recycles and evicts,
 * closes and opens again. Every append must end, by an acknowledgement or a JournalError, and nothing else may come out.
 */
export async function faultyRun(
  disk: SimulatedDisk,
  clock: TestClock,
  history: History = [],
  sizes: Sizes = SIZES,
): Promise<FaultyOutcome> {
  const boot = new Boot(1);
  const random = seeded(7);
  const appends: Promise<unknown>[] = [];
  const append = async (journal: Journal, record: JournalRecord) => {
    history.push({ what: 'appended', record });
    const sequence = await orJournalError(journal.append(record));
    if (sequence !== undefined) history.push({ what: 'acknowledged', record, sequence });
  };
  let hasOpened = false;
  for (const life of [0, 1]) {
    const journal = await openOrNot(disk, clock, sizes);
    if (journal === undefined) continue;
    hasOpened = true;
    const delivery = await orJournalError(clock.run(journal.delivery('sentilo')));
    if (delivery !== undefined) lookUp(journal, delivery, history);
    for (let group = 0; group < GROUPS; group++) {
      for (let i = 0; i < GROUP_RECORDS; i++) appends.push(append(journal, boot.next(random)));
      await clock.advance(0);
      if (group % 3 === 2 && delivery !== undefined) await deliver(journal, delivery, clock, history);
      journal.stats();
    }
    await clock.advance(PATIENCE_MS);
    await clock.run(Promise.all([orJournalError(journal.close()), ...appends]));
    assert.equal(clock.timerCount, 0, `a timer is left in life ${life}`);
  }
  const acknowledgedCount = history.filter(({ what }) => what === 'acknowledged').length;
  return { history, appendedCount: appends.length, acknowledgedCount, hasOpened };
}

async function openOrNot(disk: SimulatedDisk, clock: TestClock, sizes: Sizes): Promise<Journal | undefined> {
  for (let attempt = 0; attempt < 2; attempt++) {
    const journal = await orJournalError(clock.run(open(disk, { clock, ...sizes })));
    if (journal !== undefined) return journal;
  }
  return undefined;
}

/** Settles what may have been sent before, as the city says. */
function lookUp(journal: Journal, delivery: Delivery, history: History): void {
  const unresolved = delivery.unresolved.flatMap(({ first, last }) => upTo(last, first));
  const { acknowledged, settled } = truthOf(history);
  const delivered = unresolved.filter((sequence) => settled.has(sequence));
  // The newest commits, which say what delivery state is the newest, cannot be read now: whatever is in them may have been sent.
  const hidden = [...acknowledged.keys()].filter((sequence) => sequence > journal.lastSequence && !settled.has(sequence));
  history.push({ what: 'beginning', sequences: [...unresolved, ...hidden] });
  history.push({ what: 'settled', sequences: unresolved, delivered });
  delivery.settle(unresolved, delivered);
}

/** Sends what is durable, as an uplink does on a disk that works, and stops where the journal says that nothing may be sent. */
async function deliver(journal: Journal, delivery: Delivery, clock: TestClock, history: History): Promise<void> {
  const { acknowledged, settled } = truthOf(history);
  const { revision } = journal;
  const read = await orJournalError(clock.run(journal.read(delivery.lowWater + 1, 60)));
  const waiting = (read ?? []).filter(({ sequence }) => acknowledged.has(sequence) && !delivery.isDelivered(sequence));
  // A few at the end stay, so that there are ranges.
  const sequences = waiting.slice(0, -3).map(({ sequence }) => sequence);
  if (sequences.length === 0 || delivery.isStale(sequences, revision)) return;
  history.push({ what: 'beginning', sequences });
  const isBegun = await orJournalError(clock.run(delivery.begin(sequences).then(() => true)));
  if (isBegun !== true) return;
  history.push({ what: 'flushed', sequences: [...settled] }, { what: 'begun', sequences });
  history.push({ what: 'settled', sequences, delivered: sequences });
  delivery.settle(sequences, sequences);
  const isFlushed = await orJournalError(clock.run(delivery.flush().then(() => true)));
  if (isFlushed === true) history.push({ what: 'flushed', sequences: [...settled, ...sequences] });
}

/** A new clock for a run. */
export function faultyClock(): TestClock {
  return new TestClock({ ms: WALL_MS, quality: 'synced' });
}

/** The n-th operation fails with `code`, once or from then on. A disk that hangs does so for half a minute. */
export function failAt(nth: number, code: string, isSticky: boolean, clock: TestClock): DiskHook {
  let hangsUntilMs: number | undefined;
  return (_operation, count) => {
    if (isSticky ? count < nth : count !== nth) return undefined;
    if (code !== 'hang') return code;
    hangsUntilMs ??= clock.monotonicMs() + HANG_MS;
    const leftMs = hangsUntilMs - clock.monotonicMs();
    if (leftMs <= 0) return undefined;
    return new Promise((resolve) => clock.timer(leftMs, () => resolve(undefined)));
  };
}

/** How many operations the program takes on a disk that works. */
export async function countOperations(disk: SimulatedDisk): Promise<number> {
  await faultyRun(disk, faultyClock());
  return disk.operationCount;
}

/** The power goes; then, on a disk that works, everything must be as it was promised, and the journal writes again. */
export async function checkAfter(disk: SimulatedDisk, history: History, seed: number, causes: Causes = 'any'): Promise<void> {
  disk.fault = undefined;
  disk.crash(seeded(seed));
  const clock = faultyClock();
  const journal = await clock.run(open(disk, { clock, ...SIZES }));
  await clock.run(checkJournal(journal, truthOf(history), { causes }));
  const record = new Boot(9).next(seeded(seed));
  const sequence = await clock.run(journal.append(record, true));
  assert.deepEqual(await clock.run(journal.read(sequence, 1)), [{ sequence, record }]);
}

/** Every `step`-th operation from `from` on. */
export function everyNth(count: number, step: number, from: number): number[] {
  return upTo(count).filter((nth) => (nth - from) % step === 0);
}
