import { describe, expect, it } from 'vitest';
import { CAUSES_OF_ROOM } from './harness/check.ts';
import { checkAfter, countOperations, everyNth, failAt, faultyClock, faultyRun } from './harness/faulty-run.ts';
import type { History } from './harness/truth.ts';
import { IS_DEEP } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

/** Errors of the operating system, a write of half the bytes that says so, and half a minute of nothing. */
const CODES = ['EIO', 'ENOSPC', 'EROFS', 'EDQUOT', 'EMFILE', 'short', 'hang'] as const;
/** One of so many operations; each error begins with another one. */
const STEP = IS_DEEP ? 1 : 10;

describe('a disk whose n-th operation fails', async () => {
  const count = await countOperations(new ModelDisk());

  it('is asked for enough operations that this says something', () => expect(count).toBeGreaterThan(200));

  it.each(CODES.flatMap((code) => [[code, 'once'] as const, [code, 'for ever'] as const]))(
    '%s %s: what is acknowledged is kept, what is lost is named, every append ends, and the journal goes on',
    async (code, length) => {
      for (const nth of everyNth(count, STEP, CODES.indexOf(code))) {
        const disk = new ModelDisk({ tornSectorRate: 0.2 });
        const clock = faultyClock();
        disk.fault = failAt(nth, code, length === 'for ever', clock);
        const outcome = await faultyRun(disk, clock).catch((error: unknown) => {
          throw new Error(`operation ${nth}: ${String(error)}`, { cause: error });
        });
        const isHarmless = length === 'once' || code === 'short' || code === 'hang';
        if (isHarmless) expect(outcome.acknowledgedCount, `operation ${nth}`).toBe(outcome.appendedCount);
        // A disk that fails once, or only takes its time, costs nothing that was acknowledged.
        await checkAfter(disk, outcome.history, nth, isHarmless ? CAUSES_OF_ROOM : 'any').catch((error: unknown) => {
          throw new Error(`after a power cut, operation ${nth}: ${String(error)}`, { cause: error });
        });
      }
    },
    300_000,
  );

  it('and the power goes soon after: the same', async () => {
    for (const nth of everyNth(count, IS_DEEP ? 2 : 3 * STEP, 3)) {
      const disk = new ModelDisk({ tornSectorRate: 0.2 });
      const clock = faultyClock();
      const fails = failAt(nth, nth % 2 === 0 ? 'EIO' : 'EMFILE', false, clock);
      const cuts: { readonly disk: ModelDisk; readonly happenedCount: number; readonly at: number }[] = [];
      const history: History = [];
      disk.fault = (operation, at, path) => {
        if (at > nth && at <= nth + 30 && at % 2 === 0) cuts.push({ disk: disk.fork(), happenedCount: history.length, at });
        return fails(operation, at, path);
      };
      await faultyRun(disk, clock, history);
      for (const cut of cuts) {
        await checkAfter(cut.disk, history.slice(0, cut.happenedCount), cut.at).catch((error: unknown) => {
          throw new Error(`operation ${nth} fails, a power cut before ${cut.at}: ${String(error)}`, { cause: error });
        });
      }
    }
  }, 300_000);

  it('two operations, any: the same', async () => {
    for (let first = 1; first <= count; first += IS_DEEP ? 3 : 53) {
      for (const gap of [1, 2, 3, 5, 8, 13]) {
        const disk = new ModelDisk();
        const clock = faultyClock();
        disk.fault = (_operation, nth) => (nth === first || nth === first + gap ? 'EIO' : undefined);
        const { history } = await faultyRun(disk, clock);
        await checkAfter(disk, history, first).catch((error: unknown) => {
          throw new Error(`after a power cut, operations ${first} and ${first + gap}: ${String(error)}`, { cause: error });
        });
      }
    }
  }, 300_000);
});
