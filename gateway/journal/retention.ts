import type { Clock } from '../../drivers/clock.ts';
import { DiskError, type Log } from '../host.ts';
import { type Event, RECORD_CLASSES } from '../record.ts';
import type { Chain, ChainFile } from './block-chain.ts';
import { parseBlockFileName } from './block-file.ts';
import { type Chains, hasRecords } from './chains.ts';
import type { JournalDelivery } from './delivery.ts';
import { ignoreFailure } from './disk-tools.ts';
import { makeExpiry } from './expiry.ts';
import type { SequenceRange, StoredRecord } from './journal.ts';
import { type Loss, LossTally, lossOfGap } from './loss.ts';
import { openThinner, type Thinner } from './thinning.ts';

export interface RetentionOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly maxSizeBytes: number;
  /** Delivered records are deleted when they are older; undelivered ones never for their age. */
  readonly keepMs: number;
}

/** What the retention tells the journal. */
export interface RetentionHooks {
  /** All slots and files together. */
  readonly sizeBytes: () => number;
  /** What can still be written to the file system. @throws DiskError */
  readonly freeBytes: () => Promise<number>;
  /** The disk refuses something of a file: whether it has for so long that nobody should wait for it. */
  readonly isLost: (place: string) => boolean;
  /** Undelivered records are about to go; resolves when that is durable. @throws DiskError */
  readonly announce: (losses: readonly Loss[]) => Promise<void>;
  /** They are gone: a gap record must name them. */
  readonly onLoss: (loss: Loss) => void;
  /** Nothing is left in this range, of any class. */
  readonly onHole: (range: SequenceRange) => void;
  /** Records of the range are being merged into windows: none of them may begin to be sent until the returned function was called. */
  readonly onReplacing: (range: SequenceRange) => () => void;
  /** Something that an event record is to say. */
  readonly note: (code: string, fields: Event['fields']) => void;
  /** Records have another place now, or none. */
  readonly onMoved: () => void;
}

/** What is kept and for how long, and what goes when there is no room. */
export interface Retention {
  /** Ends what is too old, and thins and drops until so many bytes more find room. @throws DiskError */
  makeRoom(neededBytes: number): Promise<void>;
  /** The disk is full although the journal is not: makes some room. False when there is nothing to gain. @throws DiskError, JournalError */
  freeDisk(): Promise<boolean>;
  readonly evictedUndeliveredCount: number;
  readonly thinnedCount: number;
}

interface Candidate {
  readonly chain: Chain;
  readonly file: ChainFile;
  readonly isDelivered: boolean;
  readonly action: 'thin' | 'drop';
}

/**
 * When there is no room, what is delivered goes before what is not; within both, gauges before counts; within a class the
 * oldest, thinned first, and dropped when everything of its kind is thin. Events (orders, anchors, gaps …) go last, and only
 * they make no difference between delivered and not: none of them is for the city.
 */
export function makeRetention(
  chains: Chains,
  deliveries: readonly JournalDelivery[],
  options: RetentionOptions,
  hooks: RetentionHooks,
): Retention {
  let evictedUndeliveredCount = 0;
  let thinnedCount = 0;
  const isDelivered = (file: ChainFile) =>
    deliveries.every((delivery) => delivery.covers({ first: file.firstSequence, last: file.lastSequence }));

  const expiry = makeExpiry(chains, isDelivered, options);

  const drop = async ({ chain, file, isDelivered: isGone }: Pick<Candidate, 'chain' | 'file' | 'isDelivered'>, cause: string) => {
    const { name, recordCount, firstSequence, lastSequence } = file;
    const lost = isGone ? undefined : await undelivered(chain, file, cause, deliveries);
    // What gap records in it name would be named by nothing any more.
    const named = chain.recordClass === 'events' ? await gapsIn(chain, file) : [];
    const losses = lost === undefined ? named : [...named, lost];
    await hooks.announce(losses);
    await chain.drop(file);
    hooks.onMoved();
    const undeliveredCount = chain.recordClass === 'events' ? 0 : (lost?.count ?? 0);
    evictedUndeliveredCount += undeliveredCount;
    const level = undeliveredCount > 0 ? 'warning' : 'info';
    options.log(level, 'journal-file-deleted', { file: name, cause, undeliveredCount, firstSequence, lastSequence });
    for (const loss of losses) hooks.onLoss(loss);
    const range = { first: firstSequence, last: lastSequence };
    if (recordCount > 0 && !(await hasRecords(chains, range))) hooks.onHole(range);
  };

  const thin = async ({ chain, file }: Candidate) => {
    const { name, firstSequence, lastSequence } = file;
    const thinner = openThinner({
      mustStay: (sequence) => deliveries.some((delivery) => delivery.isInFlight(sequence)),
      deliveredTo: (sequence) => deliveries.reduce((bits, each) => bits * 2 + (each.isDelivered(sequence) ? 1 : 0), 0),
    });
    const done = hooks.onReplacing({ first: firstSequence, last: lastSequence });
    try {
      await chain.replace(file, thinned(chain.recordsOf(file), thinner), { isThinned: true });
    } finally {
      done();
      hooks.onMoved();
    }
    thinnedCount += thinner.removedCount;
    const { removedCount } = thinner;
    options.log('info', 'journal-file-thinned', { file: name, removedCount, firstSequence, lastSequence });
    hooks.note('journal-thinned', { file: name, removedCount, firstSequence, lastSequence });
  };

  /** A thinned copy needs room of its own before it gives any: on a full disk the file goes as a whole. */
  const thinOrDrop = async (victim: Candidate) => {
    try {
      await thin(victim);
    } catch (error) {
      if (!(error instanceof DiskError && error.code === 'ENOSPC')) throw error;
      await drop(victim, 'disk-full');
    }
  };

  const all = (mayThin: boolean) => candidates(chains, isDelivered).filter(({ action }) => action === 'drop' || mayThin);
  const next = (mayThin: boolean) => all(mayThin)[0];
  const oneStep = (cause: string, mayThin: boolean) =>
    stepOf(all(mayThin), hooks.isLost, (victim) => (victim.action === 'drop' ? drop(victim, cause) : thinOrDrop(victim)));

  return {
    get evictedUndeliveredCount() {
      return evictedUndeliveredCount;
    },
    get thinnedCount() {
      return thinnedCount;
    },
    async makeRoom(neededBytes) {
      for (const victim of await expiry.find()) await drop({ ...victim, isDelivered: true }, 'expired').catch(ignoreFailure);
      while (hooks.sizeBytes() + neededBytes > options.maxSizeBytes) if (!(await oneStep('size-cap', true))) return;
      // Whether the disk is too full for what is to be sealed is seen when it is written.
      await keepDiskFree(neededBytes, chains, { ...hooks, next, thin, drop }).catch(ignoreFailure);
    },
    // A thinned copy needs room of its own before it gives any.
    freeDisk: () => oneStep('disk-full', false),
  };
}

