import { DiskError, type Log } from '../host.ts';
import { classOf } from '../record.ts';
import type { Chains } from './chains.ts';
import { lossOfFrame } from './damage-log.ts';
import type { Deliveries } from './deliveries.ts';
import { codeOf, ignoreFailure } from './disk-tools.ts';
import { JournalError, type StoredRecord } from './journal.ts';
import { type Loss, LossTally, lossOfGap } from './loss.ts';
import { LEFT_ALONE_MARK, SEALED_MARK, sealedMarkOf } from './marks.ts';
import type { Retention } from './retention.ts';
import { seal, type UnreadFrame } from './sealing.ts';
import { rangesOf } from './sequence-set.ts';
import type { FramePlace, Slot } from './slot.ts';
import type { SlotRing } from './slot-ring.ts';

/** Full slots that are sealed together at least. */
const SLOTS_TOGETHER = 2;
/**
 * They wait for each other until they hold so many records, or until there is only one slot left to write to: a block file
 * that grows costs the card some 30 KB besides the records, however few these are.
 */
const RECORDS_TOGETHER = 50_000;
/** Files that are deleted for one attempt. A disk that says it is full whatever is freed must not keep the program busy. */
const FREED_MAX = 8;

/** Records of one slot that is given up that are appended again: were there nothing else, they would fill the next one. */
const SAVED_MAX = 64;

export interface SealerParts {
  readonly ring: SlotRing;
  readonly chains: Chains;
  readonly retention: Retention;
  readonly deliveries: Deliveries;
  readonly log: Log;
  /** Everything up to here was sealed before this process. */
  readonly sealedThrough: number;
  /** There are slots that cannot be read now, or not whole: what is in them is not sealed, whatever is sealed meanwhile. */
  readonly hasUnread: boolean;
  /** Whether records that such a slot held have been found and are not durable elsewhere yet. */
  readonly hasLate: () => boolean;
  /** Frames cannot be read any more. */
  readonly onUnread: (frame: UnreadFrame, loss: Loss) => void;
  /** Records have another place now. */
  readonly onMoved: () => void;
  /** As in retention.ts. */
  readonly announce: (losses: readonly Loss[]) => Promise<void>;
  /** As in reader.ts. */
  readonly isLost: (place: string) => boolean;
  readonly onLoss: (loss: Loss) => void;
  /** Its place is written over. */
  readonly appendAgain: (stored: StoredRecord) => void;
}

/** Empties the slots into the block files, in the background as long as there is another slot to write to. */
export interface Sealer {
  /** What the next commit is to say: up to where all records are in the block files, and up to where those of each class are. */
  readonly marks: readonly (readonly [name: string, sequence: number])[];
  /** Of the records in slots that were written over: undelivered observations, and all of them. */
  readonly givenUpCount: number;
  readonly overwrittenCount: number;
  /** What the operating system said when sealing failed last; undefined when it did not. */
  readonly failure: string | undefined;
  /** Begins to seal when it is time to. Never throws. */
  start(): void;
  /** Resolves when there is a slot to write to. @throws DiskError, JournalError */
  makeRoom(): Promise<void>;
  close(): Promise<void>;
}

export function openSealer(parts: SealerParts): Sealer {
  const { ring, log } = parts;
  let { sealedThrough } = parts;
  let running: Promise<void> | undefined;
  let failure: string | undefined;
  let givenUpCount = 0;
  let overwrittenCount = 0;
  /** Full slots when sealing failed last: it is tried again when there are more of them, and when there is no room left. */
  let failedAtCount = 0;

  const run = async () => {
    const slots = ring.full();
    const last = Math.max(sealedThrough, ...slots.map((slot) => slot.frames.at(-1)?.lastSequence ?? 0));
    await sealWithRoom(parts, slots);
    if (!parts.hasUnread) sealedThrough = last;
    parts.onMoved();
    for (const slot of slots) ring.free(slot);
    failedAtCount = 0;
    if (failure !== undefined) log('info', 'journal-sealing-again');
    failure = undefined;
  };
  const attempt = async () => {
    try {
      await run();
    } catch (error) {
      if (!(error instanceof DiskError || error instanceof JournalError)) throw error;
      failedAtCount = ring.full().length;
      if (failure === undefined) log('warning', 'journal-sealing-failed', { message: error.message });
      failure = codeOf(error);
      throw error;
    }
  };
  const begin = () => {
    running ??= attempt().finally(() => {
      running = undefined;
    });
    return running;
  };

  return {
    get marks() {
      const ofClasses = [...parts.chains].map(
        ([recordClass, { files }]) => [sealedMarkOf(recordClass), files.at(-1)?.lastSequence ?? 0] as const,
      );
      const leftAlone = parts.hasUnread || parts.hasLate() ? [[LEFT_ALONE_MARK, 1] as const] : [];
      return [[SEALED_MARK, sealedThrough] as const, ...ofClasses, ...leftAlone];
    },
    get givenUpCount() {
      return givenUpCount;
    },
    get overwrittenCount() {
      return overwrittenCount;
    },
    get failure() {
      return failure;
    },
    start() {
      const full = ring.full();
      if (running !== undefined || full.length <= failedAtCount) return;
      // What stands in a slot that was deleted is gone with the process until it is sealed.
      const isPressing = full.some(({ isFinished }) => isFinished);
      const isWorthIt = full.length >= SLOTS_TOGETHER && (ring.freeCount <= 1 || recordCountOf(full) >= RECORDS_TOGETHER);
      if (!isPressing && !isWorthIt) return;
      // What fails here is tried again, and fails there for whoever waits for it.
      begin().catch(ignoreFailure);
    },
    async makeRoom() {
      if (running !== undefined) await running.catch(ignoreFailure);
      if (ring.hasRoom) return;
      try {
        await begin();
      } catch (error) {
        if (!(error instanceof DiskError && error.code === 'ENOSPC')) throw error;
        // Nothing is left to delete: the slots themselves are the only room there is.
        const given = await giveUpOldest(parts);
        givenUpCount += given.undeliveredCount;
        overwrittenCount += given.count;
      }
    },
    async close() {
      await running?.catch(ignoreFailure);
    },
  };
}

