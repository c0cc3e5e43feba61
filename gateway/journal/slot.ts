import type { DiskFile } from '../host.ts';
import { placesOf, toPage } from './frame.ts';
import { Dictionary } from './series.ts';
import type { SlotFrame } from './slot-scan.ts';

/** One preallocated file, and what of it is in use. */
export interface Slot {
  readonly name: string;
  /** See frame.ts. */
  readonly places: number;
  /** What it takes on the disk. */
  fileBytes: number;
  /** 0 while it was never used. */
  epoch: number;
  /** Durable frames of this epoch, ascending. Empty when everything in it is sealed: the slot is free. */
  frames: SlotFrame[];
  /** Where the next frame goes. */
  endBytes: number;
  dictionary: Dictionary;
  /** The dictionary knows the definitions of all frames. */
  isLearned: boolean;
  /** A write or sync of it has failed: what stands in it is read, and nothing is written behind it. Another file takes its place once it is free. */
  isFinished: boolean;
  /** The opening could not read all of it, or not tell whether all of it is sealed: this process does not use it again. */
  hasUnreadable: boolean;
  /** The open file; one promise for all who wait for it, so that none is opened twice. */
  file: Promise<DiskFile> | undefined;
}

/** A frame and the slot in which it stands. */
export interface FramePlace {
  readonly slot: Slot;
  readonly frame: SlotFrame;
}

/** No release has larger slots. What lies beyond is not looked at: it would take all memory. */
export const SLOT_LOOKED_MAX = 4 << 20;
/** Tells a frame from all others, also of other uses of its slot. */
export function keyOf({ slot, frame }: FramePlace): string {
  return `${slot.name} ${slot.epoch} ${frame.offset}`;
}

/** Neighbouring frames are read at once, up to so many bytes, and up to so many records, which are decoded without a wait. */
const GROUP_BYTES_MAX = 65_536;
const GROUP_RECORDS_MAX = 1_024;

export function newSlot(name: string, fileBytes: number): Slot {
  return {
    name,
    places: placesOf(name),
    fileBytes,
    epoch: 0,
    frames: [],
    endBytes: 0,
    dictionary: new Dictionary(),
    isLearned: true,
    isFinished: false,
    hasUnreadable: false,
    file: undefined,
  };
}

/** The name of a slot by its number, from 0 on. */
export function slotName(number: number): string {
  return `slot-${String(number).padStart(3, '0')}`;
}

/** Whether a name is a slot's. */
export function isSlotName(name: string): boolean {
  return /^slot-\d{3}$/.test(name);
}

/** Frames that follow each other in one slot, as many as are to be read and decoded at once. */
export function* groupsOf(places: readonly FramePlace[]): Generator<FramePlace[]> {
  let group: FramePlace[] = [];
  let count = 0;
  for (const place of places) {
    const [first, last] = [group[0], group.at(-1)];
    count += place.frame.lastSequence - place.frame.firstSequence + 1;
    const follows = last?.slot === place.slot && place.frame.offset === toPage(endOf(last));
    const isLarge = count > GROUP_RECORDS_MAX || endOf(place) - (first?.frame.offset ?? 0) > GROUP_BYTES_MAX;
    if (last !== undefined && (!follows || isLarge)) {
      yield group;
      group = [];
      count = place.frame.lastSequence - place.frame.firstSequence + 1;
    }
    group.push(place);
  }
  if (group.length > 0) yield group;
}

/** Where the frame ends in its file; 0 when there is none. */
export function endOf(place: FramePlace | undefined): number {
  return place === undefined ? 0 : place.frame.offset + place.frame.sizeBytes;
}
