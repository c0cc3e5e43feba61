import { describe, expect, it } from 'vitest';
import type { Journal } from '../../gateway/journal/journal.ts';
import { NamedLosses } from '../../gateway/journal/named-losses.ts';
import type { Observation } from '../../gateway/record.ts';
import { FOLDER, gapsOf, observation, open, readAll, seeded, upTo, valuesOf } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const SIZES = { slotBytes: 16_384, slotCount: 3, blockFileBytes: 8_192 };
const GROUP = 50;

/** Of each group of fifty the ten in the middle are totals: whatever is missing of one class, records of the other lie within. */
function isTotal(value: number): boolean {
  return value % GROUP >= 20 && value % GROUP < 30;
}

function reading(value: number): Observation {
  const gauge = value % GROUP < 20 ? 'cellar-temperature' : 'roof-temperature';
  const sensor = isTotal(value) ? 'flat-energy' : gauge;
  const readingKind = isTotal(value) ? 'total' : 'gauge';
  return observation(value, { sensor, channel: sensor, readingKind, uncalibrated: seeded(value)() });
}

/** Appends whole groups. Returns the sequences of the readings that are durable. */
async function appendGroups(journal: Journal, from: number, to: number): Promise<[value: number, sequence: number][]> {
  const durable: [number, number][] = [];
  for (let value = from; value < to; value += GROUP) {
    const appended = upTo(value + GROUP - 1, value).map(
      async (each): Promise<[number, number]> => [each, await journal.append(reading(each))],
    );
    durable.push(...(await Promise.all(appended)));
  }
  return durable;
}

function filesOf(disk: ModelDisk, recordClass: string): string[] {
  return disk.paths.filter((path) => path.startsWith(`${FOLDER}/${recordClass}-`) && path.endsWith('.blocks')).sort();
}

async function remove(disk: ModelDisk, path: string): Promise<void> {
  await disk.unlink(path);
  await disk.fsyncDir(FOLDER);
}

/** Two more records: what is missing is named with the first. */
async function nameWhatIsMissing(journal: Journal, value: number): Promise<void> {
  await journal.append(reading(value));
  await journal.append(reading(value));
}

it('names a deleted file of totals although the gap records of deleted gauges span it', async () => {
  const disk = new ModelDisk();
  let journal = await open(disk, SIZES);
  const sequenceOf = new Map(await appendGroups(journal, 0, 6_000));
  await journal.close();
  for (const path of filesOf(disk, 'gauges').slice(0, 4)) await remove(disk, path);
  journal = await open(disk, SIZES);
  await nameWhatIsMissing(journal, 6_000);
  await journal.close();
  await remove(disk, filesOf(disk, 'counts')[1] as string);

  journal = await open(disk, SIZES);
  await nameWhatIsMissing(journal, 6_050);
  const stored = await readAll(journal);
  const left = new Set(valuesOf(stored));
  const lost = upTo(5_999, 0).filter((value) => isTotal(value) && !left.has(value));
  expect(lost.length).toBeGreaterThan(50);
  const ofTotals = gapsOf(stored).filter(({ recordClass }) => recordClass === 'counts');
  expect(ofTotals).toMatchObject([{ count: lost.length, sensors: ['flat-energy'] }]);
  for (const value of lost) {
    const sequence = sequenceOf.get(value) ?? 0;
    expect(ofTotals.some((gap) => gap.firstSequence <= sequence && sequence <= gap.lastSequence)).toBe(true);
  }
  await journal.close();

  // Each is named once.
  journal = await open(disk, SIZES);
  await nameWhatIsMissing(journal, 6_100);
  expect(gapsOf(await readAll(journal))).toHaveLength(gapsOf(stored).length);
});

/**
 * Appends to a full journal until the power fails between the deletion of a file of totals, `skip` of which have gone before,
 * and its gap record. Returns the first sequence of the file.
 */
async function cutAfterDropping(disk: ModelDisk, skip: number): Promise<number> {
  const journal = await open(disk, { ...SIZES, maxSizeBytes: 200 * 1024 });
  // Nothing is ever delivered.
  await (await journal.delivery('sentilo')).flush();
  let left = skip;
  let victim = '';
  let isGone = false;
  let cut: () => void = () => {};
  const isCut = new Promise<undefined>((resolve) => {
    cut = () => resolve(undefined);
  });
  disk.fault = (operation, _call, path) => {
    if (operation === 'unlink' && path.includes('/counts-') && path.endsWith('.blocks') && left-- === 0) victim = path;
    // The file is gone when its folder is synced, and not before.
    if (victim !== '' && operation === 'fsyncDir') isGone = true;
    if (!isGone || operation !== 'pwrite' || !path.includes('/slot-')) return undefined;
    cut();
    return 'hang';
  };
  for (let value = 0; ; value += GROUP) {
    if ((await Promise.race([appendGroups(journal, value, value + GROUP), isCut])) === undefined) break;
  }
  disk.crash(() => 0);
  return Number(/counts-(\d+)/.exec(victim)?.[1]);
}

it.each([0, 1, 2, 3])(
  'names the totals that were dropped undelivered before a power cut, although gauges were dropped and named around them (%d)',
  async (skip) => {
    const disk = new ModelDisk();
    const first = await cutAfterDropping(disk, skip);
    const journal = await open(disk, { ...SIZES, maxSizeBytes: 200 * 1024 });
    await nameWhatIsMissing(journal, 100_000);
    const stored = await readAll(journal);
    const gaps = gapsOf(stored).filter(({ recordClass }) => recordClass === 'counts');
    expect(gaps.filter(({ firstSequence }) => firstSequence === first)).toMatchObject([{ sensors: ['flat-energy'] }]);
  },
);

describe('a loss', () => {
  const named = new NamedLosses();
  named.add({ firstSequence: 1, lastSequence: 10, recordClass: 'gauges' });
  named.add({ firstSequence: 11, lastSequence: 20 });
  it.each([
    ['of gauges', 5, 10, 'gauges', true],
    ['of counts in a gap of gauges', 5, 10, 'counts', false],
    ['of gauges, in part in a gap of no class', 5, 15, 'gauges', true],
    ['of counts, in part in a gap of gauges', 5, 15, 'counts', false],
    ['of counts in a gap of no class', 11, 20, 'counts', true],
    ['of no class in a gap of gauges', 5, 10, undefined, false],
    ['of no class in a gap of no class', 11, 20, undefined, true],
  ] as const)(
    '%s (%d to %d) is named as far as gaps of its class and of none say',
    (_which, first, last, recordClass, isNamed) => {
      const ofClass = recordClass === undefined ? {} : { recordClass };
      expect(named.covers({ firstSequence: first, lastSequence: last, ...ofClass })).toBe(isNamed);
    },
  );
});
