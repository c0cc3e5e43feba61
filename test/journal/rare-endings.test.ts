// Processes that end in a rare moment, or whose first write fails: what the next one has to make of it.
import { expect, it } from 'vitest';
import { drain } from '../support/test-clock.ts';
import { appendAll, appendGroup, FOLDER, gapsOf, noisy, observation, open, readAll, upTo, valuesOf } from './kit.ts';
import { ModelDisk } from './model-disk.ts';
import { GROUP, groups, newestSlot, refuse, SIZES } from './newest-slot-kit.ts';

async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await drain();
}

it('what an earlier process wrote is not in memory only, although this one could write nothing yet', async () => {
  const disk = new ModelDisk();
  const first = await open(disk);
  await (await first.delivery('sentilo')).begin([]);
  await appendAll(first, 1, 10);
  await first.close();
  disk.fault = (operation) => (operation === 'fsyncDir' ? 'EIO' : undefined);
  const second = await open(disk);
  second.append(observation(11)).catch(() => {});
  await settle();
  const delivery = await second.delivery('sentilo');
  const isSent = await delivery.begin(upTo(10)).then(
    () => true,
    () => false,
  );
  disk.fault = undefined;
  disk.crash(() => 0);
  const { unresolved } = await (await open(disk)).delivery('sentilo');
  expect({ isSent, unresolved }).toEqual({ isSent: false, unresolved: [] });
});

it.each<[what: string, lose: (disk: ModelDisk, path: string) => Promise<void> | void]>([
  ['is deleted', (disk, path) => disk.unlink(path)],
  ['loses a page', (disk, path) => disk.damage(path, 0, new Uint8Array(4_096).fill(0xee))],
])('a slot that %s after a sealing that ended between two classes is missed', async (_what, lose) => {
  const sizes = { slotBytes: 8_192, slotCount: 4, blockFileBytes: 65_536 };
  const mixed = (value: number) => ({ ...noisy(value), readingKind: value % 2 === 1 ? ('gauge' as const) : ('total' as const) });
  const sealing = new ModelDisk();
  const acknowledged = new Map<number, number>();
  let isKilled = false;
  sealing.fault = (_operation, _count, path) => {
    isKilled ||= path.includes('counts-');
    return isKilled ? 'hang' : undefined;
  };
  const journal = await open(sealing, sizes);
  for (let from = 1; !isKilled; from += GROUP) {
    for (const value of upTo(from + GROUP - 1, from)) {
      const noted = journal.append(mixed(value)).then((sequence) => acknowledged.set(sequence, value));
      noted.catch(() => {});
    }
    await settle();
  }
  const disk = sealing.fork();
  await lose(disk, `${FOLDER}/slot-000`);
  await disk.fsyncDir(FOLDER);
  const again = await open(disk, sizes);
  await appendGroup(again, 10_001, 10_001);
  await appendGroup(again, 10_002, 10_002);
  const stored = await readAll(again, 1_000);
  const there = new Set(valuesOf(stored));
  const lost = [...acknowledged].filter(([, value]) => !there.has(value)).map(([sequence]) => sequence);
  expect(lost.length).toBeGreaterThan(0);
  const named = gapsOf(stored);
  expect(lost.filter((each) => !named.some((gap) => gap.firstSequence <= each && each <= gap.lastSequence))).toEqual([]);
});

it('a use of a slot that was begun and not noted gives its sequences to nothing else, although one boot cannot open it', async () => {
  const begun = new ModelDisk();
  const journal = await open(begun, SIZES);
  await groups(journal, 1, 2);
  let isKilled = false;
  begun.fault = (operation, _count, path) => {
    isKilled ||= path === `${FOLDER}/files` && operation === 'pwrite';
    return isKilled ? 'hang' : undefined;
  };
  for (let value = 41; !isKilled; value += GROUP) {
    groups(journal, value, 1).catch(() => {});
    await settle();
  }
  const disk = begun.fork();
  const newest = newestSlot(await open(disk.copy(), { ...SIZES, isReadOnly: true }));
  refuse(disk, newest);
  const blind = await open(disk, SIZES);
  await appendGroup(blind, 10_001, 10_020);
  await blind.close();
  disk.fault = undefined;
  const there = valuesOf(await readAll(await open(disk, SIZES), 1_000));
  expect(there).toEqual(expect.arrayContaining(upTo(10_020, 10_001)));
});

it('what was being sent is looked up although a page of the cursor rots, however long the next process wrote nothing to it', async () => {
  const killed = new ModelDisk();
  const journal = await open(killed);
  await appendGroup(journal, 1, 10);
  const delivery = await journal.delivery('sentilo');
  await delivery.begin(upTo(3));
  delivery.settle(upTo(3), upTo(3));
  await appendGroup(journal, 11, 12);
  await delivery.begin(upTo(10, 4));
  const disk = killed.fork();
  const next = await open(disk);
  for (let value = 101; value <= 110; value++) await appendGroup(next, value, value);
  await next.close();
  // The second state stands in the first page.
  disk.damage(`${FOLDER}/sentilo.cursor`, 0, new Uint8Array(4_096));
  const last = await (await open(disk)).delivery('sentilo');
  expect(last.unresolved[0]).toMatchObject({ first: 4 });
});

it('what was delivered from a slot that one boot could not open is looked up when the cursor is deleted then', async () => {
  const disk = new ModelDisk();
  const first = await open(disk, SIZES);
  const sent = await groups(first, 1, 6);
  const delivery = await first.delivery('sentilo');
  await delivery.begin(sent);
  delivery.settle(sent, sent);
  await delivery.flush();
  await first.close();
  refuse(disk, 'slot-000');
  const blind = await open(disk, SIZES);
  await groups(blind, 10_001, 14);
  await settle();
  await blind.close();
  disk.fault = undefined;
  await disk.unlink(`${FOLDER}/sentilo.cursor`);
  await disk.fsyncDir(FOLDER);
  const next = await open(disk, SIZES);
  const { isDelivered, unresolved } = await next.delivery('sentilo');
  await groups(next, 20_001, 1);
  await settle();
  const stored = await readAll(next, 1_000);
  const isDoubtful = (sequence: number) => unresolved.some((range) => range.first <= sequence && sequence <= range.last);
  const blindly = stored.filter(
    ({ sequence, record }) => record.kind === 'observation' && record.publish && !isDelivered(sequence) && !isDoubtful(sequence),
  );
  expect(valuesOf(blindly).filter((value) => Number(value) <= 6 * GROUP)).toEqual([]);
  expect(valuesOf(stored)).toEqual(expect.arrayContaining(upTo(6 * GROUP)));
});
