import { type Clock, sleep } from '../../drivers/clock.ts';
import type { Journal, SequenceRange } from '../journal/journal.ts';
import { stampAt } from '../stamp.ts';
import type { UplinkTime } from '../timekeeper.ts';
import { AFTER_CUT } from './answer.ts';
import { type BatchRules, type Taken, takeBatch } from './batch.ts';
import { type Entry, isForCity } from './entry.ts';
import type { Gate } from './gate.ts';
import type { HeldSensors } from './held.ts';
import type { Jobs } from './jobs.ts';
import type { Ledger } from './ledger.ts';
import { countNoTime, type Positions, REWOUND } from './positions.ts';
import type { Quota } from './quota.ts';
import { type Sender, STALE_MS } from './sender.ts';
import type { Suspects } from './suspects.ts';
import { takeUnresolved } from './unresolved.ts';
import type { Wake } from './wake.ts';

/** Records that are read in one go: some full batches. */
const PAGE = 500;
/** Records that the fresh lane may lie behind; what is older than that becomes backlog. */
const FRESH_MAX = 1_000;
/** The same while the city has only just come back: one batch, and the rest is backlog like everybody's. */
const FRESH_MAX_AT_RETURN = 100;
/** Sequences in a row without a record, beyond which they are settled on their own instead of with a batch. */
const HOLE_MAX = 1_000;

/** What the lanes work with. */
export interface LaneParts {
  readonly clock: Clock;
  readonly openedMs: number;
  readonly journal: Journal;
  readonly positions: Positions;
  readonly sender: Sender;
  readonly gate: Gate;
  readonly quota: Quota;
  readonly held: HeldSensors;
  readonly suspects: Suspects;
  readonly jobs: Jobs;
  readonly ledger: Ledger;
  readonly wake: Wake;
  readonly time: Pick<UplinkTime, 'timeOf'>;
  readonly bootId: string;
  /** How often the fresh lane sends at most. */
  readonly everyMs: number;
}

/** What the backlog lane takes in turn. */
type Waiting = 'held' | 'suspects' | 'backlog';

/**
 * What has just been measured, every `everyMs`. A batch that does not go through is left to the backlog lane (or tried
 * again, when the whole city is away), so that nothing older is ever in the way of what is new.
 */
export async function runFreshLane(parts: LaneParts, signal: AbortSignal): Promise<never> {
  const { clock, journal, positions, gate, quota, jobs, wake, everyMs } = parts;
  let nextMs = clock.monotonicMs();
  for (;;) {
    const last = journal.lastSequence;
    const freshMax = gate.isReturning ? FRESH_MAX_AT_RETURN : FRESH_MAX;
    positions.fresh = Math.max(positions.fresh, last + 1 - freshMax, volatileFrom(journal));
    const isIdle = positions.fresh > last || jobs.isFullForFresh;
    const mayMs = Math.max(gate.remainingMs(), quota.pauseMs('fresh'), nextMs - clock.monotonicMs());
    const pauseMs = isIdle ? Number.POSITIVE_INFINITY : mayMs;
    if (pauseMs > 0) {
      await wake.wait(pauseMs, signal);
      continue;
    }
    const startMs = clock.monotonicMs();
    const taken = await turn(parts, 'fresh', last + 1, signal);
    if (taken.batch.entries.length > 0) nextMs = startMs + everyMs;
    else if (taken.waitMs !== undefined) nextMs = startMs + taken.waitMs;
    wake.notify();
  }
}

/** While the disk refuses: where the records begin that are in memory only. What is older needs the delivery state on the disk. */
function volatileFrom(journal: Journal): number {
  return journal.isFailing ? (journal.stats().failing?.fromSequence ?? 0) : 0;
}

/**
 * Batches in doubt first, then what has to be sent again; then held sensors, suspects and the oldest records that wait, in turn: each
 * request may cost minutes of the quota, or the time of a timeout, and whoever always came first would have all of it.
 */
