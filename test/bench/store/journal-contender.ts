import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../../drivers/clock.ts';
import type { Disk } from '../../../gateway/host.ts';
import type { Journal } from '../../../gateway/journal/journal.ts';
import { openJournal } from '../../../gateway/journal/open-journal.ts';
import type { Contender, ContenderOptions } from './contender.ts';
import { countingDisk } from './counting-disk.ts';
import { BOOT, START_WALL_MS, virtualClock } from './stream.ts';

/** As a site has them by default, except that the bench's history outlives its 90 days. */
const SIZE_BYTES_MAX = 1_073_741_824;
const KEEP_MS = 400 * 86_400_000;
const BLOCK_BYTES = 512;
export const UPLINK = 'sentilo';

/** Opens the journal as the gateway does, except that every group of appends is written at once. */
export function openBenchJournal(disk: Disk, folder: string, clock: Clock, slots: { slotBytes?: number } = {}): Promise<Journal> {
  const options = { clock, log: () => {}, boot: BOOT, syncMs: 0, maxSizeBytes: SIZE_BYTES_MAX, keepMs: KEEP_MS, ...slots };
  return openJournal(disk, folder, options);
}

export async function openJournalContender({ folder, slotBytes, slowMs = 0 }: ContenderOptions): Promise<Contender> {
  const { disk, counts, setSlow } = countingDisk();
  setSlow(slowMs);
  let nowMs = 0;
  const journal = await openBenchJournal(
    disk,
    folder,
    virtualClock(() => nowMs),
    slotBytes === undefined ? {} : { slotBytes },
  );
  const delivery = await journal.delivery(UPLINK);
  let sequences: readonly number[] = [];
  return {
    commit: async (readings) => {
      nowMs = (readings.at(-1)?.wallMs ?? START_WALL_MS) - START_WALL_MS;
      sequences = await Promise.all(readings.map((reading) => journal.append(reading)));
    },
    acknowledge: async () => delivery.settle(sequences, sequences),
    densityBytes: async () => {
      const blocks = journal.stats().files.filter(({ kind }) => kind === 'block');
      const sizeBytes = blocks.reduce((sum, { file }) => sum + statSync(join(folder, file)).blocks * BLOCK_BYTES, 0);
      return sizeBytes / blocks.reduce((sum, { recordCount }) => sum + recordCount, 0);
    },
    hasSealed: () => counts.blockWriteCount > 0,
    close: () => journal.close(),
  };
}
