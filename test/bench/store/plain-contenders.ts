import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { realHost } from '../../../gateway/real-host.ts';
import type { Observation } from '../../../gateway/record.ts';
import type { Contender, ContenderOptions } from './contender.ts';
import { waitLonger } from './counting-disk.ts';

// The databases are installed beside the compiled bench and nowhere else, so what is used of them is declared here.
const load = createRequire(import.meta.url);

const RAW_BYTES = 4_194_304;
/** A gateway that keeps its backlog in lowdb rewrites all of it with each commit; more would only be slower. */
const LOWDB_READINGS_MAX = 10_000;

type Row = readonly [sensor: number, wallMs: number, value: number];

function rowOf({ sensor, wallMs, value }: Observation, numbers: ReadonlyMap<string, number>): Row {
  return [numbers.get(sensor) ?? -1, wallMs, Number(value)];
}

/** The floor: as many bytes as the journal writes, in place in a file of zeros, by the gateway's own asynchronous disk. */
export async function openRaw({ folder, commitBytes = 4_096, slowMs = 0 }: ContenderOptions): Promise<Contender> {
  const file = await realHost(() => {}).disk.open(join(folder, 'raw'), 'create');
  await file.pwrite(new Uint8Array(RAW_BYTES), 0);
  await file.fdatasync();
  const bytes = new Uint8Array(commitBytes).fill(0x5a);
  let position = 0;
  return {
    commit: async () => {
      if (position + commitBytes > RAW_BYTES) position = 0;
      await file.pwrite(bytes, position);
      await file.fdatasync();
      await waitLonger(slowMs);
      position += commitBytes;
    },
    close: () => file.close(),
  };
}

interface Sqlite {
  pragma(text: string): unknown;
  exec(text: string): void;
  prepare(text: string): {
    run(...values: unknown[]): { readonly lastInsertRowid: number };
    all(...values: unknown[]): unknown[];
  };
  transaction<T>(work: (argument: T) => void): (argument: T) => void;
  close(): void;
}

/** Opens the database of `openSqlite`, with its table. */
export function openSqliteFile(path: string, synchronous: 'FULL' | 'NORMAL'): Sqlite {
  const Database = load('better-sqlite3') as new (path: string) => Sqlite;
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.pragma(`synchronous = ${synchronous}`);
  database.exec('CREATE TABLE IF NOT EXISTS readings (seq INTEGER PRIMARY KEY, sensor INTEGER, at INTEGER, value REAL)');
  return database;
}

/** One row a reading, one transaction a commit, deleted when it is delivered. */
export async function openSqlite(options: ContenderOptions, synchronous: 'FULL' | 'NORMAL'): Promise<Contender> {
  const path = join(options.folder, 'readings.db');
  const database = openSqliteFile(path, synchronous);
  const insert = database.prepare('INSERT INTO readings (sensor, at, value) VALUES (?, ?, ?)');
  const remove = database.prepare('DELETE FROM readings WHERE seq <= ?');
  let count = 0;
  const insertAll = database.transaction((readings: readonly Observation[]) => {
    for (const reading of readings) insert.run(...rowOf(reading, options.numbers));
  });
  return {
    commit: async (readings) => {
      insertAll(readings);
      count += readings.length;
      await waitLonger(options.slowMs ?? 0);
    },
    acknowledge: async () => {
      remove.run(count);
    },
    densityBytes: async () => {
      database.pragma('wal_checkpoint(TRUNCATE)');
      return statSync(path).size / count;
    },
    close: async () => database.close(),
  };
}

/** One entry a reading, one transaction a commit. */
export async function openLmdb({ folder, numbers }: ContenderOptions): Promise<Contender> {
  const { open } = load('lmdb') as { open(options: object): Lmdb };
  const database = open({ path: join(folder, 'lmdb'), mapSize: 1e9 });
  let sequence = 0;
  return {
    commit: async (readings) => {
      database.transactionSync(() => {
        for (const reading of readings) database.put(++sequence, rowOf(reading, numbers));
      });
      await database.flushed;
    },
    close: () => database.close(),
  };
}

interface Lmdb {
  transactionSync(work: () => void): void;
  put(key: number, value: unknown): unknown;
  readonly flushed: Promise<unknown>;
  close(): Promise<void>;
}

/** One entry a reading, one synced batch a commit. */
export async function openLevel({ folder, numbers }: ContenderOptions): Promise<Contender> {
  const { ClassicLevel } = load('classic-level') as { ClassicLevel: new (path: string, options: object) => Level };
  const database = new ClassicLevel(join(folder, 'level'), { valueEncoding: 'json' });
  await database.open();
  let sequence = 0;
  return {
    commit: (readings) =>
      database.batch(
        readings.map((reading) => ({ type: 'put', key: String(++sequence).padStart(12, '0'), value: rowOf(reading, numbers) })),
        { sync: true },
      ),
    close: () => database.close(),
  };
}

interface Level {
  open(): Promise<void>;
  batch(operations: readonly object[], options: object): Promise<void>;
  close(): Promise<void>;
}

/** One JSON file, rewritten with each commit, and not even synced. */
export async function openLowdb({ folder, numbers }: ContenderOptions): Promise<Contender> {
  const { JSONFilePreset } = (await import(pathToFileURL(load.resolve('lowdb/node')).href)) as {
    JSONFilePreset(path: string, data: { rows: Row[] }): Promise<{ data: { rows: Row[] }; write(): Promise<void> }>;
  };
  const database = await JSONFilePreset(join(folder, 'readings.json'), { rows: [] });
  return {
    commit: async (readings) => {
      database.data.rows.push(...readings.map((reading) => rowOf(reading, numbers)));
      database.data.rows.splice(0, database.data.rows.length - LOWDB_READINGS_MAX);
      await database.write();
    },
    close: async () => {},
  };
}
