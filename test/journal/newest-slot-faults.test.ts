// What is noted of the newest slot when faults meet: it may be noted late, and nothing may be called lost that is not.
import { expect, it } from 'vitest';
import { drain } from '../support/test-clock.ts';
import { appendGroup, FOLDER, gapsOf, open, readAll, sequencesOf, upTo, valuesOf } from './kit.ts';
import { ModelDisk } from './model-disk.ts';
import { GROUP, groups, newestSlot, refuse, SIZES } from './newest-slot-kit.ts';

async function settleDown(): Promise<void> {
  for (let i = 0; i < 60; i++) await drain();
}

type Interruption = 'killed' | 'power cut' | 'EIO once';

/** The process dies, or the disk fails, while the second slot's use is noted. Then the journal goes on in that slot. */
async function interruptedNote(how: Interruption) {
  let disk = new ModelDisk();
  let journal = await open(disk, SIZES);
  const given = await groups(journal, 1, 2);
  const before = newestSlot(journal);
  let isInterrupted = false;
  disk.fault = (operation, _count, path) => {
    if (isInterrupted || path !== `${FOLDER}/files` || operation !== 'pwrite') return undefined;
    isInterrupted = true;
    return how === 'EIO once' ? 'EIO' : 'hang';
  };
  for (let value = 41; !isInterrupted; value += GROUP) {
    const appended = groups(journal, value, 1).then((sequences) => given.push(...sequences));
    if (how === 'EIO once') await appended;
    else await settleDown();
  }
  if (how === 'power cut') disk.crash(() => 0);
  if (how === 'killed') disk = disk.fork();
  disk.fault = undefined;
  if (how !== 'EIO once') journal = await open(disk, SIZES);
  given.push(...(await groups(journal, 5_001, 1)));
  const newest = newestSlot(journal);
  expect(newest).not.toBe(before);
  await journal.close();
  return { disk, given, newest };
}

const INTERRUPTIONS = ['killed', 'power cut', 'EIO once'] as const;

it.each(INTERRUPTIONS)('%s while a use is noted: a boot that cannot open the slot gives no sequence twice', async (how) => {
  const { disk, given, newest } = await interruptedNote(how);
  refuse(disk, newest);
  const blind = await open(disk, SIZES);
  const more = await groups(blind, 10_001, 2);
  expect(more.filter((sequence) => given.includes(sequence))).toEqual([]);
  await blind.close();
  disk.fault = undefined;
  const last = await open(disk, SIZES);
  await groups(last, 20_001, 1);
  await settleDown();
  const there = new Set(valuesOf(await readAll(last, 1_000)));
  expect([...upTo(5_020, 5_001), ...upTo(10_040, 10_001)].filter((value) => !there.has(value))).toEqual([]);
});

it.each(INTERRUPTIONS)('%s while a use is noted: the slot is missed when it is deleted', async (how) => {
  const { disk, given, newest } = await interruptedNote(how);
  await disk.unlink(`${FOLDER}/${newest}`);
  await disk.fsyncDir(FOLDER);
  const journal = await open(disk, SIZES);
  const more = await groups(journal, 10_001, 1);
  expect(more.filter((sequence) => given.includes(sequence))).toEqual([]);
  expect(gapsOf(await readAll(journal, 1_000))).toEqual([expect.objectContaining({ cause: 'gone' })]);
});

