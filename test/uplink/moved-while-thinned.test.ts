import { describe, expect, it } from 'vitest';
import type { JournalRecord, Observation } from '../../gateway/record.ts';
import { Ledger } from '../../gateway/uplink/ledger.ts';
import { FOLDER, type OpenOptions, observation, open, readAll, seeded, WALL_MS } from '../journal/kit.ts';
import { ModelDisk } from '../journal/model-disk.ts';
import { TestClock } from '../support/test-clock.ts';

/** The first file of deltas, each of which is 1: their sum is how many of them the city gets. */
const FILE = 'counts-000000000001.blocks';
const DELTAS = 20_000;
const SIZES = { slotBytes: 65_536, slotCount: 4, blockFileBytes: 65_536, maxSizeBytes: 1_200_000 };

function delta(n: number, random: () => number): Observation {
  if (n <= DELTAS) return observation(1, { sensor: 'rain', readingKind: 'delta', value: 1, monotonicMs: n * 1_000 });
  // Digits that nothing makes shorter.
  const value = random();
  return observation(n, { sensor: 'other', readingKind: 'delta', value, uncalibrated: random(), monotonicMs: n * 100_000 });
}

/** A journal that comes to its `max_size` and thins what is oldest. */
async function atItsLimit() {
  const disk = new ModelDisk();
  const clock = new TestClock({ ms: WALL_MS, quality: 'synced' });
  const lines: NonNullable<OpenOptions['lines']> = [];
  const journal = await open(disk, { clock, lines, ...SIZES });
  const delivery = await journal.delivery('sentilo');
  await delivery.flush();
  const random = seeded(3);
  let appendedCount = 0;
  const append = async (isEnough: () => boolean) => {
    while (!isEnough() && appendedCount < 400_000) {
      for (let i = 0; i < 500; i++) journal.append(delta(++appendedCount, random)).catch(() => undefined);
      await clock.advance(1);
    }
  };
  const isThinned = () =>
    lines.some(({ code, fields }) => code === 'journal-file-thinned' && JSON.stringify(fields).includes(FILE));
  const waiting = async () => {
    const all = await clock.run(readAll(journal, 5_000));
    return all.flatMap(({ sequence, record }) =>
      record.kind === 'observation' && record.sensor === 'rain' && !delivery.isDelivered(sequence) ? [record] : [],
    );
  };
  return { disk, clock, journal, delivery, append, isThinned, waiting };
}

const sumOf = (deltas: readonly Observation[]) => deltas.reduce((sum, { value }) => sum + Number(value), 0);

describe.each([
  { first: 1, last: 2_000 },
  { first: 1_900, last: 2_400 },
])('what is appended again ($first to $last) while its file is thinned is sent once', (gap) => {
  it('when it is read while the file is being thinned', async () => {
    const { disk, journal, delivery, append, isThinned, waiting } = await atItsLimit();
    const ledger = new Ledger(journal, delivery, () => undefined);
    await append(() => journal.lastSequence > 2 * DELTAS);
    expect(isThinned()).toBe(false);
    let moved: Promise<boolean> | undefined;
    disk.fault = (operation, _count, path) => {
      if (operation !== 'rename' || path !== `${FOLDER}/${FILE}.new`) return undefined;
      moved = ledger.makeRoom([gap]);
      return moved.then(() => undefined);
    };
    await append(isThinned);
    expect(await moved).toBe(false);
    expect((await waiting()).filter(({ heldFrom }) => heldFrom !== undefined)).toEqual([]);
    expect(sumOf(await waiting())).toBe(DELTAS);
    // Later it goes.
    expect(await ledger.makeRoom([gap])).toBe(true);
    expect(await waiting()).not.toEqual([]);
    expect(sumOf(await waiting())).toBe(DELTAS);
  });

  it('when it is thinned before the copies are known to be durable', async () => {
    const { journal, delivery, append, isThinned, waiting } = await atItsLimit();
    let goOn = () => {};
    const thinned = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const slow = {
      append: async (record: JournalRecord, urgent?: boolean) => {
        const sequence = await journal.append(record, urgent);
        await thinned;
        return sequence;
      },
      read: journal.read,
      lastSequence: 0,
      revision: journal.revision,
    };
    await append(() => journal.lastSequence > 2 * DELTAS);
    const moved = new Ledger(slow, delivery, () => undefined).makeRoom([gap]);
    await append(isThinned);
    expect(isThinned()).toBe(true);
    goOn();
    await moved;
    const copies = (await waiting()).filter(({ heldFrom }) => heldFrom !== undefined);
    expect(copies.length).toBeGreaterThan(200);
    expect(sumOf(await waiting())).toBe(DELTAS);
  });
});

it('what could not be appended again is merged like everything else', async () => {
  const { journal, delivery, append, isThinned, waiting } = await atItsLimit();
  const refuse = () => Promise.reject(new Error('refused'));
  await append(() => journal.lastSequence > 2 * DELTAS);
  const refusing = { append: refuse, read: journal.read, lastSequence: 0, revision: journal.revision };
  const moved = new Ledger(refusing, delivery, () => undefined).makeRoom([{ first: 1, last: 200 }]);
  await expect(moved).rejects.toThrow('refused');
  await append(isThinned);
  expect((await waiting())[0]?.window?.count).toBe(299);
  expect(sumOf(await waiting())).toBe(DELTAS);
});
