import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Sectors in the block statistics are always of this size, whatever the device's are (Documentation/block/stat.rst). */
const SECTOR_BYTES = 512;
/** Fields of /sys/block/<device>/stat. */
const SECTORS_WRITTEN = 6;
const FLUSHES = 15;

/** What a block device was made to do. */
export interface DeviceFigures {
  readonly writtenBytes: number;
  readonly flushCount: number;
}

/** What has happened to the device since it was made, once the file system that `folder` lies on has nothing left to write. */
export function deviceFigures(device: string, folder: string): DeviceFigures {
  execFileSync('sync', ['--file-system', folder]);
  const fields = readFileSync(`/sys/block/${device}/stat`, 'utf8').trim().split(/\s+/).map(Number);
  return { writtenBytes: (fields[SECTORS_WRITTEN] ?? Number.NaN) * SECTOR_BYTES, flushCount: fields[FLUSHES] ?? Number.NaN };
}

export function difference(after: DeviceFigures, before: DeviceFigures): DeviceFigures {
  return { writtenBytes: after.writtenBytes - before.writtenBytes, flushCount: after.flushCount - before.flushCount };
}
