import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SentiloConfig } from '../../../config/config.ts';
import type { Http } from '../../../gateway/host.ts';
import { realHost } from '../../../gateway/real-host.ts';
import type { Observation } from '../../../gateway/record.ts';
import { openTimekeeper } from '../../../gateway/timekeeper.ts';
import { openSentilo } from '../../../gateway/uplink/sentilo.ts';
import { openBenchJournal, UPLINK } from '../store/journal-contender.ts';
import { hundredths, openStream, type Stream } from '../store/stream.ts';

export const PROVIDER = 'makers-poblenou';
export const TOKEN = 'c956c302086a042dd0426b4e62652273e05a6ce74d0b77f8b5602e0811025066';
/** Readings that are made durable together. */
const COMMIT = 1_000;
const LOOK_MS = 2;

export interface BacklogOptions {
  readonly count: number;
  readonly sensorCount: number;
  /** Holds the journal; in memory, unless the disk is to be measured with it. */
  readonly isOnDisk?: boolean;
}

/** Readings that wait in a journal. They are not in memory as well: a gateway has no such heap to be collected again and again. */
export interface Backlog {
  /** What all of them are together, in hundredths. */
  readonly sum: number;
  /** Delivers everything by the gateway's own uplink. */
  drain(options: DrainOptions): Promise<Drained>;
  remove(): void;
}

export interface DrainOptions {
  readonly http: Http;
  readonly batch: number;
  readonly url?: string;
}

/** What delivering took. */
export interface Drained {
  readonly ms: number;
  /** Processor time of this process in all its threads, microseconds. */
  readonly cpuUs: number;
}

/** The readings of a backlog, in memory. */
export function readingsOf({ count, sensorCount }: BacklogOptions): readonly Observation[] {
  return streamOf(sensorCount).next(count);
}

/** In hundredths. */
export function sumOf(readings: readonly Observation[]): number {
  return readings.reduce((all, reading) => all + hundredths(reading), 0);
}

function streamOf(sensorCount: number): Stream {
  return openStream({ sensorCount, valueKind: 'decimal', seed: 7 });
}

/** Writes readings into a new journal as a gateway without a city would, and closes it. */
export async function makeBacklog({ count, sensorCount, isOnDisk = false }: BacklogOptions): Promise<Backlog> {
  const folder = mkdtempSync(join(isOnDisk ? tmpdir() : '/dev/shm', 'barri-drain-'));
  const host = realHost(() => {});
  const stream = streamOf(sensorCount);
  const writing = await openBenchJournal(host.disk, folder, stream.clock);
  // As an uplink does at its start: without a cursor anything might have been sent before, and all of it would be looked up.
  await (await writing.delivery(UPLINK)).flush();
  let sum = 0;
  for (let written = 0; written < count; written += COMMIT) {
    const some = stream.next(Math.min(COMMIT, count - written));
    sum += sumOf(some);
    await Promise.all(some.map((reading) => writing.append(reading)));
  }
  await writing.close();
  return {
    sum,
    remove: () => rmSync(folder, { recursive: true }),
    drain: async ({ http, batch, url = 'http://city.test' }) => {
      const journal = await openBenchJournal(host.disk, folder, host.clock);
      const time = await openTimekeeper(host, journal);
      const send = { everyMs: 1_000, batch };
      const config: SentiloConfig = {
        url,
        provider: PROVIDER,
        tokenSecret: '',
        send,
        catalog: 'off',
        ordersFrom: [],
        alerts: new Map(),
        component: {},
      };
      // Without the wait by chance of its start.
      const uplink = await openSentilo(config, TOKEN, { ...host, http, random: () => 0 }, journal, time, { batchMax: batch });
      const stop = new AbortController();
      const before = process.cpuUsage();
      const startMs = performance.now();
      const run = uplink.run(stop.signal);
      while (uplink.status().waitingCount > 0) await sleep(LOOK_MS);
      const ms = performance.now() - startMs;
      const { user, system } = process.cpuUsage(before);
      stop.abort();
      await run;
      await journal.close();
      return { ms, cpuUs: user + system };
    },
  };
}
