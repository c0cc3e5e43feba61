import { type Clock, sleep } from '../../drivers/clock.ts';
import { HttpError, type HttpResponse, type Log } from '../host.ts';
import { failureProblem, problemOf } from '../uplink/answer.ts';
import { backOffMs, type Pace, QUOTA_PACE, REFUSED_PACE, TRANSPORT_PACE } from '../uplink/back-off.ts';
import { type CityClock, dateOf } from '../uplink/city-clock.ts';
import { keptOf, resetMs } from '../uplink/quota.ts';
import { orderUrl } from '../uplink/request.ts';
import type { CityLink } from '../uplink/sentilo.ts';
import type { CityProblem } from '../uplink/status.ts';
import { SECOND_MAX, timestamp } from '../uplink/timestamp.ts';
import type { Wake } from '../uplink/wake.ts';
import type { TextOrder } from './copy.ts';
import { type Desk, OVERLAP_MS, type Taker } from './desk.ts';
import { type Listed, type Listing, listedBySensor, listedOrders } from './listing.ts';

/** The share of the hour's quota that asking for orders may take, where that is more than is kept for questions. */
const QUOTA_SHARE = 0.1;
const HOUR_MS = 3_600_000;
/** The first asking is somewhere within this time: a district that comes back does not ask all at once. */
const FIRST_MS_MAX = 10_000;
/** How far is gone back where the city's clock was set back by nobody knows how much, as this process had not begun. */
const LOOK_BACK_MS = HOUR_MS;
/** What a clock is moved by is more than servers differ in telling the second. */
const STEP_MS = 1_000;
/** An order for all sensors is filed under one after the other: what is younger is looked at once more, complete. */
const SETTLE_MS = 1_000;
/** Orders of each sensor that an answer for the whole provider holds at most (§1.7). */
const PROVIDER_LIMIT = 50;
/** And one for a sensor; less is asked for where their texts are too long for an answer. */
const SENSOR_LIMITS = [200, 50, 10, 1] as const;
/** Pages of one sensor that are read in one go. What lies behind is older than thousands that came since. */
const PAGES_MAX = 10;
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

/** The city could not be asked. */
class PollError extends Error {
  override readonly name = 'PollError';
  readonly problem: CityProblem;
  readonly pace: Pace;
  readonly fixedMs: number | undefined;
  constructor(problem: CityProblem, pace: Pace, fixedMs?: number) {
    super(`the orders cannot be read: ${problem.code}`);
    this.problem = problem;
    this.pace = pace;
    this.fixedMs = fixedMs;
  }

  /** It has an answer, of more bytes than are read. */
  get isTooLong(): boolean {
    return this.problem.parameters['error'] === 'TOO_LONG';
  }
}

/** The city's clock shows something else than before, or has been set back: what is asked now could be misjudged. */
class ClockMoved extends Error {
  override readonly name = 'ClockMoved';
}

