import { Access, type Admission } from './access.ts';
import { AlarmService } from './alarm-service.ts';
import {
  type CityAnswer,
  type CityRequest,
  internalError,
  invalidCredential,
  noHandler,
  overQuota,
  Refusal,
  refusalAnswer,
  starting,
} from './answer.ts';
import { CatalogService } from './catalog-service.ts';
import { DataService } from './data-service.ts';
import { Entities, type EntityChange } from './entities.ts';
import type { StoredObservation } from './observation-store.ts';
import { OrderService } from './order-service.ts';
import { describedBy } from './push-body.ts';
import { type Pushes, PushQueue } from './push-queue.ts';
import { Registry } from './registry.ts';
import { type ParsedRequest, parseRequest } from './request.ts';
import type { Service } from './service.ts';
import { SubscribeService } from './subscribe-service.ts';
import { Subscriptions } from './subscriptions.ts';
import type { World } from './world.ts';

/** The release of Sentilo whose behaviour this is. */
const SENTILO_VERSION = '2.0.0';
/** Services that the real server has and this city has not. */
const NOT_SIMULATED: readonly string[] = ['admin'];

/** What goes wrong inside the city while it handles one request. */
export type Mishap =
  /** Answers this status before it has done anything. */
  | { readonly kind: 'status'; readonly status: number }
  /** Stores the prefix of a batch that is this fraction in [0, 1) of it, then answers 500. */
  | { readonly kind: 'partial'; readonly storedFraction: number }
  /** Has lost its registry of sensors; what is stored stays, and the sensors are known again without the mishap. */
  | { readonly kind: 'forget-sensors' };

/** A simulated Sentilo: a function of request and time over what it has stored. It has no clock and no socket. */
export interface City {
  /**
   * Answers one request.
   *
   * @param nowMs the city's wall clock, milliseconds since 1970: stamps what comes without a time, ends default reads
   */
  handle(request: CityRequest, nowMs: number, mishap?: Mishap): CityAnswer;
  /**
   * Changes who may call the city, as in its catalogue. Returns when the API server knows, milliseconds since 1970.
   * @throws EntityRefused
   */
  changeEntity(id: string, change: EntityChange, nowMs: number): number;
  /** The server is started anew over what is stored, and is `starting` for as long as the world says. */
  restart(nowMs: number): void;
  /** What is stored of a provider, or of one sensor of it, in order of arrival. */
  observations(provider: string, sensor?: string): StoredObservation[];
  /**
   * Lets sensors of a provider share one number, as after a loss of the registry without a restart (sentilo.md §1.5.10): what is
   * read of one is of all of them, without any error. With no sensors each has its own again.
   */
  mixUp(provider: string, sensors: readonly string[]): void;
  /** What subscribers are to be told. Nobody is told anything until somebody carries them. */
  readonly pushes: Pushes;
  /** How many requests were handled, refused ones included. */
  readonly requestCount: number;
}

/**
 * A city with the services of Sentilo 2.0.0 as sentilo.md §1 and §2 describe them: data, catalog, order, alarm, subscribe. What
 * the catalogue itself asks of it (`/admin`) is answered 404 and marked `notSimulated`.
 *
 * @param options.startedMs when the server was started, for the setting `starting`; by default at its first request
 */
export function createCity(world: World, options: { readonly startedMs?: number } = {}): City {
  const entities = new Entities(world);
  const access = new Access(world, entities);
  const registry = new Registry(world);
  const subscriptions = new Subscriptions();
  let startedMs = options.startedMs;
  const pushes = new PushQueue(world, subscriptions, describedBy(world), () => startedMs ?? 0);
  const publish = pushes.publish.bind(pushes);
  const data = new DataService(world, access, registry, publish);
  const services = new Map<string, Service>([
    ['data', data],
    ['catalog', new CatalogService(world, access, registry, () => startedMs ?? 0)],
    ['order', new OrderService(access, registry, publish)],
    ['alarm', new AlarmService(access, registry, publish)],
    ['subscribe', new SubscribeService(subscriptions, access, registry)],
  ]);
  let requestCount = 0;

  /** The pipeline in the order of sentilo.md §1.3, which decides which of several errors a client sees. */
  function pipeline(request: CityRequest, nowMs: number, mishap: Mishap | undefined, admission: Admission): CityAnswer {
    const { headers } = admission;
    const parsed = parseRequest(request, nowMs);
    startedMs ??= nowMs;
    if (nowMs < startedMs + world.settings.startingMs) throw starting();
    if (mishap?.kind === 'status') throw mishapRefusal(mishap.status, parsed, nowMs, headers);
    const entity = access.admit(parsed, nowMs, admission);
    const service = services.get(parsed.service);
    if (service === undefined) throw noHandler(request.target);
    registry.follow(nowMs, mishap?.kind === 'forget-sensors');
    const text = service.handle(parsed, entity, {
      nowMs,
      ...(mishap?.kind === 'partial' ? { interruption: { storedFraction: mishap.storedFraction } } : {}),
    });
    return {
      status: 200,
      headers: { 'Content-Type': parsed.contentType, 'X-Sentilo-Version': SENTILO_VERSION, ...headers },
      body: Buffer.from(text),
    };
  }

  return {
    handle: (request, nowMs, mishap) => {
      requestCount += 1;
      const admission: Admission = { headers: {} };
      const by = () => (admission.entity === undefined ? {} : { entity: admission.entity });
      try {
        return { ...pipeline(request, nowMs, mishap, admission), ...by() };
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        const answer = { ...refusalAnswer(error, admission.headers), ...by() };
        const service = serviceNotSimulated(error, request.target);
        return service === undefined ? answer : { ...answer, notSimulated: service };
      }
    },
    changeEntity: (id, change, nowMs) => entities.change(id, change, nowMs),
    restart: (nowMs) => {
      startedMs = nowMs;
    },
    observations: (provider, sensor) => {
      const sensors = sensor === undefined ? data.store.sensorsOf(provider) : [sensor];
      return sensors.flatMap((one) => data.store.all(provider, one)).sort((a, b) => a.id - b.id);
    },
    mixUp: (provider, sensors) => data.store.mixUp(provider, sensors),
    pushes,
    get requestCount() {
      return requestCount;
    },
  };
}

function serviceNotSimulated(refusal: Refusal, target: string): string | undefined {
  if (refusal.status !== 404) return undefined;
  return NOT_SIMULATED.find((service) => target === `/${service}` || target.startsWith(`/${service}/`));
}

/** A status that a scenario asks for, with the text and the headers that the real server gives it. */
function mishapRefusal(status: number, request: ParsedRequest, nowMs: number, headers: Record<string, string>): Refusal {
  switch (status) {
    case 401:
      return invalidCredential(request.header('IDENTITY_KEY'));
    case 429:
      // A bucket lives for 59 minutes of the hour: the shortest time that the real limiter can name is one minute.
      headers['X-RateLimit-Global-Inbound-Limit'] = '1';
      headers['X-RateLimit-Global-Inbound-Remaining'] = '0';
      headers['X-RateLimit-Global-Inbound-Reset'] = '1';
      return overQuota('global', 1);
    case 500:
      return internalError(nowMs);
    case 503:
      return starting();
    default:
      return new Refusal(status, `Simulated answer ${status} to ${request.target}`);
  }
}
