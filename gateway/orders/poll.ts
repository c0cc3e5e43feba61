import { type Clock, sleep } from '../../drivers/clock.ts';
import type { HttpResponse, Log } from '../host.ts';
import { backOffMs } from '../uplink/back-off.ts';
import type { CityClock } from '../uplink/city-clock.ts';
import { keptOf } from '../uplink/quota.ts';
import type { CityLink } from '../uplink/sentilo.ts';
import type { CityProblem } from '../uplink/status.ts';
import type { Wake } from '../uplink/wake.ts';
import type { TextOrder } from './copy.ts';
import type { Desk, Taker } from './desk.ts';
import type { Listed } from './listing.ts';
import { ClockMoved, nothingShown, type Passed, PollError, shownSince } from './shown.ts';

/** The share of the hour's quota that asking for orders may take, where that is more than is kept for questions. */
const QUOTA_SHARE = 0.1;
const HOUR_MS = 3_600_000;
/** The first asking is somewhere within this time: a district that comes back does not ask all at once. */
const FIRST_MS_MAX = 10_000;
/** How far is gone back where the city's clock was set back by nobody knows how much, as this process had not begun. */
const LOOK_BACK_MS = HOUR_MS;
/** And for how long nobody asked then, at most, beyond what the clock was set back. */
const AWAY_MS = 60_000;
/** What is said while the answers of the city disagree about its time. */
const UNSURE: CityProblem = { code: 'S004', parameters: {} };
/** So often the city is asked again at once because of its clock; from then on at this pace. */
const MOVED_MAX = 5;
const POLL_UNSURE_MS = 10_000;
/** What a clock is moved by is more than servers differ in telling the second. */
const STEP_MS = 1_000;
/** An order for all sensors is filed under one after the other: what is younger is looked at once more, complete. */
const SETTLE_MS = 1_000;
/** The cursor becomes durable with each order, and so often without: an older one costs a longer answer, no more. */
const SAVE_EVERY_MS = HOUR_MS;

export interface PollSurroundings {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly link: CityLink;
  readonly takers: readonly Taker[];
  readonly desk: Desk;
  /** How often the city is asked now, where its quota allows that. */
  readonly everyMs: () => number;
  /** Wakes when so many orders were pushed that the city has to be asked. */
  readonly crowded: Wake;
  /** The city was asked; or why it could not be. */
  readonly asked: (problem: CityProblem | undefined) => void;
  /** Takes a broken invariant of ours, which must end the program. */
  readonly fatal: (error: unknown) => void;
}

/** Asks the city for orders until `signal` is aborted: the only way for which nobody needs to reach this gateway. */
export async function pollOrders(around: PollSurroundings, signal: AbortSignal): Promise<never> {
  const { clock, desk, fatal, log, random, everyMs, crowded, asked } = around;
  const watch = openWatch(clock, around.link.cityClock);
  const startedMs = clock.monotonicMs();
  let attempt = 0;
  let movedCount = 0;
  const passed: Passed = new Map();
  /** What looking once more took of this pace. */
  let settlingMs = 0;
  let problem: string | undefined;
  let savedMs = clock.monotonicMs();
  await sleep(clock, random() * Math.min(everyMs(), FIRST_MS_MAX), signal);
  for (;;) {
    let waitMs: number;
    let canWake = false;
    try {
      const { isAllSettled, quotaMs } = await poll({ ...around, passed, startedMs }, watch, signal);
      // Once for each pace, and not where the quota sets it: who orders each second does not set the pace of the asking.
      waitMs = Math.max(everyMs(), quotaMs) - settlingMs;
      settlingMs = isAllSettled || settlingMs > 0 || quotaMs > everyMs() ? 0 : SETTLE_MS;
      if (settlingMs > 0) waitMs = settlingMs;
      canWake = quotaMs <= everyMs();
      asked(undefined);
      if (problem !== undefined) log('info', 'city-orders-ok');
      attempt = 0;
      movedCount = 0;
      problem = undefined;
      if (clock.monotonicMs() - savedMs >= SAVE_EVERY_MS) {
        savedMs = clock.monotonicMs();
        desk.save().catch(fatal);
      }
    } catch (error) {
      if (!(error instanceof PollError || error instanceof ClockMoved)) throw error;
      movedCount += error instanceof ClockMoved ? 1 : 0;
      if (error instanceof PollError) attempt += 1;
      const { code, parameters } = error instanceof PollError ? error.problem : UNSURE;
      if (problem !== code) log('warning', 'city-orders-not-read', { problem: code, ...parameters });
      problem = code;
      // That a clock is set is over after three answers.
      if (error instanceof PollError || movedCount > MOVED_MAX) asked({ code, parameters });
      const againMs = movedCount > MOVED_MAX ? Math.max(POLL_UNSURE_MS, everyMs()) : SETTLE_MS;
      waitMs = error instanceof PollError ? (error.fixedMs ?? backOffMs(error.pace, attempt, random())) : againMs;
    }
    const firstMs = canWake ? Math.min(waitMs, SETTLE_MS) : waitMs;
    await sleep(clock, firstMs, signal);
    if (waitMs > firstMs) await crowded.wait(waitMs - firstMs, signal);
  }
}

