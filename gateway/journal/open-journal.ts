import type { Clock } from '../../drivers/clock.ts';
import type { Disk, Log } from '../host.ts';
import { copyOf, type RecordClass } from '../record.ts';
import { type Chains, hasRecords } from './chains.ts';
import { CommitQueue } from './commit-queue.ts';
import { type DamageLog, openDamageLog } from './damage-log.ts';
import { type Deliveries, openDeliveries } from './deliveries.ts';
import { ignoreFailure } from './disk-tools.ts';
import { countingDisk, type Wear } from './disk-wear.ts';
import { countInSlots, fileStats } from './file-stats.ts';
import { watchHidden } from './hidden-pages.ts';
import { goneDamage, lossAt } from './holes.ts';
import { type Damage, type Journal, JournalError, type StoredRecord } from './journal.ts';
import type { Loss } from './loss.ts';
import { highestOf, SEALED_MARK, uplinksOf } from './marks.ts';
import { keepAside } from './quarantine.ts';
import { makeReader } from './reader.ts';
import { type Recovered, recover } from './recovery.ts';
import { Replacements } from './replacements.ts';
import { makeRetention } from './retention.ts';
import { openSealer } from './sealer.ts';
import type { UnreadFrame } from './sealing.ts';
import { SecondLook } from './second-look.ts';
import { SequenceSet } from './sequence-set.ts';
import { sizesOf } from './sizes.ts';
import { overlaps } from './slot-scan.ts';
import { openUnusedCursors } from './unused-cursors.ts';

export interface JournalOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** How long appends are gathered before they are made durable together; 0: each group at once. */
  readonly syncMs: number;
  /** Of slots and block files together. Cursors, `losses` and `files` (16 KiB each) and `damaged/` (4 MiB at most) come on top. */
  readonly maxSizeBytes: number;
  /** Delivered records are deleted when they are older; undelivered ones never for their age. */
  readonly keepMs: number;
  /** Identity of this boot of the machine, for the records that the journal itself writes. */
  readonly boot?: string;
  /** The uplinks that are in use; without this, all that have a cursor. For others nothing is kept. */
  readonly uplinks?: readonly string[];
  /** For looking at the folder of a running gateway: nothing in it is changed. */
  readonly isReadOnly?: boolean;
  /** Chosen from maxSizeBytes unless given: for tests. Multiples of a page. */
  readonly slotBytes?: number;
  readonly slotCount?: number;
  readonly blockFileBytes?: number;
}

/**
 * Opens the journal in a folder, which is made with the first record if it is missing. Whatever the files in it went
 * through, it opens with every undamaged record and says in `stats().damage` what else it found.
 * The caller holds the lock of the folder: two journals on one folder destroy each other.
 * @throws JournalError when the folder exists and cannot be listed: appending blindly could overwrite what is there
 */
export async function openJournal(hostDisk: Disk, folder: string, options: JournalOptions): Promise<Journal> {
  const wear: Wear = { writtenBytes: 0, syncCount: 0 };
  const disk = countingDisk(hostDisk, wear);
  const cursors = openUnusedCursors(disk, folder, options);
  await cursors.takeBack();
  const parts = await openParts(disk, folder, options);
  await cursors.setAside(parts.found.uplinks, (uplink) => parts.deliveries.completeUnused(uplink));
  const openedMs = options.clock.monotonicMs();
  const { ring, chains, queue, deliveries, sealer, reader, replacements } = parts;
  let isClosed = false;
  const refuseClosed = () => {
    if (isClosed) throw new JournalError('the journal is closed');
  };
  const lastSequence = () => (queue.failing === undefined ? parts.lastDurable() : queue.nextSequence - 1);
  return {
    append: (record, urgent = false) => queue.append(record, urgent),
    async read(from, limit, recordClass) {
      refuseClosed();
      return limit > 0 ? await reader.read(from, limit, recordClass) : [];
    },
    history(query) {
      refuseClosed();
      return reader.history(query);
    },
    get revision() {
      return replacements.revision;
    },
    get isFailing() {
      return queue.failing !== undefined;
    },
    get lastSequence() {
      return lastSequence();
    },
    delivery: (uplink) => deliveries.open(uplink),
    stats: () => ({
      ...statsOf(parts, options.maxSizeBytes),
      lastSequence: lastSequence(),
      wear: { ...wear, forMs: options.clock.monotonicMs() - openedMs },
    }),
    async close() {
      if (isClosed) return;
      isClosed = true;
      await parts.hidden?.close();
      await queue.close();
      await sealer.close();
      await deliveries.close();
      await parts.found.pending.close();
      for (const chain of chains.values()) await chain.close();
      await parts.found.list.close();
      await ring.close();
    },
  };
}

type Parts = Awaited<ReturnType<typeof openParts>>;

