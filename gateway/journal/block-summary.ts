import { isArrayOf } from './cbor.ts';
import { packColumn, unpackColumn } from './column-codec.ts';
import type { StoredRecord } from './journal.ts';

/** What a reader of a block must know before it inflates anything. */
export interface BlockSummary {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly count: number;
  /** The least and greatest wall time, of the records whose wall clock was set. */
  readonly fromWallMs?: number;
  readonly toWallMs?: number;
  /** Records whose wall clock was not set. */
  readonly untimedCount: number;
  /** Ids of the series in the block, ascending. */
  readonly series: readonly number[];
}

/** A summary as a CBOR item, for an index; blocks hold it in this form too. */
export function packSummary({
  firstSequence,
  lastSequence,
  count,
  untimedCount,
  fromWallMs,
  toWallMs,
  series,
}: BlockSummary): unknown {
  const changes = series.map((id, i) => id - (series[i - 1] ?? -1));
  return [
    firstSequence,
    lastSequence,
    count,
    untimedCount,
    fromWallMs ?? null,
    toWallMs ?? null,
    series.length,
    packColumn(changes),
  ];
}

/** The summary that such an item is; undefined when it is none. */
export function unpackSummary(item: unknown): BlockSummary | undefined {
  if (!isArrayOf(item, 8)) return undefined;
  const [firstSequence, lastSequence, count, untimedCount, fromWallMs, toWallMs, seriesCount, changes] = item;
  if (![firstSequence, lastSequence, count, untimedCount, seriesCount].every(isWhole)) return undefined;
  if ((seriesCount as number) > (count as number)) return undefined;
  const series = unpackColumn(changes, seriesCount as number);
  if (!series?.every((change) => typeof change === 'number')) return undefined;
  let id = -1;
  return {
    firstSequence: firstSequence as number,
    lastSequence: lastSequence as number,
    count: count as number,
    ...(typeof fromWallMs === 'number' && { fromWallMs }),
    ...(typeof toWallMs === 'number' && { toWallMs }),
    untimedCount: untimedCount as number,
    series: series.map((change) => {
      id += change;
      return id;
    }),
  };
}

/** The summary of some records, ascending by sequence; `series` are the ids of theirs. */
export function summaryOf(records: readonly StoredRecord[], series: readonly number[]): BlockSummary {
  let untimedCount = 0;
  let fromWallMs = Number.POSITIVE_INFINITY;
  let toWallMs = Number.NEGATIVE_INFINITY;
  for (const { record } of records) {
    if (record.wallQuality === 'none') untimedCount++;
    else {
      if (record.wallMs < fromWallMs) fromWallMs = record.wallMs;
      if (record.wallMs > toWallMs) toWallMs = record.wallMs;
    }
  }
  return {
    firstSequence: records[0]?.sequence ?? 0,
    lastSequence: records.at(-1)?.sequence ?? 0,
    count: records.length,
    ...(untimedCount < records.length && { fromWallMs, toWallMs }),
    untimedCount,
    series,
  };
}

function isWhole(item: unknown): boolean {
  return Number.isSafeInteger(item) && (item as number) >= 0;
}
