import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Row } from '../row.ts';
import { type City, openCity, type Sent } from './city.ts';
import { deviceFigures, difference } from './device.ts';
import type { HistoryFigures } from './history-run.ts';
import type { WriteOptions, Written } from './outage-run.ts';
import { median, newFolder, type Setting, scaled } from './setting.ts';
import { runWorker, startBareNode, startWorker } from './workers.ts';

const SENSOR_COUNT = 200;
const TICKS_PER_DAY = 8_640;
const READINGS_PER_DAY = TICKS_PER_DAY;
const OUTAGE_DAYS = 30;
const HISTORY_DAYS = 90;
const OPENINGS = 3;
const SQLITE_READINGS = 1_000_000;
const BLOCK_BYTES = 512;
const PAGE_BYTES = 4_096;
const MEGABYTE = 1e6;
const HUNDREDTHS = 100;
/** The drain is killed when this part of the readings has arrived. */
const KILL_AT = 0.4;
const QUERIES = 9;
const GOALS = { diskMb: 105, deviceBytes: 24.5, openMs: 150, openMillionMs: 60, drainS: 60, historyMs: 50, peakMb: 75 };

/** 30 days without the city: written, killed, opened, sent, killed, sent; then the history of it. */
export async function benchOutage(setting: Setting): Promise<Row[]> {
  const dayCount = scaled(setting, OUTAGE_DAYS);
  const historyDays = setting.size === 'full' ? HISTORY_DAYS : dayCount;
  const folder = newFolder(setting, 'outage');
  const bareMb = await peakOfBareNode();
  const million = await openMillion(setting);
  const write = { folder, sensorCount: SENSOR_COUNT, startTick: 0, tickCount: dayCount * TICKS_PER_DAY, ticksPerCommit: 1 };
  const written = await writeAndKill(setting, write);
  setting.say(`opening with ${written.count} readings waiting`);
  const openMs = median(await openRepeatedly(folder, write.tickCount));
  const slotsMs = readSlots(folder);
  const drained = await drain(setting, folder, write.tickCount, written);
  if (historyDays > dayCount) {
    await writeAndKill(setting, { ...write, startTick: write.tickCount, tickCount: (historyDays - dayCount) * TICKS_PER_DAY });
  }
  setting.say(`peak RSS: writing ${written.peakMb.toFixed(0)} MB, sending ${drained.peakMb.toFixed(0)} MB`);
  const title = `${dayCount} days of ${SENSOR_COUNT} sensors every 10 s`;
  const millions = written.count / SQLITE_READINGS;
  return [
    million.row,
    {
      name: `open, ${millions.toFixed(1)} M readings waiting`,
      value: openMs,
      unit: 'ms',
      against: 'reading the slots whole, out of memory',
      baseline: slotsMs,
      goal: GOALS.openMs,
    },
    {
      name: `on disk, ${title}`,
      value: written.diskMb,
      unit: 'MB',
      against: 'SQLite, 1 M rows, times as many',
      baseline: million.sqliteMb * millions,
      ...goalIf(setting, GOALS.diskMb),
    },
    {
      name: `device bytes a reading, ${title}`,
      value: written.deviceBytes / written.count,
      unit: 'B',
      against: 'one page a commit',
      baseline: PAGE_BYTES / SENSOR_COUNT,
      goal: GOALS.deviceBytes,
    },
    {
      name: `drained fresh first, killed once, ${title}`,
      value: drained.ms / 1000,
      unit: 's',
      against: 'SQLite WAL FULL, 1 M rows read and deleted, times as many',
      baseline: million.sqliteDrainS * millions,
      ...goalIf(setting, GOALS.drainS),
    },
    ...booksOf(written, drained),
    {
      name: `peak RSS, ${title}, written and drained`,
      value: Math.max(written.peakMb, drained.peakMb),
      unit: 'MB',
      against: 'bare node',
      baseline: bareMb,
      goal: GOALS.peakMb,
    },
    await benchHistory(setting, folder, historyDays),
  ];
}

/** What the city's side says, held against what was written. */
function booksOf(written: Written, { city, countBefore, unresolvedCount }: Awaited<ReturnType<typeof drain>>): Row[] {
  return [
    {
      name: 'readings written that did not arrive, or the other way round',
      value: Math.abs(written.count - city.count),
      unit: 'readings',
      against: 'readings written',
      baseline: written.count,
      goal: 0,
    },
    {
      name: 'difference of the sums of their values',
      value: Math.abs(written.sum - city.sum) / HUNDREDTHS,
      unit: '',
      against: 'sum written',
      baseline: written.sum / HUNDREDTHS,
      goal: 0,
    },
    {
      name: 'readings that arrived twice',
      value: city.repeatedCount,
      unit: 'readings',
      against: `readings that had arrived at the kill -9, after which ${unresolvedCount} were looked up`,
      baseline: countBefore,
      goal: 0,
    },
  ];
}

async function peakOfBareNode(): Promise<number | undefined> {
  const bare = startBareNode();
  for await (const _ of bare.messages) break;
  const peakMb = bare.peakRssMb();
  await bare.kill();
  return peakMb;
}

/** A quick run writes less, so a goal for all of it says nothing. */
function goalIf({ size }: Setting, goal: number): { goal?: number } {
  return size === 'quick' ? {} : { goal };
}

