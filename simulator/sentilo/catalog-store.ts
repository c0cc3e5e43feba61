import { formatLocation, isGiven, isLocation } from './java-text.ts';
import type { World, WorldAlert, WorldSensor } from './world.ts';

/** `additionalInfo`: free keys, in the order in which they were first given. */
export type AdditionalInfo = ReadonlyMap<string, string | null>;

/** The names of `technicalDetails`, in the order in which the city writes them. */
export const TECHNICAL_DETAILS = ['producer', 'model', 'serialNumber', 'macAddress', 'energy', 'connectivity'] as const;
export type TechnicalDetails = Readonly<Record<(typeof TECHNICAL_DETAILS)[number], string | null>>;

/** A sensor as the catalogue holds it. Times are milliseconds since 1970. */
export interface CatalogSensor {
  readonly sensor: string;
  /** The name of its component. */
  readonly component: string;
  readonly state: WorldSensor['state'];
  /** Undefined only for a sensor of a world that gives none: the real catalogue has a type of each. */
  readonly type: string | undefined;
  readonly dataType: string;
  readonly description: string | undefined;
  readonly unit: string | undefined;
  readonly timeZone: string | undefined;
  readonly isPublic: boolean;
  readonly additionalInfo: AdditionalInfo;
  readonly technicalDetails: TechnicalDetails | undefined;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export interface CatalogComponent {
  readonly component: string;
  readonly type: string;
  readonly description: string | undefined;
  /** As the city writes it; a mobile component may still have one. */
  readonly location: string | undefined;
  readonly isMobile: boolean;
  readonly coordinateSystem: string | undefined;
  readonly isPublic: boolean;
  readonly additionalInfo: AdditionalInfo;
  readonly technicalDetails: TechnicalDetails | undefined;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export interface CatalogAlert {
  readonly id: string;
  /** Whose it is: a provider, or an application that receives what others measure. */
  readonly entity: string;
  readonly type: WorldAlert['type'];
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly isActive: boolean;
  /** Of internal alerts, which the platform itself raises for a sensor. */
  readonly trigger: string | undefined;
  readonly expression: string | undefined;
  readonly component: string | undefined;
  readonly sensor: string | undefined;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** What this process can hold of sensors and alerts; the real catalogue ends with its disk. A request beyond it fails. */
export const CATALOG_MAX = 100_000;

/** The type of a component that is given none. */
export const GENERIC = 'generic';

interface ProviderCatalog {
  readonly sensors: Map<string, CatalogSensor>;
  readonly components: Map<string, CatalogComponent>;
}

/**
 * What the catalogue's own data base holds: sensors and components by provider, alerts by their id, which is unique in the
 * whole city (sentilo.md §0.1, §1.6). What the API server knows of it is the registry's.
 */
export class CatalogStore {
  readonly #syncDelayMs: number;
  readonly #providers = new Map<string, ProviderCatalog>();
  readonly #alerts = new Map<string, CatalogAlert>();
  /** When the synchronisation will mark what has changed, by provider and sensor. */
  readonly #unsynchronised = new Map<string, Map<string, number>>();

  /** @param startedMs when what the world holds was created */
  constructor(world: World, startedMs: number) {
    this.#syncDelayMs = world.settings.syncDelayMs;
    const times = { createdAtMs: startedMs, updatedAtMs: startedMs };
    for (const given of world.sensors) {
      const { components, sensors } = this.#of(given.provider);
      const component = componentOfWorld(given, times);
      // The first one's attributes count, as with sensors that are registered.
      if (!components.has(component.component)) components.set(component.component, component);
      sensors.set(given.sensor, sensorOfWorld(given, component.component, times));
    }
    for (const alert of world.alerts) this.#alerts.set(alert.id, { ...EMPTY_ALERT, ...alert, name: alert.id, ...times });
  }

  /** How many sensors and alerts are kept. */
  get size(): number {
    return this.#alerts.size + [...this.#providers.values()].reduce((sum, { sensors }) => sum + sensors.size, 0);
  }

  sensor(provider: string, sensor: string): CatalogSensor | undefined {
    return this.#providers.get(provider)?.sensors.get(sensor);
  }

  component(provider: string, component: string): CatalogComponent | undefined {
    return this.#providers.get(provider)?.components.get(component);
  }

  alert(id: string): CatalogAlert | undefined {
    return this.#alerts.get(id);
  }

  /** In the order in which they were registered, as the synchronisation has marked them until `nowMs`. */
  sensors(provider: string, nowMs: number): CatalogSensor[] {
    for (const sensor of [...(this.#unsynchronised.get(provider)?.keys() ?? [])]) this.#mark(provider, sensor, nowMs);
    return [...(this.#providers.get(provider)?.sensors.values() ?? [])];
  }

  components(provider: string): CatalogComponent[] {
    return [...(this.#providers.get(provider)?.components.values() ?? [])];
  }

  alerts(): CatalogAlert[] {
    return [...this.#alerts.values()];
  }

  /** Keeps a sensor that is new or has changed, and notes that it is to be synchronised. */
  putSensor(provider: string, sensor: CatalogSensor, nowMs: number): void {
    // What is due is over: it is no part of what is to be synchronised now.
    this.#mark(provider, sensor.sensor, nowMs);
    const pending = this.#unsynchronised.get(provider) ?? new Map<string, number>();
    this.#unsynchronised.set(provider, pending);
    if (!pending.has(sensor.sensor)) pending.set(sensor.sensor, nowMs + this.#syncDelayMs);
    this.#of(provider).sensors.set(sensor.sensor, sensor);
  }

  putComponent(provider: string, component: CatalogComponent): void {
    this.#of(provider).components.set(component.component, component);
  }

  putAlert(alert: CatalogAlert): void {
    this.#alerts.set(alert.id, alert);
  }

  deleteSensor(provider: string, sensor: string): void {
    this.#providers.get(provider)?.sensors.delete(sensor);
    this.#unsynchronised.get(provider)?.delete(sensor);
  }

  deleteComponent(provider: string, component: string): void {
    this.#providers.get(provider)?.components.delete(component);
  }

  deleteAlert(id: string): void {
    this.#alerts.delete(id);
  }

  /** The synchronisation marks a sensor, if it is due. */
  #mark(provider: string, sensor: string, nowMs: number): void {
    const pending = this.#unsynchronised.get(provider);
    const dueMs = pending?.get(sensor);
    if (dueMs === undefined || dueMs > nowMs) return;
    pending?.delete(sensor);
    const found = this.sensor(provider, sensor);
    if (found) this.#of(provider).sensors.set(sensor, { ...found, updatedAtMs: dueMs });
  }

  #of(provider: string): ProviderCatalog {
    const found = this.#providers.get(provider) ?? { sensors: new Map(), components: new Map() };
    this.#providers.set(provider, found);
    return found;
  }
}

const EMPTY_ALERT = {
  description: undefined,
  trigger: undefined,
  expression: undefined,
  component: undefined,
  sensor: undefined,
} as const;

interface Times {
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

function componentOfWorld(given: WorldSensor, times: Times): CatalogComponent {
  // A world file is not as strict as the city; what the city could not write stays as it is.
  const isPlace = isGiven(given.location) && isLocation(given.location);
  return {
    component: given.component ?? given.sensor,
    type: given.componentType ?? GENERIC,
    description: undefined,
    location: isPlace ? (formatLocation(given.location) ?? given.location) : given.location,
    isMobile: given.location === undefined,
    coordinateSystem: undefined,
    isPublic: false,
    additionalInfo: new Map(),
    technicalDetails: undefined,
    ...times,
  };
}

function sensorOfWorld(given: WorldSensor, component: string, times: Times): CatalogSensor {
  return {
    sensor: given.sensor,
    component,
    state: given.state,
    type: given.type,
    dataType: given.dataType ?? 'NUMBER',
    description: undefined,
    unit: given.unit,
    timeZone: undefined,
    isPublic: given.isPublic ?? false,
    additionalInfo: new Map(),
    technicalDetails: undefined,
    ...times,
  };
}
