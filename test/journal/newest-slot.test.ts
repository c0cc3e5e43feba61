// What is above the last sealing stands in the newest slot alone: what becomes of it is noted elsewhere.
import { describe, expect, it } from 'vitest';
import { drain } from '../support/test-clock.ts';
import { FOLDER, gapsOf, noisy, type OpenOptions, open, readAll, upTo, valuesOf } from './kit.ts';
import { ModelDisk } from './model-disk.ts';
import { GROUP, groups, newestSlot, refuse, SIZES } from './newest-slot-kit.ts';

/** A journal with some records in the newest slot that stand nowhere else. */
async function journalOf(groupCount: number) {
  const disk = new ModelDisk();
  const journal = await open(disk, SIZES);
  const sequences = await groups(journal, 1, groupCount);
  const newest = newestSlot(journal);
  const { firstSequence } = journal.stats().files.find(({ file }) => file === newest) ?? { firstSequence: 0 };
  await journal.close();
  return { disk, sequences, newest, path: `${FOLDER}/${newest}`, firstSequence };
}

describe('the newest slot', () => {
  it.each<[what: string, change: (disk: ModelDisk, path: string) => Promise<void> | void]>([
    ['is deleted', (disk, path) => disk.unlink(path)],
    ['is empty', (disk, path) => disk.put(path, new Uint8Array(0))],
    ['is all zeros', (disk, path) => disk.put(path, new Uint8Array(SIZES.slotBytes))],
    ['has another name', (disk, path) => disk.rename(path, `${FOLDER}/slot-009`)],
    ['is a copy of another', (disk, path) => disk.put(path, disk.bytes(`${FOLDER}/slot-00${path.endsWith('0') ? 1 : 0}`))],
  ])('%s: what was in it is named, and its sequences are not given again', async (_what, change) => {
    const { disk, sequences, path, firstSequence } = await journalOf(7);
    await change(disk, path);
    await disk.fsyncDir(FOLDER);
    const gone = expect.objectContaining({ kind: 'gone', missing: expect.objectContaining({ first: firstSequence }) });
    expect((await open(disk.copy(), { ...SIZES, isReadOnly: true })).stats().damage).toContainEqual(gone);
    const lines: NonNullable<OpenOptions['lines']> = [];
    const journal = await open(disk, { ...SIZES, lines });
    expect(journal.stats().damage).toContainEqual(gone);
    expect(lines).toContainEqual({ level: 'warning', code: 'journal-damage', fields: gone });
    const given = await groups(journal, 10_001, 2);
    expect(Math.min(...given)).toBeGreaterThan(Math.max(...sequences));
    const gaps = gapsOf(await readAll(journal, 1_000));
    expect(gaps).toEqual([expect.objectContaining({ cause: 'gone', firstSequence })]);
    expect(gaps[0]).not.toHaveProperty('count');
    await journal.close();
    // Once, and not at every opening.
    const again = await open(disk, SIZES);
    await groups(again, 20_001, 1);
    expect(gapsOf(await readAll(again, 1_000))).toHaveLength(1);
  });

  it('cannot be opened by one boot: no acknowledged reading is lost, and no loss is named', async () => {
    for (let before = 5; before <= 30; before += 3) {
      for (const blindCount of [1, 4, 8]) {
        const { disk, newest } = await journalOf(before);
        refuse(disk, newest);
        const blind = await open(disk, SIZES);
        await groups(blind, 10_001, blindCount);
        await blind.close();
        disk.fault = undefined;
        const third = await open(disk, SIZES);
        await groups(third, 20_001, 6);
        for (let i = 0; i < 20; i++) await drain();
        await third.close();
        const fourth = await open(disk, SIZES);
        await fourth.append(noisy(30_000));
        for (let i = 0; i < 20; i++) await drain();
        const stored = await readAll(fourth, 1_000);
        const there = new Set(valuesOf(stored));
        const all = [...upTo(before * GROUP), ...upTo(10_000 + blindCount * GROUP, 10_001), ...upTo(20_120, 20_001)];
        expect(all.filter((value) => !there.has(value))).toEqual([]);
        expect(gapsOf(stored).filter(({ cause }) => cause !== 'left-out')).toEqual([]);
        await fourth.close();
      }
    }
  });

  it('cannot be opened by two boots, another one each time: no sequence is given twice', async () => {
    const disk = new ModelDisk();
    const given: number[] = [];
    for (const [refused, from, count] of [
      ['', 1, 3],
      ['slot-000', 1_001, 4],
      ['slot-001', 2_001, 4],
    ] as const) {
      refuse(disk, refused);
      const journal = await open(disk, SIZES);
      given.push(...(await groups(journal, from, count)));
      await journal.close();
    }
    expect(new Set(given).size).toBe(given.length);
    disk.fault = undefined;
    const there = new Set(valuesOf(await readAll(await open(disk, SIZES), 1_000)));
    const all = [...upTo(60), ...upTo(1_080, 1_001), ...upTo(2_080, 2_001)];
    expect(all.filter((value) => !there.has(value))).toEqual([]);
  });
});

