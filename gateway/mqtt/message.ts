import { isTextValue } from '../../drivers/reading.ts';
import { isoTime } from '../../drivers/utc.ts';
import { valueText } from '../decimal.ts';
import type { StoredRecord } from '../journal/journal.ts';
import { firstPlaceOf, type Observation } from '../record.ts';
import { isInWindow } from '../timeline.ts';
import { isForCity, NO_TIME, type TimeOf } from '../uplink/entry.ts';

/** Why an observation is never sent. */
export type UnfitReason = 'invalid-value' | 'invalid-time' | typeof NO_TIME;

/** What becomes of one record on its way to the broker. */
export type Fate =
  | { readonly kind: 'send'; readonly channel: string; readonly payload: string }
  /** Not an observation, or one that stays here. */
  | { readonly kind: 'pass' }
  /** Nobody knows yet when it was measured: it waits. */
  | { readonly kind: 'no-time'; readonly boot: string }
  | { readonly kind: 'unfit'; readonly reason: UnfitReason; readonly observation: Observation };

/**
 * Decides what becomes of a record. The payload is JSON: `id`, `time`, `value`, and `unit`, `location`, `quality` where there
 * is something to say. The id is the same whenever the same observation is sent, and no other has it.
 */
export function fateOf({ sequence, record }: StoredRecord, timeOf: TimeOf): Fate {
  // What the city's orders are answered is nothing to a broker.
  if (!isForCity(record) || record.readingKind === 'answer') return { kind: 'pass' };
  const time = timeOf(record);
  if (time.kind === 'unknown') return { kind: 'no-time', boot: record.boot };
  const unfit = (reason: UnfitReason): Fate => ({ kind: 'unfit', reason, observation: record });
  if (time.kind === 'lost') return unfit(NO_TIME);
  if (!isInWindow(time.ms)) return unfit('invalid-time');
  const value = jsonValue(record);
  if (value === undefined) return unfit('invalid-value');
  const { boot, unit, location, quality } = record;
  const parts = [
    `"id":${JSON.stringify(`${boot}-${firstPlaceOf(record, sequence)}`)}`,
    `"time":"${isoTime(time.ms)}"`,
    `"value":${value}`,
  ];
  // UCUM puts into braces what is no unit, and 1 says that there is none.
  if (!/^(?:\{.*\}|1)$/.test(unit)) parts.push(`"unit":${JSON.stringify(unit)}`);
  if (location !== undefined) parts.push(`"location":${JSON.stringify(location)}`);
  if (quality !== 'good') parts.push(`"quality":"${quality}"`);
  return { kind: 'send', channel: record.channel, payload: `{${parts.join(',')}}` };
}

/** The value in JSON, with the digits that it is worth; undefined for one that JSON or a reader cannot take. */
function jsonValue({ value, precision }: Observation): string | undefined {
  if (typeof value === 'string') return isTextValue(value) ? JSON.stringify(value) : undefined;
  if (typeof value === 'number' && !(Number.isFinite(value) && precision > 0 && Number.isFinite(precision))) return undefined;
  return valueText(value, precision);
}
