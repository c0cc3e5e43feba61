import { strict as assert } from 'node:assert';
import { isDeepStrictEqual } from 'node:util';
import type { Journal, SequenceRange, StoredRecord } from '../../../gateway/journal/journal.ts';
import { classOf, type Gap, type JournalRecord, type Observation, RECORD_CLASSES } from '../../../gateway/record.ts';
import { gapsOf, readAll, upTo, WALL_MS } from '../kit.ts';
import { keyOf, membersOf, type Truth } from './truth.ts';

type Window = Observation & { readonly window: NonNullable<Observation['window']> };

/** A record by which a check makes the journal name what it has found missing. */
const PROBE: JournalRecord = {
  kind: 'event',
  boot: 'probe',
  monotonicMs: 0,
  wallMs: WALL_MS,
  wallQuality: 'synced',
  code: 'probe',
  fields: {},
};

/**
 * Why acknowledged records may be gone from a disk that works, whenever the power fails: there was no room for them, or they
 * were old. Every other cause says that the disk, or somebody, took them; named or not, a power cut never may.
 */
export const CAUSES_OF_ROOM = ['size-cap', 'disk-full', 'expired'] as const;

/** Why acknowledged records may be gone, as gap records say it; `any`: the disk failed, lied or was damaged. */
export type Causes = readonly string[] | 'any';

/**
 * Checks a journal that has just been opened against what happened before: the invariants I1 to I4 and I8 of the journal's
 * promises. It appends a record, at most. Throws an AssertionError that says what is wrong.
 */
export async function checkJournal(journal: Journal, truth: Truth, { causes }: { readonly causes: Causes }): Promise<void> {
  const stored = await readAll(journal, 200);
  stored.forEach(({ sequence }, i) => {
    assert(sequence > (stored[i - 1]?.sequence ?? 0), `sequence ${sequence} does not follow ${stored[i - 1]?.sequence}`);
  });
  for (const record of stored) checkRecord(record, truth);
  // What cannot be read counts until somebody tries.
  assert(journal.stats().recordCount >= stored.length, 'there are more records than the journal counts');
  await checkClasses(journal, stored);
  await checkDelivery(journal, stored, truth);
  await checkLosses(journal, stored, truth, causes);
  if (causes !== 'any') checkNamed(await readAll(journal, 200));
}

/** What is named as lost is not there: of the places that a gap record spans there is one for each that it counts. */
function checkNamed(stored: readonly StoredRecord[]): void {
  for (const { cause, recordClass, count = 0, firstSequence: first, lastSequence: last } of gapsOf(stored)) {
    const isMeant = ({ record }: StoredRecord) => recordClass === undefined || classOf(record) === recordClass;
    const present = stored.filter((each) => isMeant(each) && isIn(each, { first, last })).length;
    assert(count + present <= last - first + 1, `${count} of ${first} to ${last} are lost (${cause}), and ${present} are there`);
  }
}

/** Nothing is invented, and no sequence names two contents. */
function checkRecord({ sequence, record }: StoredRecord, truth: Truth): void {
  if (isWindow(record)) {
    checkWindow(sequence, record, truth);
    return;
  }
  const key = keyOf(record);
  const acknowledged = truth.acknowledged.get(sequence);
  const written = truth.appended.get(key);
  if (written === undefined) {
    // The journal itself writes of what was lost.
    const isOwn = record.kind === 'gap' || (record.kind === 'event' && record.code.startsWith('journal-'));
    assert(isOwn, `${sequence} holds what nobody wrote: ${key}`);
    assert(
      acknowledged === undefined || !truth.appended.has(acknowledged),
      `${sequence} was ${acknowledged} and is a ${record.kind}`,
    );
    return;
  }
  // What stood in a slot that could not be read for a while is appended again.
  const isAgain = record.kind !== 'observation' || record.heldFrom !== undefined;
  const { heldFrom, firstPlace = heldFrom, ...again } = { heldFrom: undefined, firstPlace: undefined, ...record };
  // Not for the city, if everybody has it.
  const own = heldFrom !== undefined && written.kind === 'observation' ? { ...again, publish: written.publish } : again;
  assert(isDeepStrictEqual(own, written), `${sequence} is not as it was written: ${JSON.stringify([record, written])}`);
  assert(acknowledged === undefined || acknowledged === key, `${sequence} was ${acknowledged} and is ${key}`);
  const known = truth.sequences.get(key);
  assert(known === undefined || known === (firstPlace ?? sequence) || isAgain, `${key} was ${known} and is ${sequence}`);
}

