import { type Host, HttpError, type HttpResponse } from '../host.ts';
import { listIn, parseJson, textIn } from '../json.ts';
import { errorBody, failureOf, failureProblem, isPlainSuccess, type Outcome, outcomeOf, problemOf } from './answer.ts';
import { type CityOptions, requestsOf } from './city.ts';
import { alarmUrl } from './request.ts';
import type { CityProblem } from './status.ts';

/** The most messages of one alert that an answer has (sentilo.md §1.8). */
const LISTED_MAX = 50;

/** What is known about a message after its request: `refused` when the city takes none for this alert as things are. */
export type AlarmOutcome =
  | Extract<Outcome, { kind: 'stored' | 'unknown' | 'not-stored' }>
  | { readonly kind: 'refused'; readonly problem: CityProblem };

/** What the city has of the messages of an alert; `unknown` when it does not say. */
export type Looked = { readonly isThere: boolean } | { readonly problem: CityProblem };

/** The city's service for alarms (sentilo.md §1.8). */
export interface AlarmService {
  /** Every failure is an outcome. */
  tell(alert: string, message: string, signal: AbortSignal): Promise<AlarmOutcome>;
  /** Whether the message is among the newest of the alert. */
  look(alert: string, message: string, signal: AbortSignal): Promise<Looked>;
}

export function openAlarmService(host: Pick<Host, 'http'>, options: CityOptions): AlarmService {
  const { config, mask } = options;
  const request = requestsOf(options);

  const understood = (response: HttpResponse): AlarmOutcome => {
    const { status } = response;
    // An alert that is unknown, switched off or somebody else's says nothing about readings, which go on.
    const isRefused = [400, 403, 404].includes(status) && errorBody(response) !== undefined;
    if (isRefused) return { kind: 'refused', problem: problemOf(response, mask) };
    const outcome = outcomeOf(response, new Set(), mask);
    if (outcome.kind === 'stored' || outcome.kind === 'unknown' || outcome.kind === 'not-stored') return outcome;
    return { kind: 'refused', problem: problemOf(response, mask) };
  };

  return {
    async tell(alert, message, signal) {
      const body = new TextEncoder().encode(JSON.stringify({ message }));
      try {
        return understood(await host.http(request('PUT', alarmUrl(config.url, alert), body), signal));
      } catch (error) {
        if (!(error instanceof HttpError)) throw error;
        const outcome = failureOf(error, mask);
        if (outcome.kind === 'unknown' || outcome.kind === 'not-stored') return outcome;
        throw new Error('a request without an answer is unknown or not stored', { cause: error });
      }
    },
    async look(alert, message, signal) {
      let response: HttpResponse;
      try {
        response = await host.http(request('GET', `${alarmUrl(config.url, alert)}?limit=${LISTED_MAX}`), signal);
      } catch (error) {
        if (!(error instanceof HttpError)) throw error;
        return { problem: failureProblem(error, mask) };
      }
      // Of an alert that it does not know the city has nothing.
      if (response.status === 404 && errorBody(response) !== undefined) return { isThere: false };
      const messages = response.status === 200 && isPlainSuccess(response) ? messagesOf(response.body) : undefined;
      if (messages !== undefined) return { isThere: messages.includes(message) };
      const problem = problemOf(response, mask);
      return { problem: response.status === 200 ? { ...problem, code: 'S001' } : problem };
    },
  };
}

/** `{"alarms":[{"message",…}]}`, or undefined when it is anything else. */
function messagesOf(body: Uint8Array): readonly string[] | undefined {
  return listIn(parseJson(body), 'alarms')?.map((item) => textIn(item, 'message') ?? '');
}
