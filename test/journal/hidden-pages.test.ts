// Pages of a slot that the opening cannot read: a card that comes loose gives them back, and one that dies does not.
import { describe, expect, it } from 'vitest';
import { drain, TestClock } from '../support/test-clock.ts';
import { FOLDER, gapsOf, open as openAt, readAll, upTo, valuesOf, WALL_MS } from './kit.ts';
import { ModelDisk } from './model-disk.ts';
import { GROUP, groups, newestSlot, SIZES } from './newest-slot-kit.ts';

/** By then the disk is believed. */
const LOOKED_AGAIN_MS = 31_000;

async function open(disk: ModelDisk) {
  const clock = new TestClock({ ms: WALL_MS, quality: 'synced' });
  return { journal: await openAt(disk, { ...SIZES, clock }), clock };
}

/** Three commits of a page each in one slot, nothing delivered; the opening after it cannot read one of the pages. */
async function withHidden(page: number) {
  const disk = new ModelDisk();
  const { journal } = await open(disk);
  await (await journal.delivery('sentilo')).begin([]);
  await groups(journal, 1, 3);
  const path = `${FOLDER}/${newestSlot(journal)}`;
  await journal.close();
  disk.setUnreadable(path, page);
  const giveBack = () => disk.setUnreadable(path, page, false);
  return { disk, giveBack, hidden: upTo((page + 1) * GROUP, page * GROUP + 1) };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await drain();
}

/** The values of what an uplink would be given. */
async function undelivered(journal: Awaited<ReturnType<typeof openAt>>): Promise<unknown[]> {
  const { isDelivered } = await journal.delivery('sentilo');
  const stored = await readAll(journal, 1_000);
  return valuesOf(
    stored.filter(({ sequence, record }) => !isDelivered(sequence) && record.kind === 'observation' && record.publish),
  );
}

describe.each([
  ['in front of others', 0],
  ['at the end of the newest slot', 2],
])('a page %s', (_where, page) => {
  it('that comes back within half a minute costs nothing: its readings are there, and are sent', async () => {
    const { disk, giveBack, hidden } = await withHidden(page);
    const { journal, clock } = await open(disk);
    await groups(journal, 10_001, 1);
    giveBack();
    await clock.advance(LOOKED_AGAIN_MS);
    await settle();
    expect(await undelivered(journal)).toEqual(expect.arrayContaining(hidden));
    // Many times around, so that every slot was used again.
    await groups(journal, 20_001, 30);
    await settle();
    await journal.close();
    const { journal: next } = await open(disk);
    await groups(next, 30_001, 1);
    const stored = await readAll(next, 1_000);
    expect(valuesOf(stored)).toEqual(expect.arrayContaining(upTo(60)));
    expect(gapsOf(stored).filter(({ cause }) => cause !== 'left-out')).toEqual([]);
    const toSend = (await undelivered(next)).filter((value) => hidden.includes(Number(value)));
    expect(toSend.sort((a, b) => Number(a) - Number(b))).toEqual(hidden);
  });

  it('that comes back after the process has ended is found by the next one', async () => {
    const { disk, giveBack, hidden } = await withHidden(page);
    const { journal } = await open(disk);
    giveBack();
    await groups(journal, 10_001, 30);
    await settle();
    await journal.close();
    const { journal: next } = await open(disk);
    await groups(next, 20_001, 1);
    await settle();
    const stored = await readAll(next, 1_000);
    expect(gapsOf(stored).filter(({ cause }) => cause !== 'left-out')).toEqual([]);
    expect(await undelivered(next)).toEqual(expect.arrayContaining(hidden));
  });

  it('gives back orders and events once, however often the process ends then', async () => {
    const disk = new ModelDisk();
    const { journal } = await open(disk);
    await groups(journal, 1, page);
    const event = {
      kind: 'event',
      boot: 'b1',
      monotonicMs: 5,
      wallMs: WALL_MS,
      wallQuality: 'synced',
      code: 'door',
      fields: {},
    } as const;
    await journal.append(event, true);
    await groups(journal, 101, 2 - page);
    const path = `${FOLDER}/${newestSlot(journal)}`;
    await journal.close();
    disk.setUnreadable(path, page);
    const { journal: blind, clock } = await open(disk);
    disk.setUnreadable(path, page, false);
    await clock.advance(LOOKED_AGAIN_MS);
    await groups(blind, 10_001, 30);
    await settle();
    await blind.close();
    for (const value of [20_001, 30_001]) {
      const { journal: next } = await open(disk);
      await groups(next, value, 1);
      await settle();
      await next.close();
    }
    const { journal: last } = await open(disk);
    const places = (await readAll(last, 1_000)).filter(({ record }) => record.kind === 'event' && record.code === 'door');
    expect(places).toHaveLength(1);
  });

  it('that does not come back is named once, and its slot is not used again', async () => {
    const { disk, hidden } = await withHidden(page);
    const { journal, clock } = await open(disk);
    await groups(journal, 10_001, 1);
    const isEnd = page === 2;
    const named = expect.objectContaining({
      cause: 'damaged',
      firstSequence: hidden[0],
      ...(isEnd ? {} : { lastSequence: hidden.at(-1), count: GROUP }),
    });
    expect(gapsOf(await readAll(journal, 1_000)).filter(({ cause }) => cause !== 'left-out')).toEqual([]);
    await clock.advance(LOOKED_AGAIN_MS);
    await settle();
    await groups(journal, 20_001, 30);
    await settle();
    await journal.close();
    const { journal: next, clock: later } = await open(disk);
    await groups(next, 30_001, 1);
    await later.advance(LOOKED_AGAIN_MS);
    await settle();
    await groups(next, 40_001, 1);
    const stored = await readAll(next, 1_000);
    expect(gapsOf(stored).filter(({ cause }) => cause !== 'left-out')).toEqual([named]);
    expect(valuesOf(stored)).toEqual(expect.arrayContaining(upTo(60).filter((value) => !hidden.includes(value))));
    expect(next.stats().damage).toContainEqual(expect.objectContaining({ kind: 'unreadable' }));
    // Nothing of it is in the way of what is delivered.
    const delivery = await next.delivery('sentilo');
    const sequences = stored.map(({ sequence }) => sequence);
    await delivery.begin(sequences);
    delivery.settle(sequences, sequences);
    expect(delivery.lowWater).toBeGreaterThanOrEqual(next.lastSequence);
  });
});