function checkWindow(sequence: number, window: Window, truth: Truth): void {
  const members = membersOf(truth, window);
  const last = truth.appended.get(keyOf(window));
  assert(last?.kind === 'observation' && members.includes(last), `the window ${sequence} ends with nothing that was written`);
  const { wallMs, wallQuality, unit, readingKind, precision } = last;
  assert(
    isDeepStrictEqual({ ...window, wallMs, wallQuality, unit, readingKind }, window),
    `the window ${sequence} is not stamped as its last`,
  );
  const acknowledged = truth.acknowledged.get(sequence);
  assert(
    acknowledged === undefined || acknowledged === keyOf(last),
    `${sequence} was ${acknowledged} and is a window of ${keyOf(last)}`,
  );
  const { count, min, max } = window.window;
  assert(count >= 1 && count <= members.length, `the window ${sequence} counts ${count} of ${members.length}`);
  const values = members.map(({ value }) => Number(value));
  const value = Number(window.value);
  if (readingKind === 'total') assert.equal(value, last.value, `the window ${sequence} of a total is not its last value`);
  if (readingKind === 'delta' && count === members.length) near(value, sum(values), `the sum of the window ${sequence}`);
  if (readingKind !== 'gauge') return;
  assert(min !== undefined && max !== undefined, `the window ${sequence} of a gauge has no extremes`);
  assert(min >= Math.min(...values) && max <= Math.max(...values), `the extremes of the window ${sequence} were never measured`);
  if (count < members.length) return;
  assert.deepEqual([min, max], [Math.min(...values), Math.max(...values)], `the extremes of the window ${sequence}`);
  // A mean may be rounded to what is worth telling.
  near(value, sum(values) / count, `the mean of the window ${sequence}`, precision / 2);
}

