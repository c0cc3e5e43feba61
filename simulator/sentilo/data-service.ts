import type { Access } from './access.ts';
import { internalError, Refusal, rejectedResources } from './answer.ts';
import { formatTimestamp } from './calendar.ts';
import { readObservations, type Submitted } from './observation-body.ts';
import { ObservationStore, type StoredObservation } from './observation-store.ts';
import type { ParsedRequest } from './request.ts';
import { bodyOf, pathParts, spanOf } from './request-parts.ts';
import type { Entity, World } from './world.ts';

/** A read gives at most so many observations of one sensor, and so many of each sensor of a provider. */
const LIMIT_MAX = { sensor: 200, provider: 50 } as const;
/** What this process can hold; the real store ends with its memory. A request beyond it fails as any does when Redis fails. */
const OBSERVATIONS_MAX = 5_000_000;

/** How a batch ends that the server cannot finish: after so many of its observations, 500. */
export interface Interruption {
  /** Fraction of the batch in [0, 1): the prefix of that length (0 to all) is stored. */
  readonly storedFraction: number;
}

/** What a request may meet besides itself. */
export interface Circumstances {
  readonly nowMs: number;
  /** The registry has lost its sensors: every one is unknown. */
  readonly isRegistryLost: boolean;
  readonly interruption?: Interruption;
}

/** The service `/data` (sentilo.md §1.5): publishing, reading and deleting observations. */
export class DataService {
  readonly store = new ObservationStore();
  readonly #world: World;
  readonly #access: Access;
  /** State by `provider/sensor`; grows by one for each sensor that is accepted unknown. */
  readonly #sensors: Map<string, string>;

  constructor(world: World, access: Access) {
    this.#world = world;
    this.#access = access;
    this.#sensors = new Map(world.sensors.map((one) => [`${one.provider}/${one.sensor}`, one.state]));
  }

  /** The JSON text of a 200, empty for what changes something. Throws a Refusal. */
  handle(request: ParsedRequest, entity: Entity, circumstances: Circumstances): string {
    switch (request.method) {
      case 'GET':
        return this.#get(request, entity, circumstances.nowMs);
      case 'PUT':
        return this.#put(request, entity, circumstances);
      case 'POST':
        if (request.query.get('method') === 'put') return this.#put(request, entity, circumstances);
        throw new Refusal(405, 'HTTP POST method not allowed for the requested resource');
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
    const rejected = this.#storeEach(provider, observations.slice(0, storedMax), circumstances);
    if (interruption) throw internalError(nowMs);
    if (rejected.size > 0) throw rejectedResources(rejected);
    return '';
  }

  /** Stores what may be stored and returns the reason for each sensor that may not, in the order of first rejection. */
  #storeEach(provider: string, observations: readonly Submitted[], circumstances: Circumstances): Map<string, string> {
    const { nowMs } = circumstances;
    const rejected = new Map<string, string>();
    for (const { sensor, value, timestampMs, location } of observations) {
      const reason = this.#reasonAgainst(provider, sensor, circumstances.isRegistryLost);
      if (reason !== undefined) {
        if (!rejected.has(sensor)) rejected.set(sensor, reason);
        continue;
      }
      if (this.store.size >= OBSERVATIONS_MAX) throw internalError(nowMs);
      const where = location === undefined ? {} : { location };
      this.store.add({ provider, sensor, value: String(value), timestampMs: timestampMs ?? nowMs, arrivalMs: nowMs, ...where });
    }
    return rejected;
  }

  #reasonAgainst(provider: string, sensor: string, isRegistryLost: boolean): string | undefined {
    const key = `${provider}/${sensor}`;
    const state = isRegistryLost ? undefined : this.#sensors.get(key);
    if (state === 'offline') return `Sensor [${sensor}] is not online (404.2).`;
    if (state !== undefined) return undefined;
    if (this.#world.settings.rejectsUnknownSensors) return `Sensor [${sensor}] not found on Sentilo (404.1).`;
    this.#sensors.set(key, 'ghost');
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
