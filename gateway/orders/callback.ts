import { type Clock, withDeadline } from '../../drivers/clock.ts';
import type { CallbackRequest, Log } from '../host.ts';
import { isObject, parseJson } from '../json.ts';
import type { CityLink } from '../uplink/sentilo.ts';
import type { TextOrder } from './copy.ts';
import { AHEAD_MS_MAX, type Desk, type Taker } from './desk.ts';
import { isSigned } from './signature.ts';

/** An order is remembered within this time, or the city is told that it is not. */
const REMEMBER_MS = 2_000;
/** Anybody can send what is not signed, as often as he likes. */
const TELL_EVERY_MS = 60_000;

/** Where the city pushes to. */
export interface Callback {
  /** As the city knows it. */
  readonly endpoint: string;
  /** What the city signs with. */
  readonly key: string;
}

export interface CallbackSurroundings {
  readonly clock: Clock;
  readonly callback: Callback;
  readonly provider: string;
  readonly takers: readonly Taker[];
  readonly desk: Desk;
  /** A push was taken that is so old, in milliseconds. */
  readonly pushed: (ageMs: number) => void;
  readonly link: Pick<CityLink, 'cityClock'>;
  /** Something came that the city has not signed. */
  readonly notSigned: () => void;
  /** Takes a broken invariant of ours, which must end the program. */
  readonly fatal: (error: unknown) => void;
}

/** A push as far as it is looked at (Sentilo reference §2.1). */
interface Push {
  readonly message: string;
  readonly sender: string;
  /** On the city's clock. */
  readonly publishedAtMs: number;
  /** Undefined: all sensors of the provider. */
  readonly sensor: string | undefined;
}

/**
 * Answers a push of the city with a status: 200 when it was taken, is known, or is none of ours; 503 when it could not be judged or
 * not be remembered, so that it may come again. Its orders are carried out afterwards.
 */
export async function answerPush(around: CallbackSurroundings, request: CallbackRequest): Promise<number> {
  const { clock, callback, takers, desk } = around;
  // A proxy may have changed the path; which endpoint it was for is in the signature.
  if (request.method !== 'POST') return 405;
  const { headers, body } = request;
  const date = headers['x-sentilo-date'] ?? '';
  const signature = headers['x-sentilo-content-hmac'] ?? '';
  if (!isSigned({ body, date, signature }, callback.endpoint, callback.key)) {
    around.notSigned();
    return 403;
  }
  const push = pushIn(body, around.provider);
  if (push === 'unreadable') return 400;
  if (push === undefined) return 200;
  const time = around.link.cityClock.now();
  // How old it is can only be told by the city's own clock. Where that was moved, the next poll finds it.
  if (time === undefined || desk.cursorMs === undefined || push.publishedAtMs > time.latestMs + AHEAD_MS_MAX) return 503;
  // A copy of what the polls have seen, or a replay, or from before this gateway started for the first time.
  if (push.publishedAtMs <= desk.seenMs) return 200;
  const { message: text, sender, publishedAtMs: timeMs, sensor } = push;
  const meant = takers.filter((taker) => sensor === undefined || taker.sensor === sensor);
  const orders = meant.map(
    (taker): TextOrder => ({
      sensor: taker.sensor,
      text,
      sender,
      timeMs,
      isForAll: sensor === undefined,
    }),
  );
  const tooLate = new Error('the disk takes too long');
  const late = () => tooLate;
  const { signal } = new AbortController();
  const take = () => desk.take(orders, 'push', time.latestMs);
  const isTaken = await withDeadline(clock, REMEMBER_MS, signal, late, take).catch((error: unknown) => {
    if (error !== tooLate) around.fatal(error);
    return false;
  });
  if (isTaken) around.pushed(time.latestMs - timeMs);
  return isTaken ? 200 : 503;
}

/** Logs what is not signed: the first, and then once a minute how many came. */
export function openNotSigned({ clock, log }: { readonly clock: Clock; readonly log: Log }): () => void {
  let count = 0;
  let toldMs = Number.NEGATIVE_INFINITY;
  return () => {
    count += 1;
    if (clock.monotonicMs() - toldMs < TELL_EVERY_MS) return;
    log('warning', 'city-push-not-signed', { count });
    toldMs = clock.monotonicMs();
    count = 0;
  };
}

/** The order of a push; undefined for what is no order of this provider. */
function pushIn(body: Uint8Array, provider: string): Push | undefined | 'unreadable' {
  const json = parseJson(body);
  if (!isObject(json)) return 'unreadable';
  const { type, provider: of, message, topic, publisher, publishedAt, time, sensor } = json;
  if (type !== 'ORDER' || of !== provider) return undefined;
  const publishedAtMs = publishedAt ?? time;
  if (typeof message !== 'string' || typeof publisher !== 'string' || !Number.isSafeInteger(publishedAtMs)) return 'unreadable';
  if (sensor !== undefined && typeof sensor !== 'string') return 'unreadable';
  if (topic !== ['', 'order', provider, ...(sensor === undefined ? [] : [sensor])].join('/')) return 'unreadable';
  return { message, sender: publisher, publishedAtMs: publishedAtMs as number, sensor };
}
