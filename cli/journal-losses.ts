import type { Damage, Journal, SequenceRange, StoredRecord } from '../gateway/journal/journal.ts';
import type { Gap, RecordClass, Stamp } from '../gateway/record.ts';
import { eventsOf, pagesFrom } from './journal-pages.ts';
import type { TimeOf } from './journal-time.ts';

/** Records on both sides of damage that are asked what it may have cost. */
const NEIGHBOURS = 1_000;

/** Records that are not there any more, as far as it can be told. */
export interface Loss {
  /** Why, as a gap record or the damage says it. */
  readonly cause: string;
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** How many records: at most, unless `isExact`. */
  readonly count: number;
  readonly isExact: boolean;
  /** Known, or where `isExact` is false those of the records around it. */
  readonly sensors: readonly string[];
  /** Of the first and the last that are gone, or of their neighbours. */
  readonly fromWallMs?: number;
  readonly toWallMs?: number;
  /** Between which of its readings each sensor may lack some, where only the records around the damage tell. */
  readonly perSensor?: readonly SensorLoss[];
}

/** The last reading of a sensor before damage and its first one after it. */
export interface SensorLoss {
  readonly sensor: string;
  readonly fromWallMs?: number;
  readonly toWallMs?: number;
}

/** The gap records of a journal behind which something is lost, oldest first. Where sequences were only left out, nothing is. */
export async function gapsOf(journal: Pick<Journal, 'read'>): Promise<readonly Gap[]> {
  const gaps: Gap[] = [];
  // The same sensors are missing again and again: a text for each of them would take most of the memory.
  const texts = new Map<string, string>();
  const known = (text: string) => {
    const before = texts.get(text);
    if (before === undefined) texts.set(text, text);
    return before ?? text;
  };
  for await (const { record } of eventsOf(journal)) {
    if (record.kind !== 'gap' || record.count === 0) continue;
    const { sensors } = record;
    gaps.push(sensors === undefined ? record : { ...record, sensors: sensors.map(known) });
  }
  return gaps;
}

/** What a gap record says. */
export function lossOfGap(gap: Omit<Gap, 'kind' | keyof Stamp>): Loss {
  const { cause, firstSequence, lastSequence, count, sensors = [], fromWallMs, toWallMs } = gap;
  return {
    cause,
    firstSequence,
    lastSequence,
    count: count ?? lastSequence - firstSequence + 1,
    isExact: count !== undefined,
    sensors,
    ...inOrder(fromWallMs, toWallMs),
  };
}

/** From and to, the earlier one first: the clock may have been set back between the first record and the last. */
function inOrder(fromWallMs: number | undefined, toWallMs: number | undefined): Pick<Loss, 'fromWallMs' | 'toWallMs'> {
  if (fromWallMs === undefined) return toWallMs === undefined ? {} : { toWallMs };
  if (toWallMs === undefined) return { fromWallMs };
  return { fromWallMs: Math.min(fromWallMs, toWallMs), toWallMs: Math.max(fromWallMs, toWallMs) };
}

/**
 * What damage cost: as the journal tells it itself, else from the gap records that name it, else from the records around
 * it. Undefined when it cost nothing that was promised, or when what it holds is still there for another process.
 */
export async function lossOfDamage(
  damage: Damage,
  gaps: readonly Gap[],
  journal: Pick<Journal, 'read'>,
  timeOf: TimeOf,
): Promise<Loss | undefined> {
  const { missing, kind, recordClass, count, sensors, fromWallMs, toWallMs } = damage;
  if (missing === undefined) return undefined;
  if (count !== undefined && sensors !== undefined) {
    return lossOfGap({
      cause: kind,
      firstSequence: missing.first,
      lastSequence: missing.last,
      count,
      sensors,
      ...(fromWallMs === undefined ? {} : { fromWallMs }),
      ...(toWallMs === undefined ? {} : { toWallMs }),
    });
  }
  const isOther = (gap: Gap) => recordClass !== undefined && gap.recordClass !== undefined && gap.recordClass !== recordClass;
  const overlaps = (gap: Gap) => gap.firstSequence <= missing.last && gap.lastSequence >= missing.first && !isOther(gap);
  const named = gaps.filter(overlaps).map(lossOfGap);
  if (named.length > 0) return together(kind, named);
  return await lossBetweenNeighbours({ missing, kind, recordClass }, journal, timeOf);
}

