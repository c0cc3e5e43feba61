import { JSON_TYPE } from './answer.ts';
import { formatTimestamp } from './calendar.ts';
import type { CityEvent } from './events.ts';
import { hasText } from './java-text.ts';
import { type DescribeSensor, pushBody } from './push-body.ts';
import { PushQuota } from './push-quota.ts';
import { pushSignature } from './push-signature.ts';
import type { NotificationParams, Subscriptions } from './subscriptions.ts';
import type { World } from './world.ts';

/** The HTTP client of the real server, as it names itself (sentilo.md §2.1). */
const USER_AGENT = 'Apache-HttpClient/4.5.13 (Java/17.0.15)';
/** Events that wait for their push, and failed ones that wait for their time. The real server's queues have no bound. */
const WAITING_MAX = 100_000;
/** The job that repeats pushes: its first run after the start, and the pause between two runs (sentilo.md §2.3). */
const FIRST_RETRY_RUN_MS = 120_000;
const RETRY_RUN_MS = 60_000;
const RETRY_DELAY_MS_MAX = 12 * 3_600_000;
/** So many doublings are beyond that of any delay. */
const DOUBLINGS_MAX = 20;
const MS_PER_MINUTE = 60_000;

/** One HTTP request of the city to a subscriber. */
export interface Push {
  readonly method: 'POST';
  /** The endpoint as it was subscribed; nobody has checked that it is a URL. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** The pushes of a city, for whoever carries them: one at a time, so that one slow endpoint delays everybody. */
export interface Pushes {
  /** The next push that is due. Undefined when there is none, and while one is under way. */
  next(nowMs: number): Push | undefined;
  /** What became of the push that `next` gave. Delivered means a status from 200 to 299. */
  done(push: Push, isDelivered: boolean, nowMs: number): void;
  /** The city's time at which `next` may give one: −∞ when one waits, undefined when none is to come or one is under way. */
  readonly nextDueMs: number | undefined;
  /** Calls `listener` whenever an event begins to wait. There is one listener: another one takes its place. */
  watch(listener: () => void): void;
  /** Events that were dropped because too many waited. */
  readonly droppedCount: number;
}

/** An event for one subscriber. */
interface Notification {
  readonly event: CityEvent;
  readonly entity: string;
  readonly retryCount: number;
  /** A repetition goes where the first attempt went. */
  readonly params?: NotificationParams;
}

/** A notification that failed, to be tried again by the job's run at that time. */
interface Retry {
  readonly atMs: number;
  readonly notification: Notification;
}

/**
 * Who is to be told of what, in the order of arrival (sentilo.md §2.1, §2.3). Whether and where an event is pushed is decided
 * by the subscriptions as they are when its turn comes.
 */
export class PushQueue implements Pushes {
  readonly #subscriptions: Subscriptions;
  readonly #describe: DescribeSensor;
  readonly #startedMs: () => number;
  readonly #retriesMode: World['settings']['pushRetries'];
  readonly #quotas: ReadonlyMap<string, PushQuota>;
  readonly #waiting: Notification[] = [];
  #retries: Retry[] = [];
  #underWay: { readonly push: Push; readonly notification: Notification } | undefined;
  #listener = () => {};
  #droppedCount = 0;

  /** @param startedMs when the server was started, which is known once a request has come */
  constructor(world: World, subscriptions: Subscriptions, describe: DescribeSensor, startedMs: () => number) {
    this.#subscriptions = subscriptions;
    this.#describe = describe;
    this.#startedMs = startedMs;
    this.#retriesMode = world.settings.pushRetries;
    const limited = world.entities.filter(({ pushQuotaPerHour = 0 }) => pushQuotaPerHour > 0);
    this.#quotas = new Map(limited.map(({ id, pushQuotaPerHour = 0 }) => [id, new PushQuota(pushQuotaPerHour)]));
  }

  publish(event: CityEvent): void {
    const entities = this.#subscriptions.subscribersOf(event.topic);
    for (const entity of entities) this.#wait({ event, entity, retryCount: 0 });
    if (entities.length > 0) this.#listener();
  }

