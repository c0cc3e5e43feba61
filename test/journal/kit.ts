import type { LogLevel } from '../../gateway/host.ts';
import type { Journal, SequenceRange, StoredRecord } from '../../gateway/journal/journal.ts';
import { type JournalOptions, openJournal } from '../../gateway/journal/open-journal.ts';
import type { JournalRecord, Observation } from '../../gateway/record.ts';
import { drain, TestClock } from '../support/test-clock.ts';
import type { ModelDisk } from './model-disk.ts';

export const FOLDER = '/var/lib/barri/journal';
/** The full counts of `npm run test:deep`; a small part of them otherwise. */
export const IS_DEEP = process.env['BARRI_DEEP'] === '1';
/** 25 Nov 2026, 12:00 UTC. */
export const WALL_MS = Date.UTC(2026, 10, 25, 12);

export interface OpenOptions extends Partial<JournalOptions> {
  readonly lines?: { level: LogLevel; code: string; fields: unknown }[];
}

/** A journal on the model disk. Groups are committed at once unless `syncMs` says otherwise. */
export function open(disk: ModelDisk, options: OpenOptions = {}): Promise<Journal> {
  return openJournal(disk, FOLDER, {
    clock: new TestClock({ ms: WALL_MS, quality: 'synced' }),
    log: (level, code, fields) => options.lines?.push({ level, code, fields }),
    syncMs: 0,
    maxSizeBytes: 64 * 1024 * 1024,
    keepMs: 90 * 86_400_000,
    // Small slots: each opening looks through all of them.
    slotBytes: 65_536,
    ...options,
  });
}

/** An observation that is told from all others by its value. */
export function observation(value: number, more: Partial<Observation> = {}): Observation {
  return {
    kind: 'observation',
    boot: 'b1',
    monotonicMs: value,
    wallMs: WALL_MS + value,
    wallQuality: 'synced',
    sensor: 'makers-balcony-temperature',
    channel: 'balcony.temperature',
    value,
    unit: 'degC',
    precision: 0.1,
    readingKind: 'gauge',
    quality: 'good',
    publish: true,
    ...more,
  };
}

export async function appendAll(journal: Journal, from: number, to: number): Promise<number[]> {
  const appended: Promise<number>[] = [];
  for (let value = from; value <= to; value++) appended.push(journal.append(observation(value)));
  return await Promise.all(appended);
}

/** An observation with digits that no codec makes shorter: slots and block files fill soon. */
export function noisy(value: number): Observation {
  return observation(value, { uncalibrated: seeded(value)() });
}

/** Appends the readings of these values as one group. */
export async function appendGroup(journal: Journal, from: number, to: number, reading = noisy): Promise<number[]> {
  return await Promise.all(upTo(to, from).map((value) => journal.append(reading(value))));
}

/** Resolves when the work has ended, or when the process has: what hangs never settles. */
export async function untilEndOf(work: Promise<unknown>, hasStopped: () => boolean): Promise<void> {
  let isSettled = false;
  const finish = () => {
    isSettled = true;
  };
  work.then(finish, finish);
  while (!isSettled && !hasStopped()) await drain();
  if (isSettled) await work;
}

/** Everything that is stored, in small steps, as an uplink reads. */
export async function readAll(journal: Journal, step = 100): Promise<StoredRecord[]> {
  const all: StoredRecord[] = [];
  for (let from = 1; ; ) {
    const part = await journal.read(from, step);
    all.push(...part);
    const last = part.at(-1);
    if (last === undefined) return all;
    from = last.sequence + 1;
  }
}

/** The values of the stored observations, in order of their sequences. */
export async function storedValues(journal: Journal): Promise<unknown[]> {
  return valuesOf(await readAll(journal));
}

export function valuesOf(stored: readonly StoredRecord[]): unknown[] {
  return stored.flatMap(({ record }) => (record.kind === 'observation' ? [record.value] : []));
}

/** Every sequence of the ranges. */
export function sequencesOf(ranges: readonly SequenceRange[]): number[] {
  return ranges.flatMap(({ first, last }) => upTo(last, first));
}

export function gapsOf(stored: readonly StoredRecord[]): (JournalRecord & { kind: 'gap' })[] {
  return stored.flatMap(({ record }) => (record.kind === 'gap' ? [record] : []));
}

export function upTo(last: number, from = 1): number[] {
  return Array.from({ length: last - from + 1 }, (_, i) => from + i);
}

/** Whether two plain values are equal. For millions of them: the comparisons of vitest and node:util would take most of the time. */
export function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b);
  let count = 0;
  for (const key in a) {
    count += 1;
    if (!(key in b) || !isSame((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key])) return false;
  }
  return count === Object.keys(b).length;
}

/** Numbers in [0, 1) from a seed (mulberry32), so that a failing run can be run again. */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
