import type { World, WorldSensor } from './world.ts';

export type SensorState = WorldSensor['state'];

/** An alert as far as the API server knows it. */
export interface KnownAlert {
  readonly entity: string;
  readonly isActive: boolean;
  readonly type: 'EXTERNAL' | 'INTERNAL';
}

interface Change {
  readonly fromMs: number;
  apply(): void;
}

/**
 * What the API server knows of sensors and alerts. It follows the catalogue after a delay (sentilo.md §0.1).
 */
export class Registry {
  readonly #syncDelayMs: number;
  /** State by provider and sensor. */
  readonly #sensors = new Map<string, Map<string, SensorState>>();
  readonly #alerts = new Map<string, KnownAlert>();
  /** In the order of their times. */
  #changes: Change[] = [];
  /** While what was known is lost: what the catalogue has synchronised since, as `provider/sensor` and alert ids. */
  #restored: Set<string> | undefined;
  #onForgotten: ((provider: string, sensor: string) => void)[] = [];

  constructor(world: World) {
    this.#syncDelayMs = world.settings.syncDelayMs;
    for (const { provider, sensor, state } of world.sensors) this.#set(provider, sensor, state);
    for (const { id, ...alert } of world.alerts) this.#alerts.set(id, alert);
  }

  /**
   * Takes over what is due. To be called before each request.
   *
   * @param isLost what was known is lost (sentilo.md §1.5.10): only what the catalogue synchronises from now on is known, until
   * a call says otherwise
   */
  follow(nowMs: number, isLost: boolean): void {
    this.#restored = isLost ? (this.#restored ?? new Set()) : undefined;
    this.#follow(nowMs);
  }

  /** Undefined for a sensor that is not known (yet, or any more). */
  sensor(provider: string, sensor: string, nowMs: number): SensorState | undefined {
    this.#follow(nowMs);
    return this.#isLost(`${provider}/${sensor}`) ? undefined : this.#sensors.get(provider)?.get(sensor);
  }

  /** The sensors of a provider. */
  sensorsOf(provider: string, nowMs: number): string[] {
    this.#follow(nowMs);
    return [...(this.#sensors.get(provider)?.keys() ?? [])].filter((sensor) => !this.#isLost(`${provider}/${sensor}`));
  }

  alert(id: string, nowMs: number): KnownAlert | undefined {
    this.#follow(nowMs);
    return this.#isLost(id) ? undefined : this.#alerts.get(id);
  }

  /** The same although the registry is lost: whose an alert is, the server remembers. */
  rememberedAlert(id: string, nowMs: number): KnownAlert | undefined {
    this.#follow(nowMs);
    return this.#alerts.get(id);
  }

  /** Whoever keeps something of sensors is told when one of them is deleted: it goes with the sensor. */
  onForgotten(forgotten: (provider: string, sensor: string) => void): void {
    this.#onForgotten.push(forgotten);
  }

  /** The catalogue has a sensor, new or to be synchronised anew (`state`), or has it no longer (undefined). */
  sensorChanged(provider: string, sensor: string, state: SensorState | undefined, atMs: number): void {
    this.#later(atMs, () => {
      if (state !== undefined) this.#set(provider, sensor, state);
      else if (this.#sensors.get(provider)?.delete(sensor)) for (const tell of this.#onForgotten) tell(provider, sensor);
    });
  }

  /** The same of an alert. */
  alertChanged(id: string, alert: KnownAlert | undefined, atMs: number): void {
    this.#later(atMs, () => {
      if (alert === undefined) this.#alerts.delete(id);
      else this.#alerts.set(id, alert);
      this.#restored?.add(id);
    });
  }

  /** A sensor that nobody registered has sent data, where that is allowed. */
  acceptUnknown(provider: string, sensor: string): void {
    this.#set(provider, sensor, 'ghost');
  }

  #set(provider: string, sensor: string, state: SensorState): void {
    const sensors = this.#sensors.get(provider) ?? new Map<string, SensorState>();
    this.#sensors.set(provider, sensors.set(sensor, state));
    this.#restored?.add(`${provider}/${sensor}`);
  }

  #isLost(key: string): boolean {
    return this.#restored !== undefined && !this.#restored.has(key);
  }

  #later(atMs: number, apply: () => void): void {
    this.#changes.push({ fromMs: atMs + this.#syncDelayMs, apply });
  }

  #follow(nowMs: number): void {
    if (!this.#changes.some(({ fromMs }) => fromMs <= nowMs)) return;
    for (const change of this.#changes) if (change.fromMs <= nowMs) change.apply();
    this.#changes = this.#changes.filter(({ fromMs }) => fromMs > nowMs);
  }
}

/** Why nothing is taken for a sensor in this state; undefined when it is. */
export function reasonAgainst(sensor: string, state: SensorState | undefined): string | undefined {
  if (state === undefined) return `Sensor [${sensor}] not found on Sentilo (404.1).`;
  return state === 'offline' ? `Sensor [${sensor}] is not online (404.2).` : undefined;
}

/** The same for an order to a sensor and a subscription to it: one that nobody registered counts as unknown there. */
export function reasonAgainstCommand(sensor: string, state: SensorState | undefined): string | undefined {
  return reasonAgainst(sensor, state === 'ghost' ? undefined : state);
}

/** Why no alarm and no subscription is taken for an alert; undefined when it is. */
export function reasonAgainstAlert(id: string, alert: KnownAlert): string | undefined {
  return alert.isActive ? undefined : `Alert [${id}] is not online (404.2).`;
}

export function alertNotFound(id: string): string {
  return `Alert [${id}] not found on Sentilo (404.1).`;
}
