import type { Clock } from '../../drivers/clock.ts';
import { HttpError, type HttpResponse, type Log } from '../host.ts';
import { failureProblem, problemOf } from '../uplink/answer.ts';
import { type Pace, QUOTA_PACE, REFUSED_PACE, TRANSPORT_PACE } from '../uplink/back-off.ts';
import { dateOf } from '../uplink/city-clock.ts';
import { resetMs } from '../uplink/quota.ts';
import { orderUrl } from '../uplink/request.ts';
import type { CityLink } from '../uplink/sentilo.ts';
import type { CityProblem } from '../uplink/status.ts';
import { SECOND_MAX, timestamp } from '../uplink/timestamp.ts';
import { OVERLAP_MS, type Taker } from './desk.ts';
import { type Listed, type Listing, listedBySensor, listedOrders } from './listing.ts';

/** Orders of each sensor that an answer for the whole provider holds at most (§1.7). */
const PROVIDER_LIMIT = 50;
/** And one for a sensor; less is asked for where their texts are too long for an answer. */
const SENSOR_LIMITS: readonly number[] = [200, 40, 8, 1];
/** Pages of one sensor that are read in one go. What lies behind is older than thousands that came since. */
const PAGES_MAX = 10;
/** Seconds that are passed over where one order alone is too long for an answer: twice as many each time. */
const PASSED_S_MAX = 1_024;
/** The whole provider, among its sensors. */
const ALL = '';

/**
 * By sensor, and for the whole provider: up to which time of the city's clock an order hides that is too long to be read. What lies
 * before is not asked for again: each asking would have all of it sent anew.
 */
export type Passed = Map<string, number>;

export interface AskSurroundings {
  readonly clock: Clock;
  readonly log: Log;
  readonly link: CityLink;
  readonly takers: readonly Taker[];
}

/** The city could not be asked. */
export class PollError extends Error {
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
export class ClockMoved extends Error {
  override readonly name = 'ClockMoved';
}

/** What the city shows of its sensors: of those that take orders it is all, as far as it can be read. */
export interface Shown extends Asked {
  readonly bySensor: ReadonlyMap<string, readonly Listed[]>;
  /** From this time on what is for all sensors is known by one that takes no orders; of what is older nobody can tell. */
  readonly toldFromMs: number;
  /** So many requests it took. */
  readonly requestCount: number;
}

/** An answer of the city, and its date. */
export interface Asked {
  readonly response: HttpResponse;
  readonly dateMs: number;
}

/** The orders since then; what comes after the first answer to this is looked at the next time. @throws PollError @throws ClockMoved */
export async function shownSince(
  around: AskSurroundings & { readonly passed: Passed },
  fromMs: number,
  signal: AbortSignal,
): Promise<Shown> {
  return await new Asking(around, signal).shownSince(fromMs, around.passed);
}

/** No orders, and the city's time: nothing lies so far ahead. @throws PollError @throws ClockMoved */
export async function nothingShown(around: AskSurroundings, signal: AbortSignal): Promise<Asked> {
  return await new Asking(around, signal).nothing();
}

/** Orders of a sensor, the newest first, and from when on they are all that the city has. */
interface OfSensor {
  readonly orders: readonly Listed[];
  readonly wholeFromMs: number;
}

/** All that is asked to learn of the orders of one time. */
class Asking {
  readonly #around: AskSurroundings;
  readonly #signal: AbortSignal;
  #requestCount = 0;
  readonly #passes: Passed = new Map();

  constructor(around: AskSurroundings, signal: AbortSignal) {
    this.#around = around;
    this.#signal = signal;
  }

  async nothing(): Promise<Asked & { readonly listings: ReadonlyMap<string, Listing> }> {
    return await this.#provider(SECOND_MAX * 1000, 1);
  }

