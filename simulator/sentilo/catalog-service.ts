import type { Access } from './access.ts';
import { AlertService } from './alert-service.ts';
import { internalError, Refusal } from './answer.ts';
import { type ComponentFields, readDeletions, readResources, type SensorFields } from './catalog-body.ts';
import { componentProblems, duplicateProblems, formatProblems, refuseFor, sensorProblems } from './catalog-checks.ts';
import { listJson, providerJson, sensorJson } from './catalog-listing.ts';
import { componentNameOf, mergedComponent, mergedSensor, newComponent, newSensor } from './catalog-merge.ts';
import { CATALOG_MAX, type CatalogComponent, type CatalogSensor, CatalogStore } from './catalog-store.ts';
import { hasText } from './java-text.ts';
import type { Registry } from './registry.ts';
import type { ParsedRequest } from './request.ts';
import { bodyOf, pathParts } from './request-parts.ts';
import type { Circumstances, Service } from './service.ts';
import type { Entity, World } from './world.ts';

/**
 * The service `/catalog` (sentilo.md §1.6): what the API server checks, and what the catalogue behind it answers. Whatever
 * changes reaches the registry with its delay.
 */
export class CatalogService implements Service {
  readonly #world: World;
  readonly #access: Access;
  readonly #registry: Registry;
  readonly #startedMs: () => number;
  readonly #alerts: AlertService;
  #filled: CatalogStore | undefined;

  /** @param startedMs when the city was started; asked at the first request, not before */
  constructor(world: World, access: Access, registry: Registry, startedMs: () => number) {
    this.#world = world;
    this.#access = access;
    this.#registry = registry;
    this.#startedMs = startedMs;
    this.#alerts = new AlertService(world, access, registry, () => this.#store);
  }

