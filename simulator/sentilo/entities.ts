import type { Entity, World } from './world.ts';

/** What whoever runs the catalogue can change of an entity while the city runs. */
export interface EntityChange {
  /** The token of an inactive one is unknown. */
  readonly isActive?: boolean;
  readonly token?: string;
}

/** An entity that cannot be changed so; the message says why. */
export class EntityRefused extends Error {
  override readonly name = 'EntityRefused';
}

/**
 * Who may call the city, as the catalogue knows them and as the API server has loaded them, which it does anew when its cache
 * has run out (sentilo.md §0.1). The catalogue's signal, after which it does so at once, is not there: this is the longest wait.
 */
export class Entities {
  readonly #cacheMs: number;
  #loaded: readonly Entity[];
  #changed: readonly Entity[];
  /** When the changed ones are loaded; undefined when nothing has changed since. */
  #dueMs: number | undefined;

  constructor({ entities, settings }: World) {
    this.#loaded = entities;
    this.#changed = entities;
    this.#cacheMs = settings.tokenCacheMs;
  }

  /** Whose an active token is. */
  withToken(token: string | undefined, nowMs: number): Entity | undefined {
    if (this.#dueMs !== undefined && this.#dueMs <= nowMs) {
      this.#loaded = this.#changed;
      this.#dueMs = undefined;
    }
    return this.#loaded.find((one) => one.isActive && one.token === token);
  }

  /**
   * Changes one in the catalogue.
   *
   * @returns when the API server knows, milliseconds since 1970
   * @throws EntityRefused
   */
  change(id: string, change: EntityChange, nowMs: number): number {
    const { token } = change;
    const ids = this.#changed.map((one) => one.id);
    if (!ids.includes(id)) throw new EntityRefused(`there is no entity ${id}; there is ${ids.join(', ')}`);
    if (this.#changed.some((one) => one.id !== id && one.token === token))
      throw new EntityRefused('another entity has this token');
    this.#changed = this.#changed.map((one) => (one.id === id ? { ...one, ...change } : one));
    this.#dueMs ??= nowMs + this.#cacheMs;
    return this.#dueMs;
  }
}
