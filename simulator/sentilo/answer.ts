import { hashSetOrder } from './java-text.ts';

/** One HTTP request as the city's server sees it. */
export interface CityRequest {
  readonly method: string;
  /** The request target as it was sent: path and query, or an absolute URL. */
  readonly target: string;
  /** In the order in which they were sent; of a repeated name the first counts. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Empty when there is none. */
  readonly body: Uint8Array;
  /** Set when the body did not arrive whole: the Java exception that the server reports, with its text. */
  readonly bodyFailure?: string;
}

/** What the city answers. `Date`, `Content-Length` and `Connection` are added by whoever carries it. */
export interface CityAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Whose request it was, once its token was known. */
  readonly entity?: string;
  /** Set when the real server has this service and this city has not: its name. */
  readonly notSimulated?: string;
}

/** The content type of every error, and of a success whose request named none. */
export const JSON_TYPE = 'application/json; charset=UTF-8';

/** An answer other than 200. Thrown at the step of the pipeline that refuses (sentilo.md §1.3, §1.4). */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly details: readonly string[];
  constructor(status: number, message: string, details: readonly string[] = []) {
    super(message);
    this.status = status;
    this.details = details;
  }
}

/** 400 SIE03: the payload or a parameter could not be read; `detail` is what errorDetails says about it. */
export function unreadable(nowMs: number, detail: string): Refusal {
  const text = 'Bad request data: could not read JSON payload. Please review the following error and try again';
  return new Refusal(400, `SIE03-${Math.floor(nowMs)}  ${text}`, [detail]);
}

/**
 * 500: the server failed, which in the real one is often a null reference on odd input.
 *
 * @param code SIE00: the catalogue could not be asked; SIE01: it failed; SIE99: anything else
 */
export function internalError(nowMs: number, code: 'SIE00' | 'SIE01' | 'SIE99' = 'SIE99'): Refusal {
  return new Refusal(
    500,
    'Something went wrong. Please try again. If the problem persists, contact your support site and provide the following ' +
      `error code: ${code}-${Math.floor(nowMs)}`,
  );
}

/** 503: tokens and permissions are not loaded yet. */
export function starting(): Refusal {
  return new Refusal(503, 'API Server is temporarily unavailable because it is starting...');
}

/** 405: the service does not take this verb. */
export function methodNotAllowed(method: string): Refusal {
  return new Refusal(405, `HTTP ${method} method not allowed for the requested resource`);
}

/** 404: no service has this path. */
export function noHandler(target: string): Refusal {
  return new Refusal(404, `handler not found to process request ${target}`);
}

/** 401. The real server, too, repeats the token in the body. */
export function invalidCredential(token: string | undefined): Refusal {
  return new Refusal(401, `Invalid credential ${token ?? 'null'}`);
}

/** 429 for one entity's quota or for the quota of the whole city, both in requests an hour. */
export function overQuota(kind: 'entity' | 'global', quota: number): Refusal {
  return new Refusal(
    429,
    kind === 'entity'
      ? `Sent quota exceeded. You are only allowed to send ${quota} requests per hour on this site. Try again later.`
      : `Global inbound requests quota exceeded. Service only accepts ${quota} requests per hour. Try again later.`,
  );
}

/** 404: of what was published, these resources are unknown or not online; the reason of each, in the order of first rejection. */
export function rejectedResources(reasons: ReadonlyMap<string, string>): Refusal {
  const ids = hashSetOrder([...reasons.keys()]).join(',');
  const message = `Events associated with resources [${ids}] have been rejected. See the error details to know about what went wrong in each case`;
  return new Refusal(404, message, [...reasons.values()]);
}

/** The answer that carries a refusal; `errorDetails` is left out when there are none. */
export function refusalAnswer(refusal: Refusal, headers: Readonly<Record<string, string>>): CityAnswer {
  const { status: code, message, details } = refusal;
  const body = details.length > 0 ? { code, message, errorDetails: details } : { code, message };
  return { status: code, headers: { 'Content-Type': JSON_TYPE, ...headers }, body: Buffer.from(JSON.stringify(body)) };
}
