import { type Clock, sleep } from '../../drivers/clock.ts';
import { type Host, HttpError, type HttpRequest, type HttpResponse } from '../host.ts';
import { errorBody, failureProblem, garbageCode, isAboutContent, isPlainSuccess, type Mask, problemOf } from './answer.ts';
import { type ListedSensor, listingOf } from './catalog-listing.ts';
import { type CatalogPlan, planCatalog } from './catalog-plan.ts';
import type { Wanted, WantedComponent, WantedSensor } from './catalog-wanted.ts';
import { type CityOptions, requestsOf } from './city.ts';
import { catalogUrl } from './request.ts';
import type { CityProblem } from './status.ts';

/** Each sensor takes the catalogue some 80 ms, and after 15 s its answer is lost (sentilo.md §1.6.1). */
const SENSORS_PER_REQUEST = 50;
/** After a lost answer the catalogue may still be at work: it is looked at again after this time. */
const LOOK_AGAIN_MS = 15_000;
/**
 * The listing has no pages (§1.6.3) and takes some 400 bytes a sensor, those of all gateways of the provider: this is room for 80,000,
 * and what a small machine can hold for a moment.
 */
export const LISTING_BYTES_MAX = 32 * 1_048_576;
/** So often at most one run begins anew. */
const RUNS_MAX = 5;

/** A request about the catalogue did not succeed, and nothing more is tried. */
export class CatalogError extends Error {
  override readonly name = 'CatalogError';
  readonly problem: CityProblem;
  /** Whether the request may have been carried out all the same. */
  readonly isUnknown: boolean;
  /** What was done before. */
  readonly applied: Applied;
  constructor(problem: CityProblem, isUnknown: boolean, options?: ErrorOptions & { readonly applied?: Applied }) {
    super(`the city's catalogue: ${problem.code}`, options);
    this.problem = problem;
    this.isUnknown = isUnknown;
    this.applied = options?.applied ?? NOTHING_APPLIED;
  }
}

/** What became of the sensors and components. */
export interface Applied {
  readonly created: readonly string[];
  readonly changed: readonly string[];
  /** Sensors and components that the city refuses to create or to change, with its words. */
  readonly refused: ReadonlyMap<string, string>;
}

const NOTHING_APPLIED: Applied = { created: [], changed: [], refused: new Map() };

/** What is told while it goes on. */
export type Progress = (step: 'created' | 'changed' | 'looking-again', ids: readonly string[]) => void;

