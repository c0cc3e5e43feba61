// Journals that the gateway wrote on a real disk are read by a second implementation, which was written from the layouts
// in gateway/journal: what a layout does not say, or says otherwise than the bytes are, shows as a record that differs.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Journal, JournalStats, StoredRecord } from '../../gateway/journal/journal.ts';
import { type JournalOptions, openJournal } from '../../gateway/journal/open-journal.ts';
import { realHost } from '../../gateway/real-host.ts';
import type { JournalRecord, Observation } from '../../gateway/record.ts';
import { observation, readAll, seeded, upTo, WALL_MS } from '../journal/kit.ts';
import { otherRecords, records } from '../journal/record-arbitraries.ts';
import { TestClock } from '../support/test-clock.ts';
import { dumpRecords } from './support/journal-dump.ts';

const GOLDEN = join(import.meta.dirname, '../journal/golden');
const RELEASES = readdirSync(GOLDEN, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? entry.name : []));
const PAGE_BYTES = 4096;

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'barri-interop-journal-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function open(options: Partial<JournalOptions> = {}): Promise<Journal> {
  return openJournal(realHost(() => {}).disk, folder, {
    clock: new TestClock({ ms: WALL_MS, quality: 'synced' }),
    log: () => {},
    syncMs: 0,
    maxSizeBytes: 64 << 20,
    keepMs: 400 * 86_400_000,
    slotBytes: 65_536,
    slotCount: 4,
    ...options,
  });
}

/** Appends them in groups, each of one commit or more. Returns them with their sequences. */
async function appendInGroups(journal: Journal, all: readonly JournalRecord[], groupCount: number): Promise<StoredRecord[]> {
  const stored: StoredRecord[] = [];
  for (let at = 0; at < all.length; at += groupCount) {
    const group = all.slice(at, at + groupCount);
    const sequences = await Promise.all(group.map((record) => journal.append(record)));
    stored.push(...group.map((record, i) => ({ sequence: sequences[i] as number, record })));
  }
  return stored;
}

/** Says the first that differ: a difference of thousands of records is no message. */
function expectSame(found: readonly StoredRecord[], expected: readonly StoredRecord[]): void {
  const bySequence = new Map(found.map((each) => [each.sequence, each.record]));
  const different = expected.find(({ sequence, record }) => !isDeepStrictEqual(bySequence.get(sequence), record));
  expect(different && { sequence: different.sequence, record: bySequence.get(different.sequence) }).toEqual(different);
  expect(found.map(({ sequence }) => sequence)).toEqual(expected.map(({ sequence }) => sequence));
}

function filesOf(recordClass: string): string[] {
  return readdirSync(folder).filter((name) => name.startsWith(`${recordClass}-`) && name.endsWith('.blocks'));
}

const inOrder = (all: readonly StoredRecord[]) => all.toSorted((a, b) => a.sequence - b.sequence);

/** One sensor's reading at a `tick`: decimals, floats, integers, states and texts, calibrated, suspect, a clock that was not set, a drifting one. */
function reading(tick: number, sensor: number, random: () => number): JournalRecord {
  const monotonicMs =
    tick * 10_000 + sensor * 40 + (random() < 0.1 ? Math.floor(random() * 900) : 0) + (sensor === 1 ? 0.125 : 0);
  const tenths = Math.round(200 + 50 * random()) / 10;
  const more: Partial<Observation> = {
    boot: `b${Math.floor(tick / 1_000)}`,
    monotonicMs,
    wallMs: WALL_MS + Math.floor(monotonicMs) + (tick > 500 ? Math.floor(tick / 500) : 0),
    sensor: `street-${sensor}`,
    channel: `street.${sensor}`,
  };
  const kinds: readonly Partial<Observation>[] = [
    { value: tenths },
    { value: random() * 1e5 },
    { value: tick * 7, readingKind: 'total', unit: 'kW.h' },
    { value: tick % 1_000 < 700 ? tick % 9 < 4 : tick % 9 < 4 ? 'OK' : `FAULT ${tick % 50}`, readingKind: 'state', unit: '1' },
    { value: tenths, uncalibrated: tenths - 0.3, calibration: { offset: 0.3, scale: 1 } },
    tick % 5 === 0 ? { value: tenths, quality: 'suspect', reason: 'jump', publish: false } : { value: tenths },
    tick % 1_000 < 50
      ? { value: tenths, wallMs: monotonicMs, wallQuality: 'none' }
      : { value: tenths, location: '41.4036 2.1744' },
    { value: Math.fround(tenths), readingKind: 'delta', unit: 'mm' },
    tick % 40 === 0 && tick > 0 ? { value: tenths, heldFrom: tick } : { value: Math.round(random() * 1e6) / 1e6 },
  ];
  return observation(tenths, { ...more, ...kinds[sensor] });
}

