import { describe, expect, it } from 'vitest';
import type { Journal, StoredRecord } from '../../gateway/journal/journal.ts';
import type { JournalRecord, Observation } from '../../gateway/record.ts';
import { FOLDER, observation, open, seeded } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

/** A page may have so much text and one record more. */
const TEXT_MAX = 1 << 20;
const EVENT_CHARACTERS = 10_000;
const EVENT_COUNT = 400;

/** A text that no compression makes much shorter. */
function noise(seed: number): string {
  const random = seeded(seed);
  return Array.from({ length: EVENT_CHARACTERS }, () => String.fromCharCode(32 + Math.floor(random() * 95))).join('');
}

/** Large events with three readings behind each, of both classes. */
function mixed(): JournalRecord[] {
  const { boot, monotonicMs, wallMs, wallQuality } = observation(1);
  const stamp = { boot, monotonicMs, wallMs, wallQuality };
  return Array.from({ length: EVENT_COUNT }, (_, i): JournalRecord[] => [
    { kind: 'event', ...stamp, code: 'note', fields: { text: noise(i) } },
    observation(3 * i),
    observation(3 * i + 1),
    observation(3 * i + 2, { sensor: 'meter', channel: 'meter.energy', readingKind: 'total' }),
  ]).flat();
}

function charactersOf(page: readonly StoredRecord[]): number {
  return page.reduce((sum, { record }) => sum + (record.kind === 'event' ? String(record.fields['text']).length : 0), 0);
}

/** Everything, in pages of which each must be small. */
async function readInPages(journal: Journal, limit: number): Promise<StoredRecord[]> {
  const all: StoredRecord[] = [];
  for (;;) {
    const page = await journal.read((all.at(-1)?.sequence ?? 0) + 1, limit);
    expect(charactersOf(page)).toBeLessThanOrEqual(TEXT_MAX + EVENT_CHARACTERS);
    if (page.length === 0) return all;
    all.push(...page);
  }
}

describe.each([
  ['slots', { slotBytes: 1 << 20, slotCount: 12 }],
  ['block files and slots', { slotBytes: 1 << 18, slotCount: 4 }],
])('large records in %s', (_where, sizes) => {
  it('are read in pages that fit into memory, all of them, each once and in order', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk, sizes);
    const records = mixed();
    const kept: StoredRecord[] = [];
    for (const record of records) kept.push({ record, sequence: await journal.append(record) });
    expect(disk.paths.some((path) => path.startsWith(`${FOLDER}/events-`))).toBe(sizes.slotCount === 4);
    for (const limit of [Number.MAX_SAFE_INTEGER, 1_000, 1]) expect(await readInPages(journal, limit)).toEqual(kept);
    for (const recordClass of ['gauges', 'counts', 'events'] as const) {
      const [page] = [await journal.read(1, 1_000, recordClass)];
      expect(charactersOf(page)).toBeLessThanOrEqual(TEXT_MAX + EVENT_CHARACTERS);
    }
    await journal.close();
  });

  it('come in parts that fit into memory when all is looked through', async () => {
    const journal = await open(new ModelDisk(), sizes);
    const records = mixed();
    for (const record of records) await journal.append(record);
    let count = 0;
    for await (const part of journal.history({})) {
      expect(charactersOf(part)).toBeLessThanOrEqual(TEXT_MAX + EVENT_CHARACTERS);
      count += part.length;
    }
    expect(count).toBe(records.length);
    await journal.close();
  });
});

it.each([
  ['a reason', (i: number): Partial<Observation> => ({ quality: 'suspect', reason: noise(i).slice(0, 4_000) })],
  ['a location', (i: number): Partial<Observation> => ({ location: noise(i).slice(0, 4_000) })],
  [
    'a calibration',
    (i: number): Partial<Observation> => ({
      calibration: {
        points: Array.from({ length: 200 }, (_, j): [number, number] => [j + Math.sqrt(i + 1), Math.cbrt(i * 200 + j)]),
      },
    }),
  ],
])(
  'readings that each have %s of their own are sealed: a block of them ends before it is longer than a frame',
  async (_what, moreOf) => {
    const disk = new ModelDisk();
    // Four of them are sealed together.
    const sizes = { slotBytes: 1 << 20, slotCount: 6 };
    const journal = await open(disk, sizes);
    const records = Array.from({ length: 2_000 }, (_, i) => observation(i, moreOf(i)));
    for (const record of records) await journal.append(record);
    await journal.close();
    expect(disk.paths.some((path) => path.endsWith('.blocks'))).toBe(true);
    const stored = await readInPages(await open(disk, sizes), 1_000);
    expect(stored.map(({ record }) => record)).toEqual(records);
  },
);