  get #store(): CatalogStore {
    this.#filled ??= new CatalogStore(this.#world, this.#startedMs());
    return this.#filled;
  }

  handle(request: ParsedRequest, entity: Entity, circumstances: Circumstances): string {
    // Decided before the path is looked at any further, so a provider of this name has no catalogue.
    if (request.parts[0] === 'alert') {
      return this.#alerts.handle({ ...request, parts: request.parts.slice(1) }, entity, circumstances);
    }
    const { nowMs } = circumstances;
    switch (request.method) {
      case 'GET':
        return this.#get(request, entity, nowMs);
      case 'POST':
        return this.#post(request, entity, nowMs);
      case 'PUT':
        if (request.query.get('method') === 'delete') return this.#delete(request, entity, nowMs);
        return this.#put(request, entity, nowMs);
      case 'DELETE':
        return this.#delete(request, entity, nowMs);
    }
  }

  #get(request: ParsedRequest, entity: Entity, nowMs: number): string {
    const [provider] = request.parts.length === 0 ? [entity.id] : pathParts(request, 1);
    this.#access.require(entity, 'ADMIN', provider);
    const filter = (name: string) => {
      const wanted = request.query.get(name);
      return (value: string | undefined) => !hasText(wanted) || value === wanted;
    };
    const [isType, isComponent, isComponentType] = [filter('type'), filter('component'), filter('componentType')];
    const providers = this.#access.reach(provider).flatMap(({ target, type }) => {
      const sensors = this.#store.sensors(target, nowMs).flatMap((sensor) => {
        const component = this.#store.component(target, sensor.component);
        if (component === undefined || sensor.state !== 'online' || !isType(sensor.type)) return [];
        return isComponent(component.component) && isComponentType(component.type) ? [sensorJson(sensor, component)] : [];
      });
      return sensors.length === 0 ? [] : [providerJson(target, type, sensors)];
    });
    return listJson('providers', providers);
  }

  #post(request: ParsedRequest, entity: Entity, nowMs: number): string {
    const [provider] = pathParts(request, 1);
    const { sensors: given } = readResources(bodyOf(request, nowMs), nowMs);
    if (given.length === 0) throw new Refusal(400, 'To insert sensors is mandatory to inform the sensors');
    this.#access.require(entity, 'ADMIN', provider);
    this.#requireProvider(provider);
    const fields = withoutNull(given, nowMs);
    refuseFor('Sensors have not been inserted', formatProblems(fields, fields));
    // Without a name of either there is no key to build.
    if (fields.some((one) => one.sensor === null)) throw internalError(nowMs, 'SIE01');
    const components = this.#newComponents(provider, fields, nowMs);
    const sensors = fields.map((one) => newSensor(one, nowMs));
    refuseFor('Sensors have not been inserted', [
      ...this.#newSensorProblems(provider, sensors),
      ...components.flatMap((one) => componentProblems(one, this.#world)),
    ]);
    if (this.#store.size + sensors.length > CATALOG_MAX) throw internalError(nowMs, 'SIE01');
    for (const component of components) this.#store.putComponent(provider, component);
    for (const sensor of sensors) this.#keep(provider, sensor, nowMs);
    return '';
  }

  /** One for each name that is not there yet; of several entries that give it the first counts. */
  #newComponents(provider: string, fields: readonly SensorFields[], nowMs: number): CatalogComponent[] {
    const components = new Map<string, CatalogComponent>();
    for (const one of fields) {
      const name = componentNameOf(one);
      if (this.#store.component(provider, name)) continue;
      // Each entry's place is read, also of those whose component there is by then.
      const component = newComponent(name, one, nowMs);
      if (component === undefined) throw internalError(nowMs, 'SIE01');
      if (!components.has(name)) components.set(name, component);
    }
    return [...components.values()];
  }

  #newSensorProblems(provider: string, sensors: readonly CatalogSensor[]): string[] {
    const problems = sensors.flatMap((one) => sensorProblems(one, this.#world, true));
    if (problems.length > 0) return problems;
    const duplicates = duplicateProblems(sensors.map(({ sensor }) => sensor));
    if (duplicates.length > 0) return duplicates;
    return sensors
      .filter(({ sensor }) => this.#store.sensor(provider, sensor))
      .map(({ sensor }) => `Sensor ${sensor} : sensor with the same id already exists.`);
  }

  #put(request: ParsedRequest, entity: Entity, nowMs: number): string {
    const [provider] = pathParts(request, 1);
    const text = bodyOf(request, nowMs);
    const given = readResources(text, nowMs);
    this.#access.require(entity, 'ADMIN', provider);
    // The API server takes an empty body for an empty object; the catalogue wants one, and its refusal counts as no answer.
    if (!hasText(text)) throw internalError(nowMs, 'SIE00');
    this.#requireProvider(provider);
    const fields = { sensors: withoutNull(given.sensors, nowMs), components: withoutNull(given.components, nowMs) };
    refuseFor('Resources have not been updated', formatProblems(fields.sensors, fields.components));
    const components = this.#updatedComponents(provider, fields.components, nowMs);
    if (fields.sensors.some((one) => one.sensor === null)) throw internalError(nowMs, 'SIE01');
    const sensors = fields.sensors.map((one) => {
      const before = this.#store.sensor(provider, String(one.sensor));
      return { isNew: before === undefined, after: before ? mergedSensor(before, one, nowMs) : newSensor(one, nowMs) };
    });
    refuseFor('Resources have not been updated', [
      ...sensors.flatMap(({ after, isNew }) => sensorProblems(after, this.#world, isNew)),
      ...components.flatMap((one) => componentProblems(one, this.#world)),
    ]);
    // The catalogue would create it, and runs into a null reference before it has kept anything.
    if (sensors.some(({ isNew }) => isNew)) throw internalError(nowMs, 'SIE01');
    for (const component of components) this.#store.putComponent(provider, component);
    for (const { after } of sensors) this.#keep(provider, after, nowMs);
    return '';
  }

  /** Of a component that is given twice the first counts; one that is unknown is passed over. */
  #updatedComponents(provider: string, fields: readonly ComponentFields[], nowMs: number): CatalogComponent[] {
    const components = new Map<string, CatalogComponent>();
    for (const one of fields) {
      const before = one.component === null ? undefined : this.#store.component(provider, one.component);
      if (before === undefined) continue;
      const after = mergedComponent(before, one, nowMs);
      if (after === undefined) throw internalError(nowMs, 'SIE01');
      if (!components.has(after.component)) components.set(after.component, after);
    }
    return [...components.values()];
  }

  #delete(request: ParsedRequest, entity: Entity, nowMs: number): string {
    const [provider] = pathParts(request, 1);
    // A DELETE has no body for the server, whatever was sent: it names nothing, which stands for everything.
    const { sensors, components } = readDeletions(bodyOf(request, nowMs), nowMs);
    this.#access.require(entity, 'ADMIN', provider);
    this.#requireProvider(provider);
    if (sensors.length > 0) this.#deleteSensors(provider, (one) => sensors.includes(one.sensor), nowMs);
    else if (components.length > 0) this.#deleteComponents(provider, (name) => components.includes(name), nowMs);
    else {
      this.#alerts.deleteEach((alert) => alert.entity === provider, nowMs);
      this.#deleteComponents(provider, () => true, nowMs);
    }
    return '';
  }

  #deleteComponents(provider: string, isMeant: (component: string) => boolean, nowMs: number): void {
    this.#deleteSensors(provider, (one) => isMeant(one.component), nowMs);
    for (const { component } of this.#store.components(provider)) {
      if (isMeant(component)) this.#store.deleteComponent(provider, component);
    }
  }

  /** Removes sensors and the alerts that watch them; their components stay. */
  #deleteSensors(provider: string, isMeant: (sensor: CatalogSensor) => boolean, nowMs: number): void {
    const deleted = new Set<string | undefined>();
    for (const { sensor } of this.#store.sensors(provider, nowMs).filter(isMeant)) {
      this.#store.deleteSensor(provider, sensor);
      this.#registry.sensorChanged(provider, sensor, undefined, nowMs);
      deleted.add(sensor);
    }
    this.#alerts.deleteEach((alert) => alert.entity === provider && deleted.has(alert.sensor), nowMs);
  }

  #keep(provider: string, sensor: CatalogSensor, nowMs: number): void {
    this.#store.putSensor(provider, sensor, nowMs);
    this.#registry.sensorChanged(provider, sensor.sensor, sensor.state, nowMs);
  }

  #requireProvider(id: string): void {
    if (this.#world.entities.some((one) => one.id === id && one.kind === 'provider')) return;
    throw new Refusal(403, 'The service you have requested is restricted to providers only');
  }
}

function withoutNull<Fields>(given: readonly (Fields | null)[], nowMs: number): Fields[] {
  return given.map((one) => {
    if (one === null) throw internalError(nowMs, 'SIE01');
    return one;
  });
}