/** Asks the city for orders until `signal` is aborted: the only way for which nobody needs to reach this gateway. */
export async function pollOrders(around: PollSurroundings, signal: AbortSignal): Promise<never> {
  const { clock, desk, fatal, log, random, everyMs, crowded, asked } = around;
  const setBack = openSetBack(clock, around.link.cityClock);
  let attempt = 0;
  /** What looking once more took of this pace. */
  let settlingMs = 0;
  let problem: string | undefined;
  let savedMs = clock.monotonicMs();
  await sleep(clock, random() * Math.min(everyMs(), FIRST_MS_MAX), signal);
  for (;;) {
    let waitMs: number;
    let canWake = false;
    try {
      const { isAllSettled, quotaMs } = await poll(around, setBack, signal);
      // Once for each pace, and not where the quota sets it: who orders each second does not set the pace of the asking.
      waitMs = Math.max(everyMs(), quotaMs) - settlingMs;
      settlingMs = isAllSettled || settlingMs > 0 || quotaMs > everyMs() ? 0 : SETTLE_MS;
      if (settlingMs > 0) waitMs = settlingMs;
      canWake = quotaMs <= everyMs();
      asked(undefined);
      if (problem !== undefined) log('info', 'city-orders-ok');
      attempt = 0;
      problem = undefined;
      if (clock.monotonicMs() - savedMs >= SAVE_EVERY_MS) {
        savedMs = clock.monotonicMs();
        desk.save().catch(fatal);
      }
    } catch (error) {
      if (!(error instanceof PollError || error instanceof ClockMoved)) throw error;
      const { code, parameters } = error instanceof PollError ? error.problem : { code: 'clock', parameters: {} };
      if (problem !== code) log('warning', 'city-orders-not-read', { problem: code, ...parameters });
      problem = code;
      if (error instanceof PollError) {
        attempt += 1;
        asked(error.problem);
      }
      waitMs = error instanceof PollError ? (error.fixedMs ?? backOffMs(error.pace, attempt, random())) : SETTLE_MS;
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
async function poll(around: PollSurroundings, setBack: () => SetBack, signal: AbortSignal): Promise<Polled> {
  const { desk, fatal, link, takers } = around;
  const { cursorMs } = desk;
  const { response, dateMs, bySensor } = await (cursorMs === undefined ? none(around, signal) : newest(around, signal));
  const { backMs, sinceMs } = setBack();
  const settledMs = dateMs - SETTLE_MS;
  if (cursorMs === undefined) {
    // What was ordered before this gateway asked for the first time was not meant for it.
    desk.cursorMs = dateMs + OVERLAP_MS;
    desk.save().catch(fatal);
    return { isAllSettled: true, quotaMs: quotaPaceMs(response) };
  }
  // A city whose clock was set back has filed under times before those that were asked for.
  const isAhead = settledMs < cursorMs - OVERLAP_MS - SETTLE_MS;
  if (backMs > 0 || isAhead) {
    desk.doubt(cursorMs, cursorMs + (backMs > 0 ? sinceMs + SETTLE_MS : LOOK_BACK_MS));
    desk.cursorMs = backMs > 0 ? cursorMs - backMs : settledMs - LOOK_BACK_MS;
    throw new ClockMoved();
  }
  const isForAll = forAllOf(bySensor, takers);
  const shown = takers.flatMap(({ sensor }) => (bySensor.get(sensor) ?? []).map((listed) => ({ sensor, ...listed })));
  const settled = shown.filter(({ timeMs }) => timeMs <= settledMs);
  const orders = settled.map((listed): TextOrder => ({ ...listed, isForAll: isForAll(listed) }));
  // A disk that hangs does not keep the city from being asked: a state file has the orders and the cursor that is past them, or neither.
  desk.take(orders, 'poll', link.cityClock.now()?.latestMs ?? dateMs).catch(fatal);
  desk.cursorMs = Math.max(cursorMs, settledMs);
  return { isAllSettled: settled.length === shown.length, quotaMs: quotaPaceMs(response) };
}

/** By how much the city's clock was set back, at most, and within which time; 0 when it was not. */
interface SetBack {
  readonly backMs: number;
  readonly sinceMs: number;
}

/** Tells what became of the city's clock since the last call. */
function openSetBack(clock: Clock, cityClock: CityClock): () => SetBack {
  let before: { readonly leastMs: number; readonly mostMs: number; readonly atMs: number } | undefined;
  return () => {
    const now = cityClock.now();
    if (now === undefined) return { backMs: 0, sinceMs: 0 };
    const atMs = clock.monotonicMs();
    const ahead = { leastMs: now.earliestMs - atMs, mostMs: now.latestMs - atMs, atMs };
    const backMs = before !== undefined && ahead.mostMs < before.leastMs - STEP_MS ? before.mostMs - ahead.leastMs : 0;
    const sinceMs = atMs - (before?.atMs ?? atMs);
    before = ahead;
    return { backMs, sinceMs };
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

/** What the city shows of its sensors: of those that take orders, and of one that has those for all sensors too, it is all. */
interface Shown extends Asked {
  readonly bySensor: ReadonlyMap<string, readonly Listed[]>;
}

/** The orders since the cursor; what comes after the first answer to this is looked at the next time. @throws PollError @throws ClockMoved */
async function newest(around: PollSurroundings, signal: AbortSignal): Promise<Shown> {
  const { desk, takers } = around;
  const asked = await unlessTooLong(askProvider(around, desk.cursorMs, PROVIDER_LIMIT, signal));
  const { listings, ...shown } = asked ?? (await askProvider(around, SECOND_MAX * 1000, 1, signal));
  const bySensor = new Map([...listings].map(([sensor, { orders }]) => [sensor, orders]));
  const isAllShown = (sensor: string) => asked !== undefined && (listings.get(sensor)?.count ?? 0) < PROVIDER_LIMIT;
  // What is for all stands under a sensor of answers too, where nobody else has anything to order.
  for (const sensor of [...takers.slice(0, 1).map(({ answers }) => answers.sensor), ...takers.map((taker) => taker.sensor)])
    if (!isAllShown(sensor)) bySensor.set(sensor, await allOf(around, sensor, signal, asked === undefined ? 1 : 0));
  return { ...shown, bySensor };
}

/** No orders, and the city's time: nothing lies so far ahead. @throws PollError @throws ClockMoved */
async function none(around: PollSurroundings, signal: AbortSignal): Promise<Shown> {
  return { ...(await askProvider(around, SECOND_MAX * 1000, 1, signal)), bySensor: new Map() };
}

/** The newest orders of each sensor of the provider. @throws PollError @throws ClockMoved */
async function askProvider(
  around: PollSurroundings,
  sinceMs: number | undefined,
  limit: number,
  signal: AbortSignal,
): Promise<Asked & { readonly listings: ReadonlyMap<string, Listing> }> {
  const { link } = around;
  const asked = await ask(around, `${orderUrl(link.city.url, link.city.provider)}?${fromQuery(sinceMs)}limit=${limit}`, signal);
  const listings = listedBySensor(asked.response.body);
  if (listings === undefined) throw new PollError(problemOf(asked.response, link.mask), TRANSPORT_PACE);
  return { ...asked, listings };
}

/** All orders of a sensor since the cursor, the newest first; `size`: which of the limits is tried first. @throws PollError @throws ClockMoved */
async function allOf(around: PollSurroundings, sensor: string, signal: AbortSignal, size: number): Promise<readonly Listed[]> {
  const { desk, link, log } = around;
  const url = `${orderUrl(link.city.url, link.city.provider, sensor)}?${fromQuery(desk.cursorMs)}`;
  const limits = SENSOR_LIMITS.slice(size);
  const found: Listed[] = [];
  let toSecond = Number.POSITIVE_INFINITY;
  for (let page = 0; page < PAGES_MAX; page++) {
    const [limit] = limits;
    if (limit === undefined) {
      // One that is too long by itself, and with it what lies behind: the next asking begins after them.
      log('warning', 'city-order-too-long', { sensor });
      break;
    }
    const to = Number.isFinite(toSecond) ? `&to=${encodeURIComponent(timestamp(toSecond))}` : '';
    const asked = await unlessTooLong(ask(around, `${url}limit=${limit}${to}`, signal));
    if (asked === undefined) {
      limits.shift();
      continue;
    }
    const listing = listedOrders(asked.response.body);
    if (listing === undefined) throw new PollError(problemOf(asked.response, link.mask), TRANSPORT_PACE);
    found.push(...listing.orders);
    const oldest = listing.orders.at(-1);
    if (oldest === undefined || listing.count < limit) break;
    // Up to the end of that second: some of it may have been in this page, and the rest of it is not. Of more than a page holds
    // the city has no way to show the rest.
    toSecond = Math.min(Math.floor(oldest.timeMs / 1000) + 1, toSecond - 1);
  }
  return found;
}

/** An answer of the city, and its date. */
interface Asked {
  readonly response: HttpResponse;
  readonly dateMs: number;
}

/** Undefined when the answer is longer than one may be. */
function unlessTooLong<T>(asking: Promise<T>): Promise<T | undefined> {
  return asking.catch((error: unknown) => {
    if (error instanceof PollError && error.isTooLong) return undefined;
    throw error;
  });
}

async function ask({ clock, link }: PollSurroundings, url: string, signal: AbortSignal): Promise<Asked> {
  const { http, request, mask, cityClock } = link;
  const beganMs = clock.monotonicMs();
  const response = await http(request('GET', url), signal).catch((error: unknown) => {
    throw error instanceof HttpError ? new PollError(failureProblem(error, mask), TRANSPORT_PACE) : error;
  });
  const { status } = response;
  const dateMs = dateOf(response);
  if (status === 200 && dateMs !== undefined) {
    if (cityClock.confirms({ response, beganMs, endedMs: clock.monotonicMs() })) return { response, dateMs };
    throw new ClockMoved();
  }
  const problem = problemOf(response, mask);
  if (status === 429) throw new PollError(problem, QUOTA_PACE, resetMs(response));
  if (status === 503 || status >= 500) throw new PollError(problem, TRANSPORT_PACE);
  // A success without a date is something that is not Sentilo.
  throw new PollError(status === 200 ? { ...problem, code: 'S001' } : problem, status === 200 ? TRANSPORT_PACE : REFUSED_PACE);
}

function fromQuery(cursorMs: number | undefined): string {
  if (cursorMs === undefined) return '';
  return `from=${encodeURIComponent(timestamp(Math.floor((cursorMs - OVERLAP_MS) / 1000)))}&`;
}

function quotaPaceMs({ headers }: HttpResponse): number {
  const limits = ['x-ratelimit-inbound-limit', 'x-ratelimit-global-inbound-limit'].map((name) => Number(headers[name] ?? 0));
  const least = Math.min(...limits.filter((limit) => limit > 0));
  return Number.isFinite(least) ? HOUR_MS / Math.max(QUOTA_SHARE * least, keptOf(least)) : 0;
}
