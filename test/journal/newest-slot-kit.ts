// What the tests of the newest slot share.
import type { Journal } from '../../gateway/journal/journal.ts';
import { appendGroup, FOLDER } from './kit.ts';
import type { ModelDisk } from './model-disk.ts';

export const SIZES = { slotBytes: 16_384, slotCount: 4, blockFileBytes: 65_536 };
export const GROUP = 20;

/** Appends groups of values from `from` on. Returns their sequences. */
export async function groups(journal: Journal, from: number, count: number): Promise<number[]> {
  const sequences: number[] = [];
  for (let at = from; at < from + count * GROUP; at += GROUP) sequences.push(...(await appendGroup(journal, at, at + GROUP - 1)));
  return sequences;
}

/** The name of the slot with the newest records. */
export function newestSlot(journal: Journal): string {
  const slots = journal.stats().files.filter(({ kind, recordCount }) => kind === 'slot' && recordCount > 0);
  return slots.sort((a, b) => b.lastSequence - a.lastSequence)[0]?.file as string;
}

/** The disk does not open the slot from now on. */
export function refuse(disk: ModelDisk, slot: string): void {
  disk.fault = (operation, _count, path) => (operation === 'open' && path === `${FOLDER}/${slot}` ? 'EIO' : undefined);
}
