// What an earlier process wrote to a block file and did not, or could not, sync: that it can be read does not say that it is durable.
// The slots still hold it, and must not be used again before it is.

import { expect, it } from 'vitest';
import { drain } from '../support/test-clock.ts';
import { appendGroup, FOLDER, gapsOf, noisy, open, readAll, untilEndOf, upTo, valuesOf } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

/** One block file for all that is sealed here. */
const SIZES = { slotBytes: 16_384, slotCount: 3, blockFileBytes: 1 << 20 };
const FILE = `${FOLDER}/gauges-000000000001.blocks`;
const GROUP = 20;

interface Left {
  readonly disk: ModelDisk;
  readonly acknowledgedCount: number;
  /** The first value that was not appended yet. */
  readonly next: number;
}

/** What is left by a process that ends in its third sealing, when the blocks are written and none of it is durable. */
async function endedIn(moment: 'its sync' | 'what follows a failed sync'): Promise<Left> {
  const disk = new ModelDisk();
  const left: ModelDisk[] = [];
  let syncCount = 0;
  disk.fault = (operation, _count, path) => {
    if (left.length > 0) return 'hang';
    if (!path.includes('.blocks')) return undefined;
    const isThird = operation === 'fdatasync' && ++syncCount === 3;
    if (isThird && moment !== 'its sync') return 'EIO';
    if (!isThird && operation !== 'truncate') return undefined;
    left.push(disk.fork());
    return 'hang';
  };
  const journal = await open(disk, SIZES);
  let acknowledgedCount = 0;
  let next = 1;
  for (; left.length === 0; next += GROUP) {
    const last = next + GROUP - 1;
    const appended = appendGroup(journal, next, last).then(() => {
      acknowledgedCount = last;
    });
    await untilEndOf(appended, () => left.length > 0);
  }
  return { disk: left[0] as ModelDisk, acknowledgedCount, next };
}

/** A process goes on with it until every slot was used again, and the power fails: what it could read, and what is left of that. */
async function beforeAndAfterCut({ disk, next }: Left): Promise<{ before: unknown[]; after: unknown[] }> {
  const journal = await open(disk, SIZES);
  const before = valuesOf(await readAll(journal, 1_000));
  for (let group = 0; group < 60; group++) {
    await appendGroup(journal, next + group * GROUP, next + group * GROUP + GROUP - 1);
    // What is sealed in the background has time to be.
    for (let turn = 0; turn < 2; turn++) await drain();
  }
  disk.crash(() => 0);
  const isThere = new Set(valuesOf(await readAll(await open(disk, SIZES), 1_000)));
  return { before, after: before.filter((value) => isThere.has(value)) };
}

/** Refuses the first such operation on the block file. */
function refuseOnce(disk: ModelDisk, refused: 'fdatasync' | 'open' | 'pwrite', code: string): void {
  disk.fault = (operation, _count, path) => {
    if (operation !== refused || path !== FILE) return undefined;
    disk.fault = undefined;
    return code;
  };
}

/** A block that was durable long ago goes bad: nothing can be appended to the file any more. */
function damageFirstBlock(disk: ModelDisk): void {
  disk.damage(FILE, 100, new Uint8Array(4).fill(0xee));
}

function refuseList(disk: ModelDisk): void {
  disk.fault = (operation, _count, path) => (operation === 'pwrite' && path.startsWith(`${FOLDER}/files`) ? 'EIO' : undefined);
}

it.each([
  ['its sync', 'the disk refuses to sync it now', (disk: ModelDisk) => refuseOnce(disk, 'fdatasync', 'EIO')],
  ['its sync', 'it can only be read now', (disk: ModelDisk) => refuseOnce(disk, 'open', 'EACCES')],
  ['what follows a failed sync', 'the disk syncs it now as if nothing had been', () => {}],
] as const)(
  'of a sealing that ended in %s every acknowledged reading outlives the next power cut: %s',
  async (moment, _what, happen) => {
    const left = await endedIn(moment);
    happen(left.disk);
    const { before, after } = await beforeAndAfterCut(left);
    expect(before.slice(0, left.acknowledgedCount)).toEqual(upTo(left.acknowledgedCount));
    expect(after).toEqual(before);
  },
);

it.each([
  ['is known', () => {}],
  // Nothing would even name what is missing.
  ['cannot be said', refuseList],
])(
  'where an older block is damaged no more than that is lost with the next power cut, and what the files hold %s',
  async (_what, happen) => {
    const left = await endedIn('its sync');
    damageFirstBlock(left.disk);
    happen(left.disk);
    const { before, after } = await beforeAndAfterCut(left);
    expect(before.length).toBeGreaterThan(left.acknowledgedCount / 2);
    expect(after).toEqual(before);
  },
);

/** What is left by a process that is killed when one class is sealed, a commit says so, and the next class is not. */
async function endedBetweenClasses(): Promise<{ readonly disk: ModelDisk; readonly lastValue: number }> {
  const disk = new ModelDisk();
  let isBetween = false;
  disk.fault = (operation, _count, path) => {
    isBetween ||= operation === 'fdatasync' && path.includes('counts-');
    return isBetween && path.includes('.blocks') ? 'hang' : undefined;
  };
  const journal = await open(disk, SIZES);
  const ofTwoClasses = (value: number) => ({
    ...noisy(value),
    readingKind: value % 2 === 1 ? ('gauge' as const) : ('total' as const),
  });
  let lastValue = 0;
  const appendNext = async () => {
    await appendGroup(journal, lastValue + 1, lastValue + GROUP, ofTwoClasses);
    lastValue += GROUP;
  };
  while (!isBetween) {
    await appendNext();
    await drain();
  }
  await appendNext();
  return { disk: disk.fork(), lastValue };
}

it('what the disk refuses to make durable in a block file and the slots still hold is neither damaged nor lost', async () => {
  const { disk, lastValue } = await endedBetweenClasses();
  refuseOnce(disk, 'pwrite', 'EIO');
  const journal = await open(disk, SIZES);
  expect(journal.stats().damage.filter(({ kind }) => kind !== 'torn-tail')).toEqual([]);
  await appendGroup(journal, lastValue + 1, lastValue + GROUP);
  const stored = await readAll(journal, 1_000);
  expect(gapsOf(stored)).toEqual([]);
  expect(new Set(valuesOf(stored))).toEqual(new Set(upTo(lastValue + GROUP)));
});