/** What an answer says about the next asking. */
interface Polled {
  /** Nothing in it is so young that it has to be looked at once more. */
  readonly isAllSettled: boolean;
  /** The pace at which the hour's quota lasts for everything else too. */
  readonly quotaMs: number;
}

/** Takes what came since the last time. @throws PollError @throws ClockMoved */
async function poll(
  around: PollSurroundings & { readonly passed: Passed; readonly startedMs: number },
  watch: () => Moved,
  signal: AbortSignal,
): Promise<Polled> {
  const { clock, desk, fatal, link, takers, passed, startedMs } = around;
  const { cursorMs } = desk;
  if (cursorMs === undefined) {
    const { response, dateMs } = await nothingShown(around, signal);
    watch();
    desk.begin(Math.floor(dateMs - (clock.monotonicMs() - startedMs)));
    // What was ordered since the start is looked at soon.
    return { isAllSettled: false, quotaMs: quotaPaceMs(response) };
  }
  const fromMs = desk.seenMs;
  const { response, dateMs, bySensor, toldFromMs, requestCount } = await shownSince(around, fromMs, signal);
  const { backMs, isForward, sinceMs } = watch();
  const settledMs = dateMs - SETTLE_MS;
  // A city whose clock was set back has filed under times before those that were asked for.
  const aheadMs = cursorMs - settledMs;
  if (backMs > 0 || aheadMs > desk.lookBehindMs + SETTLE_MS) {
    // Where that was before this process began nobody knows by how much, nor for how long nobody asked.
    const doubtedMs = backMs > 0 ? sinceMs + SETTLE_MS : Math.min(LOOK_BACK_MS, aheadMs + AWAY_MS);
    desk.setBack(backMs > 0 ? cursorMs - backMs : settledMs - LOOK_BACK_MS, { afterMs: cursorMs, untilMs: cursorMs + doubtedMs });
    // Those times come again.
    passed.clear();
    throw new ClockMoved();
  }
  const isForAll = forAllOf(bySensor, takers);
  const shown = takers.flatMap(({ sensor }) => (bySensor.get(sensor) ?? []).map((listed) => ({ sensor, ...listed })));
  const settled = shown.filter(({ timeMs }) => timeMs <= settledMs);
  const orders = settled.map(
    (listed): TextOrder => ({ ...listed, isForAll: isForAll(listed) || (listed.timeMs < toldFromMs ? 'unknown' : false) }),
  );
  // A disk that hangs does not keep the city from being asked: a state file has the orders and the cursor that is past them, or neither.
  desk.take(orders, 'poll', link.cityClock.now()?.latestMs ?? dateMs).catch(fatal);
  // Where the clock was set forward what the city has dated before may still be shown, and is asked for as long.
  desk.moveOn(Math.max(cursorMs, settledMs), isForward);
  return { isAllSettled: settled.length === shown.length, quotaMs: quotaPaceMs(response, requestCount) };
}

/** What became of the city's clock. */
interface Moved {
  /** By how much it was set back, at most, and within which time; 0 when it was not. */
  readonly backMs: number;
  readonly sinceMs: number;
  /** It was set forward. */
  readonly isForward: boolean;
}

/** Tells what became of the city's clock since the last call. */
function openWatch(clock: Clock, cityClock: CityClock): () => Moved {
  let before: { readonly leastMs: number; readonly mostMs: number; readonly atMs: number } | undefined;
  return () => {
    const now = cityClock.now();
    if (now === undefined) return { backMs: 0, sinceMs: 0, isForward: false };
    const atMs = clock.monotonicMs();
    const ahead = { leastMs: now.earliestMs - atMs, mostMs: now.latestMs - atMs, atMs };
    const known = before ?? ahead;
    before = ahead;
    return {
      backMs: ahead.mostMs < known.leastMs - STEP_MS ? known.mostMs - ahead.leastMs : 0,
      sinceMs: atMs - known.atMs,
      isForward: ahead.leastMs > known.mostMs + STEP_MS,
    };
  };
}

/** Whether an order was given to all sensors at once: then it stands also under one that takes no orders. */
function forAllOf(bySensor: ReadonlyMap<string, readonly Listed[]>, takers: readonly Taker[]): (listed: Listed) => boolean {
  const key = ({ text, sender, timeMs }: Listed) => JSON.stringify([timeMs, sender, text]);
  const takerSensors = new Set(takers.map(({ sensor }) => sensor));
  const others = [...bySensor].filter(([sensor]) => !takerSensors.has(sensor)).flatMap(([, orders]) => orders.map(key));
  const elsewhere = new Set(others);
  return (listed) => elsewhere.has(key(listed));
}

/** The time between two polls of so many requests that leaves enough of the quota; an hour at most, whatever the headers say. */
export function quotaPaceMs({ headers }: Pick<HttpResponse, 'headers'>, requestCount = 1): number {
  const limits = ['x-ratelimit-inbound-limit', 'x-ratelimit-global-inbound-limit'].map((name) => Number(headers[name] ?? 0));
  const least = Math.min(...limits.filter((limit) => limit >= 1));
  if (!Number.isFinite(least)) return 0;
  return Math.min(HOUR_MS, (requestCount * HOUR_MS) / Math.max(QUOTA_SHARE * least, keptOf(least)));
}