/** The catalogue of one provider. Nothing here deletes anything. */
export interface Catalog {
  /** The provider's online sensors. @throws CatalogError */
  list(signal: AbortSignal): Promise<readonly ListedSensor[]>;
  /**
   * Makes the catalogue show what is wanted: lists, creates what is missing, changes what differs. What the city refuses is left out
   * and keeps nothing else from being done. After a lost answer it lists again and goes on from there. @throws CatalogError that says
   * what was done before
   */
  apply(wanted: Wanted, progress: Progress, signal: AbortSignal): Promise<Applied>;
  /**
   * Which of these types of sensors (`type`) or of components (`componentType`) the city knows nothing of. Asked with a request that it always refuses, as one of its ids is no id: it
   * looks at all of a request before it takes any (§1.6.1). @throws CatalogError
   */
  unknownTypes(field: 'type' | 'componentType', types: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
  /**
   * Makes the catalogue send sensors to the data service anew, which had lost them (§1.5.10). Only for sensors that it lists: one
   * that it does not know makes the request fail. Returns those that it refuses, with its words. @throws CatalogError
   */
  touch(sensors: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
}

export function openCatalog(host: Pick<Host, 'http' | 'clock'>, options: CityOptions): Catalog {
  const { config, mask } = options;
  const request = requestsOf(options);
  const url = catalogUrl(config.url, config.provider);

  /** A success that cannot be one is somebody else's. Of an answer from 500 on nobody knows what was done. */
  function refusal(response: HttpResponse): CatalogError {
    const { status } = response;
    const problem = problemOf(response, mask);
    return new CatalogError(status === 200 ? { ...problem, code: garbageCode(response) } : problem, status >= 500);
  }

  async function ask(method: HttpRequest['method'], body: object | undefined, signal: AbortSignal): Promise<HttpResponse> {
    const bytes = body === undefined ? undefined : new TextEncoder().encode(JSON.stringify(body));
    let response: HttpResponse;
    try {
      // Only a listing is long.
      const asked = method === 'GET' ? request(method, url, bytes, LISTING_BYTES_MAX) : request(method, url, bytes);
      response = await host.http(asked, signal);
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      throw new CatalogError(failureProblem(error, mask), error.maybeSent, { cause: error });
    }
    // What a public network answers before one signs in is a 200 too, and changes nothing.
    if (response.status === 200 ? isPlainSuccess(response) : response.status === 400) return response;
    throw refusal(response);
  }

  async function list(signal: AbortSignal): Promise<readonly ListedSensor[]> {
    const response = await ask('GET', undefined, signal);
    const listed = response.status === 200 ? listingOf(response.body, config.provider) : undefined;
    if (listed !== undefined) return listed;
    throw refusal(response);
  }

  const parts = { ask, list, refusal, mask, clock: host.clock };
  return {
    list,
    apply: (wanted, progress, signal) => new Run(parts, wanted, progress).apply(signal),
    async unknownTypes(field, types, signal) {
      const probe = (type: string, at: number) => ({
        sensor: NO_ID,
        ...(field === 'type' ? { type } : { type: 'temperature', component: `${NOBODYS}-${at}`, componentType: type }),
      });
      const response = await ask('POST', { sensors: types.map(probe) }, signal);
      const lines = errorBody(response)?.details ?? [];
      // What is refused for another reason has not been looked at.
      if (!lines.some((line) => line.includes(NO_ID))) throw refusal(response);
      return types.filter((type) => lines.some((line) => line.endsWith(`invalid value for field ${field} (${type}).`)));
    },
    touch: (sensors, signal) => new Run(parts, NOTHING, () => {}).touch(sensors, signal),
  };
}

interface RunParts {
  readonly ask: (method: HttpRequest['method'], body: object | undefined, signal: AbortSignal) => Promise<HttpResponse>;
  readonly list: Catalog['list'];
  readonly refusal: (response: HttpResponse) => CatalogError;
  readonly mask: Mask;
  readonly clock: Clock;
}

/** What the lines of a refusal can be about. */
interface Named {
  readonly sensor?: string;
  readonly component?: string;
}

/** One kind of request that changes the catalogue. */
interface Step<One> {
  readonly method: 'POST' | 'PUT';
  readonly done: 'created' | 'changed';
  readonly idOf: (one: One) => string;
  readonly bodyOf: (some: readonly One[]) => object;
}

const CHANGING_SENSORS: Step<WantedSensor> = {
  method: 'PUT',
  done: 'changed',
  idOf: ({ sensor }) => sensor,
  bodyOf: (sensors) => ({ sensors: sensors.map(ownFields) }),
};
const CHANGING_COMPONENTS: Step<WantedComponent> = {
  method: 'PUT',
  done: 'changed',
  idOf: ({ component }) => component,
  bodyOf: (components) => ({ components: components.map(componentFields) }),
};

/** No sensor can be called that. */
const NO_ID = 'no id';
/** A component that is named in a request which is refused is none that anybody has. */
const NOBODYS = 'no-component';
const NOTHING: Wanted = { sensors: [], components: new Map() };
/** Only the id: it is sent anew as it is. */
const TOUCHING: Step<Named & { readonly sensor: string }> = {
  method: 'PUT',
  done: 'changed',
  idOf: ({ sensor }) => sensor,
  bodyOf: (sensors) => ({ sensors: sensors.map(({ sensor }) => ({ sensor })) }),
};

/** One `apply` or `touch`. */
class Run {
  readonly #parts: RunParts;
  readonly #wanted: Wanted;
  readonly #progress: Progress;
  readonly #created = new Set<string>();
  readonly #changed = new Set<string>();
  readonly #refused = new Map<string, string>();
  /** Sensors and components that are refused, in whatever is asked about them. */
  readonly #leftOut = new Set<Named>();

  constructor(parts: RunParts, wanted: Wanted, progress: Progress) {
    this.#parts = parts;
    this.#wanted = wanted;
    this.#progress = progress;
  }

  async apply(signal: AbortSignal): Promise<Applied> {
    for (let run = 1; ; run += 1) {
      try {
        await this.#once(planCatalog(this.#wanted, await this.#parts.list(signal)), signal);
        return this.#applied;
      } catch (error) {
        if (!(error instanceof CatalogError)) throw error;
        const { problem, isUnknown } = error;
        if (!isUnknown || run === RUNS_MAX) throw new CatalogError(problem, isUnknown, { cause: error, applied: this.#applied });
        this.#progress('looking-again', []);
        await sleep(this.#parts.clock, LOOK_AGAIN_MS, signal);
      }
    }
  }

  get #applied(): Applied {
    return { created: [...this.#created], changed: [...this.#changed], refused: this.#refused };
  }

  async touch(sensors: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const named = sensors.map((sensor) => ({ sensor }));
    await this.#all(named, TOUCHING, signal);
    return this.#refused;
  }

  async #once(plan: CatalogPlan, signal: AbortSignal): Promise<void> {
    await this.#all(plan.create, this.#creating, signal);
    const sensors = plan.changeSensors.map(({ sensor }) => sensor);
    await this.#all(sensors, CHANGING_SENSORS, signal);
    const components = plan.changeComponents.map(({ component }) => component);
    await this.#all(components, CHANGING_COMPONENTS, signal);
  }

  async #all<One extends Named>(all: readonly One[], step: Step<One>, signal: AbortSignal): Promise<void> {
    for (const some of chunks(all, SENSORS_PER_REQUEST)) await this.#some(some, step, signal);
  }

  /**
   * The city takes all of a request or nothing of it, so those that it blames are left out and the others sent again; where it names
   * none, the one is looked for, and a shorter request may pass besides.
   */
  async #some<One extends Named>(some: readonly One[], step: Step<One>, signal: AbortSignal): Promise<void> {
    const left = some.filter((one) => !this.#leftOut.has(one));
    if (left.length === 0) return;
    const { ask, refusal, mask } = this.#parts;
    const response = await ask(step.method, step.bodyOf(left), signal);
    if (response.status === 200) return this.#note(step, left.map(step.idOf));
    const said = errorBody(response);
    if (said === undefined || !isAboutContent(said)) throw refusal(response);
    const blamed = blamedOf(said.details, left);
    const [only, another] = left;
    if (blamed.size === 0 && only !== undefined && another === undefined)
      blamed.set(only, String(problemOf(response, mask).parameters['words'] ?? ''));
    for (const [one, words] of blamed) {
      this.#leftOut.add(one);
      this.#refused.set(step.idOf(one), mask(words));
    }
    const next = blamed.size > 0 ? [left] : chunks(left, Math.ceil(left.length / 2));
    for (const each of next) await this.#some(each, step, signal);
  }

  readonly #creating: Step<WantedSensor> = {
    method: 'POST',
    done: 'created',
    idOf: ({ sensor }) => sensor,
    bodyOf: (sensors) => ({ sensors: sensors.map((sensor) => ({ ...ownFields(sensor), ...this.#withComponent(sensor) })) }),
  };

  #withComponent({ component }: WantedSensor): object {
    const { component: _, ...fields } = componentFields(this.#wanted.components.get(component) ?? { component });
    return { component, ...fields };
  }

  #note({ done }: Pick<Step<Named>, 'done'>, ids: readonly string[]): void {
    for (const id of ids) (done === 'created' ? this.#created : this.#changed).add(id);
    this.#progress(done, ids);
  }
}

/** The fields of a sensor that a PUT can change. */
function ownFields({ sensor, type, dataType, description, unit }: WantedSensor): object {
  return { sensor, type, dataType, description, ...(unit !== undefined && { unit }) };
}

/** Always with the location: without it a component would become a mobile one, which no answer shows (§1.6.2). */
function componentFields({ component, componentType, location, isPublic, energy }: WantedComponent) {
  return {
    component,
    ...(componentType !== undefined && { componentType }),
    ...(location !== undefined && { location }),
    ...(isPublic !== undefined && { componentPublicAccess: isPublic }),
    ...(energy !== undefined && { componentTechnicalDetails: { energy } }),
  };
}

/** Which of these the lines of a refusal are about, with the line. A line about a component is about its sensors. */
function blamedOf<One extends Named>(lines: readonly string[], some: readonly One[]): Map<One, string> {
  const blamed = new Map<One, string>();
  for (const line of lines) {
    const sensor = /^Sensor (\S+?)(?: ?: | has fields)/.exec(line)?.[1] ?? /with key (\S+) \.$/.exec(line)?.[1];
    const component = /^Component (\S+?)(?: ?: | has fields)/.exec(line)?.[1];
    for (const one of some) {
      const isMeant = (sensor !== undefined && one.sensor === sensor) || (component !== undefined && one.component === component);
      if (isMeant) blamed.set(one, line);
    }
  }
  return blamed;
}

function chunks<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
}
