import { type Clock, sleep } from '../../drivers/clock.ts';
import { HttpError, type HttpResponse, type Log } from '../host.ts';
import { failureProblem, problemOf } from '../uplink/answer.ts';
import { backOffMs, type Pace, QUOTA_PACE, REFUSED_PACE, TRANSPORT_PACE } from '../uplink/back-off.ts';
import { keptOf, resetMs } from '../uplink/quota.ts';
import { orderUrl } from '../uplink/request.ts';
import type { CityLink } from '../uplink/sentilo.ts';
import type { CityProblem } from '../uplink/status.ts';
import { timestamp } from '../uplink/timestamp.ts';
import { type CityTime, cityTimeOf } from './city-time.ts';
import type { TextOrder } from './copy.ts';
import type { Desk, Taker } from './desk.ts';
import { type Listed, listedBySensor, listedOrders } from './listing.ts';

/** The share of the hour's quota that asking for orders may take, where that is more than is kept for questions. */
const QUOTA_SHARE = 0.1;
const HOUR_MS = 3_600_000;
/** The first asking is somewhere within this time: a district that comes back does not ask all at once. */
const FIRST_MS_MAX = 10_000;
/** What was seen before is asked for again: the city files an order some time after it has looked at its clock (§2.4). */
const OVERLAP_MS = 10_000;
/** An order for all sensors is filed under one after the other: what is younger is looked at once more, complete. */
const SETTLE_MS = 1_000;
/** Orders of one sensor that an answer holds at most (§1.7). */
const LIMIT = { provider: 50, sensor: 200 } as const;
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
  const { desk, takers, heard, link, fatal } = around;
  const url = orderUrl(link.city.url, link.city.provider);
  const isFirst = desk.cursorMs === undefined;
  const limit = isFirst ? 1 : LIMIT.provider;
  const { response, time } = await ask(around, `${url}?${fromQuery(desk.cursorMs)}limit=${limit}`, signal);
  const bySensor = listedBySensor(response.body);
  if (bySensor === undefined) throw new PollError(problemOf(response, link.mask), TRANSPORT_PACE);
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
    const newest = bySensor.get(sensor) ?? [];
    for (const listed of newest) {
      if (listed.timeMs > settledMs) isAllSettled = false;
      else orders.push({ sensor, ...listed, ...(isForAll(listed) && { notForUs: 'provider-wide' }) });
    }
    // Of these it cannot be seen whether they were for all; so many came after them that it makes no difference.
    const older = newest.length < LIMIT.provider ? [] : await earlier(around, sensor, signal);
    const oldestMs = Math.min(settledMs, ...newest.map(({ timeMs }) => timeMs));
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
function forAllOf(bySensor: ReadonlyMap<string, readonly Listed[]>, takers: readonly Taker[]): (listed: Listed) => boolean {
  const key = ({ text, sender, timeMs }: Listed) => JSON.stringify([timeMs, sender, text]);
  const takerSensors = new Set(takers.map(({ sensor }) => sensor));
  const others = [...bySensor].filter(([sensor]) => !takerSensors.has(sensor)).flatMap(([, listed]) => listed.map(key));
  const elsewhere = new Set(others);
  return (listed) => elsewhere.has(key(listed));
}

/** All orders of a sensor since the cursor, where there are more than the common answer holds. */
async function earlier(around: PollSurroundings, sensor: string, signal: AbortSignal): Promise<Listed[]> {
  const { desk, link } = around;
  const url = `${orderUrl(link.city.url, link.city.provider, sensor)}?${fromQuery(desk.cursorMs)}limit=${LIMIT.sensor}`;
  const found: Listed[] = [];
  let to = '';
  for (let page = 0; page < PAGES_MAX; page++) {
    const { response } = await ask(around, url + to, signal);
    const listed = listedOrders(response.body);
    if (listed === undefined) throw new PollError(problemOf(response, link.mask), TRANSPORT_PACE);
    found.push(...listed);
    const oldest = listed.at(-1);
    if (oldest === undefined || listed.length < LIMIT.sensor) break;
    // Up to the end of that second: some of it may have been in this page, and the rest of it is not.
    const next = `&to=${encodeURIComponent(timestamp(Math.floor(oldest.timeMs / 1000) + 1))}`;
    // More of one second than a page holds: the city has no way to show the rest.
    if (next === to) break;
    to = next;
  }
  return found;
}

async function ask(
  { clock, link: { http, request, mask } }: PollSurroundings,
  url: string,
  signal: AbortSignal,
): Promise<{ readonly response: HttpResponse; readonly time: CityTime & { readonly dateMs: number } }> {
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