/** Opens the folder and puts together what works on it. */
async function openParts(disk: Disk, folder: string, options: JournalOptions) {
  const { log, isReadOnly = false } = options;
  const sizes = await sizesOf(disk, folder, options);
  const met = holdLosses();
  const damage = openDamageLog({
    clock: options.clock,
    log,
    onLoss: met.name,
    keepAside: (bad) => {
      if (!isReadOnly) setAside(disk, folder, bad, log);
    },
  });
  const look = new SecondLook(options.clock);
  // Whoever only looks does not come again.
  const isLost = (place: string) => isReadOnly || look.isLost(place);
  const found = await recover(disk, folder, { log, isReadOnly, ...sizes, onBlockDamage: damage.ofBlock, isLost });
  damage.found(found.damage);
  const { ring, chains, marks: before } = found;
  const replacements = new Replacements();
  const isVolatile = (sequence: number) => queue.isVolatile(sequence);
  const deliveries = await openDeliveries(disk, folder, found, { replacements, isVolatile, ...options });
  const moves = countMoves();
  const sizeBytes = () => [...chains.values()].reduce((sum, chain) => sum + chain.sizeBytes, ring.sizeBytes + found.foreignBytes);
  const announce = (losses: readonly Loss[]) => found.pending.announce(losses);
  const retention = makeRetention(chains, deliveries.all, options, {
    sizeBytes,
    isLost,
    freeBytes: () => disk.freeBytes(folder),
    announce,
    onLoss: met.name,
    onHole: (range) => {
      // A sealing that was interrupted has left the other classes in the slots.
      if (!ring.frames.some(({ frame }) => overlaps(frame, range))) deliveries.skip(range);
    },
    onReplacing: (range) => replacements.begin(range),
    note: (code, fields) => queue.note(code, fields),
    onMoved: moves.onMoved,
  });
  const onUnread = whenUnread(damage, chains, deliveries);
  const late = lateOf(found, deliveries);
  const appendAgain = (stored: StoredRecord) => appendLate(stored, deliveries, queue);
  const left = {
    sealedThrough: before.get(SEALED_MARK) ?? 0,
    hasUnread: found.foreignBytes > 0 || found.hidden !== undefined || ring.slots.some(({ hasUnreadable }) => hasUnreadable),
    hasLate: late.isLeft,
  };
  const hooks = { onUnread, onMoved: moves.onMoved, announce, onLoss: met.name, isLost, appendAgain };
  const sealer = openSealer({ ring, chains, retention, log, deliveries, ...left, ...hooks });
  let lastDurable = found.lastSequence;
  const nextSequence = Math.max(found.nextSequence, deliveries.highest + 1);
  const queue: CommitQueue = new CommitQueue(options, nextSequence, {
    async write(entries, onHanded) {
      // When the disk is so full that this finds no room, it is tried again: readings do not wait for it.
      for (const state of [found.pending, found.list, deliveries]) await state.prepare().catch(ignoreFailure);
      await ring.prepare();
      if (!ring.hasRoom) await sealer.makeRoom();
      const carried = deliveries.piggyback();
      const count = await ring.write(entries, new Map([...carried.marks, ...sealer.marks]), onHanded);
      lastDurable = entries[count - 1]?.sequence ?? lastDurable;
      if (count > 0) carried.isDurable();
      sealer.start();
      return count;
    },
    beforeResuming: () => deliveries.flush(),
    onNamed: (loss) => forget(found, loss),
    deliveries,
  });
  met.release((loss) => queue.nameLoss(loss));
  const ahead = await nameMissing(found, deliveries, queue);
  damage.found(goneDamage(ahead));
  if (!isReadOnly) for (const each of late.moving) appendLate(each, deliveries, queue, late.done);
  const ofHidden = { disk, folder, clock: options.clock, log, ring, chains, deliveries, nameLoss: met.name, appendAgain };
  const hidden = watchHidden(found.hidden, ofHidden);
  const volatile = (from: number, limit: number, only?: RecordClass) => queue.volatile(from, limit, only);
  const reader = makeReader({ ring, chains, generation: moves.count, volatile, late: late.staying, onUnread, isLost });
  const own = { found, damage, sizeBytes, lastDurable: () => lastDurable };
  return { ring, chains, queue, deliveries, sealer, retention, reader, replacements, hidden, late, ...own };
}

function statsOf({ ring, chains, queue, retention, sealer, damage, found, late, sizeBytes }: Parts, sizeBytesMax: number) {
  const all = [...chains.values()];
  const readable = ring.frames.filter(({ slot, frame }) => !damage.isLost(slot.name, frame));
  const inSlots = countInSlots(readable, ({ frame }) => found.copied.countOf.get(frame) ?? 0);
  const firsts = [...all.map((chain) => chain.firstSequence), ...ring.frames.map(({ frame }) => frame.firstSequence)];
  const { failing, slow } = queue;
  return {
    recordCount: all.reduce((sum, chain) => sum + chain.recordCount, inSlots + late.staying.length),
    sizeBytes: sizeBytes(),
    sizeBytesMax,
    firstSequence: firsts.reduce((lowest, each) => (each > 0 && (lowest === 0 || each < lowest) ? each : lowest), 0),
    damage: damage.all(),
    evictedUndeliveredCount: retention.evictedUndeliveredCount + sealer.givenUpCount + queue.droppedCount,
    overwrittenCount: sealer.overwrittenCount,
    thinnedCount: retention.thinnedCount,
    files: fileStats(ring, chains),
    ...(failing === undefined ? {} : { failing }),
    ...(sealer.failure === undefined ? {} : { sealingFailure: sealer.failure }),
    ...(slow === undefined ? {} : { slow }),
  };
}

