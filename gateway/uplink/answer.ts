import type { HttpError, HttpResponse } from '../host.ts';
import { fieldIn, listIn, parseJson, textIn } from '../json.ts';
import { QUOTA_PACE, REFUSED_PACE, TRANSPORT_PACE } from './back-off.ts';
import type { Pause } from './gate.ts';
import { resetMs } from './quota.ts';
import type { CityProblem } from './status.ts';

/** What is known about a batch after its request. */
export type Outcome =
  | { readonly kind: 'stored' }
  /** Stored but for the observations of these sensors (id → the city's words). */
  | { readonly kind: 'partial'; readonly rejected: ReadonlyMap<string, string> }
  /**
   * Nothing, a part or all of it may be stored, now or later. It is looked up with this patience. `isAnswered` when it may be
   * what was sent that the city cannot cope with, and not that nobody is there. `isRefused` when something on the way takes
   * no such request: it is looked up when the pause is nearly over, and if that is refused, too, nothing is sent until it is not.
   */
  | {
      readonly kind: 'unknown';
      readonly patience: Patience;
      readonly isAnswered: boolean;
      readonly isRefused?: true;
      readonly pause: Pause;
    }
  /** Certainly nothing is stored; the same may be sent again later. */
  | { readonly kind: 'not-stored'; readonly pause: Pause }
  /** Nothing is stored, and at least one observation is to blame. */
  | { readonly kind: 'bad-data'; readonly problem: CityProblem }
  /** Nothing is stored; a smaller request may pass. */
  | { readonly kind: 'too-large'; readonly problem: CityProblem };

/**
 * When a batch in doubt is looked up, in milliseconds after its request ended, ascending. Only what the last look-up does
 * not find is sent again.
 */
export type Patience = readonly number[];

/** The city said that it has ended: what is stored is stored. */
const AFTER_ANSWER: Patience = [0];
/** Something in between answered, which says little about a request that it may have passed on. */
const AFTER_GARBAGE: Patience = [2_000];
/**
 * Nobody said that the request has ended. An overloaded city keeps it in its queue and carries it out when the sender has
 * gone long ago (Sentilo reference §1.1, §1.5.6), and what is sent again then is there twice.
 */
export const AFTER_CUT: Patience = [2_000, 30_000, 90_000];
const AFTER_TIMEOUT: Patience = [10_000, 30_000, 90_000];
/** Answers of a proxy that gave the city up, which is as good as none. */
const GATEWAY_FAULTS = [502, 503, 504];
/** What cannot have been passed on: a proxy or a network wants something first, or has a limit; HTTP itself knows no such verb. */
const NOT_PASSED_ON = [401, 407, 501];
/** Longest piece of the city's words that is kept: a 400 brings a whole Java stack trace. */
const WORDS_MAX = 300;

/** Faults of the way there, not of the data (Sentilo reference §1.4). */
const TRANSPORT_FAULTS = ['java.net.SocketTimeoutException', 'org.apache.http.ConnectionClosedException'];
/** Greedy, because an id is not escaped: it reaches to its last bracket (Sentilo reference §1.5.5). */
const REJECTED_SENSOR = /^Sensor \[(.*)\] (?:not found on Sentilo \(404\.1\)|is not online \(404\.2\))\.$/s;

/** The one reason for which Sentilo itself answers 503 (§1.3). What others say with that status says nothing about the request. */
const STARTING = 'API Server is temporarily unavailable';

/** To a provider that may only come over TLS, when the proxy that ends it has not said so (Sentilo reference §1.1). */
const TLS_WANTED = 'SSL access is required';
/** What Node calls a certificate that is not trusted, and a handshake that fails. */
export const TLS_FAILURE = /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|ERR_TLS_|ERR_SSL_|EPROTO)/;

/** The code of the problem that a proxy takes out by what Sentilo's answers are known. */
export const VERSION_HIDDEN = 'S006';
/** An answer came, and none of Sentilo's. */
const GARBAGE = ['BAD_ANSWER', 'TOO_LONG'];

