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

  constructor(world: World) {
    this.#syncDelayMs = world.settings.syncDelayMs;
    for (const { provider, sensor, state } of world.sensors) this.#set(provider, sensor, state);
    for (const { id, ...alert } of world.alerts) this.#alerts.set(id, alert);
  }

  /** Undefined for a sensor that is not known (yet, or any more). */
  sensor(provider: string, sensor: string, nowMs: number): SensorState | undefined {
    this.#follow(nowMs);
    return this.#sensors.get(provider)?.get(sensor);
  }

  /** The sensors of a provider. */
  sensorsOf(provider: string, nowMs: number): string[] {
    this.#follow(nowMs);
    return [...(this.#sensors.get(provider)?.keys() ?? [])];
  }

  alert(id: string, nowMs: number): KnownAlert | undefined {
    this.#follow(nowMs);
    return this.#alerts.get(id);
  }

  /** The catalogue has a sensor, new or to be synchronised anew (`state`), or has it no longer (undefined). */
  sensorChanged(provider: string, sensor: string, state: SensorState | undefined, atMs: number): void {
    this.#later(atMs, () => {
      if (state === undefined) this.#sensors.get(provider)?.delete(sensor);
      else this.#set(provider, sensor, state);
    });
  }

  /** The same of an alert. */
  alertChanged(id: string, alert: KnownAlert | undefined, atMs: number): void {
    this.#later(atMs, () => {
      if (alert === undefined) this.#alerts.delete(id);
      else this.#alerts.set(id, alert);
    });
  }

  /** A sensor that nobody registered has sent data, where that is allowed. */
  acceptUnknown(provider: string, sensor: string): void {
    this.#set(provider, sensor, 'ghost');
  }

  #set(provider: string, sensor: string, state: SensorState): void {
    const sensors = this.#sensors.get(provider) ?? new Map<string, SensorState>();
    this.#sensors.set(provider, sensors.set(sensor, state));
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
