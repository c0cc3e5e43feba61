import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { StoredRecord } from '../../gateway/journal/journal.ts';
import { appendAll, FOLDER, open, readAll, sequencesOf, upTo } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const GOLDEN = join(import.meta.dirname, 'golden');
const RELEASES = readdirSync(GOLDEN, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? entry.name : []));

/** The journal of a release on a disk of its own, and what was appended to it. */
function journalOf(release: string): { disk: ModelDisk; records: StoredRecord[] } {
  const disk = new ModelDisk();
  const folder = join(GOLDEN, release);
  for (const name of readdirSync(folder)) {
    if (name !== 'records.jsonl') disk.put(`${FOLDER}/${name}`, new Uint8Array(readFileSync(join(folder, name))));
  }
  const lines = readFileSync(join(folder, 'records.jsonl'), 'utf8').trim().split('\n');
  return { disk, records: lines.map((line) => JSON.parse(line) as StoredRecord) };
}

describe.each(RELEASES)('the journal of release %s', (release) => {
  it('gives back every record, by itself and by sensor, and what was delivered', async () => {
    const { disk, records } = journalOf(release);
    const journal = await open(disk);
    expect(journal.stats().damage).toEqual([]);
    expect(await readAll(journal)).toEqual(records);
    const sensors = new Set(['golden-street-5']);
    const found: StoredRecord[] = [];
    for await (const part of journal.history({ sensors })) found.push(...part);
    expect(found).toEqual(records.filter(({ record }) => record.kind === 'observation' && sensors.has(record.sensor)));
    const delivery = await journal.delivery('sentilo');
    expect([delivery.lowWater, delivery.ranges]).toEqual([300, [{ first: 400, last: 420 }]]);
    expect(sequencesOf(delivery.unresolved)).toEqual([430, 431, 432]);
  });

  it('is gone on with', async () => {
    const { disk, records } = journalOf(release);
    const journal = await open(disk);
    const last = records.at(-1)?.sequence ?? 0;
    expect(await appendAll(journal, 1, 200)).toEqual(upTo(last + 200, last + 1));
    await journal.close();
    expect((await readAll(await open(disk))).slice(0, records.length)).toEqual(records);
  });
});
