import type { Journal, StoredRecord } from '../../../gateway/journal/journal.ts';
import { realHost } from '../../../gateway/real-host.ts';
import { openBenchJournal, UPLINK } from './journal-contender.ts';
import { hundredths, openStream, PERIOD_MS, virtualClock } from './stream.ts';
import type { Message } from './workers.ts';

/** Sends a message to the bench; it has left this process when the call returns, whatever kills the process then. */
export type Send = (message: Message) => void;
/** The bench's answer to a question. Nothing else happens in this process until it comes. */
export type Ask = (question: Message) => Message;

/** Readings that are read, sent and settled together. */
const BATCH = 5_000;
const FRESH_COUNT = 1_000;
const PROGRESS_TICKS = 10_000;

export interface WriteOptions {
  readonly folder: string;
  readonly sensorCount: number;
  readonly startTick: number;
  readonly tickCount: number;
  /** Ticks in one commit. */
  readonly ticksPerCommit: number;
}

/** What is durable, in hundredths. */
export interface Written {
  readonly count: number;
  readonly sum: number;
}

/** Writes one commit per tick, each durable before the next, and leaves the journal open. */
export async function runWrite(options: WriteOptions, send: Send): Promise<Written> {
  const { folder, sensorCount, startTick, tickCount, ticksPerCommit } = options;
  const stream = openStream({ sensorCount, valueKind: 'decimal', seed: 30 + startTick, startTick });
  const journal = await openBenchJournal(realHost(() => {}).disk, folder, stream.clock);
  // As an uplink does at its start: without a cursor anything might have been sent before, and all of it would be looked up.
  await (await journal.delivery(UPLINK)).flush();
  let count = 0;
  let sum = 0;
  for (let tick = 0; tick < tickCount; tick += ticksPerCommit) {
    const readings = stream.next(sensorCount * ticksPerCommit);
    await Promise.all(readings.map((reading) => journal.append(reading)));
    count += readings.length;
    for (const reading of readings) sum += hundredths(reading);
    if (tick % PROGRESS_TICKS === 0) send({ tick });
  }
  return { count, sum };
}

/** Opens the journal once, with all that waits in it. */
export async function runOpen({
  folder,
  atTick,
}: {
  folder: string;
  atTick: number;
}): Promise<{ openMs: number; count: number }> {
  const { journal, openMs } = await openTimed(folder, atTick);
  return { openMs, count: journal.stats().recordCount };
}

/** How far the uplink had got, as an opening finds it. */
export async function runLowWater({ folder }: { folder: string }): Promise<{ lowWater: number; lastSequence: number }> {
  const { journal } = await openTimed(folder, 0);
  return { lowWater: (await journal.delivery(UPLINK)).lowWater, lastSequence: journal.stats().lastSequence };
}

/**
 * Sends everything that waits: the freshest first, the rest from the oldest on. The sink is the bench, which hears of
 * every batch before it is settled and is asked about those whose outcome an earlier process did not see.
 */
export async function runDrain({ folder, atTick }: { folder: string; atTick: number }, send: Send, ask: Ask): Promise<null> {
  const { journal } = await openTimed(folder, atTick);
  const delivery = await journal.delivery(UPLINK);
  const unresolvedCount = delivery.unresolved.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  // One batch was in flight, and nothing else may be in doubt.
  if (unresolvedCount > BATCH) throw new Error(`after a crash ${unresolvedCount} readings are in doubt, not at most ${BATCH}`);
  if (unresolvedCount > 0) {
    const unresolved = delivery.unresolved.flatMap(({ first, last }) =>
      Array.from({ length: last - first + 1 }, (_, at) => first + at),
    );
    const { arrived } = ask({ unresolved }) as { arrived: number[] };
    delivery.settle(unresolved, arrived);
  }
  const startMs = performance.now();
  const deliver = async (found: readonly StoredRecord[]) => {
    const waiting = found.filter(({ sequence }) => !delivery.isDelivered(sequence));
    if (waiting.length === 0) return;
    const sequences = waiting.map(({ sequence }) => sequence);
    await delivery.begin(sequences);
    send({ sent: rangesOf(sequences), ...sinkOf(waiting), ms: performance.now() - startMs });
    delivery.settle(sequences, sequences);
  };
  await deliver(await journal.read(Math.max(1, journal.stats().lastSequence - FRESH_COUNT + 1), FRESH_COUNT));
  for (let from = delivery.lowWater + 1; ; ) {
    const found = await journal.read(from, BATCH);
    const last = found.at(-1);
    if (last === undefined) break;
    await deliver(found);
    from = last.sequence + 1;
  }
  await delivery.flush();
  send({ ms: performance.now() - startMs });
  return null;
}

async function openTimed(folder: string, atTick: number): Promise<{ journal: Journal; openMs: number }> {
  const startMs = performance.now();
  const journal = await openBenchJournal(
    realHost(() => {}).disk,
    folder,
    virtualClock(() => atTick * PERIOD_MS),
  );
  return { journal, openMs: performance.now() - startMs };
}

/** Takes readings in no time: counts them and adds them up. */
function sinkOf(stored: readonly StoredRecord[]): Written {
  let count = 0;
  let sum = 0;
  for (const { record } of stored) {
    if (record.kind !== 'observation') continue;
    count += 1;
    sum += hundredths(record);
  }
  return { count, sum };
}

function rangesOf(sequences: readonly number[]): [first: number, last: number][] {
  const ranges: [number, number][] = [];
  for (const sequence of sequences) {
    const range = ranges.at(-1);
    if (range !== undefined && range[1] === sequence - 1) range[1] = sequence;
    else ranges.push([sequence, sequence]);
  }
  return ranges;
}
