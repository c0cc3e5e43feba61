import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { countingDisk } from './counting-disk.ts';
import { openBenchJournal } from './journal-contender.ts';
import { openStream } from './stream.ts';

const SENSOR_COUNT = 200;
const PER_COMMIT = 1_000;
const NANOSECONDS = 1e6;

export interface LoopDelayOptions {
  readonly folder: string;
  /** What every fdatasync takes longer. */
  readonly slowMs: number;
  readonly forMs: number;
  /** Commits before, at the disk's own speed, so that the slots are in turn for sealing. */
  readonly fillCount: number;
}

/** Time between two turns of a timer that is due every millisecond: what 99 % did not exceed. */
export interface LoopDelay {
  readonly idleMs: number;
  readonly busyMs: number;
  readonly busyMsMax: number;
  readonly commitCount: number;
  readonly sealedWhileSlow: boolean;
}

/** Commits one after another to a disk that takes long to sync, and watches the event loop; before, the same loop with nothing to do. */
export async function runLoopDelay({ folder, slowMs, forMs, fillCount }: LoopDelayOptions): Promise<LoopDelay> {
  const { disk, counts, setSlow } = countingDisk();
  const stream = openStream({ sensorCount: SENSOR_COUNT, valueKind: 'decimal', seed: 9 });
  const journal = await openBenchJournal(disk, folder, stream.clock);
  const commit = () => Promise.all(stream.next(PER_COMMIT).map((reading) => journal.append(reading)));
  for (let count = 0; count < fillCount; count++) await commit();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await sleep(forMs / 4);
  const idleMs = delay.percentile(99) / NANOSECONDS;
  setSlow(slowMs);
  delay.reset();
  const { blockWriteCount } = counts;
  const endMs = performance.now() + forMs;
  let commitCount = 0;
  for (; performance.now() < endMs; commitCount++) await commit();
  delay.disable();
  const busy = { busyMs: delay.percentile(99) / NANOSECONDS, busyMsMax: delay.max / NANOSECONDS };
  return { idleMs, ...busy, commitCount, sealedWhileSlow: counts.blockWriteCount > blockWriteCount };
}
