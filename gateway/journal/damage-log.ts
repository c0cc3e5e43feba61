import type { Clock } from '../../drivers/clock.ts';
import type { Log } from '../host.ts';
import type { BlockDamage } from './block-file.ts';
import type { Damage } from './journal.ts';
import type { Loss } from './loss.ts';
import { lossOf } from './recovery.ts';
import type { UnreadFrame } from './sealing.ts';
import type { SlotFrame } from './slot-scan.ts';

/** Damage is logged piece by piece up to here; from then on one line an hour counts it. */
const LINES_MAX = 5;
const COUNT_LINE_MS = 3_600_000;
/** Pieces that are remembered. Every one is named by a gap record, wherever there is anything to name. */
const PIECES_MAX = 10_000;

/** Keeps the list of what is damaged, and sees to it that each is logged and named once. */
export interface DamageLog {
  all(): readonly Damage[];
  /** At opening: recovery names what is lost by it. */
  found(damage: readonly Damage[]): void;
  /** Met while reading. */
  readonly ofBlock: (damage: BlockDamage) => void;
  /** True the first time. */
  readonly ofFrame: (frame: UnreadFrame, loss?: Loss) => boolean;
  /** Whether a frame was met and could not be read. */
  isLost(slot: string, frame: SlotFrame): boolean;
}

/** What a frame costs that cannot be read. */
export function lossOfFrame({ firstSequence, lastSequence, unknownCount }: UnreadFrame): Loss {
  return { firstSequence, lastSequence, cause: 'damaged', count: unknownCount ?? lastSequence - firstSequence + 1 };
}

export interface DamageLogParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly onLoss: (loss: Loss) => void;
  /** Copies the bytes aside for whoever wants to look at them. */
  readonly keepAside: (damage: Damage) => void;
}

export function openDamageLog({ clock, log, onLoss, keepAside }: DamageLogParts): DamageLog {
  const all: Damage[] = [];
  let lineCount = 0;
  const frames = new Set<string>();
  const keyOf = (slot: string, { offset, firstSequence }: Pick<SlotFrame, 'offset' | 'firstSequence'>) =>
    `${slot} ${offset} ${firstSequence}`;
  let uncountedCount = 0;
  let nextCountMs = 0;
  const note = (damage: Damage) => {
    if (all.length < PIECES_MAX) all.push(damage);
    lineCount += 1;
    if (lineCount <= LINES_MAX) return log('warning', 'journal-damage', { ...damage });
    uncountedCount += 1;
    if (clock.monotonicMs() < nextCountMs) return;
    log('warning', 'journal-more-damage', { count: uncountedCount });
    uncountedCount = 0;
    nextCountMs = clock.monotonicMs() + COUNT_LINE_MS;
  };
  return {
    all: () => [...all],
    isLost: (slot, frame) => frames.has(keyOf(slot, frame)),
    found: (damage) => {
      for (const piece of damage) note(piece);
    },
    ofBlock: (damage) => {
      note(damage);
      keepAside(damage);
      for (const loss of lossOf(damage)) onLoss(loss);
    },
    ofFrame: (frame, loss = lossOfFrame(frame)) => {
      const { slot, offset, sizeBytes, firstSequence, lastSequence } = frame;
      const key = keyOf(slot, frame) + (frame.unknownCount === undefined ? '' : ' in part');
      if (frames.has(key)) return false;
      frames.add(key);
      const missing = { first: firstSequence, last: lastSequence };
      const damage: Damage = { file: slot, offset, sizeBytes, missing, kind: 'damaged' };
      note(damage);
      keepAside(damage);
      onLoss(loss);
      return true;
    },
  };
}
