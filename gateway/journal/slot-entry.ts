import { type Item, isSameSeries } from './arrange.ts';
import type { WritableHead } from './frame.ts';
import { isOfText } from './record-split.ts';

/** The part of a slot that one frame may take: an empty slot holds any. */
const FRAME_PARTS = 2;
/** More than an observation takes besides its boot and the definition of its series: all its numbers, written out. */
const OBSERVATION_BYTES_MAX = 128;

/** A record with its place, to be written to a slot. */
export interface Entry extends Item {
  readonly sequence: number;
  /** No less than what it takes in a frame, with the definition of its series. */
  readonly bytesMax: number;
}

/** The entries of the next frame: consecutive, and certain to fit an empty slot of this size. */
export function framePart(entries: readonly Entry[], from: number, slotBytes: number): readonly Entry[] {
  const sizeMax = slotBytes / FRAME_PARTS;
  let end = from;
  let sizeBytes = 0;
  let before: Entry | undefined;
  for (; end < entries.length; end++) {
    const entry = entries[end] as Entry;
    const isLike = before !== undefined && entry.record.boot === before.record.boot && isSameSeries(entry, before);
    sizeBytes += isLike ? OBSERVATION_BYTES_MAX : entry.bytesMax;
    if (before !== undefined && (entry.sequence !== before.sequence + 1 || sizeBytes > sizeMax)) break;
    before = entry;
  }
  return entries.slice(from, end);
}

/** What the frame of these says before its payload. */
export function headOf(epoch: number, part: readonly Entry[]): WritableHead {
  const firstSequence = (part[0] as Entry).sequence;
  const type = part.some(isMarked) ? 'marked' : 'commit';
  const lastSequence = firstSequence + part.length - 1;
  return { epoch, firstSequence, lastSequence, count: part.length, type, hasTexts: part.some(isOfText) };
}

/** Whether an opening has to look into the frame that holds this record. */
function isMarked({ record }: Entry): boolean {
  return record.kind === 'gap' || (record.kind === 'observation' && record.heldFrom !== undefined);
}
