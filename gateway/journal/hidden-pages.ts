import type { Clock } from '../../drivers/clock.ts';
import { type Disk, DiskError, type Log } from '../host.ts';
import { classOf } from '../record.ts';
import type { Chains } from './chains.ts';
import { countLost, lossesOf } from './holes.ts';
import { JournalError, type SequenceRange, type StoredRecord } from './journal.ts';
import { withoutCopies } from './late-records.ts';
import type { Loss } from './loss.ts';
import { rangeOf } from './named-losses.ts';
import { BELIEVED_AFTER_MS } from './second-look.ts';
import { SequenceSet } from './sequence-set.ts';
import { newSlot, type Slot } from './slot.ts';
import { type FoundSlot, readSlot } from './slot-recovery.ts';
import type { SlotRing } from './slot-ring.ts';

/** A slot of which the opening could not read some pages, and where the frames stand that it could. */
export interface HiddenSlot {
  readonly name: string;
  readonly epoch: number;
  readonly offsets: ReadonlySet<number>;
}

/** What may stand in such pages. */
export interface Hidden {
  readonly slots: readonly HiddenSlot[];
  /** Sequences that are missing, and those that were left out for these pages. */
  readonly ranges: readonly SequenceRange[];
  /** What is to be said when the disk does not give them; without a count where nobody knows whether there is anything. */
  readonly losses: readonly Loss[];
}

export function hiddenSlots(found: readonly FoundSlot[]): HiddenSlot[] {
  return found.flatMap(({ slot: { name, epoch, frames, hasUnreadable } }) =>
    hasUnreadable ? [{ name, epoch, offsets: new Set(frames.map(({ offset }) => offset)) }] : [],
  );
}

export interface HiddenParts {
  readonly disk: Disk;
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly ring: SlotRing;
  readonly chains: Chains;
  readonly deliveries: {
    readonly settled: (ranges: readonly SequenceRange[]) => void;
    readonly unpass: (sequence: number) => void;
  };
  readonly nameLoss: (loss: Loss) => void;
  readonly appendAgain: (stored: StoredRecord) => void;
}

/**
 * Looks at the pages once more, when the disk has had time to come to itself: what stands in them is appended again, and
 * the rest is named as lost. A process that ends before leaves that to the next one.
 */
export function watchHidden(hidden: Hidden | undefined, parts: HiddenParts): { close(): Promise<void> } | undefined {
  if (hidden === undefined) return undefined;
  let looking: Promise<void> = Promise.resolve();
  const cancel = parts.clock.timer(BELIEVED_AFTER_MS, () => {
    looking = look(hidden, parts).catch((error: unknown) => {
      if (!(error instanceof DiskError || error instanceof JournalError)) throw error;
      parts.log('warning', 'journal-pages-unreadable', { message: error.message });
    });
  });
  return {
    async close() {
      cancel();
      await looking;
    },
  };
}

async function look({ slots, ranges, losses }: Hidden, parts: HiddenParts): Promise<void> {
  const { ring, chains, deliveries, nameLoss, appendAgain } = parts;
  const wanted = new SequenceSet(ranges);
  const found = new SequenceSet();
  let isAllRead = true;
  for (const slot of slots) {
    const records = await recordsIn(slot, parts);
    isAllRead &&= records !== undefined;
    for (const stored of await withoutCopies(records ?? [], ring, chains)) {
      const { sequence } = stored;
      if (!wanted.has(sequence) || (await isSealed(stored, chains))) continue;
      found.add({ first: sequence, last: sequence });
      deliveries.unpass(sequence);
      appendAgain(stored);
    }
  }
  for (const loss of losses) {
    // Nobody knew whether there was anything.
    if (isAllRead && loss.count === undefined) continue;
    const parted = found.missing(rangeOf(loss));
    const isWhole = parted.length === 1 && parted[0]?.first === loss.firstSequence && parted[0].last === loss.lastSequence;
    const left = isWhole ? [loss] : await lossesOf(ring, await countLost(parted, chains), []);
    for (const each of left) {
      deliveries.settled([rangeOf(each)]);
      nameLoss({ ...each, cause: 'damaged' });
    }
  }
}

/** The records of the frames that could not be read; undefined when the disk still does not give all of the slot. */
async function recordsIn({ name, epoch, offsets }: HiddenSlot, { disk, folder, ring }: HiddenParts) {
  const read = await readSlot(disk, folder, name);
  // A newer use stood in these pages: the next opening knows what to do.
  if (read === undefined || read.hiddenEnd > 0 || read.scan.epoch !== epoch) return undefined;
  const { frames } = read.scan;
  const slot: Slot = { ...newSlot(name, read.sizeBytes), epoch, frames: [...frames], isLearned: false, isFinished: true };
  const places = frames.flatMap((frame) => (offsets.has(frame.offset) ? [] : [{ slot, frame }]));
  const records: StoredRecord[] = [];
  for await (const { decoded } of ring.reader.readEach(places)) records.push(...(decoded?.records ?? []));
  await ring.reader.shut(slot);
  return records;
}

async function isSealed({ sequence, record }: StoredRecord, chains: Chains): Promise<boolean> {
  const chain = chains.get(classOf(record));
  if (chain === undefined || chain.lastSequence < sequence) return false;
  const [there] = await chain.read(sequence, 1);
  return there?.sequence === sequence;
}