export async function runBacklogLane(parts: LaneParts, signal: AbortSignal): Promise<never> {
  const { clock, positions, sender, gate, quota, held, suspects, jobs, ledger, wake } = parts;
  const turns: Waiting[] = ['held', 'suspects', 'backlog'];
  let isInMemory = false;
  let restsUntilMs = 0;
  for (;;) {
    isInMemory = keepToMemory(parts, isInMemory);
    if (!jobs.isFull && (await lookUpUnresolved(parts))) continue;
    const askMs = Math.max(quota.pauseMs('ask'), gate.startsInMs());
    const lookUp = askMs > 0 ? undefined : jobs.takeLookUp();
    if (lookUp !== undefined) {
      await sender.lookUp(lookUp, signal);
      wake.notify();
      continue;
    }
    const pauseMs = Math.max(gate.remainingMs(), quota.pauseMs('backlog'));
    const restMs = restsUntilMs - clock.monotonicMs();
    if (pauseMs === 0) {
      if (!isInMemory && (await sendAgain(parts, signal))) continue;
      const hasBacklog = ledger.firstUndelivered(positions.backlog) < positions.fresh && !jobs.isFull && !ledger.isCrowded;
      const may = {
        held: !isInMemory && held.remainingMs() === 0,
        suspects: !isInMemory && !jobs.isFullForSuspects && suspects.remainingMs() === 0,
        backlog: hasBacklog && restMs <= 0,
      };
      const next = turns.find((one) => may[one]);
      const startMs = clock.monotonicMs();
      const isSent = next !== undefined && (await sendOf(next, parts, signal));
      if (isSent) turns.push(...turns.splice(turns.indexOf(next), 1));
      if (next === 'backlog') {
        const endMs = clock.monotonicMs();
        restsUntilMs = endMs + gate.restMs(endMs - startMs);
      }
      if (next !== undefined) continue;
      // Not at once: one that would prove it may be among the others.
      const last = isInMemory ? undefined : jobs.takeLast();
      if (last !== undefined) {
        const batch = sender.withoutSuspects(last);
        if (!(await sender.send(batch, signal))) jobs.resend(batch);
        wake.notify();
        continue;
      }
    }
    const first = ledger.firstUndelivered(0);
    if (first !== positions.leading && first <= parts.journal.lastSequence) {
      await settleLeading(parts, first);
      continue;
    }
    await wake.wait(Math.min(Math.max(jobs.remainingMs(), askMs), untilNextMs(parts, pauseMs, restMs)), signal);
  }
}

/** Sends one batch of what waits. False when that needed no request, so that it was no turn. */
async function sendOf(next: Waiting, parts: LaneParts, signal: AbortSignal): Promise<boolean> {
  if (next === 'held') return await probe(parts, signal);
  if (next === 'suspects') return await sendOfSuspect(parts, signal);
  const { batch } = await turn(parts, 'backlog', parts.positions.fresh, signal);
  return batch.entries.length > 0;
}

/**
 * While the disk refuses, only what is in memory alone can be sent, and the backlog is that part of it which is not fresh.
 * When the disk works again, everything before it is looked through. Returns whether the disk refuses.
 */
function keepToMemory({ journal, positions }: LaneParts, wasInMemory: boolean): boolean {
  if (journal.isFailing) positions.backlog = Math.max(positions.backlog, volatileFrom(journal));
  else if (wasInMemory) positions.backlog = REWOUND;
  return journal.isFailing;
}

/** What comes before all that waits; each step makes one of these smaller. Returns whether there was any. */
async function sendAgain(parts: LaneParts, signal: AbortSignal): Promise<boolean> {
  const { sender, jobs, ledger, wake } = parts;
  const stragglers = ledger.stragglers();
  if (stragglers.length > 0) {
    await makeRoom(parts, stragglers, signal);
    return true;
  }
  const again = jobs.takeResend();
  if (again === undefined) return false;
  const batch = sender.withoutSuspects(again);
  if (!(await sender.send(batch, signal))) jobs.resend(batch);
  wake.notify();
  return true;
}

/** Until the backlog lane has something to send again; whatever is durable meanwhile wakes it anyway. */
function untilNextMs({ journal, held, suspects, jobs }: LaneParts, pauseMs: number, restMs: number): number {
  if (pauseMs > 0) return pauseMs;
  const restedMs = restMs > 0 ? restMs : Number.POSITIVE_INFINITY;
  if (journal.isFailing) return restedMs;
  return Math.min(restedMs, held.remainingMs(), jobs.isFullForSuspects ? Number.POSITIVE_INFINITY : suspects.remainingMs());
}

/** Begins to look up the next batch of the process before. The city may still be at work on it, as after a cut connection. */
async function lookUpUnresolved({ openedMs, journal, ledger, jobs, sender, gate, time }: LaneParts): Promise<boolean> {
  try {
    const batch = await takeUnresolved(journal, ledger, time.timeOf);
    if (batch !== undefined) jobs.lookUp(batch, AFTER_CUT, openedMs);
    return batch !== undefined;
  } catch (error) {
    sender.journalFailed(gate.pass(), error);
    return false;
  }
}