  async shownSince(fromMs: number, passed: Passed): Promise<Shown> {
    const { takers } = this.#around;
    const passedMs = passed.get(ALL) ?? Number.NEGATIVE_INFINITY;
    const asked = await unlessTooLong(this.#provider(Math.max(fromMs, passedMs), PROVIDER_LIMIT));
    if (asked === undefined) this.#passes.set(ALL, this.#overlapMs(fromMs));
    const { listings, ...answer } = asked ?? (await this.nothing());
    const bySensor = new Map([...listings].map(([sensor, { orders }]) => [sensor, orders]));
    const all = async (sensor: string): Promise<number> => {
      // What the listing of all leaves out since then, each sensor is asked for alone.
      const isListed = asked !== undefined && passedMs <= fromMs;
      if (isListed && (listings.get(sensor)?.count ?? 0) < PROVIDER_LIMIT) return passedMs;
      const { orders, wholeFromMs } = await this.#allOf(sensor, fromMs, passed);
      bySensor.set(sensor, orders);
      return wholeFromMs;
    };
    // What is for all stands under a sensor of answers too, where nobody else has anything to order.
    const [witness] = takers.map(({ answers }) => answers.sensor);
    const toldFromMs = witness === undefined ? Number.NEGATIVE_INFINITY : await all(witness);
    for (const { sensor } of takers) await all(sensor);
    // Only now has what lies before been looked at.
    for (const [sensor, ms] of this.#passes) passed.set(sensor, ms);
    return { ...answer, bySensor, toldFromMs, requestCount: this.#requestCount };
  }

  /** The newest orders of each sensor of the provider. */
  async #provider(fromMs: number, limit: number): Promise<Asked & { readonly listings: ReadonlyMap<string, Listing> }> {
    const { city, mask } = this.#around.link;
    const asked = await this.#ask(`${orderUrl(city.url, city.provider)}?${fromQuery(fromMs)}limit=${limit}`);
    const listings = listedBySensor(asked.response.body, limit);
    if (listings === undefined) throw new PollError(problemOf(asked.response, mask), TRANSPORT_PACE);
    return { ...asked, listings };
  }

  /** All orders of a sensor since `fromMs`, but for what is known to lie behind one that is too long. */
  async #allOf(sensor: string, fromMs: number, passed: Passed): Promise<OfSensor> {
    const { link, log } = this.#around;
    const passedMs = passed.get(sensor) ?? Number.NEGATIVE_INFINITY;
    const sinceMs = Math.max(fromMs, passedMs);
    const url = `${orderUrl(link.city.url, link.city.provider, sensor)}?${fromQuery(sinceMs)}`;
    const limits: number[] = [...SENSOR_LIMITS];
    const orders: Listed[] = [];
    /** The second before which is read. */
    let toSecond: number | undefined;
    let passedS = 1;
    let wholeFromMs = passedMs;
    for (let pages = 0; toSecond === undefined || toSecond * 1000 >= sinceMs; ) {
      const limit = limits[0] ?? 1;
      const to: string = toSecond === undefined ? '' : `&to=${encodeURIComponent(timestamp(toSecond))}`;
      const asked = await unlessTooLong(this.#ask(`${url}limit=${limit}${to}`));
      if (asked === undefined && limits.length > 1) {
        limits.shift();
        continue;
      }
      if (asked === undefined) {
        // One that is too long by itself is passed over, with what lies around it.
        if (passedS === 1) log('warning', 'city-order-too-long', { sensor });
        toSecond ??= Math.ceil((link.cityClock.now()?.latestMs ?? sinceMs) / 1000) + 1;
        wholeFromMs = Math.max(wholeFromMs, toSecond * 1000);
        this.#passes.set(sensor, Math.min(toSecond * 1000, this.#overlapMs(sinceMs)));
        toSecond -= passedS;
        passedS *= 2;
        if (passedS > PASSED_S_MAX) break;
        continue;
      }
      const listing = listedOrders(asked.response.body, limit);
      if (listing === undefined) throw new PollError(problemOf(asked.response, link.mask), TRANSPORT_PACE);
      orders.push(...listing.orders);
      const oldest = listing.orders.at(-1);
      if (oldest === undefined || listing.count < limit) break;
      const oldestSecond = Math.floor(oldest.timeMs / 1000);
      pages += 1;
      if (pages === PAGES_MAX) {
        log('warning', 'city-orders-too-many', { sensor });
        wholeFromMs = Math.max(wholeFromMs, (oldestSecond + 1) * 1000);
        break;
      }
      // Up to the end of that second: some of it may have been in this page, and the rest of it is not. Of more than a page holds
      // the city has no way to show the rest.
      const nextSecond = Math.min(oldestSecond + 1, (toSecond ?? Number.POSITIVE_INFINITY) - 1);
      if (nextSecond <= oldestSecond) wholeFromMs = Math.max(wholeFromMs, (oldestSecond + 1) * 1000);
      toSecond = nextSecond;
    }
    return { orders, wholeFromMs };
  }

  /** What was ordered before is known by now, whenever the city files it. */
  #overlapMs(fromMs: number): number {
    return (this.#around.link.cityClock.now()?.earliestMs ?? fromMs + OVERLAP_MS) - OVERLAP_MS;
  }

  /** @throws PollError @throws ClockMoved */
  async #ask(url: string): Promise<Asked> {
    const { clock, link } = this.#around;
    const { http, request, mask, cityClock } = link;
    this.#requestCount += 1;
    const beganMs = clock.monotonicMs();
    const response = await http(request('GET', url), this.#signal).catch((error: unknown) => {
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
}

/** Undefined when the answer is longer than one may be. */
function unlessTooLong<T>(asking: Promise<T>): Promise<T | undefined> {
  return asking.catch((error: unknown) => {
    if (error instanceof PollError && error.isTooLong) return undefined;
    throw error;
  });
}

function fromQuery(fromMs: number): string {
  return `from=${encodeURIComponent(timestamp(Math.floor(fromMs / 1000)))}&`;
}
