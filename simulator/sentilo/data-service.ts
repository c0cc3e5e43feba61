import type { Access } from './access.ts';
import { internalError, Refusal, rejectedResources } from './answer.ts';
import { formatTimestamp } from './calendar.ts';
import type { Publish } from './events.ts';
import { readObservations, type Submitted } from './observation-body.ts';
import { ObservationStore, type StoredObservation } from './observation-store.ts';
import { type Registry, reasonAgainst } from './registry.ts';
import type { ParsedRequest } from './request.ts';
import { bodyOf, pathParts, spanOf, verbOf } from './request-parts.ts';
import type { Circumstances, Service } from './service.ts';
import type { Entity, World } from './world.ts';

/** A read gives at most so many observations of one sensor, and so many of each sensor of a provider. */
const LIMIT_MAX = { sensor: 200, provider: 50 } as const;
/** What this process can hold; the real store ends with its memory. A request beyond it fails as any does when Redis fails. */
const OBSERVATIONS_MAX = 5_000_000;

/** The service `/data` (sentilo.md §1.5): publishing, reading and deleting observations. */
export class DataService implements Service {
  readonly store = new ObservationStore();
  readonly #world: World;
  readonly #access: Access;
  readonly #registry: Registry;
  readonly #publish: Publish;

  constructor(world: World, access: Access, registry: Registry, publish: Publish) {
    this.#world = world;
    this.#access = access;
    this.#registry = registry;
    registry.onForgotten((provider, sensor) => this.store.deleteSensor(provider, sensor));
    this.#publish = publish;
  }

  handle(request: ParsedRequest, entity: Entity, circumstances: Circumstances): string {
    switch (verbOf(request, ['GET', 'PUT', 'DELETE'])) {
      case 'GET':
        return this.#get(request, entity, circumstances.nowMs);
      case 'PUT':
        return this.#put(request, entity, circumstances);
      case 'DELETE':
        return this.#delete(request, entity);
    }
  }

  #get(request: ParsedRequest, entity: Entity, nowMs: number): string {
    const [provider, sensor] = pathParts(request, 2);
    const { fromMs, toMs, limit: asked } = spanOf(request, nowMs);
    this.#access.require(entity, 'READ', provider);
    const read = (one: string, max: number): string[] => {
      const limit = Math.min(asked, max);
      // A limit of −1 gives nothing; below it the server's list library throws as soon as there is something to cut.
      const found = this.store.newest(provider, one, fromMs, toMs, Math.max(limit, limit < -1 ? 1 : 0));
      if (limit < -1 && found.length > 0) throw internalError(nowMs);
      return found.map(observationJson);
    };
    if (sensor !== undefined) return `{"observations":[${read(sensor, LIMIT_MAX.sensor).join(',')}]}`;
    const sensors = this.store.sensorsOf(provider).flatMap((one) => {
      const found = read(one, LIMIT_MAX.provider);
      return found.length === 0 ? [] : [`{"sensor":${JSON.stringify(one)},"observations":[${found.join(',')}]}`];
    });
    return `{"sensors":[${sensors.join(',')}]}`;
  }

  #put(request: ParsedRequest, entity: Entity, circumstances: Circumstances): string {
    const [provider, sensor, value] = pathParts(request, 3);
    const { nowMs } = circumstances;
    const observations =
      sensor !== undefined && value !== undefined ? [{ sensor, value }] : readObservations(bodyOf(request, nowMs), sensor, nowMs);
    if (observations.length === 0) {
      throw new Refusal(400, 'To publish data is mandatory to fill in the observations field');
    }
    if (observations.some((one) => one.value === null)) {
      throw new Refusal(400, 'To publish data is mandatory to fill in the value field');
    }
    this.#access.require(entity, 'WRITE', provider);
    const { interruption } = circumstances;
    const storedMax = interruption ? Math.floor(interruption.storedFraction * (observations.length + 1)) : observations.length;
    // What comes before a failure stays: there is no transaction.
    const rejected = this.#storeEach(provider, observations.slice(0, storedMax), entity.id, nowMs);
    if (interruption) throw internalError(nowMs);
    if (rejected.size > 0) throw rejectedResources(rejected);
    return '';
  }

  /** Stores what may be stored and returns the reason for each sensor that may not, in the order of first rejection. */
  #storeEach(provider: string, observations: readonly Submitted[], publisher: string, nowMs: number): Map<string, string> {
    const rejected = new Map<string, string>();
    for (const { sensor, value, timestampMs, location } of observations) {
      const reason = this.#reasonAgainst(provider, sensor, nowMs);
      if (reason !== undefined) {
        if (!rejected.has(sensor)) rejected.set(sensor, reason);
        continue;
      }
      if (this.store.size >= OBSERVATIONS_MAX) throw internalError(nowMs);
      const where = location === undefined ? {} : { location };
      const message = String(value);
      const timeMs = timestampMs ?? nowMs;
      this.store.add({ provider, sensor, value: message, timestampMs: timeMs, arrivalMs: nowMs, ...where });
      const times = { timeMs, publishedAtMs: nowMs };
      this.#publish({
        type: 'DATA',
        topic: `/data/${provider}/${sensor}`,
        provider,
        sensor,
        message,
        publisher,
        ...times,
        ...where,
      });
    }
    return rejected;
  }

  #reasonAgainst(provider: string, sensor: string, nowMs: number): string | undefined {
    const state = this.#registry.sensor(provider, sensor, nowMs);
    if (state !== undefined || this.#world.settings.rejectsUnknownSensors) return reasonAgainst(sensor, state);
    this.#registry.acceptUnknown(provider, sensor);
    return undefined;
  }

  #delete(request: ParsedRequest, entity: Entity): string {
    const [provider, sensor] = pathParts(request, 2);
    this.#access.require(entity, 'WRITE', provider);
    const sensors = sensor === undefined ? this.store.sensorsOf(provider) : [sensor];
    for (const one of sensors) this.store.deleteNewest(provider, one);
    return '';
  }
}

function observationJson(observation: StoredObservation): string {
  const { value, timestampMs, location } = observation;
  return JSON.stringify({
    value,
    timestamp: formatTimestamp(timestampMs),
    ...(location === undefined ? {} : { location }),
    time: timestampMs,
  });
}
