import type { Host, Http, HttpResponse } from '../host.ts';
import { backOffMs, QUOTA_PACE } from './back-off.ts';
import type { Heard } from './overheard.ts';
import type { QuotaStatus } from './status.ts';

const MINUTE_MS = 60_000;
/** The city counts the requests of the last hour (Sentilo reference §1.10). */
const HOUR_MS = 3_600_000;
/**
 * Requests an hour that readings leave to what asks the city something: the polling of orders, once a minute, and looking up
 * what is in doubt. Of a smaller quota than twice that it is one half.
 */
const ASKED_PER_HOUR = 60;
/** Readings are sent as ever while more than this share of their part of the quota is left. */
const PLENTY = 0.9;
/** At this share of their part they go on: what the first tenth was used for at once is in the hour too, and so is chance. */
const LASTING = 0.8;
/**
 * So many times what is left may be used in an hour. Where others use the same quota it comes to rest at a share for each: of n
 * of them, who know nothing of each other, at 8 parts in 8n + 1.
 */
const STEEPNESS = 8;
/** Only an answer tells what is left, so somebody has to ask now and then. */
const SPACING_MS_MAX = 300_000;
/** Whoever had the last turn lets the other lane go first by this share of the time between two, and at most by so much. */
const YIELD_SHARE = 0.1;
const YIELD_MS_MAX = 250;

/** Who wants to send a request: one of the two lanes readings, or anybody a question. */
export type Turn = 'fresh' | 'backlog' | 'ask';

/** Names of the headers that a quota is told by: that of this provider, and that of the whole city. */
const QUOTA_HEADERS = ['x-ratelimit-inbound', 'x-ratelimit-global-inbound'];

interface Left {
  readonly limit: number;
  readonly remaining: number;
}

/**
 * How many requests an hour the city allows and how many are left, by the headers of its answers, and what that means for the
 * next one: while there is plenty nothing changes; then readings are sent in larger batches and more rarely, so that the hour's
 * quota lasts and something is always left for questions.
 */
export class Quota {
  readonly #host: Pick<Host, 'clock' | 'random'>;
  #lefts: readonly Left[] = [];
  /** When questions were asked in the last hour; at most as many as are kept for them. */
  #askedMs: number[] = [];
  #lastAskMs = Number.NEGATIVE_INFINITY;
  #lastSendMs = Number.NEGATIVE_INFINITY;
  #lastLane: Turn | undefined;
  /** The quota is gone: nobody sends anything until then. */
  #goneUntilMs = Number.NEGATIVE_INFINITY;
  /** What the city said then, and how often in a row. */
  #refusal: HttpResponse | undefined;
  #refusedCount = 0;
  /** When the first of these was said, monotonic. */
  #refusedMs = 0;

  constructor(host: Pick<Host, 'clock' | 'random'>) {
    this.#host = host;
  }

  /** Takes what an answer says about the quota. */
  heard({ method, response, beganMs, endedMs }: Heard): void {
    if (method === 'GET') {
      this.#lastAskMs = beganMs;
      this.#askedMs = [...this.#askedMs, beganMs].filter((atMs) => atMs > endedMs - HOUR_MS).slice(-ASKED_PER_HOUR);
    }
    const lefts = QUOTA_HEADERS.flatMap((name) => leftOf(response, name));
    // A refusal that came before the counting says nothing about it.
    if (lefts.length > 0 || response.status === 200) this.#lefts = lefts;
    if (response.status === 429) this.#refused(response, endedMs);
    else if (response.status === 200) this.#refusedCount = 0;
  }

