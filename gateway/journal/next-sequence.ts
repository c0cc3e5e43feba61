import { type Chains, lastSealed } from './chains.ts';
import type { SlotUse } from './file-list.ts';
import { lossAt } from './holes.ts';
import type { SequenceRange } from './journal.ts';
import type { Loss } from './loss.ts';
import type { Slot } from './slot.ts';
import type { FoundSlots } from './slot-recovery.ts';
import type { SlotRing } from './slot-ring.ts';

/** As many as a slot that is gone or cannot be read may hold: none has more records than bytes. */
export const SEQUENCES_OF_A_SLOT = 1 << 20;

/** Where the sequences go on. Every one below may have been used. */
export interface Next {
  readonly nextSequence: number;
  /** Something cannot be read now: what is missing may stand there. */
  readonly hasUnreadable: boolean;
  /** The newest commits are among what cannot be read. */
  readonly isNewestUnread: boolean;
  /** What is left out because it may stand where nothing can be read now: a range or none, as are the next. */
  readonly room: readonly SequenceRange[];
  /** What was in the newest slot, or in all of them, and is lost. */
  readonly gone: readonly SequenceRange[];
  /** What is to be said of both. */
  readonly losses: readonly Loss[];
  /** What is lost if the pages of the newest slot that could not be read stay so. */
  readonly hidden: readonly Loss[];
}

interface Known {
  readonly use: SlotUse | undefined;
  /** Of the records that are there. */
  readonly lastSequence: number;
  /** Of all that is spoken of. */
  readonly highest: number;
  /** Slots that are left alone although they were read. */
  readonly left: readonly Slot[];
}

/** `use`: the newest use of a slot, as it was noted when it was begun. */
export async function goOn(slots: FoundSlots, ring: SlotRing, chains: Chains, known: Known): Promise<Next> {
  const { isGone, isHidden, ...where } = whereTo(slots, lastSealed(chains), known);
  const { nextSequence } = where;
  const none = { ...where, room: [], gone: [], losses: [], hidden: [] };
  if (nextSequence === known.highest + 1) return none;
  // What came before the newest use may stand where nothing can be read now.
  const first = Math.max(known.lastSequence + 1, isGone && slots.closed.length > 0 ? (known.use?.firstSequence ?? 0) : 0);
  const range = { first, last: nextSequence - 1 };
  const loss = await lossAt(ring, range);
  const before = first - 1 > known.lastSequence ? [{ first: known.lastSequence + 1, last: first - 1 }] : [];
  if (isGone) return { ...none, gone: [range], losses: [loss], room: before };
  // Nothing is missing there, and the next opening must not take it for a loss.
  const leftOut: Loss = { firstSequence: range.first, lastSequence: range.last, cause: 'left-out', count: 0 };
  return { ...none, room: [range], losses: [leftOut], hidden: isHidden ? [loss] : [] };
}

function whereTo({ found, foreign, closed, unread }: FoundSlots, sealed: number, { use, lastSequence, highest, left }: Known) {
  const hasUnreadable = closed.length > 0 || found.some(({ slot }) => slot.hasUnreadable);
  // Block files are made of slots: somebody has deleted these, or copied only those.
  const areGone = found.length + foreign.length === 0 && lastSequence > 0;
  const newest = found.find(({ slot }) => slot.name === use?.slot && slot.epoch === use.epoch);
  const lastOfUse = newest?.slot.frames.at(-1)?.lastSequence;
  const isUnread =
    newest?.slot.hasUnreadable === true ||
    closed.some((name) => name === use?.slot) ||
    left.some(({ name }) => name === use?.slot);
  const isWhole = !isUnread && lastOfUse !== undefined && (newest?.slot.fileBytes ?? 0) >= (use?.sizeBytes ?? 0);
  // What came after it is there, so that it is not the newest any more. Copies of what it holds may stand in an older use.
  const later = found.flatMap(({ slot }) => (slot.epoch > (use?.epoch ?? 0) ? (slot.frames.at(-1)?.lastSequence ?? 0) : []));
  const isPassed = Math.max(sealed, unread.ranges.at(-1)?.last ?? 0, ...later) > (lastOfUse ?? (use?.firstSequence ?? 0) - 1);
  const isGone = areGone || (use !== undefined && !isWhole && !isUnread && !isPassed);
  const isHidden = newest?.isEndHidden === true && !isPassed;
  const isNewestUnread = isUnread && !isPassed;
  // What cannot be read may be in a newer use, which began in the moment when the process died, before it was noted.
  if (!isGone && !hasUnreadable) return { nextSequence: highest + 1, hasUnreadable, isNewestUnread, isGone, isHidden };
  const from = Math.max(highest, use?.firstSequence ?? 0);
  return { nextSequence: from + SEQUENCES_OF_A_SLOT + 1, hasUnreadable, isNewestUnread, isGone, isHidden };
}