it('an older slot that cannot be opened may be a newer one by now: sequences are left out, and none is called lost', async () => {
  const { disk, sequences, newest } = await journalOf(7);
  const older = newest === 'slot-000' ? 'slot-001' : 'slot-000';
  refuse(disk, older);
  const journal = await open(disk, SIZES);
  expect((await groups(journal, 10_001, 1))[0]).toBeGreaterThan(Math.max(...sequences));
  expect(gapsOf(await readAll(journal, 1_000))).toMatchObject([{ cause: 'left-out', count: 0 }]);
});

it('is named when it is deleted although an older one cannot be opened, of which nothing is called lost', async () => {
  const { disk, newest, path, firstSequence } = await journalOf(7);
  await disk.unlink(path);
  await disk.fsyncDir(FOLDER);
  refuse(disk, newest === 'slot-000' ? 'slot-001' : 'slot-000');
  const journal = await open(disk, SIZES);
  await groups(journal, 10_001, 1);
  expect(gapsOf(await readAll(journal, 1_000))).toMatchObject([{ cause: 'gone', firstSequence }]);
  await journal.close();
  disk.fault = undefined;
  const stored = await readAll(await open(disk, SIZES), 1_000);
  expect(valuesOf(stored)).toEqual(expect.arrayContaining(upTo(firstSequence - 1)));
});

it('what was delivered from a slot that one boot could not open is not sent again, although the power fails', async () => {
  const disk = new ModelDisk();
  const first = await open(disk, { ...SIZES, slotCount: 3 });
  await groups(first, 1, 3);
  const delivery = await first.delivery('sentilo');
  await delivery.begin(upTo(60));
  delivery.settle(upTo(60), upTo(60));
  await delivery.flush();
  await first.close();
  refuse(disk, 'slot-000');
  const blind = await open(disk, { ...SIZES, slotCount: 3 });
  await groups(blind, 61, 60);
  await blind.close();
  disk.fault = undefined;
  const again = await open(disk, { ...SIZES, slotCount: 3 });
  // The late ones and this one are one commit.
  await again.append(noisy(10_001), true);
  for (let i = 0; i < 10; i++) await drain();
  disk.crash(() => 0);
  const last = await open(disk, { ...SIZES, slotCount: 3 });
  const { isDelivered } = await last.delivery('sentilo');
  const stored = await readAll(last, 1_000);
  expect(valuesOf(stored)).toEqual(expect.arrayContaining(upTo(60)));
  const toSend = stored.filter(
    ({ sequence, record }) => record.kind === 'observation' && record.publish && !isDelivered(sequence),
  );
  expect(valuesOf(toSend).filter((value) => Number(value) <= 60)).toEqual([]);
});
