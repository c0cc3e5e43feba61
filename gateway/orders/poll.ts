import { type Clock, sleep } from '../../drivers/clock.ts';
import { HttpError, type HttpResponse, type Log } from '../host.ts';
import { failureProblem, problemOf } from '../uplink/answer.ts';
import { backOffMs, type Pace, QUOTA_PACE, REFUSED_PACE, TRANSPORT_PACE } from '../uplink/back-off.ts';
import { keptOf, resetMs } from '../uplink/quota.ts';
import { orderUrl } from '../uplink/request.ts';
import type { CityLink } from '../uplink/sentilo.ts';
import type { CityProblem } from '../uplink/status.ts';
import { SECOND_MAX, timestamp } from '../uplink/timestamp.ts';
import { type CityTime, cityTimeOf } from './city-time.ts';
import type { TextOrder } from './copy.ts';
import type { Desk, Taker } from './desk.ts';
import { type Listed, type Listing, listedBySensor, listedOrders } from './listing.ts';

/** The share of the hour's quota that asking for orders may take, where that is more than is kept for questions. */
const QUOTA_SHARE = 0.1;
const HOUR_MS = 3_600_000;
/** The first asking is somewhere within this time: a district that comes back does not ask all at once. */
const FIRST_MS_MAX = 10_000;
/** What was seen before is asked for again: the city files an order some time after it has looked at its clock (§2.4). */
const OVERLAP_MS = 10_000;
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
  /** The city was heard. */
  readonly heard: (time: CityTime) => void;
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

/** Asks the city for orders until `signal` is aborted: the only way for which nobody needs to reach this gateway. */
export async function pollOrders(around: PollSurroundings, signal: AbortSignal): Promise<never> {
  const { clock, desk, fatal, log, random, everyMs } = around;
  let attempt = 0;
  /** What looking once more took of this pace. */
  let settlingMs = 0;
  let problem: string | undefined;
  let savedMs = clock.monotonicMs();
  await sleep(clock, random() * Math.min(everyMs(), FIRST_MS_MAX), signal);
  for (;;) {
    let waitMs: number;
    try {
      const { isAllSettled, quotaMs } = await poll(around, signal);
      // Once for each pace, and not where the quota sets it: who orders each second does not set the pace of the asking.
      waitMs = Math.max(everyMs(), quotaMs) - settlingMs;
      settlingMs = isAllSettled || settlingMs > 0 || quotaMs > everyMs() ? 0 : SETTLE_MS;
      if (settlingMs > 0) waitMs = settlingMs;
      if (problem !== undefined) log('info', 'city-orders-ok');
      attempt = 0;
      problem = undefined;
      if (clock.monotonicMs() - savedMs >= SAVE_EVERY_MS) {
        savedMs = clock.monotonicMs();
        desk.save().catch(fatal);
      }
    } catch (error) {
      if (!(error instanceof PollError)) throw error;
      attempt += 1;
      waitMs = error.fixedMs ?? backOffMs(error.pace, attempt, random());
      const { code, parameters } = error.problem;
      if (problem !== code) log('warning', 'city-orders-not-read', { problem: code, ...parameters });
      problem = code;
    }
    await sleep(clock, waitMs, signal);
  }
}

/** What an answer says about the next asking. */
interface Polled {
  /** Nothing in it is so young that it has to be looked at once more. */
  readonly isAllSettled: boolean;
  /** The pace at which the hour's quota lasts for everything else too. */
  readonly quotaMs: number;
}

/** Takes what came since the last time. @throws PollError */
async function poll(around: PollSurroundings, signal: AbortSignal): Promise<Polled> {
  const { desk, takers, heard, fatal } = around;
  const isFirst = desk.cursorMs === undefined;
  const { response, time, bySensor, limit } = await (isFirst ? none(around, signal) : newest(around, signal));
  heard(time);
  if (isFirst) {
    // What was ordered before this gateway asked for the first time was not meant for it.
    desk.cursorMs = time.dateMs + OVERLAP_MS;
    desk.save().catch(fatal);
    return { isAllSettled: true, quotaMs: quotaPaceMs(response) };
  }
  const isForAll = forAllOf(bySensor, takers);
  const settledMs = time.dateMs - SETTLE_MS;
  const orders: TextOrder[] = [];
  let isAllSettled = true;
  for (const { sensor } of takers) {
    const shown = bySensor.get(sensor) ?? { orders: [], count: 0 };
    for (const listed of shown.orders) {
      if (listed.timeMs > settledMs) isAllSettled = false;
      else orders.push({ sensor, ...listed, ...(isForAll(listed) && { notForUs: 'provider-wide' }) });
    }
    // Of these it cannot be seen whether they were for all; so many came after them that it makes no difference.
    const older = shown.count < limit ? [] : (await allOf(around, sensor, signal)).orders;
    const oldestMs = Math.min(settledMs, ...shown.orders.map(({ timeMs }) => timeMs));
    orders.push(
      ...older
        .filter(({ timeMs }) => timeMs <= oldestMs)
        .map((listed): TextOrder => ({ sensor, ...listed, notForUs: 'superseded' })),
    );
  }
  // A disk that hangs does not keep the city from being asked: a state file has the orders and the cursor that is past them, or neither.
  desk.take(orders, 'poll', time).catch(fatal);
  // A city whose clock was set back goes on from there.
  const cursorMs = desk.cursorMs ?? settledMs;
  desk.cursorMs = settledMs < cursorMs - OVERLAP_MS - SETTLE_MS ? settledMs : Math.max(cursorMs, settledMs);
  return { isAllSettled, quotaMs: quotaPaceMs(response) };
}

