// npx tsx test/journal/golden/make.ts VERSION: makes the journals of a release, which every later release must read. Made once, never again.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StoredRecord } from '../../../gateway/journal/journal.ts';
import { openJournal } from '../../../gateway/journal/open-journal.ts';
import type { JournalRecord, Observation } from '../../../gateway/record.ts';
import { SimulatedDisk } from '../../../simulator/disk.ts';
import { TestClock } from '../../support/test-clock.ts';
import { FOLDER, observation, seeded, upTo, WALL_MS } from '../kit.ts';

const COMMITS = 70;
const OBSERVATIONS = 10;

const [version] = process.argv.slice(2);
if (version === undefined) throw new Error('say the version: npx tsx test/journal/golden/make.ts 0.1.0');
const disk = new SimulatedDisk();
const clock = new TestClock({ ms: WALL_MS, quality: 'synced' });
const journal = await openJournal(disk, FOLDER, {
  clock,
  log: () => {},
  syncMs: 0,
  maxSizeBytes: 1 << 20,
  keepMs: 30 * 86_400_000,
});
const random = seeded(11);
const stored: StoredRecord[] = [];

for (let commit = 0; commit < COMMITS; commit++) {
  const records = [...upTo(OBSERVATIONS).map((each) => reading(commit, each)), ...others(commit)];
  const sequences = await Promise.all(records.map((record) => journal.append(record)));
  sequences.forEach((sequence, i) => {
    stored.push({ sequence, record: records[i] as JournalRecord });
  });
}
const delivery = await journal.delivery('sentilo');
delivery.settle([], [...upTo(300), ...upTo(420, 400)]);
await delivery.begin([430, 431, 432]);
await journal.close();

save(version, disk, stored, { lowWater: 300, ranges: [{ first: 400, last: 420 }], unresolved: [430, 431, 432] });
await saveHistory(`${version}-history`);

/** What stands in the journal, what its delivery knows, and what is about to be named as lost. */
function save(name: string, from: SimulatedDisk, records: readonly StoredRecord[], delivered: object): void {
  const folder = join(import.meta.dirname, name);
  mkdirSync(folder);
  for (const path of from.paths) writeFileSync(join(folder, path.slice(FOLDER.length + 1)), from.bytes(path));
  const lines = records.toSorted((a, b) => a.sequence - b.sequence).map((each) => JSON.stringify(each));
  writeFileSync(join(folder, 'records.jsonl'), `${lines.join('\n')}\n`);
  writeFileSync(join(folder, 'expected.json'), `${JSON.stringify(delivered, undefined, 2)}\n`);
}

/**
 * A journal at its limit, of small files: full ones with an index, thinned ones, gap records, a copy of a held record, and a
 * file that has just been deleted, so that only `losses` tells of it. What it holds is what a second opening finds.
 */
async function saveHistory(name: string): Promise<void> {
  const small = new SimulatedDisk();
  const limits = { slotBytes: 16_384, slotCount: 3, blockFileBytes: 8_192, maxSizeBytes: 180 * 1024, keepMs: 30 * 86_400_000 };
  const opening = { clock, log: () => {}, syncMs: 0, ...limits };
  const full = await openJournal(small, FOLDER, opening);
  const sentilo = await full.delivery('sentilo');
  let left: SimulatedDisk | undefined;
  let deletedCount = 0;
  small.fault = (operation, _count, path) => {
    if (operation === 'unlink' && path.endsWith('.blocks')) deletedCount += 1;
    if (operation === 'fsyncDir' && deletedCount === 3) left ??= small.copy();
    return undefined;
  };
  for (let commit = 0; left === undefined; commit++) {
    const records = [...upTo(OBSERVATIONS + 2).map((each) => reading(commit, each)), ...others(commit)];
    const sequences = await Promise.all(records.map((record) => full.append(record)));
    if (commit === 88) await full.append({ ...(reading(50, 1) as Observation), heldFrom: sequences[0] as number });
    if (commit % 50 === 0) {
      const some = sequences.slice(0, 5);
      await sentilo.begin(some);
      sentilo.settle(some, some.slice(1));
      await sentilo.flush();
    }
  }
  const looked = await openJournal(left.copy(), FOLDER, { ...opening, isReadOnly: true });
  const records: StoredRecord[] = [];
  for (let from = 1; ; from = (records.at(-1)?.sequence ?? 0) + 1) {
    const page = await looked.read(from, 1_000);
    if (page.length === 0) break;
    records.push(...page);
  }
  const { lowWater, ranges, unresolved } = await looked.delivery('sentilo');
  save(name, left, records, { lowWater, ranges, unresolved, namesOnAppend: true });
}

/** Ten sensors and, in the history, two more: decimals, floats, counters, states, calibrated, suspect, without a place in the city, before the clock was set. */
function reading(commit: number, each: number): JournalRecord {
  const at = commit * 10_000 + each * 50;
  const stamp = { monotonicMs: at, wallMs: WALL_MS + at };
  const sensor = { sensor: `golden-street-${each}`, channel: `street.${each}` };
  const value = Math.round((20 + random() * 5) * 100) / 100;
  if (each === 2) return observation(commit, { ...stamp, ...sensor, value: random() * 1000, unit: 'Pa', precision: 1 });
  if (each === 3) return observation(commit, { ...stamp, ...sensor, value: commit * 3, unit: 'kW.h', readingKind: 'total' });
  if (each === 4)
    return observation(commit, { ...stamp, ...sensor, value: commit % 7 < 3, unit: '{state}', readingKind: 'state' });
  if (each === 5)
    return observation(commit, { ...stamp, ...sensor, value, uncalibrated: value - 0.3, calibration: { offset: 0.3, scale: 1 } });
  if (each === 6 && commit % 5 === 0)
    return observation(commit, { ...stamp, ...sensor, value, quality: 'suspect', reason: 'jump', publish: false });
  if (each === 7) return observation(commit, { ...stamp, ...sensor, value, location: '41.4036 2.1744', publish: false });
  if (each === 8 && commit < 20)
    return observation(commit, { ...stamp, ...sensor, boot: 'b0', wallMs: at, wallQuality: 'none', value: commit / 8 });
  if (each === 11) return observation(commit, { ...stamp, ...sensor, value: commit % 11, unit: 'mm/h', readingKind: 'rate' });
  if (each === 12)
    return observation(commit, {
      ...stamp,
      ...sensor,
      value: 0,
      readingKind: 'position',
      unit: '1',
      location: `41.4 2.${commit}`,
    });
  if (each === 9)
    return observation(commit, { ...stamp, ...sensor, value: Math.fround(value), readingKind: 'delta', unit: 'mm' });
  return observation(commit, { ...stamp, ...sensor, value });
}

/** Now and then one of each other kind. */
function others(commit: number): JournalRecord[] {
  const stamp = { boot: 'b1', monotonicMs: commit * 10_000, wallMs: WALL_MS + commit * 10_000, wallQuality: 'synced' as const };
  const kinds: JournalRecord[] = [
    { kind: 'anchor', ...stamp, source: 'system-clock', errorMs: 1 },
    { kind: 'order', ...stamp, id: `o${commit}`, output: 'light.relay', on: true, from: 'sentilo' },
    { kind: 'intent', ...stamp, order: `o${commit}`, output: 'light.relay', on: true },
    { kind: 'result', ...stamp, order: `o${commit}`, output: 'light.relay', done: false, reason: 'refused' },
    { kind: 'event', ...stamp, code: 'device-lost', fields: { device: 'hall', afterMs: 30_000, isAgain: false } },
  ];
  const one = kinds[commit % 8];
  return one === undefined ? [] : [one];
}
