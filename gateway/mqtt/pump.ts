import type { Clock } from '../../drivers/clock.ts';
import { type Host, type MqttConnection, MqttError } from '../host.ts';
import { DELIVERY_RANGES_MAX, type Delivery, type Journal, type StoredRecord } from '../journal/journal.ts';
import { SequenceSet } from '../journal/sequence-set.ts';
import type { UplinkTime } from '../timekeeper.ts';
import type { Wake } from '../uplink/wake.ts';
import { fateOf } from './message.ts';
import { isOfTheMessage, TopicRefusedError } from './problem.ts';
import type { SetAside } from './set-aside.ts';

/** Messages on their way without an acknowledgement: enough for a thousand a second over a round trip of 100 ms. */
const IN_FLIGHT_MAX = 100;
/** A broker that has not acknowledged a message for so long does not any more: what it has not is sent again. */
const ACK_MS = 30_000;
/** Records that are read in one go. */
const PAGE = 500;
/** Sequences that are settled in one step. */
const SETTLE_PAGE = 10_000;
/** After this time it is looked again whether a page that is being merged into windows can be read as it will be. */
const STALE_MS = 200;
/** The same for what waits for its time, should nobody say that it is known. */
const NO_TIME_MS = 5_000;
/** However far back a broker says it is, no more than so many records are sent again. */
const LOOK_BACK_MAX = 100_000;

/** Sequences up to and including a record's own, in the order of the journal, until they are settled. */
interface Slot {
  readonly first: number;
  readonly last: number;
  readonly sentMs: number;
  isDone: boolean;
}

/** Of one connection. */
interface Pass {
  readonly connection: MqttConnection;
  inFlightCount: number;
  failure: unknown;
}

export interface PumpParts {
  readonly clock: Clock;
  readonly bootId: Host['bootId'];
  readonly journal: Pick<Journal, 'read' | 'lastSequence' | 'revision'>;
  readonly delivery: Delivery;
  readonly time: Pick<UplinkTime, 'timeOf'>;
  readonly wake: Wake;
  readonly setAside: SetAside;
  readonly qos: 1 | 2;
  readonly topicOf: (channel: string) => string;
}

/**
 * One lane from the journal to the broker, in the order of the journal, so that the order of every sensor holds. What is
 * acknowledged is settled from the front only; what is not when a connection ends is sent again by the next one.
 */
export class Pump {
  deliveredCount = 0;
  readonly #parts: PumpParts;
  /** The next sequence to look at. */
  #next: number;
  /** Up to here everything is sent whether it is settled or not, because the broker has forgotten it. */
  #sendAgainTo = 0;
  #slots: Slot[] = [];
  #page: StoredRecord[] = [];
  /** What this process has settled itself: an observation that was appended again is known by the place it had. */
  readonly #handled = new SequenceSet();
  /** What the broker has refused for good: a connection that ends over it must not be ended again when this is sent again. */
  readonly #refused = new SequenceSet();
  /** The record at `#next` has no time yet and cannot be left out: what is behind it waits with it. */
  #waitsForTime = false;
  /** Observations of earlier boots without a time were passed by, and wait behind `#next`. */
  #hasLeftOut = false;
  #isAfterLeftOut = false;
  #mustLookAgain = false;

  constructor(parts: PumpParts) {
    this.#parts = parts;
    this.#next = parts.delivery.lowWater + 1;
  }

