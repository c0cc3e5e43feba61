import type { ChainFile } from './block-chain.ts';
import type { Chains } from './chains.ts';
import type { JournalFileStats } from './journal.ts';
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
