import { join } from 'node:path';
import type { Disk, DiskFile } from '../host.ts';
import { ignoreDiskError, withFile, writeAll } from './disk-tools.ts';
import { newSlot, type Slot } from './slot.ts';

/** Zeros are written in pieces of this size. */
const FILL_BYTES = 65_536;

/** A new slot, durable; half of one is not left behind. @throws DiskError */
export async function makeSlot(disk: Disk, folder: string, name: string, slotBytes: number): Promise<Slot> {
  const path = join(folder, name);
  await disk.mkdir(folder);
  try {
    await withFile(disk, path, 'create', (file) => fill(file, slotBytes));
    await disk.fsyncDir(folder);
  } catch (error) {
    await disk.unlink(path).catch(ignoreDiskError);
    throw error;
  }
  return newSlot(name, slotBytes);
}

/** Makes a slot that is there as good as new: every byte is written again, and made durable. @throws DiskError */
export async function writeOver(disk: Disk, path: string, slotBytes: number): Promise<void> {
  await withFile(disk, path, 'write', async (file) => {
    if ((await file.size()) > slotBytes) await file.truncate(slotBytes);
    await fill(file, slotBytes);
  });
}

/** Zeros, not a hole: a page that has never been written costs the file system a write of its own when it is. */
async function fill(file: DiskFile, slotBytes: number): Promise<void> {
  const zeros = new Uint8Array(FILL_BYTES);
  for (let at = 0; at < slotBytes; at += FILL_BYTES) await writeAll(file, zeros.subarray(0, slotBytes - at), at);
  await file.fdatasync();
}
