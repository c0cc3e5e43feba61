import type { Disk, DiskFile } from '../host.ts';
import { toPage } from './frame.ts';

/** What a disk was made to do: whole pages, since the file system writes nothing smaller, and flushes. */
export interface Wear {
  writtenBytes: number;
  syncCount: number;
}

/** The disk, with everything that wears it counted. */
export function countingDisk(disk: Disk, wear: Wear): Disk {
  const counted = (file: DiskFile): DiskFile => ({
    pread: (position, length) => file.pread(position, length),
    pwrite: async (bytes, position) => {
      const written = await file.pwrite(bytes, position);
      wear.writtenBytes += toPage(written);
      return written;
    },
    fdatasync: async () => {
      wear.syncCount += 1;
      await file.fdatasync();
    },
    truncate: (sizeBytes) => file.truncate(sizeBytes),
    size: () => file.size(),
    close: () => file.close(),
  });
  return {
    readDir: (path) => disk.readDir(path),
    mkdir: (path) => disk.mkdir(path),
    open: async (path, mode) => counted(await disk.open(path, mode)),
    size: (path) => disk.size(path),
    freeBytes: (path) => disk.freeBytes(path),
    rename: (from, to) => disk.rename(from, to),
    unlink: (path) => disk.unlink(path),
    fsyncDir: async (path) => {
      wear.syncCount += 1;
      await disk.fsyncDir(path);
    },
  };
}