function recordCountOf(slots: readonly Slot[]): number {
  const spanOf = ({ frames }: Slot) => (frames.at(-1)?.lastSequence ?? 0) - (frames[0]?.firstSequence ?? 0);
  return slots.reduce((sum, slot) => sum + spanOf(slot), 0);
}

/** A full disk is no reason to stop: what is kept longest is deleted for it, piece by piece. */
async function sealWithRoom(
  { ring, chains, retention, deliveries, announce, onUnread, isLost }: SealerParts,
  slots: readonly Slot[],
): Promise<void> {
  const marked = slots.flatMap((slot) => slot.frames.flatMap((frame) => (frame.isMarked ? [{ slot, frame }] : [])));
  await retention.makeRoom(slots.reduce((sum, slot) => sum + slot.endBytes, 0));
  const giveUp = async (frames: readonly UnreadFrame[]) => {
    if (frames.length === 0) return;
    const losses = frames.map(lossOfFrame);
    await announce(losses);
    for (const [i, frame] of frames.entries()) onUnread(frame, losses[i] as Loss);
  };
  for (let freedCount = 0; ; freedCount++) {
    try {
      if (marked.length > 0) await settleHeld(marked, ring, deliveries);
      return await seal(slots, ring, chains, isLost, giveUp);
    } catch (error) {
      if (!(error instanceof DiskError || error instanceof JournalError) || codeOf(error) !== 'ENOSPC') throw error;
      if (freedCount >= FREED_MAX) {
        // No DiskError: that would be tried once more at once. There is more to delete, so no slot is given up for it yet.
        throw new JournalError(`the disk is full (ENOSPC) although ${FREED_MAX} files were deleted`, { cause: error });
      }
      if (!(await retention.freeDisk())) throw error;
    }
  }
}

/** Which records are copies of held ones is looked up in the slots only: before a copy leaves them its old place is settled. */
async function settleHeld(places: readonly FramePlace[], ring: SlotRing, deliveries: Deliveries): Promise<void> {
  const held: number[] = [];
  for await (const { decoded } of ring.reader.readEach(places))
    for (const { record } of decoded?.records ?? [])
      if (record.kind === 'observation' && record.heldFrom !== undefined) held.push(record.heldFrom);
  deliveries.settled(rangesOf(held));
  await deliveries.flush();
}

/**
 * The oldest slot is written over, delivered or not: it is history all the same, and named. Events are few and are appended
 * again. Returns how many records are lost, and how many of them are observations that somebody has not got.
 */
async function giveUpOldest({ ring, chains, deliveries, onMoved, announce, onLoss, appendAgain, log }: SealerParts) {
  const oldest = ring.full().find(({ hasUnreadable }) => !hasUnreadable);
  if (oldest === undefined) return { count: 0, undeliveredCount: 0 };
  const tally = new LossTally('disk-full');
  const named: Loss[] = [];
  const saved: StoredRecord[] = [];
  let undeliveredCount = 0;
  for (const frame of oldest.frames) {
    for (const stored of (await ring.reader.read(oldest, frame))?.records ?? []) {
      const { sequence, record } = stored;
      // An unfinished sealing has copied it.
      if (sequence <= (chains.get(classOf(record))?.lastSequence ?? 0)) continue;
      // What it names would be named by nothing any more.
      if (record.kind === 'gap') named.push(lossOfGap(record));
      else if (record.kind !== 'observation' && saved.length < SAVED_MAX) saved.push(stored);
      else {
        tally.add(stored);
        const isMissed = deliveries.all.some((delivery) => !delivery.isDelivered(sequence));
        if (record.kind === 'observation' && isMissed) undeliveredCount += record.window?.count ?? 1;
      }
    }
  }
  // The places of what is appended again are empty as well.
  const all = { firstSequence: oldest.frames[0]?.firstSequence ?? 0, lastSequence: oldest.frames.at(-1)?.lastSequence ?? 0 };
  const losses: Loss[] = [...named, { ...(tally.loss ?? { cause: 'left-out', count: 0 }), ...all }];
  await announce(losses);
  onMoved();
  ring.free(oldest);
  log('warning', 'journal-slot-given-up', { file: oldest.name, lostCount: tally.count, undeliveredCount });
  for (const stored of saved) appendAgain(stored);
  for (const loss of losses) onLoss(loss);
  return { count: tally.count, undeliveredCount };
}
