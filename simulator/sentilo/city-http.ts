import { type Clock, sleep } from '../../drivers/clock.ts';
import type { Http, HttpRequest, HttpResponse } from '../../gateway/host.ts';
import { HttpError } from '../../gateway/host.ts';
import type { Fault } from '../faults.ts';
import type { CityAnswer } from './answer.ts';
import { httpDate } from './calendar.ts';
import type { City } from './city.ts';
import { type CityFault, delayOf, faultOfRequest, GARBAGE_PAGE, mishapOf, spoiled } from './city-faults.ts';

/** The network between a gateway and the city. */
export interface CityHttpOptions {
  /** Monotonic times are those of `clock`. The caller may change the list while it runs. */
  readonly faults: readonly Fault[];
  /** From the call to the answer; half of it passes before the city acts. */
  readonly latencyMs: number;
  readonly random: () => number;
}

/**
 * The city as a gateway under virtual time sees it, with no socket in between.
 *
 * @param clock waits, and tells the city's wall time: pass one whose wall clock no fault of the gateway touches
 */
export function cityHttp(city: City, clock: Clock, options: CityHttpOptions): Http {
  return async (request, signal) => {
    signal.throwIfAborted();
    const deadlineMs = clock.monotonicMs() + request.timeoutMs;
    const fault = faultOfRequest(options.faults, clock.monotonicMs(), options.random);
    const oneWayMs = (options.latencyMs + delayOf(fault)) / 2;
    const oneWay = async () => {
      const leftMs = deadlineMs - clock.monotonicMs();
      await sleep(clock, Math.min(leftMs, oneWayMs), signal);
      if (oneWayMs >= leftMs) throw timeout(request);
    };
    await oneWay();
    if (fault?.kind === 'refuse') throw new HttpError('ECONNREFUSED', false, `connection to ${hostOf(request)} refused`);
    if (fault?.kind === 'timeout') {
      await sleep(clock, deadlineMs - clock.monotonicMs(), signal);
      throw timeout(request);
    }
    if (fault?.kind === 'cut-request') throw reset(request);
    const wallMs = clock.wall().ms;
    const answer = answerOf(city, request, wallMs, fault, options.random);
    await oneWay();
    if (fault?.kind === 'drop-answer' || fault?.kind === 'cut-answer') throw reset(request);
    if (answer === undefined)
      throw new HttpError('BAD_ANSWER', true, `${hostOf(request)} answered with something that is not HTTP`);
    return responseOf(request, answer, wallMs);
  };
}

/** Undefined for an answer that is not even HTTP. */
function answerOf(
  city: City,
  request: HttpRequest,
  wallMs: number,
  fault: CityFault | undefined,
  random: () => number,
): CityAnswer | undefined {
  if (fault?.kind === 'garbage') {
    if (random() < 0.5) return undefined;
    return { status: 200, headers: { 'Content-Type': 'text/html' }, body: Buffer.from(GARBAGE_PAGE) };
  }
  const url = new URL(request.url);
  const cityRequest = {
    method: request.method,
    target: url.pathname + url.search,
    headers: Object.entries(request.headers),
    body: request.body ?? new Uint8Array(),
  };
  return spoiled(city.handle(cityRequest, wallMs, mishapOf(fault, random)), fault);
}

function responseOf(request: HttpRequest, answer: CityAnswer, wallMs: number): HttpResponse {
  if (answer.body.length > request.responseBytesMax) {
    const sizes = `${answer.body.length} bytes, more than ${request.responseBytesMax}`;
    throw new HttpError('TOO_LONG', true, `the answer of ${hostOf(request)} has ${sizes}`);
  }
  const headers = Object.entries(answer.headers).map(([name, value]) => [name.toLowerCase(), value]);
  const date = httpDate(wallMs);
  return { status: answer.status, headers: { ...Object.fromEntries(headers), date }, body: answer.body };
}

function timeout(request: HttpRequest): HttpError {
  return new HttpError('TIMEOUT', true, `no answer from ${hostOf(request)} within ${request.timeoutMs} ms`);
}

function reset(request: HttpRequest): HttpError {
  return new HttpError('ECONNRESET', true, `connection to ${hostOf(request)} reset`);
}

function hostOf(request: HttpRequest): string {
  return new URL(request.url).host;
}
