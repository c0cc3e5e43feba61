import { DiskError } from '../host.ts';
import { classOf } from '../record.ts';
import { type Chains, lastSealed } from './chains.ts';
import { JournalError, type StoredRecord } from './journal.ts';
import type { SlotRing } from './slot-ring.ts';

/**
 * Records of slots that lie below what is sealed and are not sealed themselves: their slot could not be read for a while.
 * Mostly there is none, and only slots that a sealing had copied when the process ended have to be looked through.
 */
export async function findLate(ring: SlotRing, chains: Chains): Promise<readonly StoredRecord[]> {
  const sealed = lastSealed(chains);
  const late: StoredRecord[] = [];
  for (const { slot, frame } of ring.frames) {
    if (frame.firstSequence > sealed) continue;
    const decoded = await ring.read(slot, frame);
    const records = (decoded?.records ?? []).filter(
      ({ sequence, record }) => sequence <= (chains.get(classOf(record))?.lastSequence ?? 0),
    );
    const known = await sealedOf(chains, records).catch(notNow);
    late.push(...records.filter(({ sequence }) => known?.has(sequence) === false));
  }
  return late;
}

/** What cannot be told now is looked for at the next opening. */
function notNow(error: unknown): undefined {
  if (!(error instanceof DiskError || error instanceof JournalError)) throw error;
}

/** Which of the records are in the block files. */
async function sealedOf(chains: Chains, records: readonly StoredRecord[]): Promise<Set<number>> {
  const known = new Set<number>();
  const classes = new Set(records.map(({ record }) => classOf(record)));
  const [first, last] = [records[0]?.sequence ?? 0, records.at(-1)?.sequence ?? 0];
  for (const recordClass of classes) {
    for (let from = first; from <= last; ) {
      const found = (await chains.get(recordClass)?.read(from, last - from + 1)) ?? [];
      for (const { sequence } of found) known.add(sequence);
      from = (found.at(-1)?.sequence ?? last) + 1;
    }
  }
  return known;
}
