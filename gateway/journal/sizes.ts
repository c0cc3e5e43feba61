import { join } from 'node:path';
import type { Disk } from '../host.ts';
import { unlessDiskError } from './disk-tools.ts';
import { isSlotName } from './slot.ts';

const SLOT_BYTES_MAX = 1 << 20;
const SLOT_BYTES_MIN = 1 << 16;
const SLOT_COUNT_MAX = 12;
const BLOCK_FILE_BYTES_MAX = 4 << 20;
const BLOCK_FILE_BYTES_MIN = 1 << 16;
/** A slot may take this part of the whole, all of them that, and a block file that. */
const SLOT_PARTS = 16;
const SLOTS_PARTS = 4;
const BLOCK_FILE_PARTS = 32;

/** The pieces that a journal is made of. */
export interface Sizes {
  readonly slotBytes: number;
  readonly slotCount: number;
  readonly blockFileBytes: number;
}

/** What is asked for. Sizes that are given are taken. */
export interface SizesWanted extends Partial<Sizes> {
  readonly maxSizeBytes: number;
}

/**
 * Sizes that fit the cap, or the file system when that is smaller: a small journal has small files, so that what goes at the
 * limit is a small part of it.
 */
export async function sizesOf(disk: Disk, folder: string, wanted: SizesWanted): Promise<Sizes> {
  const wholeBytes = Math.min(wanted.maxSizeBytes, await roomBytes(disk, folder, wanted.maxSizeBytes));
  const part = (parts: number, min: number, max: number) => {
    let sizeBytes = max;
    while (sizeBytes > min && sizeBytes * parts > wholeBytes) sizeBytes /= 2;
    return sizeBytes;
  };
  const fittingBytes = part(SLOT_PARTS, SLOT_BYTES_MIN, SLOT_BYTES_MAX);
  const slotBytes = wanted.slotBytes ?? Math.min(fittingBytes, await slotBytesThere(disk, folder));
  // Four at least: sealed together, one that is written, and one for what comes meanwhile.
  const fitting = Math.max(SLOT_PARTS / SLOTS_PARTS, Math.floor(wholeBytes / SLOTS_PARTS / slotBytes));
  const slotCount = wanted.slotCount ?? Math.min(SLOT_COUNT_MAX, fitting);
  const blockFileBytes = wanted.blockFileBytes ?? part(BLOCK_FILE_PARTS, BLOCK_FILE_BYTES_MIN, BLOCK_FILE_BYTES_MAX);
  return { slotBytes, slotCount, blockFileBytes };
}

/**
 * The smallest size that several slots have; infinity when there is none. Slots are made anew only to be smaller, which needs
 * no room: the room that there is now may be gone when the first of them is deleted for a larger one. What only one slot has
 * is not the journal's size: the power failed while that one was made.
 */
async function slotBytesThere(disk: Disk, folder: string): Promise<number> {
  const counts = new Map<number, number>();
  for (const name of (await disk.readDir(folder).catch(unlessDiskError<string[]>([]))).filter(isSlotName)) {
    const sizeBytes = (await disk.size(join(folder, name)).catch(unlessDiskError(undefined))) ?? 0;
    counts.set(sizeBytes, (counts.get(sizeBytes) ?? 0) + 1);
  }
  let slotBytes = SLOT_BYTES_MAX;
  let least = Number.POSITIVE_INFINITY;
  for (; slotBytes >= SLOT_BYTES_MIN; slotBytes /= 2) if ((counts.get(slotBytes) ?? 0) > 1) least = slotBytes;
  return least;
}

/** What the folder takes and what is free beside it; at least `enough` when that is free alone, or nobody knows. */
async function roomBytes(disk: Disk, folder: string, enough: number): Promise<number> {
  const freeBytes = await disk.freeBytes(folder).catch(unlessDiskError(enough));
  if (freeBytes >= enough) return enough;
  const names = await disk.readDir(folder).catch(unlessDiskError<string[]>([]));
  let usedBytes = 0;
  for (const name of names) usedBytes += (await disk.size(join(folder, name)).catch(unlessDiskError(undefined))) ?? 0;
  return usedBytes + freeBytes;
}
