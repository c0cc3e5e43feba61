import { rmSync } from 'node:fs';
import type { Row } from '../row.ts';
import type { AppendOptions, ContenderName, Span, SpeedOptions } from './append-run.ts';
import { median, newFolder, type Setting, scaled } from './setting.ts';
import { runWorker } from './workers.ts';

const PAGE_BYTES = 4_096;
const REPEATS = 3;

/** The three loads of the issue, and its goals for each. */
const LOADS = [
  // Ten slots of 256 commits are sealed at once then: two such turns.
  { perCommit: 20, rawGoal: 0.85, sqliteGoal: 2, deviceGoal: 206, commits: 1_500, sealingCommits: 5_120 },
  { perCommit: 200, rawGoal: 0.75, sqliteGoal: 2, deviceGoal: 22, commits: 1_000, sealingCommits: 2_000 },
  { perCommit: 1_000, rawGoal: 0.6, sqliteGoal: 2.5, deviceGoal: 6, commits: 700, sealingCommits: 2_000 },
] as const;
/** Of the speed rows: as many again before them, so that the code is compiled. */
const SPEED_COMMITS = 600;
const WARM_COMMITS = 300;
/** What a sync of a common card takes, beside that of the disk here. */
const SLOW_MS = 5;
const SLOW_COMMITS = 100;

type Load = (typeof LOADS)[number];

/** The load at which all the others are looked at as well. */
const COMMON_LOAD = 200;
const OTHERS: readonly ContenderName[] = ['SQLite NORMAL', 'lmdb', 'classic-level', 'lowdb'];
/** Fewer, because some of them are slow: lowdb rewrites its whole backlog with every commit. */
const OTHER_COMMITS = 400;
const OTHER_WARM_COMMITS = 100;
const SEALING_GOAL = 2.5;
const FLUSHES_GOAL = 1.02;

/** Speed and wear of appending, beside raw writes and databases. */
export async function benchAppend(setting: Setting): Promise<Row[]> {
  const rows: Row[] = [];
  for (const load of LOADS) rows.push(...(await benchLoad(setting, load)));
  return rows;
}

async function benchLoad(setting: Setting, load: Load): Promise<Row[]> {
  const { perCommit } = load;
  setting.say(`appending ${perCommit} readings a commit`);
  const others = perCommit === COMMON_LOAD ? OTHERS : [];
  const spans = await spansOf(setting, load, ['journal', 'sealing journal', 'raw', 'SQLite FULL', ...others]);
  const perReading = (name: Measured) => median(spans(name).map(({ writtenBytes, readingCount }) => writtenBytes / readingCount));
  const flushes = (name: Measured) => median(spans(name).map(({ flushCount, commitCount }) => flushCount / commitCount));
  const commitBytes = Math.max(1, Math.round((perReading('journal') * perCommit) / PAGE_BYTES)) * PAGE_BYTES;
  const speeds = await speedsOf(setting, load, commitBytes);
  const slow = await speedsOf(setting, load, commitBytes, SLOW_MS);
  const title = `${perCommit} readings a commit`;
  const raw = `raw pwrite + fdatasync in place, ${commitBytes} B a commit, by the gateway's own asynchronous disk`;
  const speed = {
    name: `append, ${title}`,
    value: speeds('journal'),
    unit: 'readings/s',
    bound: 'at least',
    goalFor: 'ratio',
  } as const;
  const slowSpeed = {
    name: `append, ${title}, every sync ${SLOW_MS} ms longer`,
    value: slow('journal'),
    unit: 'readings/s',
  } as const;
  const wear = { name: `device bytes a reading, ${title}`, value: perReading('journal'), unit: 'B' } as const;
  const rate = (name: Measured) => median(spans(name).map(({ readingCount, busyMs }) => (1000 * readingCount) / busyMs));
  return [
    { ...speed, against: raw, baseline: speeds('raw'), goal: load.rawGoal },
    { ...speed, against: 'SQLite WAL FULL', baseline: speeds('SQLite FULL'), goal: load.sqliteGoal },
    { ...slowSpeed, against: raw, baseline: slow('raw') },
    { ...slowSpeed, against: 'SQLite WAL FULL', baseline: slow('SQLite FULL') },
    {
      name: `append and seal, ${title}`,
      value: rate('sealing journal'),
      unit: 'readings/s',
      against: raw,
      baseline: rate('raw'),
    },
    { ...wear, against: 'SQLite WAL FULL', baseline: perReading('SQLite FULL'), goal: load.deviceGoal },
    {
      name: `device bytes more for sealing, ${title}`,
      value: perReading('sealing journal') - perReading('journal'),
      unit: 'B',
      against: 'appending alone',
      baseline: perReading('journal'),
      goal: SEALING_GOAL,
    },
    {
      name: `flushes a commit, ${title}`,
      value: flushes('journal'),
      unit: 'flushes',
      against: 'SQLite WAL FULL',
      baseline: flushes('SQLite FULL'),
      goal: FLUSHES_GOAL,
    },
    {
      name: `flushes a commit, sealing too, ${title}`,
      value: flushes('sealing journal'),
      unit: 'flushes',
      against: 'raw',
      baseline: flushes('raw'),
      goal: FLUSHES_GOAL,
    },
    ...others.flatMap((name): Row[] => [
      { name: `append, ${title}`, value: rate('journal'), unit: 'readings/s', against: SAID[name] ?? name, baseline: rate(name) },
      { ...wear, against: SAID[name] ?? name, baseline: perReading(name) },
    ]),
  ];
}

