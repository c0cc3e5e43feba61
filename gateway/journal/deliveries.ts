import { join } from 'node:path';
import type { Disk } from '../host.ts';
import { cursorName, uplinkOf } from './cursor-file.ts';
import { type DeliverySource, type JournalDelivery, openDelivery } from './delivery.ts';
import { type Delivery, JournalError, type SequenceRange } from './journal.ts';
import { cursorMarkOf } from './marks.ts';
import type { Recovered } from './recovery.ts';
import type { Replacements } from './replacements.ts';
import { SequenceSet } from './sequence-set.ts';

/** The delivery states of all uplinks that are in use. */
export interface Deliveries {
  /** Those that are open, and all that have a file. */
  readonly all: readonly JournalDelivery[];
  /** The highest sequence that any of them speaks of. What comes next must lie above: it would pass for delivered. */
  readonly highest: number;
  open(uplink: string): Promise<Delivery>;
  /** Whether there is an uplink, and none that still has to get it. */
  isDelivered(sequence: number): boolean;
  /** Increases with everything that is settled. */
  readonly settleCount: number;
  /** Each has these, or never needs them. */
  settled(ranges: readonly SequenceRange[]): void;
  /** Writes down how far an uplink came that is in use no more: commits may have said that, and later ones will not. @throws JournalError */
  completeUnused(uplink: string): Promise<void>;
  /** Makes states durable where none is. @throws JournalError */
  prepare(): Promise<void>;
  /** There is nothing in this range and there never will be. */
  skip(range: SequenceRange): void;
  /** This range cannot be read now. */
  pass(range: SequenceRange): void;
  /** It can be read after all. */
  unpass(sequence: number): void;
  /** What the next commit carries of them; to be called back when it is durable. */
  piggyback(): { readonly marks: ReadonlyMap<string, number>; readonly isDurable: () => void };
  /** @throws JournalError */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface DeliveriesParts {
  readonly replacements: Replacements;
  readonly isVolatile: (sequence: number) => boolean;
  /** Those that are in use; all that have a cursor without this. */
  readonly uplinks?: readonly string[];
}

export async function openDeliveries(
  disk: Disk,
  folder: string,
  found: Recovered,
  { replacements, isVolatile, uplinks }: DeliveriesParts,
): Promise<Deliveries> {
  const all: JournalDelivery[] = [];
  const isUsed = (uplink: string) => uplinks === undefined || uplinks.includes(uplink);
  const holes = new SequenceSet(found.holes);
  const source: DeliverySource = {
    holes,
    unread: found.unread,
    atOpening: new SequenceSet([{ first: 1, last: found.nextSequence - 1 }]),
    lowWater: (uplink) => found.marks.get(uplink) ?? 0,
    generation: (uplink) => found.marks.get(cursorMarkOf(uplink)) ?? 0,
    nothingTo: found.nothingTo,
    isNewestUnread: found.isNewestUnread,
    isVolatile,
    isReplaced: (sequence, revision) => replacements.has(sequence, revision),
    settleRecords: () => found.ring.settle(),
  };
  const opening = new Map<string, Promise<JournalDelivery>>();
  const openOne = (uplink: string) => openDelivery(disk, join(folder, cursorName(uplink)), uplink, found.heldFrom, source);
  const open = async (uplink: string) => {
    const delivery = await openOne(uplink);
    // What was lost while the file was read.
    for (const hole of holes.ranges) delivery.skip(hole);
    all.push(delivery);
    return delivery;
  };
  for (const uplink of found.uplinks.filter(isUsed)) opening.set(uplink, Promise.resolve(await open(uplink)));
  const unused = await Promise.all(found.uplinks.filter((uplink) => !isUsed(uplink)).map(openOne));
  return {
    all,
    // Whoever is in use again must not find anything of now among what was delivered then.
    highest: highestOf([...all, ...unused]),
    async open(uplink) {
      if (uplinkOf(cursorName(uplink)) === undefined)
        throw new JournalError(`${uplink} cannot be the name of an uplink's cursor`);
      const known = opening.get(uplink) ?? open(uplink);
      opening.set(uplink, known);
      return await known;
    },
    isDelivered: (sequence) => all.length > 0 && all.every((delivery) => delivery.isDelivered(sequence)),
    get settleCount() {
      return all.reduce((sum, delivery) => sum + delivery.settleCount, 0);
    },
    settled(ranges) {
      // The state has to say so: a slot that is left alone may still hold them, or nothing may tell that they are missing.
      for (const range of ranges) holes.remove(range);
      for (const delivery of all) delivery.settled(ranges);
    },
    async completeUnused(uplink) {
      // `flush` leaves out a state that this process has not changed, and this one came from commits that will be overwritten.
      await unused.find((each) => each.uplink === uplink)?.begin([]);
    },
    async prepare() {
      for (const delivery of all) await delivery.prepare();
    },
    skip(range) {
      holes.add(range);
      for (const delivery of all) delivery.skip(range);
    },
    pass(range) {
      for (const delivery of all) delivery.pass(range);
    },
    unpass(sequence) {
      for (const delivery of all) delivery.unpass(sequence);
    },
    piggyback() {
      const carried = all.map((delivery) => ({ uplink: delivery.uplink, ...delivery.piggyback() }));
      return {
        marks: new Map(
          carried.flatMap(({ uplink, lowWater, generation }) => [
            [uplink, lowWater],
            [cursorMarkOf(uplink), generation],
          ]),
        ),
        isDurable: () => {
          for (const { isDurable } of carried) isDurable();
        },
      };
    },
    async flush() {
      for (const delivery of all) await delivery.flush();
    },
    async close() {
      for (const delivery of [...all, ...unused]) await delivery.close();
    },
  };
}

function highestOf(deliveries: readonly JournalDelivery[]): number {
  return Math.max(
    0,
    ...deliveries.map(({ ranges, lowWater, unresolved }) =>
      Math.max(ranges.at(-1)?.last ?? lowWater, unresolved.at(-1)?.last ?? 0),
    ),
  );
}
