import { Buffer } from 'node:buffer';
import { type Clock, sleep } from '../../drivers/clock.ts';
import { HttpError, type HttpRequest, type Log } from '../host.ts';
import { listIn, parseJson, textIn } from '../json.ts';
import { failureProblem, isPlainSuccess, problemOf } from '../uplink/answer.ts';
import { backOffMs, HELD_PACE } from '../uplink/back-off.ts';
import { subscriptionsUrl, subscriptionUrl } from '../uplink/request.ts';
import type { CityLink } from '../uplink/sentilo.ts';
import type { CityProblem } from '../uplink/status.ts';
import type { Callback } from './callback.ts';
import type { Taker } from './desk.ts';

/** The first look is somewhere within this time: a district that comes back does not ask all at once. */
const FIRST_MS_MAX = 10_000;
/** How often it is looked whether the city still has the subscriptions. */
const LOOK_MS = 600_000;
/** The fewest that the city knows: what is pushed again after minutes was polled long ago. */
const RETRIES = { maxRetries: 1, retryDelay: 1 } as const;

export interface SubscriptionSurroundings {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly link: CityLink;
  readonly callback: Callback;
  readonly takers: readonly Taker[];
  /** The city has all subscriptions, as far as is known; or why it has not. */
  readonly subscribed: (problem: CityProblem | undefined) => void;
}

/** The city did not do it. */
class SubscriptionError extends Error {
  override readonly name = 'SubscriptionError';
  readonly problem: CityProblem;
  constructor(problem: CityProblem) {
    super(`the subscriptions cannot be kept: ${problem.code}`);
    this.problem = problem;
  }
}

/**
 * Keeps one subscription for each output, until `signal` is aborted. One for the whole provider would take the place of that of
 * another gateway (Sentilo reference §1.9: one for each entity and topic).
 */
export async function keepSubscribed(around: SubscriptionSurroundings, signal: AbortSignal): Promise<never> {
  const { clock, log, random, subscribed } = around;
  /** Sensors that are subscribed with the key of this process: the city never shows it. */
  const done = new Set<string>();
  let attempt = 0;
  await sleep(clock, random() * FIRST_MS_MAX, signal);
  for (;;) {
    let waitMs = LOOK_MS;
    try {
      await subscribe(around, done, signal);
      subscribed(undefined);
      if (attempt > 0) log('info', 'city-subscribed');
      attempt = 0;
    } catch (error) {
      if (!(error instanceof SubscriptionError)) throw error;
      subscribed(error.problem);
      attempt += 1;
      if (attempt === 1) log('warning', 'city-not-subscribed', { problem: error.problem.code, ...error.problem.parameters });
      waitMs = backOffMs(HELD_PACE, attempt, random());
    }
    await sleep(clock, waitMs, signal);
  }
}

/** Ends the subscriptions, one after the other: with one request for all the real server forgets them only half. */
export async function unsubscribe(
  { link, takers }: Pick<SubscriptionSurroundings, 'link' | 'takers'>,
  signal: AbortSignal,
): Promise<void> {
  for (const { sensor } of takers) {
    await ask(link, link.request('DELETE', subscriptionUrl(link.city.url, link.city.provider, sensor)), signal).catch(
      (error: unknown) => {
        // Whoever has none at all is answered 500; one that stays is taken over by the next start.
        if (!(error instanceof SubscriptionError)) throw error;
      },
    );
  }
}

/** Tries each, whatever becomes of the others: one that the city refuses does not keep the rest from being pushed. */
async function subscribe(
  { link, callback, takers }: SubscriptionSurroundings,
  done: Set<string>,
  signal: AbortSignal,
): Promise<void> {
  const listed = endpointsIn(await ask(link, link.request('GET', subscriptionsUrl(link.city.url)), signal), link.city.provider);
  const body = Buffer.from(JSON.stringify({ endpoint: callback.endpoint, secretCallbackKey: callback.key, ...RETRIES }));
  const failures: SubscriptionError[] = [];
  const change = async (method: 'PUT' | 'DELETE', sensor: string) => {
    const url = subscriptionUrl(link.city.url, link.city.provider, sensor);
    try {
      await ask(link, method === 'PUT' ? link.request(method, url, body) : link.request(method, url), signal);
      if (method === 'PUT') done.add(sensor);
    } catch (error) {
      if (!(error instanceof SubscriptionError)) throw error;
      failures.push(error);
    }
  };
  for (const { sensor } of takers) {
    if (!done.has(sensor) || listed.get(sensor) !== callback.endpoint) await change('PUT', sensor);
  }
  const ours = new Set(takers.map(({ sensor }) => sensor));
  for (const [sensor, endpoint] of listed) {
    // An output that takes no orders of the city any more.
    if (endpoint === callback.endpoint && !ours.has(sensor)) await change('DELETE', sensor);
  }
  if (failures[0] !== undefined) throw failures[0];
}

/** @throws SubscriptionError */
async function ask({ http, mask }: CityLink, request: HttpRequest, signal: AbortSignal): Promise<Uint8Array> {
  const response = await http(request, signal).catch((error: unknown) => {
    throw error instanceof HttpError ? new SubscriptionError(failureProblem(error, mask)) : error;
  });
  if (response.status === 200 && isPlainSuccess(response)) return response.body;
  throw new SubscriptionError(problemOf(response, mask));
}

/** By sensor of the provider: where its orders are pushed to. */
function endpointsIn(body: Uint8Array, provider: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const each of listIn(parseJson(body), 'subscriptions') ?? []) {
    const [sensor, endpoint] = [textIn(each, 'sensor'), textIn(each, 'endpoint')];
    if (textIn(each, 'provider') === provider && sensor !== undefined && endpoint !== undefined) found.set(sensor, endpoint);
  }
  return found;
}