  /** Everything up to here is with the broker, or was never meant for it, as far as this and earlier connections know. */
  get reached(): number {
    return (this.#slots[0]?.first ?? this.#next) - 1;
  }

  /** Sequences up to the newest that are not settled. */
  get waitingCount(): number {
    const { delivery, journal } = this.#parts;
    const above = delivery.ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
    return Math.max(0, journal.lastSequence - delivery.lowWater - above);
  }

  /** Those of them that wait for their time, as far as known. */
  get noTimeCount(): number {
    return this.#waitsForTime ? Math.max(0, this.#parts.journal.lastSequence - this.#next + 1) : 0;
  }

  /** What was delivered after `sequence` is sent again. To be called between two connections. Returns the first and the last of it. */
  goBack(sequence: number): { readonly first: number; readonly last: number } | undefined {
    const { delivery } = this.#parts;
    const last = delivery.ranges.at(-1)?.last ?? delivery.lowWater;
    const first = Math.max(sequence + 1, last - LOOK_BACK_MAX + 1, 1);
    if (first > last || first >= this.#next) return undefined;
    this.#next = first;
    this.#sendAgainTo = Math.max(last, this.#sendAgainTo);
    return { first, last: this.#sendAgainTo };
  }

  /** The last of what was delivered before what was measured within this time of the newest of it. */
  async before(withinMs: number): Promise<number> {
    const { journal, delivery, time } = this.#parts;
    const to = delivery.lowWater;
    let sinceMs: number | undefined;
    for (let last = to; last > to - LOOK_BACK_MAX && last > 0; last -= PAGE) {
      const from = Math.max(1, last - PAGE + 1);
      // Some were measured before the clock was set: their time is known by now, or else says nothing.
      const page = (await journal.read(from, PAGE)).flatMap(({ sequence, record }) => {
        const of = time.timeOf(record);
        return sequence <= last && of.kind === 'known' ? [{ sequence, ms: of.ms }] : [];
      });
      const newest = page.at(-1);
      if (newest === undefined) continue;
      sinceMs ??= newest.ms - withinMs;
      const [oldest] = page;
      if (oldest !== undefined && oldest.ms < sinceMs) return oldest.sequence;
    }
    return Math.max(0, to - LOOK_BACK_MAX);
  }

  /** More is known of the time: what was left out is looked at once more when everything that is on its way has come. */
  lookAgain(): void {
    this.#waitsForTime = false;
    this.#mustLookAgain = this.#hasLeftOut;
    this.#parts.wake.notify();
  }

  /** Sends over this connection until `signal` is aborted. Rejects with its reason, or with what stands in the way. */
  async run(connection: MqttConnection, signal: AbortSignal): Promise<never> {
    const { wake } = this.#parts;
    const pass: Pass = { connection, inFlightCount: 0, failure: undefined };
    try {
      for (;;) {
        // What was refused before the connection was lost says why it was.
        if (pass.failure instanceof TopicRefusedError) throw pass.failure;
        signal.throwIfAborted();
        this.#settleDone();
        if (pass.failure !== undefined) throw pass.failure;
        await this.#advance(pass, signal);
        // Looked at with no await before the wait, or what comes in between would wake nobody.
        if (!this.#canAdvance(pass)) await wake.wait(this.#untilOverdueMs(), signal);
      }
    } finally {
      this.#settleDone();
      this.#release();
    }
  }

  /** Milliseconds until somebody has to look, woken or not. @throws MqttError when the broker has been silent for too long */
  #untilOverdueMs(): number {
    const [oldest] = this.#slots;
    const leftMs = oldest === undefined ? Number.POSITIVE_INFINITY : oldest.sentMs + ACK_MS - this.#parts.clock.monotonicMs();
    if (leftMs <= 0) throw new MqttError('TIMEOUT', `no acknowledgement within ${ACK_MS / 1000} s`);
    return this.#waitsForTime ? Math.min(leftMs, NO_TIME_MS) : leftMs;
  }

  #canAdvance(pass: Pass): boolean {
    if (this.#slots[0]?.isDone === true || pass.failure !== undefined) return true;
    if (this.#mustLookAgain) return this.#slots.length === 0;
    if (this.#page.length > 0) return hasRoom(pass) && !this.#waitsForTime;
    return this.#upcoming() <= this.#parts.journal.lastSequence;
  }

  /** One step, if there is one. */
  async #advance(pass: Pass, signal: AbortSignal): Promise<void> {
    if (this.#mustLookAgain) {
      if (this.#slots.length > 0) return;
      this.#release();
      this.#mustLookAgain = this.#hasLeftOut = this.#isAfterLeftOut = false;
      this.#next = this.#parts.delivery.lowWater + 1;
    }
    const [stored] = this.#page;
    if (stored === undefined) return await this.#turnPage(signal);
    if (!hasRoom(pass)) return;
    this.#waitsForTime = !this.#take(stored, pass);
    if (!this.#waitsForTime) this.#page.shift();
  }

  /** The next sequence that is to be looked at. */
  #upcoming(): number {
    return this.#next > this.#sendAgainTo ? this.#firstUndelivered(this.#next) : this.#next;
  }

  /** Reads what comes next. */
  async #turnPage(signal: AbortSignal): Promise<void> {
    const { journal, delivery, wake } = this.#parts;
    this.#next = this.#upcoming();
    const last = journal.lastSequence;
    if (this.#next > last) return;
    const { revision } = journal;
    const records = await journal.read(this.#next, PAGE);
    const waiting = records.map(({ sequence }) => sequence).filter((sequence) => !delivery.isDelivered(sequence));
    if (delivery.isStale(waiting, revision)) {
      await wake.wait(STALE_MS, signal);
      return;
    }
    // Until they are settled none of them is merged into a window, so that what is sent is what is settled.
    delivery.hold(waiting);
    const isWaiting = ({ sequence }: StoredRecord) => sequence <= this.#sendAgainTo || !delivery.isDelivered(sequence);
    this.#page = records.filter(isWaiting);
    // Only an empty page says that there is no more.
    if (this.#page.length === 0) this.#cover(records.at(-1)?.sequence ?? last);
  }

  #firstUndelivered(from: number): number {
    const { lowWater, ranges } = this.#parts.delivery;
    const start = Math.max(from, lowWater + 1);
    const range = ranges.find(({ first, last }) => first <= start && start <= last);
    return range === undefined ? start : range.last + 1;
  }

  /** Sends a record, or does without. False when it has to wait for its time, and everything behind it with it. */
  #take(stored: StoredRecord, pass: Pass): boolean {
    const { sequence, record } = stored;
    const { time, bootId, delivery, setAside } = this.#parts;
    const fate = fateOf(stored, time.timeOf);
    if (fate.kind === 'no-time') {
      // The others wait for this boot's time as well; an earlier one has ended, and each that is left out is a gap in the state.
      if (fate.boot === bootId || delivery.ranges.length >= DELIVERY_RANGES_MAX - 2) return false;
      this.#leaveOut(sequence);
      return true;
    }
    if (fate.kind === 'pass' && this.#isAfterLeftOut) {
      this.#leaveOut(sequence);
      return true;
    }
    if (this.#isAfterLeftOut) this.#next = sequence;
    this.#isAfterLeftOut = false;
    const isCopy = record.kind === 'observation' && record.heldFrom !== undefined && this.#handled.has(record.heldFrom);
    if (fate.kind === 'pass' || isCopy || this.#refused.has(sequence)) this.#cover(sequence);
    else if (fate.kind === 'send') this.#send(this.#cover(sequence, false), fate, pass);
    else this.#finishAfter(this.#cover(sequence, false), setAside.unfit(sequence, fate.observation, fate.reason), pass);
    return true;
  }

  /** Everything from `#next` to `last` is one slot. */
  #cover(last: number, isDone = true): Slot {
    const slot = { first: this.#next, last, sentMs: this.#parts.clock.monotonicMs(), isDone };
    this.#slots.push(slot);
    this.#next = last + 1;
    return slot;
  }

  #leaveOut(sequence: number): void {
    this.#parts.delivery.settle([sequence], []);
    this.#hasLeftOut = this.#isAfterLeftOut = true;
    this.#next = sequence + 1;
  }

  #send(slot: Slot, { channel, payload }: { readonly channel: string; readonly payload: string }, pass: Pass): void {
    const { qos, topicOf, setAside, delivery, wake } = this.#parts;
    pass.inFlightCount += 1;
    const answered = () => {
      pass.inFlightCount -= 1;
      wake.notify();
    };
    const acknowledged = () => {
      if (!delivery.isDelivered(slot.last)) this.deliveredCount += 1;
      slot.isDone = true;
      answered();
    };
    const refused = (error: unknown) => {
      if (isOfTheMessage(error)) {
        const told = setAside.refused(slot.last, channel, error.message);
        this.#finishAfter(
          slot,
          told.then(() => this.#noteRefused(slot.last)),
          pass,
        );
      } else pass.failure ??= error;
      answered();
    };
    pass.connection.publish(topicOf(channel), payload, { qos, retain: false }).then(acknowledged, refused);
  }

  #noteRefused(sequence: number): void {
    this.#refused.add({ first: sequence, last: sequence });
    // Further back nothing is sent again.
    this.#refused.remove({ first: 0, last: sequence - LOOK_BACK_MAX });
  }

  /** The slot is done once it is durable why nothing of it was sent. */
  #finishAfter(slot: Slot, told: Promise<void>, pass: Pass): void {
    const { wake } = this.#parts;
    told.then(
      () => {
        slot.isDone = true;
        wake.notify();
      },
      (error: unknown) => {
        pass.failure ??= error;
        wake.notify();
      },
    );
  }

  #settleDone(): void {
    const { delivery } = this.#parts;
    while (this.#slots[0]?.isDone === true) {
      const { first, last } = this.#slots.shift() as Slot;
      this.#handled.add({ first, last });
      for (let from = first; from <= last; from += SETTLE_PAGE) {
        const sequences = count(from, Math.min(last, from + SETTLE_PAGE - 1));
        delivery.settle(sequences, sequences);
      }
    }
  }

  /** Nothing is on its way any more: what was not settled is free to be merged, and is read anew. */
  #release(): void {
    const { delivery } = this.#parts;
    const first = this.reached + 1;
    const held = [...this.#slots.map(({ last }) => last), ...this.#page.map(({ sequence }) => sequence)];
    delivery.settle(
      held.filter((sequence) => !delivery.isDelivered(sequence)),
      [],
    );
    this.#slots = [];
    this.#page = [];
    this.#next = first;
    this.#waitsForTime = false;
  }
}

function hasRoom({ connection, inFlightCount }: Pass): boolean {
  return inFlightCount < Math.min(IN_FLIGHT_MAX, connection.inFlightMax);
}

function count(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