/**
 * Does it to the first that the disk lets; one that it does not give or delete is passed by. False when there is none.
 * @throws DiskError, JournalError when it lets none
 */
async function stepOf(
  victims: readonly Candidate[],
  isLost: RetentionHooks['isLost'],
  act: (victim: Candidate) => Promise<void>,
): Promise<boolean> {
  let failure: unknown;
  let isPassing = false;
  for (const victim of victims) {
    // It may be given or deleted a moment later, and nothing undelivered goes for that.
    if (isPassing && !victim.isDelivered && victim.action === 'drop') break;
    try {
      await act(victim);
      return true;
    } catch (error) {
      ignoreFailure(error);
      failure ??= error;
      isPassing ||= !isLost(`${victim.file.name} ${victim.action}`);
    }
  }
  if (failure !== undefined) throw failure;
  return false;
}

interface DiskFreeing extends Pick<RetentionHooks, 'sizeBytes' | 'freeBytes'> {
  readonly next: (mayThin: boolean) => Candidate | undefined;
  readonly thin: (victim: Candidate) => Promise<void>;
  readonly drop: (victim: Candidate, cause: string) => Promise<void>;
}

/**
 * The file system is smaller than `max_size`, or others fill it: thins as long as what is to be sealed and one more copy would
 * not find room. Dropped is only what keeps the room for a copy: others may give back what they have taken, and what is really
 * needed goes when the disk is full (`freeDisk`). @throws DiskError, JournalError
 */
async function keepDiskFree(neededBytes: number, chains: Chains, { sizeBytes, next, thin, drop, ...disk }: DiskFreeing) {
  // Asked once: what others take of the room that is made here would have everything deleted.
  const wholeBytes = sizeBytes() + (await disk.freeBytes());
  const copyBytes = Math.max(0, ...[...chains.values()].flatMap(({ files }) => files.map((file) => file.sizeBytes)));
  for (;;) {
    const freeBytes = wholeBytes - sizeBytes();
    const hasCopyRoom = freeBytes >= copyBytes;
    const victim = freeBytes < neededBytes + copyBytes ? next(hasCopyRoom) : undefined;
    if (victim === undefined) return;
    if (victim.action === 'thin') await thin(victim);
    else if (hasCopyRoom) return;
    else await drop(victim, 'disk-full');
  }
}

async function* thinned(batches: AsyncIterable<readonly StoredRecord[]>, thinner: Thinner) {
  for await (const batch of batches) yield thinner.add(batch);
  yield thinner.end();
}

/** What the city has not got of a file that is about to go; undefined when it has all. */
async function undelivered(
  chain: Chain,
  file: ChainFile,
  cause: string,
  deliveries: readonly JournalDelivery[],
): Promise<Loss | undefined> {
  const tally = new LossTally(cause, chain.recordClass);
  for await (const batch of chain.recordsOf(file))
    for (const stored of batch) if (deliveries.some((delivery) => !delivery.isDelivered(stored.sequence))) tally.add(stored);
  const { loss } = tally;
  // What was merged into the first window had a lower sequence than it.
  return (
    loss && {
      ...loss,
      firstSequence: Math.min(loss.firstSequence, parseBlockFileName(file.name)?.firstSequence ?? loss.firstSequence),
    }
  );
}

async function gapsIn(chain: Chain, file: ChainFile): Promise<Loss[]> {
  const gaps: Loss[] = [];
  for await (const batch of chain.recordsOf(file))
    for (const { record } of batch) if (record.kind === 'gap') gaps.push(lossOfGap(record));
  return gaps;
}

/** In the order in which they go. The newest file of each class stays: it says how far the class is sealed. */
function candidates(chains: Chains, isDelivered: (file: ChainFile) => boolean): Candidate[] {
  const all: Candidate[] = [];
  for (const wanted of [true, false]) {
    for (const recordClass of RECORD_CLASSES) {
      const chain = chains.get(recordClass);
      if (chain === undefined || recordClass === 'events') continue;
      const files = chain.files.slice(0, -1).filter((file) => isDelivered(file) === wanted);
      for (const file of files) if (!file.isThinned) all.push({ chain, file, isDelivered: wanted, action: 'thin' });
      for (const file of files) all.push({ chain, file, isDelivered: wanted, action: 'drop' });
    }
  }
  const events = chains.get('events');
  for (const file of events?.files.slice(0, -1) ?? []) {
    if (events !== undefined) all.push({ chain: events, file, isDelivered: isDelivered(file), action: 'drop' });
  }
  return all;
}