/** Whether an order was given to all sensors at once: then it stands also under one that takes no orders. */
function forAllOf(bySensor: ReadonlyMap<string, Listing>, takers: readonly Taker[]): (listed: Listed) => boolean {
  const key = ({ text, sender, timeMs }: Listed) => JSON.stringify([timeMs, sender, text]);
  const takerSensors = new Set(takers.map(({ sensor }) => sensor));
  const others = [...bySensor].filter(([sensor]) => !takerSensors.has(sensor)).flatMap(([, { orders }]) => orders.map(key));
  const elsewhere = new Set(others);
  return (listed) => elsewhere.has(key(listed));
}

/** What the city shows of its sensors, at most `limit` orders of each. */
interface Shown extends Asked {
  readonly bySensor: ReadonlyMap<string, Listing>;
  readonly limit: number;
}

/** The newest orders of all sensors; of those that matter, where that is more than one answer may hold. @throws PollError */
async function newest(around: PollSurroundings, signal: AbortSignal): Promise<Shown> {
  const { desk, link, takers } = around;
  const url = `${orderUrl(link.city.url, link.city.provider)}?${fromQuery(desk.cursorMs)}limit=${PROVIDER_LIMIT}`;
  const asked = await unlessTooLong(ask(around, url, signal));
  if (asked !== undefined) {
    const bySensor = listedBySensor(asked.response.body);
    if (bySensor === undefined) throw new PollError(problemOf(asked.response, link.mask), TRANSPORT_PACE);
    return { ...asked, bySensor, limit: PROVIDER_LIMIT };
  }
  // What comes after this counts as young, and is looked at the next time.
  const shown = await none(around, signal);
  const bySensor = new Map<string, Listing>();
  // What is for all stands under a sensor of answers too, where nobody else has anything to order.
  for (const sensor of [...takers.slice(0, 1).map(({ answers }) => answers.sensor), ...takers.map((taker) => taker.sensor)])
    bySensor.set(sensor, await allOf(around, sensor, signal, 1));
  return { ...shown, bySensor, limit: Number.POSITIVE_INFINITY };
}

/** No orders, and the city's time: nothing lies so far ahead. @throws PollError */
async function none(around: PollSurroundings, signal: AbortSignal): Promise<Shown> {
  const { link } = around;
  const url = `${orderUrl(link.city.url, link.city.provider)}?${fromQuery(SECOND_MAX * 1000)}limit=1`;
  const asked = await ask(around, url, signal);
  const bySensor = listedBySensor(asked.response.body);
  if (bySensor === undefined) throw new PollError(problemOf(asked.response, link.mask), TRANSPORT_PACE);
  return { ...asked, bySensor, limit: 1 };
}

/** All orders of a sensor since the cursor, the newest first; `size`: which of the limits is tried first. @throws PollError */
async function allOf(around: PollSurroundings, sensor: string, signal: AbortSignal, size = 0): Promise<Listing> {
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
  return { orders: found, count: found.length };
}

/** An answer of the city, and the time that it tells. */
interface Asked {
  readonly response: HttpResponse;
  readonly time: CityTime & { readonly dateMs: number };
}

/** Undefined when the answer is longer than one may be. */
function unlessTooLong(asking: Promise<Asked>): Promise<Asked | undefined> {
  return asking.catch((error: unknown) => {
    if (error instanceof PollError && error.isTooLong) return undefined;
    throw error;
  });
}

async function ask({ clock, link: { http, request, mask } }: PollSurroundings, url: string, signal: AbortSignal): Promise<Asked> {
  const askedMs = clock.monotonicMs();
  const response = await http(request('GET', url), signal).catch((error: unknown) => {
    throw error instanceof HttpError ? new PollError(failureProblem(error, mask), TRANSPORT_PACE) : error;
  });
  const { status } = response;
  const time = cityTimeOf(response, askedMs, clock.monotonicMs());
  if (status === 200 && time !== undefined) return { response, time };
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
