import { join } from 'node:path';
import { openSqlite, openSqliteFile } from './plain-contenders.ts';
import { openStream } from './stream.ts';

const SENSOR_COUNT = 200;
const PER_COMMIT = 1_000;
const BATCH = 5_000;

/** Fills a database with rows, as the journal is filled beside it. */
export async function runSqliteFill({ folder, readingCount }: { folder: string; readingCount: number }): Promise<number> {
  const stream = openStream({ sensorCount: SENSOR_COUNT, valueKind: 'decimal', seed: 4 });
  const database = await openSqlite({ folder, numbers: stream.numbers }, 'FULL');
  for (let count = 0; count < readingCount; count += PER_COMMIT) await database.commit(stream.next(PER_COMMIT));
  return readingCount;
}

/** Opens it and counts what waits. */
export async function runSqliteOpen({ folder }: { folder: string }): Promise<{ openMs: number; count: number }> {
  const startMs = performance.now();
  const database = openSqliteFile(join(folder, 'readings.db'), 'FULL');
  const [row] = database.prepare('SELECT count(*) AS count FROM readings').all() as { count: number }[];
  return { openMs: performance.now() - startMs, count: row?.count ?? 0 };
}

/** Reads all rows from the oldest on and deletes them, batch by batch. */
export async function runSqliteDrain({ folder }: { folder: string }): Promise<{ ms: number; count: number; sum: number }> {
  const database = openSqliteFile(join(folder, 'readings.db'), 'FULL');
  const startMs = performance.now();
  const select = database.prepare('SELECT seq, sensor, at, value FROM readings WHERE seq > ? ORDER BY seq LIMIT ?');
  const remove = database.prepare('DELETE FROM readings WHERE seq <= ?');
  let count = 0;
  let sum = 0;
  for (let last = 0; ; ) {
    const rows = select.all(last, BATCH) as { seq: number; value: number }[];
    if (rows.length === 0) break;
    last = rows.at(-1)?.seq ?? last;
    count += rows.length;
    for (const { value } of rows) sum += Math.round(value * 100);
    remove.run(last);
  }
  return { ms: performance.now() - startMs, count, sum };
}
