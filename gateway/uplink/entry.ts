import { isTextValue } from '../../drivers/reading.ts';
import { valueText } from '../decimal.ts';
import type { JournalRecord, Observation, Stamp } from '../record.ts';
import type { Time } from '../timeline.ts';
import { SECOND_MAX } from './timestamp.ts';

/** One observation as the city will hold it. */
export interface Entry {
  readonly sequence: number;
  readonly sensor: string;
  /** Whole seconds since 1970 (UTC): the finest the city knows (Sentilo reference §1.5.3). */
  readonly second: number;
  readonly value: string;
  readonly location?: string;
  /** When it was measured, which tells two seconds apart that a clock set back shows alike. */
  readonly boot: string;
  readonly monotonicMs: number;
}

/** Why an observation may never be sent: the city would refuse the whole batch that holds it. */
export type InvalidReason = 'invalid-sensor-id' | 'invalid-value' | 'invalid-time' | 'invalid-location' | typeof NO_TIME;

/** The boot in which it was measured never got a time: the city would take the time of its arrival for that of the measuring. */
export const NO_TIME = 'no-time';

/** When something was, as far as it is known. */
export type TimeOf = (stamp: Stamp) => Time;

/** What becomes of one record on its way to the city. */
export type Fate =
  | { readonly kind: 'send'; readonly entry: Entry }
  /** Not an observation, or one that stays here. */
  | { readonly kind: 'pass' }
  /** Nobody knows yet when it was measured: it waits. */
  | { readonly kind: 'no-time' }
  | { readonly kind: 'invalid'; readonly reason: InvalidReason; readonly observation: Observation };

/** The catalogue's own pattern for ids (Sentilo reference §4.1). */
const SENSOR_ID = /^[0-9A-Za-z_-]+$/;
/** Latitude and longitude with exactly one space; the narrow form of what §1.5.4 accepts. */
const LOCATION = /^(-?\d{1,2}(?:\.\d+)?) (-?\d{1,3}(?:\.\d+)?)$/;

/** Whether a record is an observation that is meant for the city. */
export function isForCity(record: JournalRecord): record is Observation {
  return record.kind === 'observation' && record.publish;
}

/** Decides what becomes of a record. What has once been for sending has the same second in every process. */
export function fateOf(sequence: number, record: JournalRecord, timeOf: TimeOf): Fate {
  if (!isForCity(record)) return { kind: 'pass' };
  const time = timeOf(record);
  if (time.kind === 'unknown') return { kind: 'no-time' };
  const invalid = (reason: InvalidReason): Fate => ({ kind: 'invalid', reason, observation: record });
  if (time.kind === 'lost') return invalid(NO_TIME);
  if (!SENSOR_ID.test(record.sensor)) return invalid('invalid-sensor-id');
  const second = Math.floor(time.ms / 1000);
  if (!(second >= 0 && second <= SECOND_MAX)) return invalid('invalid-time');
  if (record.location !== undefined && !isLocation(record.location)) return invalid('invalid-location');
  if (typeof record.value === 'number' && !Number.isFinite(record.value)) return invalid('invalid-value');
  // The city takes any text, of 100 MB too (Sentilo reference §1.5.2), and shows it to everybody as it is.
  if (typeof record.value === 'string' && !isTextValue(record.value)) return invalid('invalid-value');
  if (!(record.precision > 0 && record.precision < Number.POSITIVE_INFINITY)) return invalid('invalid-value');
  const value = valueText(record.value, record.precision);
  const place = record.location === undefined ? {} : { location: record.location };
  const { sensor, boot, monotonicMs } = record;
  return { kind: 'send', entry: { sequence, sensor, second, value, ...place, boot, monotonicMs } };
}

/** Whether two observations are of one sensor and really of one second. The wall clock alone does not tell: it may have stepped. */
export function isOneSecond(a: Entry, b: Entry): boolean {
  const isSamePlace = a.sensor === b.sensor && a.second === b.second;
  return isSamePlace && a.boot === b.boot && Math.abs(a.monotonicMs - b.monotonicMs) < 1000;
}

/** The sequences of entries, in their order. */
export function sequencesOf(entries: readonly Entry[]): number[] {
  return entries.map((entry) => entry.sequence);
}

function isLocation(text: string): boolean {
  const parts = LOCATION.exec(text);
  return parts !== null && Math.abs(Number(parts[1])) <= 90 && Math.abs(Number(parts[2])) <= 180;
}
