// What the journal holds against what the city has, by value.

import type { Clock } from '../../drivers/clock.ts';
import type { Disk } from '../../gateway/host.ts';
import type { StoredRecord } from '../../gateway/journal/journal.ts';
import { openJournal } from '../../gateway/journal/open-journal.ts';
import type { JournalRecord, Observation } from '../../gateway/record.ts';
import { expectedText } from './value-text.ts';

/** Everything that the journal in a folder holds, oldest first. */
export async function readJournal(disk: Disk, folder: string, clock: Clock): Promise<JournalRecord[]> {
  return (await readStored(disk, folder, clock)).map(({ record }) => record);
}

/** The same with the places of the records. */
export async function readStored(disk: Disk, folder: string, clock: Clock): Promise<StoredRecord[]> {
  const limits = { syncMs: 0, maxSizeBytes: Number.MAX_SAFE_INTEGER, keepMs: Number.MAX_SAFE_INTEGER };
  const journal = await openJournal(disk, folder, { clock, log: () => {}, isReadOnly: true, ...limits });
  const records: StoredRecord[] = [];
  for (let from = 1; ; ) {
    const page = await journal.read(from, 1_000);
    records.push(...page);
    const last = page.at(-1);
    if (last === undefined) return records;
    from = last.sequence + 1;
  }
}

/** A stretch of wall time from which records are gone, and the journal says so. */
export interface NamedHole {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The times of what gap records name: between the observations before and after it. A full disk costs delivered files their place. */
export function namedHoles(stored: readonly StoredRecord[]): NamedHole[] {
  const observations = stored.filter(({ record }) => record.kind === 'observation');
  return stored.flatMap(({ record: gap }) => {
    if (gap.kind !== 'gap') return [];
    const before = observations.findLast(({ sequence }) => sequence < gap.firstSequence)?.record.wallMs;
    const after = observations.find(({ sequence }) => sequence > gap.lastSequence)?.record.wallMs;
    return { fromMs: before ?? Number.NEGATIVE_INFINITY, toMs: after ?? Number.POSITIVE_INFINITY };
  });
}

/** The observations that are meant for the city. A record that repeats an earlier one is left out. */
export function forTheCity(records: readonly JournalRecord[]): Observation[] {
  const observations = records.filter((record) => record.kind === 'observation');
  return observations.filter(({ publish, heldFrom }) => publish && heldFrom === undefined);
}

/** One observation as the city has it. */
export interface InCity {
  readonly sensor: string;
  readonly timestampMs: number;
  readonly value: string;
}

/** Every way in which the city can differ from the journal, as texts `sensor second value`; all empty when nothing is wrong. */
export interface Differences {
  readonly lost: readonly string[];
  readonly twice: readonly string[];
  /**
   * In the city, and nothing like it in the journal. What is older than anything in the journal, or lies in a hole that it
   * names, does not count: a full disk may have cost delivered readings their place.
   */
  readonly invented: readonly string[];
}

export const NO_DIFFERENCES: Differences = { lost: [], twice: [], invented: [] };

/**
 * Compares sensor, second and value. Of several observations of one sensor in one second the city gets one.
 * @param dueBeforeMs what was measured from this wall time on need not have arrived yet
 */
export function differences(
  kept: readonly Observation[],
  stored: readonly InCity[],
  dueBeforeMs: number,
  holes: readonly NamedHole[] = [],
): Differences {
  const inJournal = new Set(
    kept.map(({ sensor, wallMs, value, precision }) => `${secondOf(sensor, wallMs)} ${expectedText(value, precision)}`),
  );
  const inCity = stored.map(({ sensor, timestampMs }) => secondOf(sensor, timestampMs));
  const arrived = new Set(inCity);
  const due = kept.filter(({ wallMs }) => wallMs < dueBeforeMs).map(({ sensor, wallMs }) => secondOf(sensor, wallMs));
  const seen = new Set<string>();
  const oldestMs = kept.reduce((oldest, { wallMs }) => Math.min(oldest, wallMs), Number.POSITIVE_INFINITY);
  return {
    lost: due.filter((second) => !arrived.has(second)),
    twice: inCity.filter((second) => seen.size === seen.add(second).size),
    invented: stored
      .filter(({ timestampMs }) => timestampMs > oldestMs)
      .filter(({ timestampMs }) => !holes.some(({ fromMs, toMs }) => fromMs - 1000 < timestampMs && timestampMs < toMs))
      .map(({ sensor, timestampMs, value }) => `${secondOf(sensor, timestampMs)} ${value}`)
      .filter((text) => !inJournal.has(text)),
  };
}

function secondOf(sensor: string, wallMs: number): string {
  return `${sensor} ${Math.floor(wallMs / 1000)}`;
}
