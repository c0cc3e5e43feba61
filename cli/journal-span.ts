import type { Journal, JournalFileStats, StoredRecord } from '../gateway/journal/journal.ts';
import type { RecordClass } from '../gateway/record.ts';
import { pagesFrom } from './journal-pages.ts';
import type { TimeOf } from './journal-time.ts';

/** Records at each end that are asked: those of one commit come sensor by sensor, and not by time. */
const ENDS = 256;

/** Classes of observations: events say when the gateway was started, and not when something was measured. */
const MEASURED: readonly RecordClass[] = ['gauges', 'counts'];

/** When the oldest and the newest readings were, as far as it can be told without reading everything. */
export interface Span {
  readonly fromWallMs?: number;
  readonly toWallMs?: number;
}

/** The times of the first and the last readings, wherever they stand, and those that the block files have noted. */
export async function spanOf(
  journal: Pick<Journal, 'read' | 'lastSequence'>,
  files: readonly JournalFileStats[],
  timeOf: TimeOf,
): Promise<Span> {
  const blocks = files.filter(({ recordClass }) => recordClass !== undefined && MEASURED.includes(recordClass));
  const known = blocks.flatMap(({ fromWallMs, toWallMs }) => [fromWallMs ?? [], toWallMs ?? []].flat());
  const ends = [await newest(journal)];
  for (const recordClass of MEASURED) ends.push(await journal.read(1, ENDS, recordClass));
  for (const { record } of ends.flat()) {
    const time = record.kind === 'observation' ? timeOf(record) : undefined;
    if (time !== undefined && 'wallMs' in time) known.push(time.wallMs);
  }
  if (known.length === 0) return {};
  // Not Math.min(...): there may be many files.
  return {
    fromWallMs: known.reduce((least, each) => Math.min(least, each)),
    toWallMs: known.reduce((most, each) => Math.max(most, each)),
  };
}

/** The newest readings: behind them there may be any number of events, and of sequences that were never given. */
async function newest(journal: Pick<Journal, 'read' | 'lastSequence'>): Promise<readonly StoredRecord[]> {
  let before = journal.lastSequence + 1;
  for (let step = ENDS; before > 1; step *= 2) {
    const from = Math.max(1, before - step);
    const readings: StoredRecord[] = [];
    for await (const page of pagesFrom(journal, from)) {
      const meant = page.filter(({ sequence }) => sequence < before);
      readings.push(...meant.filter(({ record }) => record.kind === 'observation'));
      if (meant.length < page.length) break;
    }
    if (readings.length > 0) return readings;
    before = from;
  }
  return [];
}