/** What stands first and is not for the city needs no city: only readings are to be seen to wait while it is away. */
async function settleLeading({ journal, ledger, positions, sender, gate }: LaneParts, first: number): Promise<void> {
  positions.leading = first;
  try {
    const page = await journal.read(first, PAGE);
    const waits = page.findIndex(
      ({ sequence, record }, index) => sequence !== first + index || isForCity(record) || !ledger.isFree(sequence),
    );
    const leading = waits < 0 ? page : page.slice(0, waits);
    if (leading.length > 0)
      ledger.finish({ entries: [], covered: leading.map(({ sequence }) => ({ sequence, why: 'pass' })) }, []);
    positions.leading = waits < 0 && page.length > 0 ? 0 : first + leading.length;
  } catch (error) {
    sender.journalFailed(gate.pass(), error);
  }
}

/** What is held for long is moved here, so that the fresh lane never waits for it. */
async function makeRoom(
  { clock, ledger, sender, gate }: LaneParts,
  stragglers: readonly SequenceRange[],
  signal: AbortSignal,
): Promise<void> {
  let isDone = true;
  try {
    isDone = await ledger.makeRoom(stragglers);
  } catch (error) {
    sender.journalFailed(gate.pass(), error);
  }
  if (!isDone) await sleep(clock, STALE_MS, signal);
}

/** Asks the city about held sensors. One without a known observation is let in: its next one asks. Returns whether there was any to ask with. */
async function probe({ sender, held, ledger, positions }: LaneParts, signal: AbortSignal): Promise<boolean> {
  const { entries, without, revision } = held.probes(sender.limits.entriesMax, ledger.isFree);
  for (const sensor of without) {
    held.release(sensor);
    positions.backlog = REWOUND;
  }
  if (entries.length === 0) return false;
  const batch = { entries, covered: [], revision };
  ledger.claim(batch);
  if (!(await sender.send(batch, signal))) ledger.unclaim(batch);
  return true;
}

/** One batch of a suspect alone, when one is due. The observations of others in between are left where they are. Returns whether there was any. */
async function sendOfSuspect(parts: LaneParts, signal: AbortSignal): Promise<boolean> {
  const { positions, sender, held, suspects, ledger, gate } = parts;
  const due = suspects.due();
  if (due === undefined) return false;
  const { sensor } = due;
  const limit = positions.fresh;
  let from = due.from;
  for (;;) {
    from = ledger.firstUndelivered(from);
    if (from >= limit || held.has(sensor)) break;
    let taken: Taken;
    try {
      const { revision } = parts.journal;
      const page = await readPage(parts, from, limit);
      if (page === undefined) return false;
      const entriesMax = Math.min(due.size, sender.limits.entriesMax);
      taken = takeBatch(page.records, page.end, {
        ...rulesOf(parts, from, limit),
        revision,
        entriesMax,
        isHeld: (other) => other !== sensor,
      });
    } catch (error) {
      sender.journalFailed(gate.pass(), error);
      return false;
    }
    if (taken.batch.entries.length > 0) {
      const batch = { ...taken.batch, suspect: { sensor, next: taken.next } };
      ledger.claim(batch);
      if (!(await sender.send(batch, signal))) ledger.unclaim(batch);
      return true;
    }
    from = taken.next;
  }
  if (suspects.isCleared(sensor, limit)) positions.backlog = REWOUND;
  return false;
}

