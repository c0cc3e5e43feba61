import type { Access } from './access.ts';
import { internalError, Refusal, rejectedResources } from './answer.ts';
import { formatTimestamp } from './calendar.ts';
import type { Publish } from './events.ts';
import { bindFields, bindString, type JavaClass, type JavaString, readBody } from './java-binding.ts';
import { hasText } from './java-text.ts';
import { MessageStore, type StoredMessage } from './message-store.ts';
import { type Registry, reasonAgainstCommand } from './registry.ts';
import type { ParsedRequest } from './request.ts';
import { bodyOf, pathParts, spanOf, verbOf } from './request-parts.ts';
import type { Circumstances, Service } from './service.ts';
import type { Entity } from './world.ts';

/** A read gives at most so many orders of one sensor, and so many of each sensor of a provider. */
const LIMIT_MAX = { sensor: 200, provider: 50 } as const;
/** All but `order` are overwritten with what the server knows better. */
const ORDER: JavaClass = { name: 'OrderInputMessage', fields: ['order', 'sender', 'providerId', 'sensorId'] };
/** How much later than its time a provider-wide order is filed at most (sentilo.md §2.4). */
const FILING_MS_MAX = 13;

/** The service `/order` (sentilo.md §1.7): texts for the actuators of a provider, which nobody acknowledges. */
export class OrderService implements Service {
  readonly #store = new MessageStore();
  readonly #access: Access;
  readonly #registry: Registry;
  readonly #publish: Publish;

  constructor(access: Access, registry: Registry, publish: Publish) {
    this.#access = access;
    this.#registry = registry;
    this.#publish = publish;
  }

  handle(request: ParsedRequest, entity: Entity, circumstances: Circumstances): string {
    return verbOf(request, ['GET', 'PUT']) === 'GET'
      ? this.#get(request, entity, circumstances)
      : this.#put(request, entity, circumstances);
  }

  #get(request: ParsedRequest, entity: Entity, { nowMs }: Circumstances): string {
    const [provider, sensor] = pathParts(request, 2);
    const { fromMs, toMs, limit } = spanOf(request, nowMs);
    this.#access.require(entity, 'READ', provider);
    const known = this.#registry.sensorsOf(provider, nowMs);
    const read = (one: string, max: number): string[] =>
      known.includes(one) ? this.#store.newest(keyOf(provider, one), fromMs, toMs, Math.min(limit, max)).map(orderJson) : [];
    if (sensor !== undefined) return `{"orders":[${read(sensor, LIMIT_MAX.sensor).join(',')}]}`;
    const sensors = known.flatMap((one) => {
      const found = read(one, LIMIT_MAX.provider);
      return found.length === 0 ? [] : [`{"sensor":${JSON.stringify(one)},"orders":[${found.join(',')}]}`];
    });
    return `{"sensors":[${sensors.join(',')}]}`;
  }

  #put(request: ParsedRequest, entity: Entity, circumstances: Circumstances): string {
    const [provider, sensor] = pathParts(request, 2);
    const { nowMs } = circumstances;
    const text = readOrder(bodyOf(request, nowMs), nowMs);
    if (!hasText(text)) throw new Refusal(400, 'To publish an order is mandatory to inform the order content');
    this.#access.require(entity, 'WRITE', provider);
    const order = { message: text, publisher: entity.id, publishedAtMs: nowMs };
    if (!hasText(sensor)) {
      this.#orderAll(provider, order);
      return '';
    }
    const state = this.#registry.sensor(provider, sensor, nowMs);
    const reason = reasonAgainstCommand(sensor, state);
    if (reason !== undefined) throw rejectedResources(new Map([[sensor, reason]]));
    this.#file(provider, sensor, this.#store.nextId(), order, nowMs);
    this.#publish({ type: 'ORDER', topic: `/order/${provider}/${sensor}`, provider, sensor, timeMs: nowMs, ...order });
    return '';
  }

  /** One order for every sensor that the provider has, whatever its state; of one that has none it is only pushed. */
  #orderAll(provider: string, order: Order): void {
    const nowMs = order.publishedAtMs;
    const id = this.#store.nextId();
    // The server reads its clock again for each sensor, and once more for the event: none of these times is that of the order.
    let clockMs = nowMs;
    for (const sensor of this.#registry.sensorsOf(provider, nowMs)) {
      clockMs = Math.min(clockMs + 1, nowMs + FILING_MS_MAX);
      this.#file(provider, sensor, id, order, clockMs);
    }
    this.#publish({ type: 'ORDER', topic: `/order/${provider}`, provider, timeMs: clockMs, ...order });
  }

  #file(provider: string, sensor: string, id: string, { message, publisher, publishedAtMs }: Order, scoreMs: number): void {
    const stored = { text: message, sender: publisher, timeMs: publishedAtMs, scoreMs };
    if (!this.#store.add(keyOf(provider, sensor), id, stored)) throw internalError(publishedAtMs);
  }
}

interface Order {
  readonly message: string;
  readonly publisher: string;
  readonly publishedAtMs: number;
}

/** The text of an order, which an empty body has not. Throws 400, and 500 for the JSON literal `null`. */
function readOrder(body: string, nowMs: number): JavaString {
  if (!hasText(body)) return null;
  const json = readBody(body, nowMs);
  if (json.type === 'null') throw internalError(nowMs);
  let order: JavaString = null;
  bindFields(ORDER, json, nowMs, (key, value) => {
    const text = bindString(value, nowMs);
    if (key === 'order') order = text;
  });
  return order;
}

/** No id has a slash: it would end the path segment. */
function keyOf(provider: string, sensor: string): string {
  return `${provider}/${sensor}`;
}

function orderJson({ text, timeMs, sender }: StoredMessage): string {
  return JSON.stringify({ order: text, timestamp: formatTimestamp(timeMs), sender, time: timeMs });
}