/** An opening believes the sequences that records name: these could have been given away. */
function withPossibleSequences(record: JournalRecord): JournalRecord {
  if (record.kind === 'gap') return { ...record, firstSequence: 1 + (record.firstSequence % 100), lastSequence: 101 };
  if (record.kind !== 'observation' || record.heldFrom === undefined) return record;
  return { ...record, heldFrom: 1 + (record.heldFrom % 100) };
}

const SENSORS = upTo(8, 0);
const readings = (fromTick: number, toTick: number, random: () => number) =>
  upTo(toTick, fromTick).flatMap((tick) => SENSORS.map((sensor) => reading(tick, sensor, random)));

describe('a second implementation reads', () => {
  it.each([1, 2, 3])('records of every kind with whatever their fields hold, seed %i', async (seed) => {
    const all = fc.sample(records, { numRuns: 8_000, seed }).map(withPossibleSequences);
    const stored: StoredRecord[] = [];
    for (const part of upTo(2, 0)) {
      const journal = await open();
      stored.push(...(await appendInGroups(journal, all.slice(part * 4_000, (part + 1) * 4_000), 60)));
      await journal.close();
    }
    expect(filesOf('gauges').length * filesOf('counts').length * filesOf('events').length).toBeGreaterThan(0);
    expectSame(dumpRecords(folder), inOrder(stored));
  });

  it('what a polling gateway keeps over several boots, with finished block files and slots used many times', async () => {
    const random = seeded(5);
    const events = fc.sample(otherRecords as fc.Arbitrary<JournalRecord>, { numRuns: 400, seed: 6 }).map(withPossibleSequences);
    const stored: StoredRecord[] = [];
    for (const boot of upTo(3, 0)) {
      const journal = await open({ blockFileBytes: 65_536 });
      for (let tick = boot * 1_000; tick < (boot + 1) * 1_000; tick += 10) {
        const one = events[tick / 10] as JournalRecord;
        stored.push(...(await appendInGroups(journal, [...readings(tick, tick + 9, random), one], 91)));
      }
      await journal.close();
    }
    expect(filesOf('gauges').length).toBeGreaterThan(1);
    expect(stored).toHaveLength(36_400);
    expectSame(dumpRecords(folder), inOrder(stored));
  });

  it('a journal that is full, first with windows and then with gap records too, as the gateway itself does', async () => {
    const random = seeded(7);
    const options = { maxSizeBytes: 640 << 10, blockFileBytes: 65_536 };
    let tick = 0;
    const appendUntil = async (isEnough: (stats: JournalStats) => boolean) => {
      const journal = await open(options);
      // While it has delivered nothing, whatever is deleted is a loss.
      await journal.delivery('sentilo');
      for (; !isEnough(journal.stats()) && tick < 50_000; tick += 200)
        await appendInGroups(journal, readings(tick, tick + 199, random), 1_800);
      // The gap record of a loss comes with what is appended next.
      await appendInGroups(journal, readings(tick, tick + 1, random), 18);
      tick += 2;
      await journal.close();
    };
    const compared = async () => {
      const found = dumpRecords(folder);
      const again = await open({ ...options, isReadOnly: true });
      expectSame(found, await readAll(again, 2_000));
      await again.close();
      return found;
    };

    await appendUntil(({ thinnedCount }) => thinnedCount > 0);
    const isWindow = ({ record }: StoredRecord) => record.kind === 'observation' && record.window !== undefined;
    expect((await compared()).filter(isWindow).length).toBeGreaterThan(10);
    await appendUntil(({ evictedUndeliveredCount }) => evictedUndeliveredCount > 0);
    expect((await compared()).some(({ record }) => record.kind === 'gap')).toBe(true);
  });

  it.each(upTo(12))('what is left beside a damaged page, as the gateway itself does, seed %i', async (seed) => {
    const random = seeded(seed);
    const journal = await open({ blockFileBytes: 65_536 });
    const stored = await appendInGroups(journal, readings(0, 1_499, random), 45);
    await journal.close();
    const names = readdirSync(folder).filter((name) => name.startsWith('slot-') || name.endsWith('.blocks'));
    const path = join(folder, names[Math.floor(random() * names.length)] as string);
    const bytes = readFileSync(path);
    const page = Math.floor(random() * Math.floor(bytes.length / PAGE_BYTES)) * PAGE_BYTES;
    writeFileSync(path, bytes.fill(Math.floor(random() * 256), page, page + PAGE_BYTES));

    const found = dumpRecords(folder);
    const again = await open({ blockFileBytes: 65_536, isReadOnly: true });
    expectSame(found, await readAll(again, 2_000));
    await again.close();
    const appended = new Map(stored.map(({ sequence, record }) => [sequence, record]));
    expect(found.find(({ sequence, record }) => !isDeepStrictEqual(record, appended.get(sequence)))).toBeUndefined();
  });

  it.each(RELEASES)('the journal of release %s', (release) => {
    const lines = readFileSync(join(GOLDEN, release, 'records.jsonl'), 'utf8')
      .trim()
      .split('\n');
    const expected = lines.map((line) => JSON.parse(line) as StoredRecord);
    expectSame(dumpRecords(join(GOLDEN, release)), expected);
  });
});
