import { rmSync } from 'node:fs';
import type { Row } from '../row.ts';
import type { AppendOptions, ContenderName, Span } from './append-run.ts';
import { newFolder, type Setting, scaled } from './setting.ts';
import { runWorker } from './workers.ts';

const PER_COMMIT = 200;
const WARM_COMMITS = 10;
/** Few enough to fit the slots, so that no sealing is counted as an acknowledgement. */
const COMMITS = 600;

/** What it costs to note after every commit that its readings were delivered, and whether it is noted. */
export async function benchAcknowledge(setting: Setting): Promise<Row[]> {
  setting.say('acknowledging while appends flow');
  const journal = await moreWith(setting, 'journal');
  const sqlite = await moreWith(setting, 'SQLite FULL');
  return [
    {
      name: 'flushes more to acknowledge every commit',
      value: journal.flushes,
      unit: 'flushes a commit',
      against: 'SQLite WAL FULL: deleting the rows',
      baseline: sqlite.flushes,
      goal: 0,
    },
    {
      name: 'commits whose acknowledgement a kill -9 undoes, besides the last',
      value: journal.forgotten,
      unit: 'commits',
      against: 'commits that were acknowledged',
      baseline: journal.commitCount,
      goal: 0,
    },
  ];
}

async function moreWith(setting: Setting, contender: ContenderName) {
  const without = await once(setting, contender, false);
  const { result, forgotten } = await once(setting, contender, true);
  const flushes = (result.flushCount - without.result.flushCount) / result.commitCount;
  // The file system commits now and then by itself, which is no more than a few among hundreds of commits.
  return { flushes: Math.round(100 * flushes) / 100, forgotten, commitCount: result.commitCount };
}

async function once(setting: Setting, contender: ContenderName, isAcknowledging: boolean) {
  const folder = newFolder(setting, contender);
  const options: AppendOptions = {
    contender,
    folder,
    device: setting.disk.device,
    perCommit: PER_COMMIT,
    valueKind: 'decimal',
    commitCount: scaled(setting, COMMITS),
    warmCount: WARM_COMMITS,
    isSealing: false,
    isAcknowledging,
  };
  const result = await runWorker<Span>('append', options);
  let forgotten = 0;
  if (contender === 'journal' && isAcknowledging) {
    const found = await runWorker<{ lowWater: number; lastSequence: number }>('low-water', { folder });
    forgotten = Math.max(0, Math.ceil((found.lastSequence - found.lowWater) / PER_COMMIT) - 1);
  }
  rmSync(folder, { recursive: true });
  return { result, forgotten };
}
