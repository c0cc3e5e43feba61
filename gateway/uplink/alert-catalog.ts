import { type Host, HttpError, type HttpRequest, type HttpResponse } from '../host.ts';
import { listIn, parseJson, textIn } from '../json.ts';
import { errorBody, failureProblem, isAboutContent, isPlainSuccess, problemOf } from './answer.ts';
import { type Applied, CatalogError, LISTING_BYTES_MAX, type Progress } from './catalog.ts';
import { type CityOptions, requestsOf } from './city.ts';
import { alarmUrl, alertsUrl } from './request.ts';

/** An alert that a site tells alarms to: the city's id, and what the site's own alarms are called that go there. */
export interface WantedAlert {
  readonly id: string;
  readonly alarms: readonly string[];
}

/** How alerts stand in the city; the others of those that were asked for are there. */
export interface AlertStates {
  /** Nobody has them: whoever tells an alarm is refused (404). */
  readonly unknown: readonly WantedAlert[];
  /** Somebody else's, who does not let this provider in. Ids of alerts are those of the whole city. */
  readonly closed: readonly WantedAlert[];
}

/** The alerts of the city (sentilo.md §1.6.5, §1.8). Nothing here changes or deletes one that exists. */
export interface AlertCatalog {
  /** One request for the provider's own, and one for each that is not among them. @throws CatalogError */
  look(alerts: readonly WantedAlert[], signal: AbortSignal): Promise<AlertStates>;
  /**
   * Creates alerts of type EXTERNAL, the one kind that a provider may create with its own token. Each alone: the city takes all of a
   * request or nothing. @throws CatalogError, with what was done before
   */
  create(alerts: readonly WantedAlert[], progress: Progress, signal: AbortSignal): Promise<Applied>;
}

/** The alerts that a site expects, each once. */
export function wantedAlerts(alerts: ReadonlyMap<string, string>): readonly WantedAlert[] {
  const wanted = new Map<string, string[]>();
  for (const [alarm, id] of alerts) wanted.set(id, [...(wanted.get(id) ?? []), alarm]);
  return [...wanted].map(([id, alarms]) => ({ id, alarms }));
}

export function openAlertCatalog(host: Pick<Host, 'http'>, options: CityOptions): AlertCatalog {
  const { config, mask } = options;
  const request = requestsOf(options);
  const url = alertsUrl(config.url, config.provider);

  async function ask(question: HttpRequest, expected: readonly number[], signal: AbortSignal): Promise<HttpResponse> {
    let response: HttpResponse;
    try {
      response = await host.http(question, signal);
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      throw new CatalogError(failureProblem(error, mask), error.maybeSent, { cause: error });
    }
    const isUnderstood = response.status === 200 ? isPlainSuccess(response) : errorBody(response) !== undefined;
    if (expected.includes(response.status) && isUnderstood) return response;
    const problem = problemOf(response, mask);
    throw new CatalogError(response.status === 200 ? { ...problem, code: 'S001' } : problem, response.status >= 500);
  }

  /** Those that the provider may see the catalogue's entries of. A new one is there at once, and takes alarms half a minute later. */
  async function listed(signal: AbortSignal): Promise<ReadonlySet<string>> {
    const { body } = await ask(request('GET', url, undefined, LISTING_BYTES_MAX), [200], signal);
    return new Set((listIn(parseJson(body), 'alerts') ?? []).flatMap((each) => textIn(each, 'id') ?? []));
  }

  return {
    async look(alerts, signal) {
      const states = { unknown: [] as WantedAlert[], closed: [] as WantedAlert[] };
      if (alerts.length === 0) return states;
      const own = await listed(signal);
      for (const alert of alerts) {
        if (own.has(alert.id)) continue;
        const { status } = await ask(request('GET', `${alarmUrl(config.url, alert.id)}?limit=1`), [200, 403, 404], signal);
        if (status === 404) states.unknown.push(alert);
        else if (status === 403) states.closed.push(alert);
      }
      return states;
    },
    async create(alerts, progress, signal) {
      const created: string[] = [];
      const refused = new Map<string, string>();
      const applied = () => ({ created: [...created], changed: [], refused });
      for (const { id, alarms } of alerts) {
        const alert = { id, name: id, description: alarms.join(', '), type: 'EXTERNAL' };
        const body = new TextEncoder().encode(JSON.stringify({ alerts: [alert] }));
        const response = await ask(request('POST', url, body), [200, 400], signal).catch((error: unknown) => {
          if (!(error instanceof CatalogError)) throw error;
          throw new CatalogError(error.problem, error.isUnknown, { cause: error, applied: applied() });
        });
        const said = errorBody(response);
        if (response.status === 200) {
          created.push(id);
          progress('created', [id]);
        } else if (said !== undefined && isAboutContent(said)) refused.set(id, mask(said.details[0] ?? said.message));
        else throw new CatalogError(problemOf(response, mask), false, { applied: applied() });
      }
      return applied();
    },
  };
}
