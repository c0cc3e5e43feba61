import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender, ContenderOptions } from './contender.ts';
import { type DeviceFigures, deviceFigures, difference } from './device.ts';
import { openJournalContender } from './journal-contender.ts';
import { openLevel, openLmdb, openLowdb, openRaw, openSqlite } from './plain-contenders.ts';
import { openStream, type Stream, type ValueKind } from './stream.ts';

const CONTENDERS = {
  journal: openJournalContender,
  raw: openRaw,
  'SQLite FULL': (options: ContenderOptions) => openSqlite(options, 'FULL'),
  'SQLite NORMAL': (options: ContenderOptions) => openSqlite(options, 'NORMAL'),
  lmdb: openLmdb,
  'classic-level': openLevel,
  lowdb: openLowdb,
};

export type ContenderName = keyof typeof CONTENDERS;

/** Commits of one contender before it is another's turn. */
const TURN_COMMITS = 50;
const SENSOR_COUNT = 200;
/** So large that nothing has to be sealed while a run goes on. */
const LARGE_SLOT_BYTES = 8_388_608;
/** Fewer records than this are not sealed from the usual slots either. */
const UNSEALED_RECORDS = 45_000;

export interface SpeedOptions {
  readonly contenders: readonly ContenderName[];
  readonly folder: string;
  readonly perCommit: number;
  readonly commitCount: number;
  /** Commits before, so that the code is compiled. */
  readonly warmCount: number;
  /** What `raw` writes with each commit. */
  readonly commitBytes: number;
  /** What every sync takes longer than the disk needs, for all of them. */
  readonly slowMs: number;
}

/**
 * Readings a second of each, appended in turns of a few commits, so that what else the machine does meets all of them.
 * Making the readings is not counted.
 */
export async function runSpeed(options: SpeedOptions): Promise<Partial<Record<ContenderName, number>>> {
  const { contenders, folder, perCommit, commitCount, warmCount, commitBytes, slowMs } = options;
  const stream = openStream({ sensorCount: SENSOR_COUNT, valueKind: 'decimal', seed: 4 });
  const stores = new Map<ContenderName, Contender>();
  for (const name of contenders) {
    const place = { folder: join(folder, name.replace(' ', '-')), numbers: stream.numbers, commitBytes, slowMs };
    mkdirSync(place.folder);
    stores.set(name, await CONTENDERS[name]({ ...place, slotBytes: LARGE_SLOT_BYTES }));
  }
  const busyMs = new Map<ContenderName, number>();
  const turnsOf = (count: number) => Math.ceil(count / TURN_COMMITS);
  for (let turn = -turnsOf(warmCount); turn < turnsOf(commitCount); turn++) {
    for (const [name, store] of stores) {
      let turnMs = 0;
      for (let commit = 0; commit < TURN_COMMITS; commit++) turnMs += await timed(store, stream.next(perCommit), false);
      if (turn >= 0) busyMs.set(name, (busyMs.get(name) ?? 0) + turnMs);
    }
  }
  if (stores.get('journal')?.hasSealed?.() === true) throw new Error('the journal sealed slots although there was room');
  const readingCount = turnsOf(commitCount) * TURN_COMMITS * perCommit;
  return Object.fromEntries([...busyMs].map(([name, ms]) => [name, (1000 * readingCount) / ms]));
}

export interface AppendOptions {
  readonly contender: ContenderName;
  /** On the disk whose device is counted. */
  readonly folder: string;
  readonly device: string;
  readonly perCommit: number;
  readonly valueKind: ValueKind;
  readonly hasFractions?: boolean;
  readonly commitCount: number;
  /** Commits before, in which files are made and the code is compiled. */
  readonly warmCount: number;
  /** Of the journal: with the usual slots, all in turn for sealing, of which nothing is sealed otherwise. */
  readonly isSealing: boolean;
  readonly isAcknowledging: boolean;
}

/** What some commits cost. */
export interface Span extends DeviceFigures {
  readonly readingCount: number;
  readonly commitCount: number;
  /** In `commit` and `acknowledge`, not in making the readings. */
  readonly busyMs: number;
  /** See Contender. */
  readonly densityBytes: number | null;
}

/** Appends to one store and counts what its device does. The store is left open: the end of the process is a crash. */
export async function runAppend(options: AppendOptions): Promise<Span> {
  const { contender, folder, device, perCommit, valueKind, hasFractions = false, isSealing, isAcknowledging } = options;
  const stream = openStream({ sensorCount: SENSOR_COUNT, valueKind, hasFractions, seed: 4 });
  const isShort = (options.warmCount + options.commitCount) * perCommit < UNSEALED_RECORDS;
  const slots = isSealing || isShort ? {} : { slotBytes: LARGE_SLOT_BYTES };
  const store = await CONTENDERS[contender]({ folder, numbers: stream.numbers, ...slots });
  for (let count = 0; count < options.warmCount || (isSealing && store.hasSealed?.() === false); count++) {
    await timed(store, stream.next(perCommit), isAcknowledging);
  }
  const before = deviceFigures(device, folder);
  let busyMs = 0;
  for (let count = 0; count < options.commitCount; count++) busyMs += await timed(store, stream.next(perCommit), isAcknowledging);
  const figures = difference(deviceFigures(device, folder), before);
  if (!isSealing && store.hasSealed?.() === true) throw new Error('the journal sealed slots although there was room');
  const { commitCount } = options;
  const densityBytes = isSealing ? ((await store.densityBytes?.()) ?? null) : null;
  return { ...figures, readingCount: commitCount * perCommit, commitCount, busyMs, densityBytes };
}

async function timed(store: Contender, readings: ReturnType<Stream['next']>, isAcknowledging: boolean): Promise<number> {
  const startMs = performance.now();
  await store.commit(readings);
  if (isAcknowledging) await store.acknowledge?.();
  return performance.now() - startMs;
}
