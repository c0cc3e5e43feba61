import type { HistoryQuery, StoredRecord } from './journal.ts';

/** Whether a record is asked for. Only observations have a sensor. */
export function matcherOf({ sensors, fromWallMs, toWallMs, withUntimed }: HistoryQuery): (stored: StoredRecord) => boolean {
  const hasRange = fromWallMs !== undefined || toWallMs !== undefined;
  return ({ record }) => {
    if (sensors !== undefined && !(record.kind === 'observation' && sensors.has(record.sensor))) return false;
    if (!hasRange) return true;
    if (record.wallQuality === 'none') return withUntimed === true;
    return record.wallMs >= (fromWallMs ?? Number.NEGATIVE_INFINITY) && record.wallMs < (toWallMs ?? Number.POSITIVE_INFINITY);
  };
}

/** Of a block or of a file. */
export interface TimeSpan {
  readonly fromWallMs?: number | undefined;
  readonly toWallMs?: number | undefined;
  readonly untimedCount: number;
}

/** Whether a record that is asked for can be among those of the span. */
export function canMatch({ fromWallMs, toWallMs, withUntimed }: HistoryQuery, span: TimeSpan): boolean {
  if (fromWallMs === undefined && toWallMs === undefined) return true;
  if (withUntimed === true && span.untimedCount > 0) return true;
  if (span.fromWallMs === undefined || span.toWallMs === undefined) return false;
  return span.toWallMs >= (fromWallMs ?? Number.NEGATIVE_INFINITY) && span.fromWallMs < (toWallMs ?? Number.POSITIVE_INFINITY);
}
