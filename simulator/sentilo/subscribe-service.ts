import type { Access } from './access.ts';
import { internalError, methodNotAllowed, Refusal } from './answer.ts';
import { bindFields, bindLong, bindString, type JavaClass, type JavaString, readBody } from './java-binding.ts';
import { hasText } from './java-text.ts';
import { alertNotFound, type Registry, reasonAgainstAlert, reasonAgainstCommand } from './registry.ts';
import type { ParsedRequest } from './request.ts';
import { bodyOf, checkPartCount } from './request-parts.ts';
import type { Circumstances, Service } from './service.ts';
import { type NotificationParams, type Subscriptions, SubscriptionsBroken, type SubscriptionType } from './subscriptions.ts';
import type { Entity } from './world.ts';

const MAX_RETRIES_DEFAULT = 3;
const RETRY_DELAY_DEFAULT_MINUTES = 5;
const TYPES: readonly SubscriptionType[] = ['DATA', 'ORDER', 'ALARM'];
/** What the path says overwrites the type and the target. */
const SUBSCRIPTION: JavaClass = {
  name: 'SubscriptionMessage',
  fields: ['endpoint', 'type', 'provider', 'sensor', 'alert', 'secretCallbackKey', 'maxRetries', 'retryDelay'],
};

/** The service `/subscribe` with all its traps (sentilo.md §1.9). */
export class SubscribeService implements Service {
  readonly #subscriptions: Subscriptions;
  readonly #access: Access;
  readonly #registry: Registry;

  constructor(subscriptions: Subscriptions, access: Access, registry: Registry) {
    this.#subscriptions = subscriptions;
    this.#access = access;
    this.#registry = registry;
  }

  handle(request: ParsedRequest, entity: Entity, circumstances: Circumstances): string {
    switch (request.method) {
      case 'GET':
        return this.#get(request, entity);
      case 'PUT':
        return this.#put(request, entity, circumstances);
      case 'POST':
        throw methodNotAllowed('POST');
      case 'DELETE':
        return this.#delete(request, entity, circumstances.nowMs);
    }
  }

  #get(request: ParsedRequest, entity: Entity): string {
    checkPartCount(request, 0, 1);
    const found = this.#subscriptions.list(entity.id, typeOf(request));
    return `{"subscriptions":[${found.map(([topic, params]) => subscriptionJson(topic, params)).join(',')}]}`;
  }

  #put(request: ParsedRequest, entity: Entity, circumstances: Circumstances): string {
    checkPartCount(request, 2, 3);
    const type = typeOf(request);
    const { endpoint, ...options } = readSubscription(bodyOf(request, circumstances.nowMs), circumstances.nowMs);
    const missing = (what: string) =>
      new Refusal(400, `To register a subscription is mandatory to fill in the ${what} of the subscription`);
    if (type === undefined) throw missing('type');
    if (!hasText(endpoint)) throw missing('endpoint');
    if (type === 'ALARM') this.#checkAlert(request, entity, circumstances);
    else this.#checkSensor(request, entity, circumstances);
    this.#subscriptions.put(entity.id, topicOf(type, request), { endpoint, ...options });
    return '';
  }

  #checkSensor({ parts: [, provider = '', sensor] }: ParsedRequest, entity: Entity, { nowMs }: Circumstances): void {
    this.#access.require(entity, 'READ', provider);
    if (!hasText(sensor)) return;
    const state = this.#registry.sensor(provider, sensor, nowMs);
    const reason = reasonAgainstCommand(sensor, state);
    if (reason !== undefined) throw new Refusal(404, reason);
  }

  #checkAlert({ parts: [, id = ''] }: ParsedRequest, entity: Entity, { nowMs }: Circumstances): void {
    const alert = this.#registry.alert(id, nowMs);
    if (alert === undefined) throw new Refusal(404, alertNotFound(id));
    this.#access.require(entity, 'READ', alert.entity);
    const reason = reasonAgainstAlert(id, alert);
    if (reason !== undefined) throw new Refusal(404, reason);
  }

  #delete(request: ParsedRequest, { id }: Entity, nowMs: number): string {
    checkPartCount(request, 0, 3);
    const type = typeOf(request);
    const [, first, second] = request.parts;
    // Of orders the server looks at the sensor only, so a provider alone counts as no resource, and all orders go.
    const isOneTopic = type === 'ORDER' ? hasText(second) : hasText(first) || (type === 'DATA' && hasText(second));
    try {
      if (type === undefined) this.#subscriptions.removeAll(id);
      else if (isOneTopic) this.#subscriptions.remove(id, topicOf(type, request));
      else this.#subscriptions.removeType(id, type);
    } catch (error) {
      if (error instanceof SubscriptionsBroken) throw internalError(nowMs);
      throw error;
    }
    return '';
  }
}

/** Undefined without a type and for a misspelt one, which counts as none. */
function typeOf({ parts: [text = ''] }: ParsedRequest): SubscriptionType | undefined {
  return TYPES.find((type) => type === text.toUpperCase());
}

function topicOf(type: SubscriptionType, { parts: [, first, second] }: ParsedRequest): string {
  // An alert has no second part; one that is given is not looked at.
  const resources = (type === 'ALARM' ? [first] : [first, second]).filter(hasText);
  return ['', type.toLowerCase(), ...resources].join('/');
}

/** An empty body, and the literal `null`, name no endpoint. Throws 400. */
function readSubscription(body: string, nowMs: number): { readonly endpoint: JavaString } & Omit<NotificationParams, 'endpoint'> {
  const texts: { endpoint: JavaString; secretCallbackKey: JavaString } = { endpoint: null, secretCallbackKey: null };
  const numbers = { maxRetries: 0, retryDelay: 0 };
  const json = hasText(body) ? readBody(body, nowMs) : ({ type: 'null' } as const);
  if (json.type !== 'null') {
    bindFields(SUBSCRIPTION, json, nowMs, (key, value) => {
      if (key in numbers) numbers[key as keyof typeof numbers] = bindLong(value, nowMs);
      else {
        const text = bindString(value, nowMs);
        if (key in texts) texts[key as keyof typeof texts] = text;
      }
    });
  }
  return {
    endpoint: texts.endpoint,
    ...(texts.secretCallbackKey !== null && { secret: texts.secretCallbackKey }),
    maxRetries: numbers.maxRetries > 0 ? numbers.maxRetries : MAX_RETRIES_DEFAULT,
    retryDelayMinutes: numbers.retryDelay > 0 ? numbers.retryDelay : RETRY_DELAY_DEFAULT_MINUTES,
  };
}

/** Without the secret. The documentation calls the alert `alarm`; it is `alert`. */
function subscriptionJson(topic: string, { endpoint, maxRetries, retryDelayMinutes }: NotificationParams): string {
  const [, type = '', first, sensor] = topic.split('/');
  const target = type === 'alarm' ? { alert: first } : { provider: first, sensor };
  return JSON.stringify({ endpoint, type: type.toUpperCase(), ...target, maxRetries, retryDelay: retryDelayMinutes });
}
