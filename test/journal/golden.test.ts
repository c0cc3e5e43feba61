import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Journal, SequenceRange, StoredRecord } from '../../gateway/journal/journal.ts';
import { appendAll, FOLDER, gapsOf, open, readAll, sequencesOf, upTo } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const GOLDEN = join(import.meta.dirname, 'golden');
const RELEASES = readdirSync(GOLDEN, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? entry.name : []));

/** What a journal's delivery knows. `namesOnAppend`: `losses` tells of a deletion that no gap record names yet. */
interface Expected {
  readonly lowWater: number;
  readonly ranges: readonly SequenceRange[];
  readonly unresolved: readonly number[];
  readonly namesOnAppend?: boolean;
}

/** The journal of a release on a disk of its own, and what was appended to it. */
function journalOf(release: string) {
  const disk = new ModelDisk();
  const folder = join(GOLDEN, release);
  const textOf = (name: string) => readFileSync(join(folder, name), 'utf8').trim();
  for (const name of readdirSync(folder)) {
    if (!name.includes('.json')) disk.put(`${FOLDER}/${name}`, new Uint8Array(readFileSync(join(folder, name))));
  }
  const records = textOf('records.jsonl')
    .split('\n')
    .map((line) => JSON.parse(line) as StoredRecord);
  return { disk, records, expected: JSON.parse(textOf('expected.json')) as Expected };
}

/** Small slots, as those journals have: larger ones would be made. */
function openOwn(disk: ModelDisk): Promise<Journal> {
  const slotBytes = disk.bytes(`${FOLDER}/slot-000`).length;
  return open(disk, { slotBytes });
}

describe.each(RELEASES)('the journal of release %s', (release) => {
  it('gives back every record, by itself and by sensor, and what was delivered', async () => {
    const { disk, records, expected } = journalOf(release);
    const journal = await openOwn(disk);
    expect(journal.stats().damage).toEqual([]);
    expect(await readAll(journal)).toEqual(records);
    const sensors = new Set(['golden-street-5']);
    const found: StoredRecord[] = [];
    for await (const part of journal.history({ sensors })) found.push(...part);
    expect(found.sort((a, b) => a.sequence - b.sequence)).toEqual(
      records.filter(({ record }) => record.kind === 'observation' && sensors.has(record.sensor)),
    );
    const delivery = await journal.delivery('sentilo');
    expect([delivery.lowWater, delivery.ranges]).toEqual([expected.lowWater, expected.ranges]);
    expect(sequencesOf(delivery.unresolved)).toEqual(expected.unresolved);
  });

  it('is gone on with', async () => {
    const { disk, records, expected } = journalOf(release);
    const journal = await openOwn(disk);
    const last = records.at(-1)?.sequence ?? 0;
    const appended = await appendAll(journal, 1, 200);
    const ownCount = expected.namesOnAppend === true ? 1 : 0;
    expect(appended).toEqual(upTo(last + 200 + ownCount, last + 1 + ownCount));
    await journal.close();
    const stored = await readAll(await openOwn(disk));
    expect(stored.slice(0, records.length)).toEqual(records);
    // What was about to be deleted when the power went is named with the first record.
    const gaps = gapsOf(stored.slice(records.length));
    expect(gaps).toHaveLength(ownCount);
    for (const gap of gaps) expect(gap).toMatchObject({ cause: 'size-cap', recordClass: 'gauges', count: expect.any(Number) });
  });

  it('misses a file of its list that somebody deletes', async () => {
    const { disk } = journalOf(release);
    const chains = ['gauges', 'counts', 'events'].map((each) =>
      disk.paths.filter((path) => path.startsWith(`${FOLDER}/${each}-`)),
    );
    for (const path of chains.flatMap((files) => files.slice(0, -1))) {
      const other = disk.copy();
      await other.unlink(path);
      const damage = (await openOwn(other)).stats().damage.filter(({ kind }) => kind === 'gone');
      expect(damage.map(({ file }) => `${FOLDER}/${file}`)).toEqual([path]);
    }
  });
});