  next(nowMs: number): Push | undefined {
    if (this.#underWay !== undefined) return undefined;
    this.#moveDueRetries(nowMs);
    for (let first = this.#waiting.shift(); first !== undefined; first = this.#waiting.shift()) {
      const params = first.params ?? this.#subscriptions.paramsFor(first.entity, first.event.topic);
      // Nobody wants it any more.
      if (params === undefined) continue;
      const notification = { ...first, params };
      const allowance = this.#quotas.get(first.entity)?.take(nowMs);
      if (allowance?.isAllowed === false) {
        this.#retryLater(notification, params, nowMs);
        continue;
      }
      const push = this.#push(notification, params, allowance?.headers ?? {}, nowMs);
      this.#underWay = { push, notification };
      return push;
    }
    return undefined;
  }

  done(push: Push, isDelivered: boolean, nowMs: number): void {
    if (this.#underWay?.push !== push) throw new Error('this push is not under way');
    const { notification } = this.#underWay;
    this.#underWay = undefined;
    if (!isDelivered && notification.params !== undefined) this.#retryLater(notification, notification.params, nowMs);
  }

  get nextDueMs(): number | undefined {
    if (this.#underWay !== undefined) return undefined;
    if (this.#waiting.length > 0) return Number.NEGATIVE_INFINITY;
    return this.#retries.reduce<number | undefined>((first, { atMs }) => Math.min(first ?? atMs, atMs), undefined);
  }

  watch(listener: () => void): void {
    this.#listener = listener;
  }

  get droppedCount(): number {
    return this.#droppedCount;
  }

  #wait(notification: Notification): void {
    if (this.#waiting.length >= WAITING_MAX) this.#droppedCount += 1;
    else this.#waiting.push(notification);
  }

  #push({ event, retryCount }: Notification, params: NotificationParams, quota: Push['headers'], nowMs: number): Push {
    const { provider, sensor } = event;
    const description = provider === undefined || sensor === undefined ? {} : this.#describe(provider, sensor);
    const body = Buffer.from(pushBody(event, description, retryCount));
    const { endpoint, secret } = params;
    const date = formatTimestamp(nowMs);
    const signed = hasText(secret)
      ? { 'X-Sentilo-Content-Hmac': pushSignature({ secret, body, date, endpoint }), 'X-Sentilo-Date': date }
      : {};
    const headers = { ...quota, ...signed, 'Content-Type': JSON_TYPE, 'User-Agent': USER_AGENT };
    return { method: 'POST', url: endpoint, headers, body };
  }

  #retryLater(notification: Notification, params: NotificationParams, nowMs: number): void {
    const { retryCount } = notification;
    // The released code counts down what it never sends: seen from outside, nothing comes.
    if (this.#retriesMode === 'coded' || retryCount >= params.maxRetries) return;
    if (this.#retries.length >= WAITING_MAX) {
      this.#droppedCount += 1;
      return;
    }
    const factor = 1 << Math.min(retryCount, DOUBLINGS_MAX);
    const delayMs = Math.min(factor * params.retryDelayMinutes * MS_PER_MINUTE, RETRY_DELAY_MS_MAX);
    this.#retries.push({ atMs: this.#runAfter(nowMs + delayMs), notification: { ...notification, retryCount: retryCount + 1 } });
  }

  /** The first run of the job that finds what is due at this time. */
  #runAfter(dueMs: number): number {
    const firstMs = this.#startedMs() + FIRST_RETRY_RUN_MS;
    return firstMs + Math.max(0, Math.ceil((dueMs - firstMs) / RETRY_RUN_MS)) * RETRY_RUN_MS;
  }

  #moveDueRetries(nowMs: number): void {
    if (!this.#retries.some(({ atMs }) => atMs <= nowMs)) return;
    // A stable sort: those of one run keep the order in which they failed.
    const due = this.#retries.filter(({ atMs }) => atMs <= nowMs).sort((a, b) => a.atMs - b.atMs);
    this.#retries = this.#retries.filter(({ atMs }) => atMs > nowMs);
    for (const { notification } of due) this.#wait(notification);
  }
}
