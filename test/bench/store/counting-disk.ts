import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Disk, DiskFile } from '../../../gateway/host.ts';
import { realHost } from '../../../gateway/real-host.ts';

/** The real disk, which counts what it is told to do. */
export interface CountingDisk {
  readonly disk: Disk;
  readonly counts: {
    writtenBytes: number;
    syncCount: number;
    /** Writes to files that are not slots: what is sealed. */
    blockWriteCount: number;
  };
  /** How long every fdatasync takes longer than the disk needs; 0 at first. */
  setSlow(forMs: number): void;
}

export function countingDisk(): CountingDisk {
  const { disk } = realHost(() => {});
  const counts = { writtenBytes: 0, syncCount: 0, blockWriteCount: 0 };
  let slowMs = 0;
  const wrap = (file: DiskFile, isBlock: boolean): DiskFile => ({
    ...file,
    pwrite: (bytes, position) => {
      counts.writtenBytes += bytes.length;
      if (isBlock) counts.blockWriteCount += 1;
      return file.pwrite(bytes, position);
    },
    fdatasync: async () => {
      counts.syncCount += 1;
      await file.fdatasync();
      await waitLonger(slowMs);
    },
  });
  return {
    counts,
    disk: { ...disk, open: async (path, mode) => wrap(await disk.open(path, mode), basename(path).includes('.blocks')) },
    setSlow: (forMs) => {
      slowMs = forMs;
    },
  };
}

/** What a slow sync takes besides what the disk needs. The same timer for all contenders, so that they wait equally long. */
export async function waitLonger(forMs: number): Promise<void> {
  if (forMs > 0) await sleep(forMs);
}
