import type { ChainFile } from './block-chain.ts';
import type { Chains } from './chains.ts';
import type { JournalFileStats } from './journal.ts';
import { SequenceSet } from './sequence-set.ts';
import type { FramePlace } from './slot.ts';
import type { SlotRing } from './slot-ring.ts';

/** The files of the journal, as people are shown them: block files by class, then slots. */
export function fileStats(ring: SlotRing, chains: Chains): JournalFileStats[] {
  const blocks = [...chains].flatMap(([recordClass, chain]) =>
    chain.files.map((file): JournalFileStats => ({ ...blockStats(file), kind: 'block', recordClass })),
  );
  const slots = ring.slots.map(({ name, fileBytes: sizeBytes, frames }): JournalFileStats => {
    const recordCount = frames.reduce((sum, { firstSequence, lastSequence }) => sum + lastSequence - firstSequence + 1, 0);
    const [firstSequence = 0, lastSequence = 0] = [frames[0]?.firstSequence, frames.at(-1)?.lastSequence];
    return { file: name, kind: 'slot', sizeBytes, recordCount, firstSequence, lastSequence };
  });
  return [...blocks, ...slots.sort((a, b) => (a.file < b.file ? -1 : 1))];
}

function blockStats({ name, sizeBytes, recordCount, firstSequence, lastSequence, fromWallMs, toWallMs, isThinned }: ChainFile) {
  const times = fromWallMs === undefined || toWallMs === undefined ? {} : { fromWallMs, toWallMs };
  return { file: name, sizeBytes, recordCount, firstSequence, lastSequence, ...times, ...(isThinned ? { isThinned } : {}) };
}

/**
 * How many records the slots add to those of the block files. The same ones stand in two slots where the disk failed under the
 * first; of `copyCount` of a frame the block files have what counts.
 */
export function countInSlots(places: readonly FramePlace[], copyCount: (place: FramePlace) => number): number {
  const inSlots = new SequenceSet();
  let copies = 0;
  for (const place of places) {
    const range = { first: place.frame.firstSequence, last: place.frame.lastSequence };
    const count = copyCount(place);
    if (count > range.last - range.first || inSlots.covers(range)) continue;
    inSlots.add(range);
    copies += count;
  }
  return inSlots.count - copies;
}