export interface ErrorBody {
  readonly message: string;
  readonly details: readonly string[];
}

/** Understands the answer to a batch that held these sensors. */
export function outcomeOf(response: HttpResponse, sensors: ReadonlySet<string>, mask: Mask): Outcome {
  const { status } = response;
  if (status === 200) return isPlainSuccess(response) ? { kind: 'stored' } : garbage(response, mask);
  const body = errorBody(response);
  const problem = problemOf(response, mask);
  const notStored = (pause: Omit<Pause, 'problem'>): Outcome => ({ kind: 'not-stored', pause: { ...pause, problem } });
  // Without the city's own words something in between has answered, and the city may still be at work.
  const isEnded = NOT_PASSED_ON.includes(status) || (body !== undefined && !GATEWAY_FAULTS.includes(status));
  const unknown = (state: Pause['state']): Outcome => ({
    kind: 'unknown',
    patience: isEnded ? AFTER_ANSWER : AFTER_CUT,
    isAnswered: !GATEWAY_FAULTS.includes(status),
    pause: { state, pace: TRANSPORT_PACE, problem },
  });
  if (status === 404) {
    // Without its sensors it may still be about one of them: it is looked for in the batch, for which a long pause is no use.
    const rejected = rejectedSensors(body, sensors, mask);
    return rejected === undefined ? unknown('refused') : { kind: 'partial', rejected };
  }
  if (status === 400 && body === undefined) return garbage(response, mask);
  if (status === 400 && body !== undefined) {
    if (isTransportFault(body)) return notStored({ state: 'waiting', pace: TRANSPORT_PACE });
    if (body.message.startsWith('Unable to read message. Request payload size')) return { kind: 'too-large', problem };
    if (!isAboutContent(body)) return notStored({ state: 'refused', pace: REFUSED_PACE });
    return { kind: 'bad-data', problem };
  }
  // Sentilo has no such status; a proxy in front of it may have a limit of its own.
  if (status === 413) return { kind: 'too-large', problem };
  if (status === 429) return notStored({ state: 'waiting', pace: QUOTA_PACE, atLeastMs: resetMs(response) ?? 0 });
  if (status === 503 && body?.message.startsWith(STARTING)) return notStored({ state: 'waiting', pace: TRANSPORT_PACE });
  if (status >= 500) return unknown('waiting');
  if (status >= 400 && !isEnded) {
    const pause: Pause = { state: 'refused', pace: REFUSED_PACE, problem };
    return { kind: 'unknown', patience: AFTER_CUT, isAnswered: true, isRefused: true, pause };
  }
  if (status >= 300) return notStored({ state: 'refused', pace: REFUSED_PACE });
  return garbage(response, mask);
}

/**
 * Whether a 400 is the fault of what was sent. A way there that failed is not, nor is a wrong address: each part of the content
 * would be blamed for it in turn.
 */
export function isAboutContent(body: ErrorBody): boolean {
  return !isTransportFault(body) && !body.message.startsWith('Invalid path');
}

function isTransportFault({ details }: ErrorBody): boolean {
  return TRANSPORT_FAULTS.some((fault) => details[0]?.startsWith(fault));
}

/** Understands that no answer came. */
export function failureOf(error: HttpError, mask: Mask): Outcome {
  const problem = failureProblem(error, mask);
  const pause: Pause = { state: 'unreachable', pace: TRANSPORT_PACE, problem };
  const isGarbage = GARBAGE.includes(error.code);
  if (!error.maybeSent) return { kind: 'not-stored', pause };
  const patience = error.code === 'TIMEOUT' || error.code === 'TOO_SLOW' ? AFTER_TIMEOUT : AFTER_CUT;
  return { kind: 'unknown', patience: isGarbage ? AFTER_GARBAGE : patience, isAnswered: false, pause };
}

