// A disk that says of a sync that it is done, and has done nothing (assumption 6 of the journal's README).

import { describe, expect, it } from 'vitest';
import { checkJournal } from './harness/check.ts';
import { everyNth, faultyClock, faultyRun } from './harness/faulty-run.ts';
import { Boot, type Sizes } from './harness/program.ts';
import { type History, keyOf, truthOf } from './harness/truth.ts';
import { IS_DEEP, open, readAll, seeded } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

/** One of so many operations is the first that the disk lies about. */
const STEP = IS_DEEP ? 1 : 13;
/** So large that nothing is sealed: no file that the disk told the truth about is used again while it lies. */
const ROOMY: Sizes = { maxSizeBytes: 8 * 1024 * 1024, slotBytes: 65_536, slotCount: 8, blockFileBytes: 65_536 };
/** Slots are sealed, used again and evicted: the only copy of what was acknowledged before may be one that it lies about. */
const CROWDED: Sizes = { maxSizeBytes: 128 * 1024, slotBytes: 16_384, slotCount: 3, blockFileBytes: 16_384 };
const LENGTHS = { 'to the end': Number.POSITIVE_INFINITY, 'for a while': 25 };

interface Lied {
  readonly disk: ModelDisk;
  readonly history: History;
  /** How much of it had happened before the first lie. */
  readonly trueCount: number;
}

/** Runs the program on a disk that lies from its n-th operation on, and cuts the power. */
async function liedTo(sizes: Sizes, nth: number, length: number): Promise<Lied> {
  const disk = new ModelDisk({ tornSectorRate: 0.2 });
  const history: History = [];
  let trueCount: number | undefined;
  disk.fault = (operation, at) => {
    if (at < nth || at >= nth + length || (operation !== 'fdatasync' && operation !== 'fsyncDir')) return undefined;
    trueCount ??= history.length;
    return 'lie';
  };
  await faultyRun(disk, faultyClock(), history, sizes);
  disk.crash(seeded(nth));
  return { disk, history, trueCount: trueCount ?? history.length };
}

/**
 * Of what the disk lied about, anything may be gone, and with it the newest states of the delivery: the second one that is
 * written under lies takes the place of the last true one, so that the one before that may be found, and some records are
 * sent again. But what is there is as it was written, what nobody sent is not taken for delivered, and the journal goes on.
 * Returns how much of what was acknowledged is gone.
 */
async function checkAfterLies({ disk, history, trueCount }: Lied, sizes: Sizes, isKept: boolean): Promise<number> {
  const all = truthOf(history);
  const before = truthOf(history, trueCount);
  const clock = faultyClock();
  const journal = await clock.run(open(disk, { clock, ...sizes }));
  const stored = await clock.run(readAll(journal));
  for (const { sequence, record } of stored) {
    const isOwn = !all.appended.has(keyOf(record));
    expect([undefined, ...(isOwn ? [] : [keyOf(record)])], `${sequence}`).toContain(all.acknowledged.get(sequence));
  }
  const truth = {
    ...all,
    acknowledged: isKept ? before.acknowledged : new Map<number, string>(),
    flushed: new Set<number>(),
    begun: new Set<number>(),
    hasState: false,
  };
  await clock.run(checkJournal(journal, truth, { causes: [] }));
  const record = new Boot(9).next(seeded(trueCount));
  const sequence = await clock.run(journal.append(record, true));
  disk.crash(seeded(trueCount));
  const again = await readAll(await open(disk, sizes));
  expect(again.filter((each) => each.sequence <= (stored.at(-1)?.sequence ?? 0))).toEqual(stored);
  expect(again.at(-1)).toEqual({ sequence, record });
  const found = new Set(stored.map((each) => each.sequence));
  return [...all.acknowledged.keys()].filter((each) => !found.has(each)).length;
}

describe.each(Object.entries(LENGTHS))('a disk that lies %s about what it has synced', (_says, length) => {
  it.each([
    ['keeps what was acknowledged before its first lie', ROOMY, true],
    ['that is used again loses what it lied about', CROWDED, false],
  ])(
    '%s; what is found is as it was written, and the journal goes on',
    async (_name, sizes, isKept) => {
      const counted = new ModelDisk();
      await faultyRun(counted, faultyClock(), [], sizes);
      expect(counted.operationCount).toBeGreaterThan(100);
      let lostCount = 0;
      for (const nth of everyNth(counted.operationCount, STEP, 1)) {
        const lied = await liedTo(sizes, nth, length);
        lostCount += await checkAfterLies(lied, sizes, isKept).catch((error: unknown) => {
          throw new Error(`lies from operation ${nth} on: ${String(error)}`, { cause: error });
        });
      }
      // Or no lie has cost anything, and this says nothing.
      expect(lostCount).toBeGreaterThan(0);
    },
    300_000,
  );
});
