import { invalidCredential, overQuota, Refusal } from './answer.ts';
import type { Entities } from './entities.ts';
import { RateLimit } from './rate-limit.ts';
import type { ParsedRequest } from './request.ts';
import { CATALOG_ID, type Entity, type Permission, type World } from './world.ts';

/** Each includes those before it. */
const PERMISSIONS: readonly Permission['type'][] = ['READ', 'WRITE', 'ADMIN'];

/** What the first steps of the pipeline find out about a request, which goes into its answer whatever that is. */
export interface Admission {
  /** Filled by the limiter. */
  readonly headers: Record<string, string>;
  /** Whose the token is. */
  entity?: string;
}

/** Who may do what, and how often: steps 3 to 6 of the pipeline and the permissions of step 8 (sentilo.md §1.3, §1.10). */
export class Access {
  readonly #world: World;
  readonly #entities: Entities;
  /** One limiter for each entity of the world that has a quota, and one for the city. */
  readonly #limits = new Map<string, RateLimit>();

  constructor(world: World, entities: Entities) {
    this.#world = world;
    this.#entities = entities;
  }

  /** Lets a request through and says whose it is. What every later answer carries is put into `admission`. */
  admit(request: ParsedRequest, nowMs: number, admission: Admission): Entity {
    const token = request.header('IDENTITY_KEY');
    const entity = this.#entities.withToken(token, nowMs);
    if (!entity) throw invalidCredential(token);
    admission.entity = entity.id;
    if (entity.isHttpsOnly && request.header('X-Forwarded-Proto') !== 'https') throw new Refusal(403, 'SSL access is required');
    this.#count(entity, nowMs, admission.headers);
    this.#checkLength(entity, request);
    return entity;
  }

  /** What an entity may do with what belongs to another one; anything with its own. */
  permission(entity: Pick<Entity, 'id'>, target: string): Permission['type'] | undefined {
    if (entity.id === target) return 'ADMIN';
    const granted = this.#world.permissions.filter((one) => one.source === entity.id && one.target === target);
    return PERMISSIONS.findLast((type) => granted.some((one) => one.type === type));
  }

  /** Everybody of whom an entity may at least read, itself first, and what it may do there. */
  reach(id: string): { readonly target: string; readonly type: Permission['type'] }[] {
    const targets = new Set([id, ...this.#world.permissions.filter((one) => one.source === id).map((one) => one.target)]);
    return [...targets].map((target) => ({ target, type: this.permission({ id }, target) ?? 'READ' }));
  }

  /** Throws 403 unless the entity may do so with what belongs to the provider; an unknown provider is forbidden, not missing. */
  require(entity: Entity, access: Permission['type'], provider: string): void {
    const granted = this.permission(entity, provider);
    if (granted !== undefined && PERMISSIONS.indexOf(granted) >= PERMISSIONS.indexOf(access)) return;
    throw new Refusal(403, `Entity ${entity.id} has not permission to ${access}  info about entity ${provider}`);
  }

  #count(entity: Entity, nowMs: number, headers: Record<string, string>): void {
    // The entity's quota is used up before the global one is looked at.
    this.#take('entity', entity.id, entity.quotaPerHour, nowMs, headers);
    // The global quota and the size limit do not count for the catalogue's own application.
    if (entity.id === CATALOG_ID) return;
    this.#take('global', '', this.#world.settings.quotaPerHour, nowMs, headers);
  }

  #take(kind: 'entity' | 'global', id: string, quota: number, nowMs: number, headers: Record<string, string>): void {
    if (quota === 0) return;
    const key = `${kind} ${id}`;
    const limit = this.#limits.get(key) ?? new RateLimit();
    this.#limits.set(key, limit);
    const allowance = limit.take(nowMs, quota);
    const prefix = kind === 'entity' ? 'X-RateLimit-Inbound' : 'X-RateLimit-Global-Inbound';
    headers[`${prefix}-Limit`] = String(quota);
    headers[`${prefix}-Remaining`] = String(allowance.remaining);
    headers[`${prefix}-Reset`] = String(allowance.resetMinutes);
    if (!allowance.isAllowed) throw overQuota(kind, quota);
  }

  #checkLength(entity: Entity, request: ParsedRequest): void {
    const limit = this.#world.settings.bodyBytesMax;
    // A chunked body announces no length and passes.
    if (limit === 0 || entity.id === CATALOG_ID || request.bodyLength === undefined || request.bodyLength <= limit) return;
    const sizes = `(${request.bodyLength} bytes) exceeds the limit (${limit} bytes)`;
    throw new Refusal(400, `Unable to read message. Request payload size ${sizes}`);
  }
}