/** One batch of a lane, from its position up to `limit` (exclusive). */
async function turn(parts: LaneParts, lane: 'fresh' | 'backlog', limit: number, signal: AbortSignal): Promise<Taken> {
  const { journal, positions, sender, ledger, gate } = parts;
  // Another position may be set while the page is being read; what is taken begins where the page does.
  const from = ledger.firstUndelivered(positions[lane]);
  positions[lane] = from;
  const nothing: Taken = {
    batch: { entries: [], covered: [], revision: 0 },
    held: [],
    noTime: [],
    isAfterNoTime: false,
    next: from,
  };
  let taken: Taken | undefined;
  try {
    const rules = { ...rulesOf(parts, from, limit), isAfterNoTime: positions.untimedEnd[lane] === from };
    taken = lane === 'fresh' ? undefined : takeFromRest(parts, rules);
    if (taken === undefined) {
      const { revision } = journal;
      const page = await readPage(parts, from, limit);
      if (page === undefined) return nothing;
      // What is in memory only may be elsewhere by the time it would be taken from here.
      if (lane === 'backlog') positions.page = journal.isFailing ? undefined : { ...page, from, revision };
      const isNew = lane === 'fresh';
      const all = { ...rules, revision };
      taken = takeBatch(page.records, page.end, isNew ? { ...all, openForMs: (entry) => openForMs(entry, parts) } : all);
    }
  } catch (error) {
    sender.journalFailed(gate.pass(), error);
    return nothing;
  }
  ledger.claim(taken.batch);
  for (const entry of taken.held) parts.held.offer(entry, taken.batch.revision);
  countNoTime(positions, lane, taken);
  positions.untimedEnd[lane] = taken.isAfterNoTime ? taken.next : 0;
  const { entries, covered } = taken.batch;
  const isDone = entries.length + covered.length === 0 || (await sender.send(taken.batch, signal, lane));
  if (!isDone) {
    ledger.unclaim(taken.batch);
    positions.leading = 0;
  } else if (positions[lane] !== REWOUND) {
    // A release meanwhile has sent the backlog lane back to the start; it must not jump ahead again.
    positions[lane] = taken.next;
  }
  return taken;
}

/**
 * A full batch from what is left of the page that the one before came from; undefined when it gives none, or when the journal may
 * hold something else by now. To read a page once, and not once for each of its batches, is a third of the work of a long backlog.
 */
function takeFromRest({ journal, positions: { page } }: LaneParts, rules: Omit<BatchRules, 'revision'>): Taken | undefined {
  const { from, entriesMax } = rules;
  if (page === undefined || from < page.from || page.revision !== journal.revision || journal.isFailing) return undefined;
  const records = page.records.filter(({ sequence }) => sequence >= from);
  if (records.length < entriesMax) return undefined;
  const taken = takeBatch(records, page.end, { ...rules, revision: page.revision });
  return taken.batch.entries.length === entriesMax ? taken : undefined;
}

/** How a batch of the backlog is built, but for what has to be known before its page is read. */
function rulesOf({ time, sender, ledger, held, suspects }: LaneParts, from: number, limit: number): Omit<BatchRules, 'revision'> {
  return {
    from,
    limit,
    entriesMax: sender.limits.entriesMax,
    bytesMax: sender.limits.bytesMax,
    isFree: ledger.isFree,
    isHeld: (sensor) => held.has(sensor) || suspects.has(sensor),
    isSent: sender.isSent,
    timeOf: time.timeOf,
    isAfterNoTime: false,
    openForMs: () => 0,
  };
}

/** The next records, up to the first large hole. Undefined when it began with one, which is settled then. */
async function readPage({ journal, ledger, sender }: LaneParts, from: number, limit: number) {
  const pageMax = Math.max(PAGE, sender.limits.entriesMax);
  const all = await journal.read(from, pageMax);
  let expected = from;
  let hole: number | undefined;
  const records = [];
  for (const stored of all) {
    if (stored.sequence - expected > HOLE_MAX) {
      hole = stored.sequence;
      break;
    }
    records.push(stored);
    expected = stored.sequence + 1;
  }
  const isLast = hole === undefined && all.length < pageMax && (await isEmpty(journal, expected, limit));
  if (isLast && limit - expected > HOLE_MAX) hole = limit;
  if (hole !== undefined && records.length === 0) {
    ledger.settleHole({ first: from, last: Math.min(hole, limit) - 1 });
    return undefined;
  }
  return { records, end: hole === undefined && isLast ? limit : expected };
}

/** Whether there is no record from `from` on and before `limit`: a short page may only have been full of large ones. */
async function isEmpty(journal: Journal, from: number, limit: number): Promise<boolean> {
  if (from >= limit) return true;
  const [next] = await journal.read(from, 1);
  return next === undefined || next.sequence >= limit;
}

/** The last observation of a second is the one that is sent, so a second that still runs is waited for. */
function openForMs(entry: Entry, { clock, bootId, time }: LaneParts): number {
  const ageMs = clock.monotonicMs() - entry.monotonicMs;
  if (entry.boot !== bootId || ageMs < 0 || ageMs >= 1000) return 0;
  const now = time.timeOf(stampAt(clock, bootId));
  if (now.kind !== 'known') return 1000 - ageMs;
  if (entry.second !== Math.floor(now.ms / 1000)) return 0;
  // The age bounds the wait: a time that stands still must not hold anything back for good.
  return Math.min(1000 - ageMs, 1000 - (now.ms % 1000));
}
