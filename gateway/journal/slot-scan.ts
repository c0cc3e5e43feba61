import { Buffer } from 'node:buffer';
import { claimedEpoch, decodeFrame, type Frame, PAGE_BYTES, placesOf, toPage } from './frame.ts';
import type { SequenceRange } from './journal.ts';

/** A frame of a slot, and where it stands. `isMarked`: it holds records that an opening must look into. */
export interface SlotFrame {
  readonly offset: number;
  readonly sizeBytes: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly isMarked: boolean;
}

const ZERO_PAGE = Buffer.alloc(PAGE_BYTES);

/** A run of whole pages. */
export interface PageRun {
  readonly offset: number;
  readonly sizeBytes: number;
  /** The highest epoch that a page of it names where a frame would; 0 when none begins like a frame. */
  readonly epoch: number;
}

/** What a slot holds. */
export interface SlotScan {
  /** The highest of any right frame: that of the newest use of the slot. 0 when there is no right frame. */
  readonly epoch: number;
  /** The frames of that epoch, ascending. */
  readonly frames: readonly SlotFrame[];
  /** Nothing of this use of the slot stands from here on: the next frame may be written here. */
  readonly endBytes: number;
  /** It holds frames that only a later release can read. */
  readonly isLater: boolean;
  /** Pages that are neither part of a right frame nor zero: torn, damaged, or what an overwritten older frame left. */
  readonly bad: readonly PageRun[];
}

/**
 * Looks through the bytes of the whole slot of this name for frames. Frames begin on pages; the CRC of each begins with its place, so a
 * frame that stands elsewhere than it was written is none. What lies behind damage is found like everything else.
 * The frames of older uses are those with a lower epoch: right, and without meaning.
 */
export function scanSlot(bytes: Uint8Array, name: string): SlotScan {
  const places = placesOf(name);
  const right: { readonly offset: number; readonly frame: Frame }[] = [];
  const bad: PageRun[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const frame = decodeFrame(bytes, offset, places + offset);
    if (frame !== undefined && (frame.type === 'commit' || frame.type === 'marked' || frame.type === 'later')) {
      right.push({ offset, frame });
      offset += toPage(frame.sizeBytes);
      continue;
    }
    if (!isZero(bytes.subarray(offset, offset + PAGE_BYTES))) addPage(bad, offset, claimedEpoch(bytes, offset) ?? 0);
    offset += PAGE_BYTES;
  }
  const epoch = right.reduce((highest, { frame }) => Math.max(highest, frame.epoch), 0);
  const frames = right.filter(({ frame }) => frame.epoch === epoch).map(({ offset, frame }) => slotFrame(offset, frame));
  const last = frames.at(-1);
  const framesEnd = last === undefined ? 0 : last.offset + toPage(last.sizeBytes);
  // Bad pages behind the last frame may belong to a commit of this use that was torn; nothing is written over them.
  const badEnd = bad.findLast(({ offset }) => offset >= framesEnd);
  const isLater = right.some(({ frame }) => frame.type === 'later');
  return { epoch, frames, endBytes: badEnd === undefined ? framesEnd : badEnd.offset + badEnd.sizeBytes, isLater, bad };
}

export function slotFrame(offset: number, frame: Omit<Frame, 'payload'>): SlotFrame {
  const { sizeBytes, firstSequence, lastSequence, type } = frame;
  return { offset, sizeBytes, firstSequence, lastSequence, isMarked: type === 'marked' };
}

/** Whether the frame may hold any of these sequences. */
export function overlaps({ firstSequence, lastSequence }: SlotFrame, { first, last }: SequenceRange): boolean {
  return firstSequence <= last && first <= lastSequence;
}

function addPage(runs: PageRun[], offset: number, epoch: number): void {
  const before = runs.at(-1);
  if (before !== undefined && before.offset + before.sizeBytes === offset) {
    const sizeBytes = before.sizeBytes + PAGE_BYTES;
    runs[runs.length - 1] = { offset: before.offset, sizeBytes, epoch: Math.max(before.epoch, epoch) };
  } else runs.push({ offset, sizeBytes: PAGE_BYTES, epoch });
}

/** Half a megabyte of comparing byte by byte would be most of what an opening takes. */
function isZero(page: Uint8Array): boolean {
  return ZERO_PAGE.compare(page, 0, page.length, 0, page.length) === 0;
}
