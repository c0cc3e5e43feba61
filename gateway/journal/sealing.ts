import { DiskError } from '../host.ts';
import { classOf, RECORD_CLASSES, type RecordClass } from '../record.ts';
import type { Chains } from './chains.ts';
import type { DecodedRecords } from './columns.ts';
import type { StoredRecord } from './journal.ts';
import type { FramePlace, Slot } from './slot.ts';
import type { SlotRing } from './slot-ring.ts';
import type { SlotFrame } from './slot-scan.ts';

/** A frame of a slot that cannot be read any more. */
export interface UnreadFrame {
  readonly slot: string;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** Only so many of its records are lost: what their series is stood elsewhere. Undefined when all are. */
  readonly unknownCount?: number;
}

export function unreadOf({ slot, frame }: FramePlace, decoded: DecodedRecords | undefined): UnreadFrame {
  const { offset, sizeBytes, firstSequence, lastSequence } = frame;
  const part = decoded === undefined ? {} : { unknownCount: decoded.unknownCount };
  return { slot: slot.name, offset, sizeBytes, firstSequence, lastSequence, ...part };
}

/**
 * Copies what the slots hold into the block files, class by class; all of it is durable when this resolves, and only then may
 * the slots be used again. What an interrupted sealing has copied already is not copied twice. Few frames are decoded and one
 * block encoded between two waits for the disk, so that nothing else ever waits long.
 *
 * A frame that cannot be read may be readable another time: the first time it is put into `doubtful`, and sealing fails
 * before anything behind it is copied. When it is not readable then either, it is given up, as soon as that is written down.
 * @throws DiskError
 */
export async function seal(
  slots: readonly Slot[],
  ring: SlotRing,
  chains: Chains,
  doubtful: Set<SlotFrame>,
  giveUp: (frame: UnreadFrame) => Promise<void>,
): Promise<void> {
  const places = slots.flatMap((slot) => slot.frames.map((frame) => ({ slot, frame })));
  const readable: FramePlace[] = [];
  for await (const { isReadable, ...place } of ring.check(places)) {
    if (isReadable) readable.push(place);
    else if (doubtful.has(place.frame)) await giveUp(unreadOf(place, undefined));
    else {
      doubtful.add(place.frame);
      throw unreadable(place);
    }
  }
  readable.sort((a, b) => a.frame.firstSequence - b.frame.firstSequence);
  const seen = new Set<RecordClass>();
  for (const [i, recordClass] of RECORD_CLASSES.entries()) {
    // The first pass sees which other classes there are.
    if (i > 0 && !seen.has(recordClass)) continue;
    await chains.get(recordClass)?.append(recordsOf(readable, ring, recordClass, seen, giveUp));
  }
}

/** The records of one class by sequence. Where the disk failed under a slot, the same ones stand in the next. */
async function* recordsOf(
  places: readonly FramePlace[],
  ring: SlotRing,
  wanted: RecordClass,
  seen: Set<RecordClass>,
  giveUp: (frame: UnreadFrame) => Promise<void>,
): AsyncGenerator<readonly StoredRecord[]> {
  let last = 0;
  for await (const { decoded, isRefused, ...place } of ring.readEach(places)) {
    if (place.frame.lastSequence <= last) continue;
    if (decoded === undefined || isRefused) throw unreadable(place);
    if (decoded.unknownCount > 0) await giveUp(unreadOf(place, decoded));
    const records: StoredRecord[] = [];
    for (const stored of decoded.records) {
      const recordClass = classOf(stored.record);
      seen.add(recordClass);
      if (recordClass === wanted && stored.sequence > last) records.push(stored);
    }
    last = place.frame.lastSequence;
    if (records.length > 0) yield records;
  }
}

function unreadable({ slot, frame }: FramePlace): DiskError {
  return new DiskError('EIO', `the records ${frame.firstSequence} to ${frame.lastSequence} in ${slot.name} cannot be read`);
}