/** That no answer came, or none that can be understood, as a problem to show. */
export function failureProblem(error: HttpError, mask: Mask): CityProblem {
  const parameters = { words: mask(error.message).slice(0, WORDS_MAX), error: error.code };
  if (TLS_FAILURE.test(error.code)) return { code: 'S003', parameters };
  if (error.code === 'TOO_LONG') return { code: 'S005', parameters };
  return { code: GARBAGE.includes(error.code) ? 'S001' : 'S000', parameters };
}

/** What the city said, as a problem to show. */
export function problemOf(response: HttpResponse, mask: Mask): CityProblem {
  const { status, headers, body } = response;
  const known = errorBody(response);
  const said = known === undefined ? text(body) : [known.message, ...known.details.slice(0, 1)].join(' ');
  const target = status >= 300 && status < 400 ? headers['location'] : undefined;
  // Of a stack trace the first line says what is wrong.
  const words = mask((target ?? said).split('\n', 1)[0]?.trim() ?? '').slice(0, WORDS_MAX);
  const isTlsWanted = status === 403 && known?.message === TLS_WANTED;
  return { code: isTlsWanted ? 'S002' : `S${status}`, parameters: { status, words } };
}

/** Takes the token out of a text: a 401 repeats it (Sentilo reference §1.4). */
export type Mask = (text: string) => string;

/** Makes the mask for a token, also where it stands in an encoded form. */
export function maskOf(token: string): Mask {
  const forms = [...new Set([token, encodeURIComponent(token), JSON.stringify(token).slice(1, -1)])].filter(
    (form) => form !== '',
  );
  return (said) => forms.reduce((masked, form) => masked.replaceAll(form, '***'), said);
}

/** A success of Sentilo names its version (§1.2); what a public network answers before one signs in is a 200 too, even an empty one. */
export function isPlainSuccess({ headers }: HttpResponse): boolean {
  return headers['x-sentilo-version'] !== undefined;
}

/**
 * What is wrong with a 200 that is no success. Sentilo echoes the content type of the request (§1.2), which a page for signing in does
 * not: then a proxy seems to take the version out. It is no proof that anything was stored.
 */
export function garbageCode(response: HttpResponse): 'S001' | typeof VERSION_HIDDEN {
  const isEcho = response.status === 200 && /^application\/json\b/i.test(response.headers['content-type'] ?? '');
  return isEcho && !isPlainSuccess(response) ? VERSION_HIDDEN : 'S001';
}

function garbage(response: HttpResponse, mask: Mask): Outcome {
  const problem = { ...problemOf(response, mask), code: garbageCode(response) };
  const pause: Pause = { state: 'unreachable', pace: TRANSPORT_PACE, problem };
  return { kind: 'unknown', patience: AFTER_GARBAGE, isAnswered: false, pause };
}

/** The rejected sensors, or undefined when the details do not say completely which of these they are. */
function rejectedSensors(body: ErrorBody | undefined, sensors: ReadonlySet<string>, mask: Mask): Map<string, string> | undefined {
  const rejected = new Map<string, string>();
  for (const detail of body?.details ?? []) {
    const sensor = REJECTED_SENSOR.exec(detail)?.[1];
    if (sensor === undefined || !sensors.has(sensor)) return undefined;
    rejected.set(sensor, mask(detail));
  }
  return rejected.size === 0 ? undefined : rejected;
}

/** The city's own words of an error (Sentilo reference §1.4); undefined when it is somebody else's answer. */
export function errorBody({ status, body }: Pick<HttpResponse, 'status' | 'body'>): ErrorBody | undefined {
  const json = parseJson(body);
  const message = textIn(json, 'message');
  // Others have a message, too, and a code of their own, such as gRPC's 14; Sentilo's is always the status.
  if (message === undefined || fieldIn(json, 'code') !== status) return undefined;
  // What is no text stays as an empty line, as the lines would else seem complete.
  const details = (listIn(json, 'errorDetails') ?? []).map((each) => (typeof each === 'string' ? each : ''));
  return { message, details };
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
