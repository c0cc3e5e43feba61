import type { Log } from '../host.ts';
import type { BlockDamage } from './block-file.ts';
import type { Damage } from './journal.ts';
import type { Loss } from './loss.ts';
import { lossOf } from './recovery.ts';
import type { UnreadFrame } from './sealing.ts';
import type { SlotFrame } from './slot-scan.ts';

/** Damage is logged piece by piece up to here; the rest is one line. */
const LINES_MAX = 5;

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

/** What a frame that cannot be read costs. */
export function lossOfFrame({ firstSequence, lastSequence }: UnreadFrame): Loss {
  return { firstSequence, lastSequence, cause: 'damaged', count: lastSequence - firstSequence + 1 };
}

export function openDamageLog(log: Log, onLoss: (loss: Loss) => void): DamageLog {
  const all: Damage[] = [];
  let lineCount = 0;
  const frames = new Set<string>();
  const keyOf = (slot: string, { offset, firstSequence }: Pick<SlotFrame, 'offset' | 'firstSequence'>) =>
    `${slot} ${offset} ${firstSequence}`;
  const line = (damage: Damage) => {
    lineCount += 1;
    if (lineCount <= LINES_MAX) log('warning', 'journal-damage', { ...damage });
  };
  return {
    all: () => [...all],
    isLost: (slot, frame) => frames.has(keyOf(slot, frame)),
    found: (damage) => {
      all.push(...damage);
      for (const piece of damage) line(piece);
      if (damage.length > LINES_MAX) log('warning', 'journal-more-damage', { count: damage.length - LINES_MAX });
    },
    ofBlock: (damage) => {
      all.push(damage);
      line(damage);
      for (const loss of lossOf(damage)) onLoss(loss);
    },
    ofFrame: (frame, loss = lossOfFrame(frame)) => {
      const { slot, offset, sizeBytes, firstSequence, lastSequence } = frame;
      const key = keyOf(slot, frame);
      if (frames.has(key)) return false;
      frames.add(key);
      const missing = { first: firstSequence, last: lastSequence };
      const damage: Damage = { file: slot, offset, sizeBytes, missing, kind: 'damaged' };
      all.push(damage);
      line(damage);
      onLoss(loss);
      return true;
    },
  };
}