function together(cause: string, losses: readonly Loss[]): Loss {
  const froms = losses.flatMap(({ fromWallMs }) => fromWallMs ?? []);
  const tos = losses.flatMap(({ toWallMs }) => toWallMs ?? []);
  return {
    cause,
    firstSequence: Math.min(...losses.map(({ firstSequence }) => firstSequence)),
    lastSequence: Math.max(...losses.map(({ lastSequence }) => lastSequence)),
    count: losses.reduce((sum, { count }) => sum + count, 0),
    isExact: losses.every(({ isExact }) => isExact),
    sensors: [...new Set(losses.flatMap(({ sensors }) => sensors))].sort(),
    ...inOrder(froms.length === 0 ? undefined : Math.min(...froms), tos.length === 0 ? undefined : Math.max(...tos)),
  };
}

async function lossBetweenNeighbours(
  { missing: { first, last }, kind, recordClass }: Where,
  journal: Pick<Journal, 'read'>,
  timeOf: TimeOf,
): Promise<Loss> {
  const lastBefore: Times = new Map();
  for await (const page of pagesFrom(journal, Math.max(1, first - NEIGHBOURS), recordClass)) {
    const before = page.filter(({ sequence }) => sequence < first);
    noteTimes(lastBefore, before, timeOf, Math.max);
    if (before.length < page.length) break;
  }
  let stillThere = 0;
  for await (const page of pagesFrom(journal, first, recordClass)) {
    stillThere += page.filter(({ sequence }) => sequence <= last).length;
    if ((page.at(-1)?.sequence ?? 0) > last) break;
  }
  const firstAfter: Times = new Map();
  let afterCount = 0;
  for await (const page of pagesFrom(journal, last + 1, recordClass)) {
    const after = page.slice(0, NEIGHBOURS - afterCount);
    noteTimes(firstAfter, after, timeOf, Math.min);
    afterCount += after.length;
    if (afterCount >= NEIGHBOURS) break;
  }
  const sensors = [...new Set([...lastBefore.keys(), ...firstAfter.keys()])].sort();
  return {
    cause: kind,
    firstSequence: first,
    lastSequence: last,
    count: Math.max(0, last - first + 1 - stillThere),
    isExact: false,
    sensors,
    ...inOrder(
      lastBefore.size === 0 ? undefined : Math.max(...lastBefore.values()),
      firstAfter.size === 0 ? undefined : Math.min(...firstAfter.values()),
    ),
    perSensor: sensors.map((sensor) => between(sensor, lastBefore.get(sensor), firstAfter.get(sensor))),
  };
}

function between(sensor: string, fromWallMs: number | undefined, toWallMs: number | undefined): SensorLoss {
  return { sensor, ...inOrder(fromWallMs, toWallMs) };
}

interface Where {
  readonly missing: SequenceRange;
  readonly kind: string;
  /** The others of the range are still there. */
  readonly recordClass: RecordClass | undefined;
}

/** Wall time by sensor. */
type Times = Map<string, number>;

/** Notes the latest or the earliest time of each sensor. */
function noteTimes(
  times: Times,
  stored: readonly StoredRecord[],
  timeOf: TimeOf,
  choose: (a: number, b: number) => number,
): void {
  for (const { record } of stored) {
    const time = timeOf(record);
    if (record.kind !== 'observation' || !('wallMs' in time)) continue;
    times.set(record.sensor, choose(time.wallMs, times.get(record.sensor) ?? time.wallMs));
  }
}