/** Openings with a million readings waiting, beside the same with a database; and what that database needs for sending them. */
async function openMillion(setting: Setting) {
  setting.say('opening with 1 M readings waiting');
  const [folder, sqlite] = [newFolder(setting, 'million'), newFolder(setting, 'sqlite')];
  const tickCount = SQLITE_READINGS / SENSOR_COUNT;
  const options: WriteOptions = { folder, sensorCount: SENSOR_COUNT, startTick: 0, tickCount, ticksPerCommit: 5 };
  await runWorker<Written>('write', options);
  await runWorker<number>('sqlite-fill', { folder: sqlite, readingCount: SQLITE_READINGS });
  const [journalMs, sqliteMs]: [number[], number[]] = [[], []];
  for (let opening = 0; opening < OPENINGS; opening++) {
    journalMs.push((await runWorker<Opened>('open', { folder, atTick: tickCount })).openMs);
    sqliteMs.push((await runWorker<Opened>('sqlite-open', { folder: sqlite })).openMs);
  }
  const sqliteMb = diskBytes(sqlite) / MEGABYTE;
  const { ms } = await runWorker<{ ms: number }>('sqlite-drain', { folder: sqlite });
  const row: Row = {
    name: 'open, 1 M readings waiting',
    value: median(journalMs),
    unit: 'ms',
    against: 'SQLite: open and count',
    baseline: median(sqliteMs),
    goal: GOALS.openMillionMs,
  };
  return { row, sqliteMb, sqliteDrainS: ms / 1000 };
}

interface Opened {
  readonly openMs: number;
}

/** Writes, and kills the writer as soon as it knows that everything is durable. */
async function writeAndKill(setting: Setting, options: WriteOptions) {
  const { folder, startTick, tickCount } = options;
  setting.say(`writing ${tickCount / TICKS_PER_DAY} days of ${SENSOR_COUNT} sensors, one commit a tick`);
  const before = deviceFigures(setting.disk.device, folder);
  const writer = startWorker('write', options);
  for await (const message of writer.messages) {
    if ('tick' in message) setting.say(`day ${Math.floor((startTick + Number(message['tick'])) / TICKS_PER_DAY)}`);
    if (!('result' in message)) continue;
    const peakMb = writer.peakRssMb() ?? Number.NaN;
    await writer.kill();
    const { writtenBytes } = difference(deviceFigures(setting.disk.device, folder), before);
    return { ...(message['result'] as Written), peakMb, deviceBytes: writtenBytes, diskMb: diskBytes(folder) / MEGABYTE };
  }
  throw new Error('the writing process ended early');
}

async function openRepeatedly(folder: string, atTick: number): Promise<number[]> {
  const openings: number[] = [];
  for (let opening = 0; opening < OPENINGS; opening++) {
    openings.push((await runWorker<Opened>('open', { folder, atTick })).openMs);
  }
  return openings;
}

/** Sends everything, with a kill -9 in between. What was on the way to the city by then still arrives. */
async function drain(setting: Setting, folder: string, atTick: number, written: Written) {
  const city = openCity(2 * written.count);
  const first = await drainUntil(setting, { folder, atTick }, city, KILL_AT * written.count);
  const countBefore = city.count;
  const second = await drainUntil(setting, { folder, atTick }, city, Number.POSITIVE_INFINITY);
  return {
    city,
    ms: first.ms + second.ms,
    peakMb: Math.max(first.peakMb, second.peakMb),
    countBefore,
    unresolvedCount: second.unresolvedCount,
  };
}

async function drainUntil(setting: Setting, options: { folder: string; atTick: number }, city: City, killAt: number) {
  setting.say(`sending, with ${city.count} readings in the city`);
  const sender = startWorker('drain', options);
  let ms = 0;
  let peakMb = Number.NaN;
  let unresolvedCount = 0;
  let isKilled = false;
  for await (const message of sender.messages) {
    if ('unresolved' in message) {
      const unresolved = message['unresolved'] as number[];
      unresolvedCount = unresolved.length;
      sender.answer({ arrived: unresolved.filter(city.has) });
    }
    if ('sent' in message) city.take(message as unknown as Sent);
    if ('ms' in message) ms = Number(message['ms']);
    if (isKilled || (city.count < killAt && !('result' in message))) continue;
    isKilled = true;
    peakMb = sender.peakRssMb() ?? Number.NaN;
    await sender.kill();
  }
  return { ms, peakMb, unresolvedCount };
}

/** One sensor's day, beside reading a day's share of the files. */
async function benchHistory(setting: Setting, folder: string, dayCount: number): Promise<Row> {
  setting.say(`looking up one sensor's day out of ${dayCount}`);
  const options = { folder, sensorCount: SENSOR_COUNT, dayCount, queryCount: QUERIES };
  const { queries, shareMs } = await runWorker<{ queries: HistoryFigures[]; shareMs: number }>('history', options);
  const wrong = queries.find(({ count }) => count !== READINGS_PER_DAY);
  if (wrong !== undefined) throw new Error(`a sensor's day has ${wrong.count} readings, not ${READINGS_PER_DAY}`);
  return {
    name: `one sensor's day out of ${dayCount} days${dayCount >= HISTORY_DAYS ? '' : ` (the goal is for ${HISTORY_DAYS}: --full)`}`,
    value: median(queries.map(({ ms }) => ms)),
    unit: 'ms',
    against: "reading a day's share of the files whole",
    baseline: shareMs,
    // Out of fewer days it takes less: reaching it there would say nothing.
    ...(dayCount >= HISTORY_DAYS ? { goal: GOALS.historyMs } : {}),
  };
}

function readSlots(folder: string): number {
  const startMs = performance.now();
  for (const name of readdirSync(folder)) if (name.startsWith('slot-')) readFileSync(join(folder, name));
  return performance.now() - startMs;
}

/** What a folder takes of the disk. */
function diskBytes(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).reduce(
    (sum, name) => sum + statSync(join(folder, name)).blocks * BLOCK_BYTES,
    0,
  );
}