function near(found: number, expected: number, what: string, tolerance = 0): void {
  const isNear = Math.abs(found - expected) <= Math.max(tolerance, 1e-9 * Math.max(1, Math.abs(expected)));
  assert(isNear, `${what} is ${found}, not ${expected}`);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

async function checkClasses(journal: Journal, stored: readonly StoredRecord[]): Promise<void> {
  for (const recordClass of RECORD_CLASSES) {
    const read: StoredRecord[] = [];
    for (let from = 1; ; from = (read.at(-1)?.sequence ?? 0) + 1) {
      const page = await journal.read(from, stored.length + 1, recordClass);
      if (page.length === 0) break;
      read.push(...page);
    }
    const expected = stored.filter(({ record }) => classOf(record) === recordClass);
    assert(
      isDeepStrictEqual(read.map(sequenceOf), expected.map(sequenceOf)),
      `the records of class ${recordClass} are others by themselves`,
    );
  }
}

/** What was delivered stays so, what was not is not, and what may have been is looked up. */
async function checkDelivery(journal: Journal, stored: readonly StoredRecord[], truth: Truth): Promise<void> {
  const delivery = await journal.delivery('sentilo');
  const unresolved = new Set(delivery.unresolved.flatMap(({ first, last }) => upTo(last, first)));
  for (const { sequence, record } of stored) {
    const isDelivered = delivery.isDelivered(sequence);
    const key = truth.acknowledged.get(sequence);
    assert(isDelivered || !truth.flushed.has(sequence), `${sequence} was delivered for good and waits again`);
    assert(
      !isDelivered || truth.settled.has(sequence) || key === undefined,
      `${sequence} is taken for delivered and nobody sent it`,
    );
    assert(
      !isDelivered || key !== undefined || record.kind === 'gap' || truth.maybeBegun.has(sequence) || wasSettled(record, truth),
      `${sequence}, never acknowledged, is taken for delivered`,
    );
    if (!isDelivered && truth.begun.has(sequence))
      assert(unresolved.has(sequence), `${sequence} may be in the city and is not looked up`);
    if (!truth.hasState || !unresolved.has(sequence)) continue;
    assert(truth.maybeBegun.has(sequence), `${sequence} is looked up in the city, and its sending never began`);
  }
}

/** It was delivered at the place that it had before it was appended again. */
function wasSettled(record: JournalRecord, truth: Truth): boolean {
  const before = truth.sequences.get(keyOf(record));
  return before !== undefined && truth.settled.has(before);
}

/** Every acknowledged record is there, or was delivered, or is counted in a window, or is named with a cause that may be. */
async function checkLosses(journal: Journal, stored: readonly StoredRecord[], truth: Truth, causes: Causes): Promise<void> {
  const lost = lostOf(stored, truth);
  if (lost.length === 0) return;
  const allowed = (records: readonly StoredRecord[]) => gapsOf(records).filter(({ cause }) => isAllowed(cause, causes));
  const damage = isAllowed('damaged', causes) ? journal.stats().damage : [];
  const isNamed = (gaps: readonly Gap[], each: StoredRecord) =>
    gaps.some((gap) => covers(gap, each)) || damage.some(({ missing }) => missing !== undefined && isIn(each, missing));
  let gaps = allowed(stored);
  if (lost.some((each) => !isNamed(gaps, each))) {
    // What an opening finds is named with the next record.
    const sequence = await journal.append(PROBE, true);
    const after = await readAll(journal, 200);
    gaps = allowed(after);
    for (const each of lost) assert(isNamed(gaps, each), unnamed(each, gapsOf(after)));
    const highest = Math.max(...truth.acknowledged.keys());
    assert(sequence > highest, `${highest} was given away, and now ${sequence}`);
  }
  const counted = gaps.filter((gap) => lost.some((each) => covers(gap, each)));
  if (counted.some(({ count }) => count === undefined)) return;
  const inDamage = lost.filter((each) => !counted.some((gap) => covers(gap, each))).length;
  const count = sum(counted.map((gap) => gap.count ?? 0));
  assert(count >= lost.length - inDamage, `${lost.length} records are gone, and only ${count} are counted`);
}

/** Acknowledged records that are neither there, in whatever form, nor in the city. */
function lostOf(stored: readonly StoredRecord[], truth: Truth): StoredRecord[] {
  const present = new Set(stored.map(({ sequence }) => sequence));
  // What was appended again has another place.
  const known = new Set(stored.map(({ record }) => keyOf(record)));
  const gone: StoredRecord[] = [];
  for (const [sequence, key] of truth.acknowledged) {
    const record = truth.appended.get(key);
    if (record !== undefined && !present.has(sequence) && !known.has(key) && !truth.settled.has(sequence))
      gone.push({ sequence, record });
  }
  if (gone.length === 0) return gone;
  // Windows are rare, and expensive to look into.
  const room = new Map<string, number>();
  const covered = new Set<string>();
  for (const { record } of stored) {
    if (!isWindow(record)) continue;
    const series = `${record.boot}/${record.sensor}`;
    room.set(series, (room.get(series) ?? 0) + record.window.count - 1);
    for (const member of membersOf(truth, record)) covered.add(keyOf(member));
  }
  return gone.filter(({ record }) => {
    if (record.kind !== 'observation') return true;
    if (record.readingKind === 'state') return !isUnchanged(record, stored);
    const series = `${record.boot}/${record.sensor}`;
    const left = room.get(series) ?? 0;
    if (left === 0 || !covered.has(keyOf(record))) return true;
    room.set(series, left - 1);
    return false;
  });
}

/** Of a state only the changes are kept when it is thinned: the value then is that of the last one before. */
function isUnchanged(state: Observation, stored: readonly StoredRecord[]): boolean {
  let value: unknown;
  for (const { record } of stored) {
    if (record.kind !== 'observation' || record.sensor !== state.sensor || record.boot !== state.boot) continue;
    if (record.monotonicMs < state.monotonicMs) value = record.value;
  }
  return value === state.value;
}

/** What is wrong with the loss of an acknowledged record that nothing names, or only what must not be the cause of one. */
function unnamed(lost: StoredRecord, gaps: readonly Gap[]): string {
  const cause = gaps.find((gap) => covers(gap, lost))?.cause;
  const says = cause === undefined ? 'nothing says so' : `all that is said is ${cause}`;
  return `${lost.sequence} (${lost.record.kind}) was acknowledged and is gone, and ${says}`;
}

function isAllowed(cause: string, causes: Causes): boolean {
  return causes === 'any' || causes.includes(cause);
}

function isIn({ sequence }: StoredRecord, { first, last }: SequenceRange): boolean {
  return first <= sequence && sequence <= last;
}

function covers(gap: Gap, lost: StoredRecord): boolean {
  if (!isIn(lost, { first: gap.firstSequence, last: gap.lastSequence })) return false;
  return gap.recordClass === undefined || gap.recordClass === classOf(lost.record);
}

function isWindow(record: JournalRecord): record is Window {
  return record.kind === 'observation' && record.window !== undefined;
}

function sequenceOf({ sequence }: StoredRecord): number {
  return sequence;
}
