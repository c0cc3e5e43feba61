import type { RecordClass } from '../record.ts';
import type { Chain } from './block-chain.ts';
import type { SequenceRange } from './journal.ts';

/** The chain of each class. */
export type Chains = ReadonlyMap<RecordClass, Chain>;

/** Whether any block file holds a record of the range. */
export async function hasRecords(chains: Chains, { first, last }: SequenceRange): Promise<boolean> {
  for (const chain of chains.values()) {
    const [next] = chain.lastSequence < first ? [] : await chain.read(first, 1);
    if (next !== undefined && next.sequence <= last) return true;
  }
  return false;
}

/** The highest sequence in the block files; 0 when there is none. */
export function lastSealed(chains: Chains): number {
  return Math.max(0, ...[...chains.values()].map(({ lastSequence }) => lastSequence));
}
