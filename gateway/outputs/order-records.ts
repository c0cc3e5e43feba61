import type { Event, JournalRecord } from '../record.ts';
import { stampAt } from '../stamp.ts';
import type { OrderOutcome, OutputsSurroundings, Placed } from './output.ts';
import { onlyForText, type Running } from './running.ts';

/** Whence an output was made safe without an order: by a stop, and by a try after one that had failed. */
export const THE_STOP = 'the stop';
export const LATER_TRY = 'a later try';

/** Code of the journal's event: a start has driven `output` to its safe state, which is `on` or not. */
export const SAFE_AT_START = 'output-safe-at-start';

/** What the journal and the log get of orders, and of what outputs did without one. */
export interface OrderRecords {
  /** Tells the orders of this process from those of all others. */
  nextId(): string;
  /** Resolves with whether it became durable. */
  order(output: Running, order: Pick<Placed, 'id' | 'on' | 'from' | 'forMs'>): Promise<boolean>;
  /** What is about to be done. Resolves with whether it became durable. */
  intent(output: Running, order: Pick<Placed, 'id' | 'on'>): Promise<boolean>;
  /** What became of an order. */
  result(output: Running, order: Pick<Placed, 'id' | 'on' | 'from' | 'forMs' | 'why'>, outcome: OrderOutcome): void;
  /** An output was driven to its safe state without an order: it went off perhaps, and the order log has to tell. */
  own(output: Running, from: string, outcome: OrderOutcome): void;
  /** A start has driven it to its safe state, whatever it was before. */
  safeAtStart(output: Running): void;
  /** It is not as it was driven, or does not do what is expected of it. */
  fault(output: Running, reason: string, message: string): void;
}

export function openOrderRecords({
  clock,
  bootId,
  log,
  journal,
}: Pick<OutputsSurroundings, 'clock' | 'bootId' | 'log' | 'journal'>): OrderRecords {
  /** Tells the orders of this process from those of others of the same boot. */
  const openedMs = Math.floor(clock.monotonicMs());
  let orderCount = 0;
  const stamp = () => stampAt(clock, bootId);
  /** What the journal refuses is its to count; whoever needs it durable asks. */
  const append = (record: JournalRecord): Promise<boolean> =>
    journal.append(record, true).then(
      () => true,
      () => false,
    );
  /** Of what nobody waits for. */
  const note = (record: JournalRecord) => {
    append(record).catch(() => {});
  };
  const event = (code: string, fields: Event['fields']) => note({ kind: 'event', code, fields, ...stamp() });
  const records: OrderRecords = {
    nextId() {
      orderCount += 1;
      return `${bootId}-${openedMs}-${orderCount}`;
    },
    order: ({ id: output }, { id, on, from, forMs }) =>
      append({ kind: 'order', id, output, on, from, ...(forMs !== undefined && { forMs }), ...stamp() }),
    intent: ({ id: output }, { id: order, on }) => append({ kind: 'intent', order, output, on, ...stamp() }),
    result({ id: output }, { id: order, on, from, forMs, why }, outcome) {
      const reason = outcome.done ? (why ?? onlyForText(outcome)) : `${outcome.reason}: ${outcome.message}`;
      note({ kind: 'result', order, output, done: outcome.done, ...(reason !== undefined && { reason }), ...stamp() });
      const told = { output, on, from, ...(forMs !== undefined && { forMs }) };
      if (outcome.done) log('info', 'output-switched', reason === undefined ? told : { ...told, why: reason });
      else log('warning', 'output-not-switched', { ...told, reason: outcome.reason, message: outcome.message });
    },
    own(output, from, outcome) {
      const order = { id: records.nextId(), on: output.config.safe, from, forMs: undefined };
      records.order(output, order).catch(() => {});
      records.result(output, order, outcome);
    },
    safeAtStart: ({ id: output, config }) => event(SAFE_AT_START, { output, on: config.safe }),
    fault({ id: output }, reason, message) {
      log('error', 'output-fault', { output, reason, message });
      event('output-fault', { output, reason, message });
    },
  };
  return records;
}