/** A journal that goes through its slots again and again is looked at apart from one that has enough of them. */
type Measured = ContenderName | 'sealing journal';

/** Each of them in turn, and all of that some times. */
async function spansOf(setting: Setting, load: Load, names: readonly Measured[]): Promise<(name: Measured) => Span[]> {
  const spans = new Map<Measured, Span[]>(names.map((name) => [name, []]));
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    for (const name of names) spans.get(name)?.push(await appendOnce(setting, load, name));
  }
  return (name) => spans.get(name) ?? [];
}

async function appendOnce(setting: Setting, { perCommit, commits, sealingCommits }: Load, name: Measured): Promise<Span> {
  const isSealing = name === 'sealing journal';
  const isOther = OTHERS.some((other) => other === name);
  const options: AppendOptions = {
    contender: isSealing ? 'journal' : name,
    folder: newFolder(setting, name),
    device: setting.disk.device,
    perCommit,
    valueKind: 'decimal',
    commitCount: scaled(setting, isOther ? OTHER_COMMITS : isSealing ? sealingCommits : commits),
    warmCount: scaled(setting, isOther ? OTHER_WARM_COMMITS : WARM_COMMITS),
    isSealing,
    isAcknowledging: false,
  };
  const span = await runWorker<Span>('append', options);
  rmSync(options.folder, { recursive: true });
  return span;
}

async function speedsOf(
  setting: Setting,
  { perCommit }: Load,
  commitBytes: number,
  slowMs = 0,
): Promise<(name: ContenderName) => number> {
  const commitCount = scaled(setting, slowMs > 0 ? SLOW_COMMITS : SPEED_COMMITS);
  const runs: Partial<Record<ContenderName, number>>[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const options: SpeedOptions = {
      contenders: ['journal', 'raw', 'SQLite FULL'],
      folder: newFolder(setting, 'speed'),
      perCommit,
      commitCount,
      warmCount: commitCount,
      commitBytes,
      slowMs,
    };
    runs.push(await runWorker('speed', options));
    rmSync(options.folder, { recursive: true });
  }
  return (name) => median(runs.map((run) => run[name] ?? Number.NaN));
}

const SAID: Readonly<Partial<Record<ContenderName, string>>> = {
  'SQLite NORMAL': 'SQLite WAL NORMAL, which does not sync its commits',
  lmdb: 'lmdb, synced',
  'classic-level': 'classic-level, synced batches',
  lowdb: 'lowdb with a backlog of 10,000 readings, which syncs nothing',
};
