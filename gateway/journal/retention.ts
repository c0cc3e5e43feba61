import type { Clock } from '../../drivers/clock.ts';
import { DiskError, type Log } from '../host.ts';
import type { JournalDelivery } from './delivery.ts';
import type { SequenceRange } from './journal.ts';
import type { Evicted, Pending, SegmentStore } from './segment-store.ts';

/** A range of sequences that is gone, and why. */
export interface Loss {
  readonly range: SequenceRange;
  readonly cause: string;
}

/** What is kept and for how long, and what goes when there is no room. */
export interface Retention {
  /** Deletes what is too old or too much before a record that begins a new file. */
  makeRoom(next: Pending): Promise<void>;
  /**
   * The disk is full: deletes one file. One with undelivered readings goes only when memory is full as well, because what
   * was acknowledged must not make room for what was not. False when there is nothing (more) to gain.
   */
  freeDisk(isMemoryFull: boolean): Promise<boolean>;
  /** The disk takes writes again. */
  diskHasRoom(): void;
  readonly evictedUndeliveredCount: number;
}

/**
 * `onHole` hears of sequences at which nothing is any more, `onLoss` of those that a gap record must name.
 */
export function makeRetention(
  store: SegmentStore,
  deliveries: readonly JournalDelivery[],
  options: { readonly clock: Clock; readonly log: Log; readonly keepMs: number },
  onHole: (range: SequenceRange) => void,
  onLoss: (loss: Loss) => void,
): Retention {
  let evictedUndeliveredCount = 0;
  let isSacrificeMade = false;
  const isDelivered = (range: SequenceRange) => deliveries.every((delivery) => delivery.covers(range));

  const note = ({ file, range, undeliveredCount }: Evicted, cause: string) => {
    evictedUndeliveredCount += undeliveredCount;
    const level = undeliveredCount > 0 ? 'warning' : 'info';
    options.log(level, 'journal-file-deleted', {
      file,
      cause,
      undeliveredCount,
      firstSequence: range?.first,
      lastSequence: range?.last,
    });
    if (range === undefined) return;
    // A hole between records needs a name, or the next opening takes it for damage; what goes at the old end leaves none.
    const oldest = store.existing.ranges[0]?.first ?? Number.POSITIVE_INFINITY;
    if (undeliveredCount > 0 || oldest < range.first) onLoss({ range, cause });
    for (const hole of store.existing.missing(range)) onHole(hole);
  };

  return {
    async makeRoom(next) {
      if (store.fits(next)) return;
      const { ms, quality } = options.clock.wall();
      // A clock that may be wrong must not make data old.
      if (quality === 'synced' || quality === 'holdover') {
        for (
          let gone = await store.expire(isDelivered, ms - options.keepMs);
          gone;
          gone = await store.expire(isDelivered, ms - options.keepMs)
        ) {
          note(gone, 'expired');
        }
      }
      while (store.isFull) {
        const gone = await store.evict(isDelivered, true);
        if (gone === undefined) return;
        note(gone, 'size-cap');
      }
    },
    async freeDisk(isMemoryFull) {
      try {
        // Others may be filling the disk: undelivered data is given up once, and not again before that has proved to help.
        const gone = await store.evict(isDelivered, isMemoryFull && !isSacrificeMade);
        if (gone === undefined) return false;
        if (gone.undeliveredCount > 0) isSacrificeMade = true;
        note(gone, 'disk-full');
        return true;
      } catch (error) {
        if (error instanceof DiskError) return false;
        throw error;
      }
    },
    diskHasRoom() {
      isSacrificeMade = false;
    },
    get evictedUndeliveredCount() {
      return evictedUndeliveredCount;
    },
  };
}