  #refused(response: HttpResponse, atMs: number): void {
    // Of those that were on their way each is refused.
    if (atMs >= this.#goneUntilMs) this.#refusedCount += 1;
    if (this.#refusedCount === 1) this.#refusedMs = atMs;
    this.#refusal = response;
    const chance = this.#host.random();
    const namedMs = (resetMs(response) ?? QUOTA_PACE.baseMs) + chance * MINUTE_MS;
    this.#goneUntilMs = atMs + Math.max(namedMs, backOffMs(QUOTA_PACE, this.#refusedCount, chance));
  }

  /** What the city would answer anybody now, as it has said before; undefined when nobody knows that. */
  refusal(): HttpResponse | undefined {
    const leftMs = this.#goneUntilMs - this.#host.clock.monotonicMs();
    if (leftMs <= 0 || this.#refusal === undefined) return undefined;
    // As the city does it: in whole minutes, rounded down.
    const minutes = String(Math.max(1, Math.floor(leftMs / MINUTE_MS)));
    const resets = QUOTA_HEADERS.map((name) => [`${name}-reset`, minutes]);
    return { ...this.#refusal, headers: { ...this.#refusal.headers, ...Object.fromEntries(resets) } };
  }

  /** For how long the city has been saying so. */
  get refusedForMs(): number {
    return this.#host.clock.monotonicMs() - this.#refusedMs;
  }

  /** Readings are being sent by this lane. */
  took(lane: Turn): void {
    this.#lastSendMs = this.#host.clock.monotonicMs();
    this.#lastLane = lane;
  }

  /** Milliseconds until the next request of this kind; 0 when it may be sent now. */
  pauseMs(turn: Turn): number {
    const spacingMs = turn === 'ask' ? this.#askSpacingMs() : this.spacingMs;
    const yieldMs = turn === this.#lastLane ? Math.min(spacingMs * YIELD_SHARE, YIELD_MS_MAX) : 0;
    const nextMs = (turn === 'ask' ? this.#lastAskMs : this.#lastSendMs) + spacingMs + yieldMs;
    return Math.max(0, Math.max(nextMs, this.#goneUntilMs) - this.#host.clock.monotonicMs());
  }

  /** The time between two requests with readings that makes the quota last; 0 while there is plenty. */
  get spacingMs(): number {
    return Math.max(0, ...this.#lefts.map((left) => this.#spacingOf(left)));
  }

  /** The quota that makes readings wait longest, when they have to. */
  status(everyMs: number): QuotaStatus | undefined {
    const { spacingMs } = this;
    const tightest = this.#lefts.find((left) => this.#spacingOf(left) === spacingMs);
    if (tightest === undefined || spacingMs <= everyMs) return undefined;
    return { perHour: tightest.limit, remaining: tightest.remaining, everyMs: Math.round(spacingMs) };
  }

  #spacingOf({ limit, remaining }: Left): number {
    const kept = keptOf(limit);
    const part = limit - kept;
    const askedSinceMs = this.#host.clock.monotonicMs() - HOUR_MS;
    const askedCount = this.#askedMs.filter((atMs) => atMs > askedSinceMs).length;
    const left = remaining - Math.max(0, kept - askedCount);
    if (left > PLENTY * part) return 0;
    const scarceMs = left > 0 ? HOUR_MS / (STEEPNESS * left) : Number.POSITIVE_INFINITY;
    return Math.min(HOUR_MS, Math.max(HOUR_MS / (LASTING * part), Math.min(scarceMs, SPACING_MS_MAX)));
  }

  /** Questions wait only when what is kept for them is all that is left. */
  #askSpacingMs(): number {
    const spacings = this.#lefts
      .filter(({ limit, remaining }) => remaining <= keptOf(limit))
      .map(({ remaining }) => Math.min(HOUR_MS / (STEEPNESS * remaining), SPACING_MS_MAX));
    return Math.max(0, ...spacings);
  }
}

/**
 * The same requests, but while the quota is gone none reaches the city: each is answered at once what the city would say. So whoever
 * asks waits as it does for the city itself, each at its own pace, and nothing has gathered when the quota is there again.
 */
export function withinQuota(http: Http, quota: Pick<Quota, 'refusal'>): Http {
  return async (request, signal) => {
    signal.throwIfAborted();
    return quota.refusal() ?? (await http(request, signal));
  };
}

/** How long the city says that its quota is gone: whole minutes, rounded down. Undefined when it does not say. */
export function resetMs({ headers }: HttpResponse): number | undefined {
  // The quota that is not used up says 0.
  const minutes = Math.max(...QUOTA_HEADERS.map((name) => Number(headers[`${name}-reset`] ?? 0)).filter((one) => one > 0), 0);
  return minutes > 0 ? Math.min(minutes * MINUTE_MS, HOUR_MS) : undefined;
}

/** Requests of an hour's quota that are kept for questions. */
export function keptOf(limit: number): number {
  return Math.min(ASKED_PER_HOUR, limit / 2);
}

function leftOf({ headers }: HttpResponse, name: string): readonly Left[] {
  const limit = Number(headers[`${name}-limit`]);
  const remaining = Number(headers[`${name}-remaining`]);
  // Less than one request an hour is no quota that anybody has set.
  return limit >= 1 && Number.isFinite(limit) && remaining >= 0 ? [{ limit, remaining }] : [];
}
