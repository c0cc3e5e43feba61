import { DiskError } from '../host.ts';
import { classOf, RECORD_CLASSES, type RecordClass } from '../record.ts';
import type { Chains } from './chains.ts';
import type { DecodedRecords } from './columns.ts';
import type { StoredRecord } from './journal.ts';
import { type FramePlace, keyOf, type Slot } from './slot.ts';
import type { SlotRing } from './slot-ring.ts';

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
 * A frame that the disk refuses may be readable another time: sealing fails before anything is copied, until `isLost` says
 * of all such frames that they are. What is lost is given up together, as soon as that is written down.
 * @throws DiskError
 */
export async function seal(
  slots: readonly Slot[],
  ring: SlotRing,
  chains: Chains,
  isLost: (place: string) => boolean,
  giveUp: (frames: readonly UnreadFrame[]) => Promise<void>,
): Promise<void> {
  const places = slots.flatMap((slot) => slot.frames.map((frame) => ({ slot, frame })));
  const readable: FramePlace[] = [];
  const lost: UnreadFrame[] = [];
  let awaited: FramePlace | undefined;
  for await (const { isReadable, isRefused, ...place } of ring.reader.check(places)) {
    if (isReadable) readable.push(place);
    else if (isRefused && !isLost(keyOf(place))) awaited ??= place;
    else lost.push(unreadOf(place, undefined));
  }
  if (awaited !== undefined) throw unreadable(awaited);
  await giveUp(lost);
  readable.sort((a, b) => a.frame.firstSequence - b.frame.firstSequence);
  const seen = new Set<RecordClass>();
  for (const [i, recordClass] of RECORD_CLASSES.entries()) {
    // The first pass sees which other classes there are.
    if (i > 0 && !seen.has(recordClass)) continue;
    await chains.get(recordClass)?.append(recordsOf(readable, ring, recordClass, seen, i === 0 ? giveUp : undefined));
  }
}

/** The records of one class by sequence. Where the disk failed under a slot, the same ones stand in the next. */
async function* recordsOf(
  places: readonly FramePlace[],
  ring: SlotRing,
  wanted: RecordClass,
  seen: Set<RecordClass>,
  giveUp: ((frames: readonly UnreadFrame[]) => Promise<void>) | undefined,
): AsyncGenerator<readonly StoredRecord[]> {
  let last = 0;
  for await (const { decoded, isRefused, ...place } of ring.reader.readEach(places)) {
    if (place.frame.lastSequence <= last) continue;
    if (decoded === undefined || isRefused) throw unreadable(place);
    if (decoded.unknownCount > 0) await giveUp?.([unreadOf(place, decoded)]);
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
