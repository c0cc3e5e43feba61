import { describe, expect, it } from 'vitest';
import type { Value } from '../../drivers/reading.ts';
import { findFrame } from '../../gateway/journal/frame.ts';
import type { Journal, StoredRecord } from '../../gateway/journal/journal.ts';
import type { Observation } from '../../gateway/record.ts';
import { FOLDER, observation, open, readAll, seeded, storedValues, upTo, valuesOf } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const SENSOR = 'makers-lift-state';
/** Small enough that what is appended here is sealed into several block files. */
const SIZES = { slotBytes: 16_384, slotCount: 3, blockFileBytes: 16_384 };

/** A lift that says how it is. */
function said(tick: number, value: Value, more: Partial<Observation> = {}): Observation {
  return { ...observation(tick), sensor: SENSOR, value, unit: '{text}', precision: 1, readingKind: 'state', ...more };
}

/** As one group, each stamped a second after the one before. */
function appendAll(journal: Journal, values: readonly Value[], from = 1): Promise<number[]> {
  return Promise.all(values.map((value, i) => journal.append(said(1_000 * (from + i), value))));
}

/** The types of the frames that begin with a mark in a file of the journal: the byte at 32 of each. */
function frameTypes(disk: ModelDisk, path: string): number[] {
  const bytes = disk.bytes(path);
  const types: number[] = [];
  for (let at = findFrame(bytes, 0); at !== undefined; at = findFrame(bytes, at + 1)) types.push(bytes[at + 32] as number);
  return types;
}

async function history(journal: Journal, sensor: string): Promise<StoredRecord[]> {
  const found: StoredRecord[] = [];
  for await (const part of journal.history({ sensors: new Set([sensor]) })) found.push(...part);
  return found;
}

describe('texts', () => {
  it('stand in the order in which they came, also within one group: the last one is what counts', async () => {
    const disk = new ModelDisk();
    const texts = ['OK', 'FAULT 12', 'OK', '', 'true', true, 'OK', 1, '1'];
    await appendAll(await open(disk), texts);
    expect(await storedValues(await open(disk))).toEqual(texts);
  });

  it.each([
    ['that comes again and again', (i: number) => (i % 40 === 0 ? `FAULT ${i % 7}` : 'OK')],
    ['that is another with each record', (i: number) => `ride ${i} from the cellar to the roof, “amunt” ↑`],
  ])('%s are as they were after sealing and opening again, in the queue and in the history', async (_, textOf) => {
    const disk = new ModelDisk();
    const journal = await open(disk, SIZES);
    const texts = upTo(2_000).map(textOf);
    for (let at = 0; at < texts.length; at += 50) {
      await appendAll(journal, texts.slice(at, at + 50), at);
      await journal.append(observation(at));
    }
    await journal.close();
    expect(disk.paths.filter((path) => path.includes('/counts-')).length).toBeGreaterThan(0);
    const again = await open(disk, SIZES);
    expect(again.stats().damage).toEqual([]);
    const stored = await readAll(again, 77);
    expect(valuesOf(stored.filter(({ record }) => record.kind === 'observation' && record.sensor === SENSOR))).toEqual(texts);
    expect(valuesOf(await history(again, SENSOR))).toEqual(texts);
    expect(await history(again, 'makers-balcony-temperature')).toHaveLength(40);
  });

  it('are thinned to their changes when there is no room, and every moment keeps its text', async () => {
    const disk = new ModelDisk();
    const options = { ...SIZES, maxSizeBytes: 160 * 1024 };
    const journal = await open(disk, options);
    await journal.delivery('sentilo');
    const texts: string[] = [];
    for (let at = 0; journal.stats().thinnedCount < 500 && at < 60_000; at += 100) {
      const group = upTo(100).map((i) => (Math.floor((at + i) / 60) % 2 === 0 ? 'OK' : `FAULT ${Math.floor((at + i) / 600)}`));
      texts.push(...group);
      // Times that no codec makes shorter, so that the room is soon gone.
      const monotonicMs = (i: number) => 1_000 * (at + i + seeded(at + i)());
      await Promise.all(group.map((text, i) => journal.append(said(1_000 * (at + i), text, { monotonicMs: monotonicMs(i) }))));
    }
    expect(journal.stats()).toMatchObject({ evictedUndeliveredCount: 0 });
    const left = valuesOf((await readAll(journal)).filter(({ record }) => record.kind === 'observation'));
    const changes = (all: readonly unknown[]) => all.filter((text, i) => text !== all[i - 1]);
    expect(left.length).toBeLessThan(texts.length);
    expect(changes(left)).toEqual(changes(texts));
  });

  it('make frames of types that a release before them does not know and leaves alone; other frames are as before', async () => {
    const types = async (values: readonly Value[]) => {
      const disk = new ModelDisk();
      const journal = await open(disk, { ...SIZES, maxSizeBytes: 1 << 20 });
      for (let at = 0; at < 2_400; at += 50)
        await appendAll(
          journal,
          upTo(50).map((i) => values[(at + i) % values.length] as Value),
          at,
        );
      await journal.close();
      const of = (part: string) =>
        new Set(disk.paths.filter((path) => path.startsWith(`${FOLDER}/${part}`)).flatMap((path) => frameTypes(disk, path)));
      return { slots: of('slot-'), blocks: of('counts-') };
    };
    expect(await types([true, false])).toEqual({ slots: new Set([1]), blocks: new Set([2, 3]) });
    expect(await types(['OK', 'FAULT'])).toEqual({ slots: new Set([5]), blocks: new Set([6, 7]) });
  });
});