/** Opening reads too: the losses that it meets are held until there is a queue to name them. */
function holdLosses() {
  const held: Loss[] = [];
  let target: ((loss: Loss) => void) | undefined;
  return {
    name(loss: Loss): void {
      if (target === undefined) held.push(loss);
      else target(loss);
    },
    release(to: (loss: Loss) => void): void {
      target = to;
      for (const loss of held) to(loss);
    },
  };
}

/** Names what opening found missing, and what a cursor or a mark is ahead of the records. Returns the latter. */
async function nameMissing(found: Recovered, deliveries: Deliveries, queue: CommitQueue): Promise<readonly Loss[]> {
  for (const loss of found.unnamed) queue.nameLoss(loss);
  const highest = Math.max(deliveries.highest, highestOf(found.marks));
  const ahead: Loss[] = [];
  for (const range of found.spokenOf.missing({ first: found.lastSequence + 1, last: highest })) {
    deliveries.skip(range);
    ahead.push(await lossAt(found.ring, range));
  }
  for (const loss of ahead) queue.nameLoss(loss);
  return ahead;
}

/** What a durable gap record names need not be remembered otherwise. */
function forget({ pending, list }: Recovered, loss: Loss): void {
  pending.named(loss);
  list.named(loss);
}

/** What a frame cost that cannot be read is named, and nothing of it can be delivered. */
function whenUnread(damage: DamageLog, chains: Chains, deliveries: Deliveries) {
  return (frame: UnreadFrame, loss?: Loss) => {
    if (!damage.ofFrame(frame, loss) || frame.unknownCount !== undefined) return;
    const range = { first: frame.firstSequence, last: frame.lastSequence };
    const pass = () => deliveries.pass(range);
    // Unless a sealing had copied some of it and that can be read.
    hasRecords(chains, range).then((isSealed) => isSealed || pass(), pass);
  };
}

/** How often records got another place. */
function countMoves() {
  let count = 0;
  return {
    count: () => count,
    onMoved: () => {
      count += 1;
    },
  };
}

/**
 * The late records, and how many of them are not durable at a new place yet. What may be in the city already stays where it is
 * until it has been looked up, by this process or the next: at a new place it would pass for never sent.
 */
function lateOf({ copied, ring, marks, uplinks }: Recovered, deliveries: Deliveries) {
  const unresolved = new SequenceSet(deliveries.all.flatMap((delivery) => delivery.unresolved));
  // Whoever has lost its state looks up everything.
  const isStateLost = uplinksOf(marks).some((uplink) => !uplinks.includes(uplink));
  const isDoubtful = ({ sequence }: StoredRecord) => isStateLost || unresolved.has(sequence);
  const staying = copied.late.filter(isDoubtful).sort((a, b) => a.sequence - b.sequence);
  for (const { slot, frame } of ring.frames)
    if (staying.some(({ sequence }) => frame.firstSequence <= sequence && sequence <= frame.lastSequence))
      slot.hasUnreadable = true;
  const moving = copied.late.filter((stored) => !isDoubtful(stored));
  let count = moving.length;
  return {
    staying,
    moving,
    isLeft: () => count > 0,
    done: () => {
      count -= 1;
    },
  };
}

/** A record whose place is passed is appended again; what was delivered of such is not sent again. */
function appendLate({ sequence, record }: StoredRecord, deliveries: Deliveries, queue: CommitQueue, done = () => {}): void {
  const having = deliveries.all.filter((delivery) => delivery.isDelivered(sequence));
  const lost = () => {
    queue.nameLoss({ firstSequence: sequence, lastSequence: sequence, cause: 'damaged', count: 1 });
    done();
  };
  // What everybody has is not sent again, even if the power fails before anything says that its new place is settled.
  const isDelivered = having.length > 0 && having.length === deliveries.all.length;
  const copy = record.kind === 'observation' ? { ...copyOf(record, sequence), publish: record.publish && !isDelivered } : record;
  queue.append(copy, false).then((to) => {
    deliveries.skip({ first: sequence, last: sequence });
    for (const delivery of having) delivery.settled([{ first: to, last: to }]);
    done();
  }, lost);
}

/** In the background: nobody waits for it, and what the disk does about it is logged. */
function setAside(disk: Disk, folder: string, bad: Damage, log: Log): void {
  keepAside(disk, folder, bad, log).catch((error: unknown) => {
    log('error', 'journal-damage-not-set-aside', { file: bad.file, message: String(error) });
  });
}
