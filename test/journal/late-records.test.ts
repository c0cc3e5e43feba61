// Records that come back from a slot after their class was sealed further, and copies of records that were appended again: none of
// them counts or goes out twice, and none is forgotten.

import { describe, expect, it } from 'vitest';
import type { Delivery, Journal, StoredRecord } from '../../gateway/journal/journal.ts';
import { drain } from '../support/test-clock.ts';
import { appendGroup, FOLDER, noisy, observation, open, readAll, seeded, untilEndOf, upTo, valuesOf } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const SIZES = { slotBytes: 16_384, slotCount: 3, blockFileBytes: 65_536 };
const SLOT = `${FOLDER}/slot-000`;
/** So many readings stand in it. */
const LATE = 60;

async function appendGroups(journal: Journal, from: number, to: number): Promise<void> {
  for (let value = from; value <= to; value += 20) await appendGroup(journal, value, value + 19);
}

async function settleAll(delivery: Delivery, sequences: readonly number[]): Promise<void> {
  await delivery.begin(sequences);
  delivery.settle(sequences, sequences);
  await delivery.flush();
}

/** Readings in a slot that one opening could not open. Another process has appended `laterCount` meanwhile, and the slot opens again. */
async function withLateSlot(laterCount: number, { sizes = SIZES, prepare = async (_: Journal) => {} } = {}): Promise<ModelDisk> {
  const disk = new ModelDisk();
  const first = await open(disk, sizes);
  await appendGroups(first, 1, LATE);
  await prepare(first);
  await first.close();
  disk.fault = (operation, _count, path) => (operation === 'open' && path === SLOT ? 'EIO' : undefined);
  const blind = await open(disk, sizes);
  await appendGroups(blind, LATE + 1, LATE + laterCount);
  await blind.close();
  disk.fault = undefined;
  return disk;
}

function isUnresolved({ unresolved }: Delivery, sequence: number): boolean {
  return unresolved.some(({ first, last }) => first <= sequence && sequence <= last);
}

/** The values that would be sent now, after what may be in the city was looked up there. */
function toBeSent(stored: readonly StoredRecord[], delivery: Delivery, inCity: readonly unknown[]): unknown[] {
  const doubtful = stored.filter(({ sequence }) => isUnresolved(delivery, sequence) && !delivery.isDelivered(sequence));
  const found = doubtful.filter((each) => valuesOf([each]).some((value) => inCity.includes(value)));
  delivery.settle(
    doubtful.map(({ sequence }) => sequence),
    found.map(({ sequence }) => sequence),
  );
  return valuesOf(stored.filter(({ sequence }) => !delivery.isDelivered(sequence)));
}

function sorted(values: readonly unknown[]): number[] {
  return values.map(Number).sort((a, b) => a - b);
}

describe('what a slot gives back that could not be opened for a while', () => {
  // Where the copies come to stand: in a slot that is sealed soon, late or not at all.
  describe.each([340, 360, 420])('is appended again once, when %i other readings fill the slots', (laterCount) => {
    it.each([
      // The newest commit that an opening sees says that the slot is read again, or still that it was left alone.
      ['the power fails after the next record', true, (disk: ModelDisk) => disk.crash(() => 0)],
      ['the power fails before any other record', false, (disk: ModelDisk) => disk.crash(() => 0)],
      ['it is closed', true, (_disk: ModelDisk, journal: Journal) => journal.close()],
    ])('and each time %s', async (_what, isFollowed, end) => {
      const sizes = { ...SIZES, slotCount: 6 };
      const disk = await withLateSlot(laterCount, { sizes });
      const later: number[] = [];
      for (let value = 10_001; value <= 10_004; value++) {
        const journal = await open(disk, sizes);
        if (isFollowed) later.push(await journal.append(noisy(value)).then(() => value));
        else for (let turn = 0; turn < 10; turn++) await drain();
        await end(disk, journal);
      }
      const values = sorted(valuesOf(await readAll(await open(disk, sizes), 1_000)));
      expect(values).toEqual([...upTo(LATE + laterCount), ...later]);
    });
  });

  it('is not sent again where it was delivered, also after the next power cut', async () => {
    const prepare = async (journal: Journal) => settleAll(await journal.delivery('sentilo'), upTo(40));
    const disk = await withLateSlot(1_200, { prepare });
    const journal = await open(disk, SIZES);
    await journal.append(noisy(10_001));
    const delivery = await journal.delivery('sentilo');
    await delivery.flush();
    await delivery.begin([]);
    const waiting = sorted(toBeSent(await readAll(journal, 1_000), delivery, upTo(40)));
    expect(waiting).toEqual([...upTo(LATE + 1_200, 41), 10_001]);
    disk.crash(() => 0);
    const next = await open(disk, SIZES);
    expect(sorted(toBeSent(await readAll(next, 1_000), await next.delivery('sentilo'), upTo(40)))).toEqual(waiting);
  });

  it('is not sent again to the one uplink that has it, and is to the other', async () => {
    const prepare = async (journal: Journal) => {
      await (await journal.delivery('other')).flush();
      await settleAll(await journal.delivery('sentilo'), upTo(LATE));
    };
    const disk = await withLateSlot(1_200, { prepare });
    const journal = await open(disk, SIZES);
    await journal.append(noisy(10_001));
    for (let turn = 0; turn < 10; turn++) await drain();
    const stored = await readAll(journal, 1_000);
    const later = [...upTo(LATE + 1_200, LATE + 1), 10_001];
    expect(sorted(toBeSent(stored, await journal.delivery('sentilo'), upTo(LATE)))).toEqual(later);
    expect(sorted(toBeSent(stored, await journal.delivery('other'), []))).toEqual([...upTo(LATE), ...later]);
  });
});

