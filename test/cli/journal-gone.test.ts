// Records that are not there, where no bad byte says so.

import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Journal, SLOTS_TOGETHER } from '../../gateway/journal/journal.ts';
import { gapsOf, readAll } from '../journal/kit.ts';
import { barri } from './in-process.ts';
import { hall, keep, minutes, openReal, temporaryState } from './journal-kit.ts';

const PAGE_BYTES = 4096;
const RECORD_COUNT = 500;

let state: string;
let remove: () => void;
beforeEach(() => {
  ({ state, remove } = temporaryState());
});
afterEach(() => remove());

/** As `dd if=/dev/zero bs=4k count=1 seek=PAGE conv=notrunc`. */
function zeroPage(name: string, page: number): void {
  const file = openSync(join(state, 'journal', name), 'r+');
  writeSync(file, new Uint8Array(PAGE_BYTES), 0, PAGE_BYTES, page * PAGE_BYTES);
  closeSync(file);
}

async function withJournal<T>(work: (journal: Journal) => Promise<T>): Promise<T> {
  const journal = await openReal(state);
  try {
    return await work(journal);
  } finally {
    await journal.close();
  }
}

/** Deletes the slot that was filled last: what was sealed of the others stands in both, as nothing says any more that it was. */
async function deleteNewestSlot(): Promise<void> {
  const files = await withJournal(async (journal) => journal.stats().files);
  const slots = files.filter(({ kind }) => kind === 'slot');
  rmSync(join(state, 'journal', slots.reduce((a, b) => (a.lastSequence > b.lastSequence ? a : b)).file));
}

/** Everything is delivered, which the cursor says; then the slot that was filled last is deleted. */
async function loseWhatWasDelivered(): Promise<void> {
  const sequences = await keep(state, minutes(4_000));
  await withJournal(async (journal) => {
    const delivery = await journal.delivery('sentilo');
    delivery.settle([], sequences);
    await delivery.flush();
  });
  await deleteNewestSlot();
}

describe.each([
  {
    what: 'a page of zeros over a commit',
    lose: async () => {
      await keep(state, minutes(RECORD_COUNT / 2));
      zeroPage('slot-000', 1);
    },
  },
  { what: 'the newest slot deleted, which a cursor speaks of', lose: loseWhatWasDelivered },
])('$what', ({ lose }) => {
  beforeEach(lose);

  test('is told by every command that looks, each time, until a gateway has named it', async () => {
    const before = await withCopy();
    const lost = before.missing;
    const saved = join(state, 'saved.jsonl');
    const verified = await barri(['journal', 'verify', '--state', state]);
    expect(verified.out).toContain(`${SLOTS_TOGETHER}: readings that stood in a slot file are missing`);
    expect(verified.out.replaceAll(/\s+/g, ' ')).toMatch(
      /2026-11-2\d .* records.*makers-(hall-temperature|balcony-humidity).*\(not there\)/,
    );
    expect(verified.out).not.toContain('Every one is right');
    expect(verified.code).toBe(1);
    const json = JSON.parse((await barri(['journal', 'verify', '--state', state, '--json'])).out) as {
      damage: { missing: { first: number; last: number } }[];
    };
    expect(json.damage).toHaveLength(1);
    expect(json.damage[0]?.missing).toEqual(lost);
    const salvaged = await barri(['journal', 'salvage', state, '--out', saved]);
    expect(salvaged.out).toContain(SLOTS_TOGETHER);
    expect(salvaged.code).toBe(1);
    const inspected = await barri(['journal', 'inspect', '--state', state]);
    expect(inspected.out).toContain(SLOTS_TOGETHER);
    expect(inspected.out).not.toContain('nothing that is known of');
    const status = await barri(['status', '--state', state]);
    expect(status.out).toMatch(/slot-\*: .* records missing/);
    expect(status.code).toBe(1);

    await withJournal(async (journal) => {
      expect(journal.stats().damage).toMatchObject([{ kind: 'gone', missing: lost }]);
      await journal.append(hall(100_000));
      await journal.append(hall(100_001));
      expect(gapsOf(await readAll(journal))).toMatchObject([
        { cause: 'gone', firstSequence: lost.first, lastSequence: lost.last, sensors: before.sensors },
      ]);
    });
    const again = await barri(['journal', 'verify', '--state', state]);
    expect(again.out).toContain('1 gap on record');
    expect(again.code).toBe(0);
    // What is on record is told as well: it is missing, whoever named it.
    expect((await barri(['status', '--state', state])).code).toBe(1);
  });
});

/** The sequences that were given and that nothing holds, and the sensors of what is there. */
async function withCopy() {
  return await withJournal(async (journal) => {
    const stored = await readAll(journal, 1_000);
    const { lowWater } = await journal.delivery('sentilo');
    const there = new Set(stored.map(({ sequence }) => sequence));
    const last = Math.max(lowWater, ...there);
    const gone = Array.from({ length: last }, (_, i) => i + 1).filter((sequence) => !there.has(sequence));
    expect(gone.length).toBeGreaterThan(50);
    expect((gone.at(-1) ?? 0) - (gone[0] ?? 0)).toBe(gone.length - 1);
    const sensors = [...new Set(stored.flatMap(({ record }) => (record.kind === 'observation' ? record.sensor : [])))].sort();
    return { missing: { first: gone[0] ?? 0, last: gone.at(-1) ?? 0 }, sensors };
  });
}

test('a page of zeros over what was sealed before costs nothing, and nothing is told', async () => {
  await keep(state, minutes(4_000));
  await deleteNewestSlot();
  const left = await withJournal(async (journal) => ({ stored: await readAll(journal, 1_000), ...journal.stats() }));
  const sealed = Math.max(...left.files.map(({ kind, lastSequence }) => (kind === 'block' ? lastSequence : 0)));
  const copies = left.files.filter(
    ({ kind, recordCount, lastSequence }) => kind === 'slot' && recordCount > 0 && lastSequence <= sealed,
  );
  expect(copies.length).toBeGreaterThan(0);
  const verify = async () => JSON.parse((await barri(['journal', 'verify', '--state', state, '--json'])).out);
  const before = await verify();
  // Of the slot that was deleted.
  expect(before).toMatchObject({ readCount: left.stored.length, damage: [{ kind: 'gone' }] });
  for (const { file } of copies) zeroPage(file, 1);
  expect(await verify()).toEqual(before);
  await withJournal(async (journal) => {
    await journal.append(hall(100_000));
    await journal.append(hall(100_001));
    expect(gapsOf(await readAll(journal))).toEqual([expect.objectContaining({ firstSequence: sealed + 1 })]);
  });
});