it('is missed although the slot before it holds copies of its first records', async () => {
  const disk = new ModelDisk();
  const journal = await open(disk, SIZES);
  const given = [...(await appendGroup(journal, 1, 5)), ...(await appendGroup(journal, 6, 10))];
  let isFailing = true;
  disk.fault = (operation, _count, path) => {
    if (!isFailing || operation !== 'fdatasync' || !path.endsWith('slot-000')) return undefined;
    isFailing = false;
    return 'EIO';
  };
  given.push(...(await appendGroup(journal, 11, 15)), ...(await appendGroup(journal, 16, 20)));
  expect(newestSlot(journal)).toBe('slot-001');
  await journal.close();
  await disk.unlink(`${FOLDER}/slot-001`);
  await disk.fsyncDir(FOLDER);
  const again = await open(disk, SIZES);
  const more = await appendGroup(again, 21, 23);
  expect(more.filter((sequence) => given.includes(sequence))).toEqual([]);
  expect(gapsOf(await readAll(again, 1_000))).toEqual([expect.objectContaining({ cause: 'gone' })]);
});

it.each([4, 3, 2])('cannot be read by one boot, but its older use can: it is left alone (%i slots)', async (slotCount) => {
  const sizes = { slotBytes: 32_768, slotCount, blockFileBytes: 65_536 };
  const disk = new ModelDisk();
  const journal = await open(disk, sizes);
  const delivery = await journal.delivery('sentilo');
  // No durable commit says yet what was sealed when all slots were full.
  if (slotCount > 2) disk.fault = (_operation, _count, path) => (path.includes('.blocks') ? 'EIO' : undefined);
  const older = await groups(journal, 1, slotCount * 8);
  disk.fault = undefined;
  await delivery.begin(older);
  delivery.settle(older, older);
  await delivery.flush();
  await groups(journal, 10_001, 1);
  await journal.close();
  disk.setUnreadable(`${FOLDER}/slot-000`, 0);
  const blind = await open(disk, sizes);
  await groups(blind, 20_001, 1);
  expect(gapsOf(await readAll(blind, 1_000)).filter(({ cause }) => cause !== 'left-out')).toEqual([]);
  await blind.close();
  disk.setUnreadable(`${FOLDER}/slot-000`, 0, false);
  const again = await open(disk, sizes);
  const { isDelivered } = await again.delivery('sentilo');
  await groups(again, 30_001, 1);
  await settleDown();
  const stored = await readAll(again, 1_000);
  const back = stored.filter(
    ({ record }) => record.kind === 'observation' && upTo(10_020, 10_001).includes(Number(record.value)),
  );
  expect(valuesOf(back)).toEqual(upTo(10_020, 10_001));
  expect(back.filter(({ sequence }) => isDelivered(sequence))).toEqual([]);
});

it('is not called gone by one who looks while it is begun', async () => {
  const disk = new ModelDisk();
  const journal = await open(disk, SIZES);
  let isBegun = false;
  disk.fault = async (operation, _count, path) => {
    if (isBegun || operation !== 'open' || path !== `${FOLDER}/files`) return undefined;
    isBegun = true;
    await groups(journal, 1, 1);
    return undefined;
  };
  expect((await open(disk, { ...SIZES, isReadOnly: true })).stats().damage).toEqual([]);
});

it('killed while a delivery state is written, one commit, a power cut: only what was being sent is looked up', async () => {
  const sizes = { ...SIZES, slotBytes: 65_536 };
  let disk = new ModelDisk();
  const journal = await open(disk, sizes);
  await groups(journal, 1, 5);
  const delivery = await journal.delivery('sentilo');
  await delivery.begin(upTo(5));
  delivery.settle(upTo(5), upTo(5));
  await delivery.flush();
  await groups(journal, 101, 1);
  disk.fault = (operation, _count, path) => (path.endsWith('.cursor') && operation === 'fdatasync' ? 'hang' : undefined);
  void delivery.begin(upTo(10, 6));
  await settleDown();
  disk = disk.fork();
  disk.fault = undefined;
  const second = await open(disk, sizes);
  await second.delivery('sentilo');
  await groups(second, 201, 1);
  await settleDown();
  disk.crash(() => 0);
  const third = await (await open(disk, sizes)).delivery('sentilo');
  expect(third.lowWater).toBe(5);
  expect(sequencesOf(third.unresolved).filter((sequence) => sequence > 10)).toEqual([]);
});