it.each([
  ['at once', true],
  // The process ends between the two.
  ['not at all', false],
])(
  'the old place of a record that was appended again does not come back, settled %s, wherever its slot is sealed',
  async (_when, isSettled) => {
    // So many groups before it, so that its slot is full, and sealed, at each moment around its acknowledgment.
    for (let before = 1; before <= 24; before++) {
      const disk = new ModelDisk();
      const journal = await open(disk, SIZES);
      const delivery = await journal.delivery('sentilo');
      await delivery.flush();
      await appendGroups(journal, 1, before * 20);
      // As the uplink does with what the city refuses.
      const moved = journal.append({ ...noisy(5), heldFrom: 5 }).then((to) => {
        if (isSettled) delivery.settle([5], [5]);
        return to;
      });
      const [to] = await Promise.all([moved, appendGroup(journal, 10_001, 10_600)]);
      for (let value = 10_601; value <= 10_602; value++) {
        for (let turn = 0; turn < 10; turn++) await drain();
        await journal.append(noisy(value));
      }
      disk.crash(() => 0);
      const next = await open(disk, SIZES);
      const again = await next.delivery('sentilo');
      const stored = await readAll(next, 1_000);
      const places = stored.filter(({ record }) => record.kind === 'observation' && record.value === 5);
      const waiting = places.map(({ sequence }) => sequence).filter((sequence) => !again.isDelivered(sequence));
      expect(waiting, `${before} groups before`).toEqual([to]);
    }
  },
);

it('what was delivered and deleted while a sealing was interrupted does not come back from the slots', async () => {
  const sizes = { ...SIZES, slotCount: 4, blockFileBytes: 1_024 };
  // Every fifth is of another class.
  const reading = (value: number) =>
    observation(value, {
      uncalibrated: seeded(value)(),
      ...(value % 5 === 0 ? { sensor: 'flat-energy', readingKind: 'total' } : {}),
    });
  const disk = new ModelDisk();
  const lines: { level: 'debug' | 'info' | 'warning' | 'error'; code: string; fields: unknown }[] = [];
  const journal = await open(disk, { ...sizes, lines });
  const delivery = await journal.delivery('sentilo');
  await delivery.flush();
  let refusedCount = 0;
  const left: ModelDisk[] = [];
  disk.fault = (operation, _count, path) => {
    // One class is sealed, and for the other there is no room twice: what is delivered of the first is deleted for it.
    if (operation === 'pwrite' && path.includes('/counts-') && refusedCount < 2) {
      refusedCount += 1;
      return 'ENOSPC';
    }
    // The power fails before a commit says that the class is sealed.
    const isSealed = lines.some(({ code }) => code === 'journal-sealing-again');
    if (operation === 'pwrite' && path.includes('/slot-') && isSealed) left.push(disk.fork());
    return left.length > 0 ? 'hang' : undefined;
  };
  let acknowledgedCount = 0;
  for (let value = 1; left.length === 0; value += 100) {
    await untilEndOf(appendGroup(journal, value, value + 99, reading), () => left.length > 0);
    if (left.length > 0) break;
    acknowledgedCount = value + 99;
    await settleAll(delivery, upTo(journal.lastSequence, delivery.lowWater + 1));
    for (let turn = 0; turn < 10; turn++) await drain();
  }
  const cut = left[0] as ModelDisk;
  cut.crash(() => 0);
  for (let opening = 0; opening < 2; opening++) {
    const next = await open(cut, sizes);
    await next.append(reading(1_000_001 + opening));
    await drain();
    const stored = await readAll(next, 1_000);
    expect(stored.filter(({ record }) => record.kind === 'observation' && record.heldFrom !== undefined)).toEqual([]);
    const old = stored.filter(({ record }) => record.kind === 'observation' && Number(record.value) <= acknowledgedCount);
    expect(toBeSent(old, await next.delivery('sentilo'), [])).toEqual([]);
    cut.crash(() => 0);
  }
});
