import { join } from 'node:path';
import type { Clock } from '../../drivers/clock.ts';
import type { Disk, Log } from '../host.ts';
import { CommitQueue } from './commit-queue.ts';
import { type JournalDelivery, openDelivery } from './delivery.ts';
import { type Damage, type Journal, JournalError, type SequenceRange } from './journal.ts';
import { recover } from './recovery.ts';
import { makeRetention } from './retention.ts';
import { SegmentStore } from './segment-store.ts';
import { SequenceSet } from './sequence-set.ts';

/** Damage is logged piece by piece up to here; the rest is one line. `stats().damage` has all of it. */
const DAMAGE_LINES_MAX = 5;

export interface JournalOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** How long appends are gathered before they are made durable together; 0: each group at once. */
  readonly syncMs: number;
  /** Of all segment files together. Cursors (8 KiB per uplink) and `damaged/` (4 MiB at most) come on top. */
  readonly maxSizeBytes: number;
  /** Delivered records are deleted when they are older; undelivered ones never for their age. */
  readonly keepMs: number;
}

/**
 * Opens the journal in a folder, which is made with the first record if it is missing. Whatever the files in it went
 * through, it opens with every undamaged record and says in `stats().damage` what else it found.
 * The caller holds the lock of the folder: two journals on one folder destroy each other.
 * @throws JournalError when the folder exists and cannot be listed: appending blindly could overwrite what is there
 */
export async function openJournal(disk: Disk, folder: string, options: JournalOptions): Promise<Journal> {
  const found = await recover(disk, folder, options.log);
  logDamage(found.damage, options.log);
  const foundLater: Damage[] = [];
  const store = new SegmentStore(disk, folder, options.clock, options.maxSizeBytes, found, (lost, cause) => {
    foundLater.push(lost);
    if (foundLater.length <= DAMAGE_LINES_MAX) options.log('warning', 'journal-damage', { ...lost, cause });
    queue.nameLoss({ range: lost.missing, cause });
    skip(lost.missing);
  });
  const holes = new SequenceSet(store.existing.missing({ first: 1, last: found.nextSequence - 1 }));
  for (const range of found.unread.ranges) holes.remove(range);
  const source = { holes, unread: found.unread, atOpening: store.existing.copy() };
  const deliveries: JournalDelivery[] = [];
  const opening = new Map<string, Promise<JournalDelivery>>();
  const open = async (uplink: string) => {
    const delivery = await openDelivery(disk, join(folder, `${uplink}.cursor`), found.heldFrom, source);
    // What was lost while the file was read.
    for (const hole of holes.ranges) delivery.skip(hole);
    deliveries.push(delivery);
    return delivery;
  };
  const skip = (range: SequenceRange) => {
    holes.add(range);
    for (const delivery of deliveries) delivery.skip(range);
  };

  for (const uplink of found.uplinks) opening.set(uplink, Promise.resolve(await open(uplink)));
  // A cursor that is ahead of the records (the disk lied, or the files are older copies) must not swallow what comes.
  // What was being sent may be gone with its file; its sequences stand in the cursor, and what takes them next would pass for it.
  const highest = Math.max(
    0,
    ...deliveries.map(({ ranges, lowWater, unresolved }) => Math.max(ranges.at(-1)?.last ?? lowWater, unresolved.at(-1) ?? 0)),
  );
  const nextSequence = Math.max(found.nextSequence, highest + 1);
  skip({ first: found.nextSequence, last: highest });

  const retention = makeRetention(store, deliveries, options, skip, (loss) => queue.nameLoss(loss));
  const queue = new CommitQueue(options, store, retention, nextSequence, skip);
  for (const loss of found.unnamed) queue.nameLoss(loss);
  let isClosed = false;

  return {
    async append(record, urgent = false) {
      const sequence = await queue.append(record, urgent);
      if (record.kind === 'anchor' && !found.anchors.has(record.boot)) found.anchors.set(record.boot, record);
      return sequence;
    },
    anchorOf: (boot) => found.anchors.get(boot),
    async read(from, limit) {
      if (isClosed) throw new JournalError('the journal is closed');
      return limit > 0 ? await store.read(from, limit) : [];
    },
    async delivery(uplink) {
      if (!/^[a-z0-9][a-z0-9-]*$/.test(uplink)) throw new JournalError(`${uplink} cannot be the name of an uplink's cursor`);
      const known = opening.get(uplink) ?? open(uplink);
      opening.set(uplink, known);
      return await known;
    },
    stats() {
      const failing = queue.failing;
      return {
        recordCount: store.recordCount,
        sizeBytes: store.sizeBytes,
        sizeBytesMax: options.maxSizeBytes,
        firstSequence: store.existing.ranges[0]?.first ?? 0,
        lastSequence: store.lastSequence,
        damage: [...found.damage, ...foundLater],
        evictedUndeliveredCount: retention.evictedUndeliveredCount,
        ...(failing === undefined ? {} : { failing }),
      };
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      await queue.close();
      for (const delivery of deliveries) await delivery.close();
    },
  };
}

function logDamage(damage: readonly Damage[], log: Log): void {
  for (const piece of damage.slice(0, DAMAGE_LINES_MAX)) log('warning', 'journal-damage', { ...piece });
  if (damage.length > DAMAGE_LINES_MAX) log('warning', 'journal-more-damage', { count: damage.length - DAMAGE_LINES_MAX });
}
