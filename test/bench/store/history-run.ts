import { statSync } from 'node:fs';
import { join } from 'node:path';
import { realHost } from '../../../gateway/real-host.ts';
import { openBenchJournal } from './journal-contender.ts';
import { openStream, START_WALL_MS, virtualClock } from './stream.ts';

const DAY_MS = 86_400_000;
const READ_BYTES = 65_536;

export interface HistoryOptions {
  readonly folder: string;
  readonly sensorCount: number;
  readonly dayCount: number;
  readonly queryCount: number;
}

/** One look-up of one sensor's day: how long it took, and how many readings it gave. */
export interface HistoryFigures {
  readonly ms: number;
  readonly count: number;
}

/** Asks for a day of one sensor, another one each time; then reads a day's share of the files, which no way of looking has to. */
export async function runHistory(options: HistoryOptions): Promise<{ queries: HistoryFigures[]; shareMs: number }> {
  const { folder, sensorCount, dayCount, queryCount } = options;
  const { disk } = realHost(() => {});
  const journal = await openBenchJournal(
    disk,
    folder,
    virtualClock(() => dayCount * DAY_MS),
  );
  const { numbers } = openStream({ sensorCount, valueKind: 'decimal', seed: 1 });
  const names = [...numbers.keys()];
  const queries: HistoryFigures[] = [];
  for (let query = 0; query < queryCount; query++) {
    const day = Math.floor((dayCount * (query + 0.5)) / queryCount);
    const sensors = new Set([names[(37 * query + 11) % sensorCount] as string]);
    const startMs = performance.now();
    let count = 0;
    const fromWallMs = START_WALL_MS + day * DAY_MS;
    for await (const block of journal.history({ sensors, fromWallMs, toWallMs: fromWallMs + DAY_MS })) count += block.length;
    queries.push({ ms: performance.now() - startMs, count });
  }
  const blocks = journal.stats().files.filter(({ kind }) => kind === 'block');
  const dayBytes = Math.ceil(blocks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) / dayCount);
  const startMs = performance.now();
  for (let readBytes = 0, index = 0; readBytes < dayBytes && index < blocks.length; index++) {
    const path = join(folder, blocks[index]?.file ?? '');
    const file = await disk.open(path, 'read');
    const sizeBytes = Math.min(statSync(path).size, dayBytes - readBytes);
    for (let at = 0; at < sizeBytes; at += READ_BYTES) await file.pread(at, Math.min(READ_BYTES, sizeBytes - at));
    await file.close();
    readBytes += sizeBytes;
  }
  return { queries, shareMs: performance.now() - startMs };
}
