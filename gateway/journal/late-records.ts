import { DiskError } from '../host.ts';
import { classOf, type JournalRecord } from '../record.ts';
import { type Chains, lastSealed } from './chains.ts';
import { noRecords } from './holes.ts';
import { JournalError, type StoredRecord } from './journal.ts';
import type { SequenceSet } from './sequence-set.ts';
import type { SlotRing } from './slot-ring.ts';
import type { SlotFrame } from './slot-scan.ts';

/** Records that are read at once. */
const PAGE = 1_000;

/** What stands in slots and does not count there, because its class is sealed further. */
export interface Copied {
  /** How many records of a frame that is. */
  readonly countOf: ReadonlyMap<SlotFrame, number>;
  /** Those that are in no block file either: their slot could not be read for a while. */
  readonly late: readonly StoredRecord[];
}

/** What the commits tell. */
interface Left {
  /** A slot was left alone: what is missing in the block files was not thinned or dropped. */
  readonly isLeftAlone: boolean;
  /** Old places of what was appended again already. */
  readonly heldFrom: SequenceSet;
}

/**
 * Looks through the slots that a sealing had copied when the process ended, or of which nothing says any more that it had:
 * mostly there is none.
 */
export async function findCopied(ring: SlotRing, chains: Chains, { isLeftAlone, heldFrom }: Left): Promise<Copied> {
  const sealed = lastSealed(chains);
  const countOf = new Map<SlotFrame, number>();
  const late: StoredRecord[] = [];
  const places = ring.frames.filter(({ frame }) => frame.firstSequence <= sealed);
  for await (const { slot, frame, decoded } of ring.reader.readEach(places)) {
    const records = (decoded?.records ?? []).filter(
      ({ sequence, record }) => sequence <= (chains.get(classOf(record))?.lastSequence ?? 0),
    );
    countOf.set(frame, records.length);
    const known = await sealedOf(chains, records).catch(notNow);
    // What the block files do not tell now the next opening looks for: the slot has to be there still.
    if (known === undefined) slot.hasUnreadable = true;
    const isMissing = ({ sequence }: StoredRecord) => known?.has(sequence) === false && !heldFrom.has(sequence);
    late.push(...records.filter((stored) => isMissing(stored) && (isLeftAlone || isDamaged(stored, chains))));
  }
  return { countOf, late: await withoutCopies(late, ring, chains) };
}

/**
 * Without those that were appended again already. An observation's copy says where it stood (`heldFrom`), and those of events
 * are the same record at a higher sequence.
 */
export async function withoutCopies(
  late: readonly StoredRecord[],
  ring: SlotRing,
  chains: Chains,
): Promise<readonly StoredRecord[]> {
  const events = new Map(
    late.flatMap(({ sequence, record }) => (isEvent(record) ? [[JSON.stringify(record), sequence] as const] : [])),
  );
  if (events.size === 0) return late;
  const from = Math.min(...events.values());
  const copied = new Set<number>();
  const note = ({ sequence, record }: StoredRecord) => {
    const before = isEvent(record) ? events.get(JSON.stringify(record)) : undefined;
    if (before !== undefined && before < sequence) copied.add(before);
  };
  for await (const { decoded } of ring.reader.readEach(ring.frames.filter(({ frame }) => frame.lastSequence > from)))
    for (const stored of decoded?.records ?? []) note(stored);
  for (let next = from; ; ) {
    const page = (await chains.get('events')?.read(next, PAGE).catch(noRecords)) ?? [];
    for (const stored of page) note(stored);
    const last = page.at(-1);
    if (last === undefined) break;
    next = last.sequence + 1;
  }
  return late.filter(({ sequence }) => !copied.has(sequence));
}

function isEvent(record: JournalRecord): boolean {
  return classOf(record) === 'events';
}

/** Whether a block that held it is known to be bad. What is missing otherwise was thinned or dropped. */
function isDamaged({ sequence, record }: StoredRecord, chains: Chains): boolean {
  const damage = chains.get(classOf(record))?.damage ?? [];
  return damage.some(({ missing }) => missing !== undefined && missing.first <= sequence && sequence <= missing.last);
}

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
