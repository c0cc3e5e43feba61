import { hashSetOrder } from './java-text.ts';

export type SubscriptionType = 'DATA' | 'ORDER' | 'ALARM';

/** How a subscriber wants to be told. */
export interface NotificationParams {
  /** As it was sent; nobody has checked that it is a URL. */
  readonly endpoint: string;
  readonly secret?: string;
  readonly maxRetries: number;
  readonly retryDelayMinutes: number;
}

/** By topic: `/order/p/s`, `/order/p`, `/alarm/id` … */
type Topics = Map<string, NotificationParams>;

/** The server has run into a null reference, or into a list that changed while it was walked through. */
export class SubscriptionsBroken extends Error {
  override readonly name = 'SubscriptionsBroken';
}

/**
 * Who has subscribed to what, twice: as it is stored, which is what a client reads, and as the server has it in memory, which
 * decides what is pushed. Each change that ends well has the memory read again from the store; one that fails half way leaves
 * them apart (sentilo.md §1.9).
 */
export class Subscriptions {
  readonly #stored = new Map<string, Topics>();
  #active = new Map<string, Topics>();

  /** One subscription for each entity and topic: a second one replaces the first. */
  put(entity: string, topic: string, params: NotificationParams): void {
    this.#stored.set(entity, (this.#stored.get(entity) ?? new Map<string, NotificationParams>()).set(topic, params));
    this.#reload();
  }

  /** What is stored, of one type or of all, in the order of a Java HashMap. */
  list(entity: string, type: SubscriptionType | undefined): [topic: string, params: NotificationParams][] {
    const topics: Topics = this.#stored.get(entity) ?? new Map();
    return hashSetOrder([...topics.keys()].filter((topic) => type === undefined || isOfType(topic, type))).map((topic) => [
      topic,
      topics.get(topic) as NotificationParams,
    ]);
  }

  /** Throws SubscriptionsBroken when the entity has no subscription at all, in memory. */
  remove(entity: string, topic: string): void {
    this.#stored.get(entity)?.delete(topic);
    if (!this.#active.has(entity)) throw new SubscriptionsBroken(`${entity} has no subscription`);
    this.#reload();
  }

  removeType(entity: string, type: SubscriptionType): void {
    const topics = this.#stored.get(entity);
    for (const topic of topics?.keys() ?? []) if (isOfType(topic, type)) topics?.delete(topic);
    this.#reload();
  }

  /**
   * Removes everything an entity has. The store is emptied at once. In memory the server walks through the set of topics and
   * removes each from that same set, so with two or more it fails after the first: throws SubscriptionsBroken, and the others
   * go on being pushed.
   */
  removeAll(entity: string): void {
    this.#stored.delete(entity);
    const topics: Topics = this.#active.get(entity) ?? new Map();
    const [first] = hashSetOrder([...topics.keys()]);
    if (first !== undefined && topics.size > 1) {
      topics.delete(first);
      throw new SubscriptionsBroken(`the topics of ${entity} changed while they were removed`);
    }
    this.#reload();
  }

  /** Who is told of an event, each once however many of its topics match. */
  subscribersOf(topic: string): string[] {
    return [...this.#active.keys()].filter((entity) => this.paramsFor(entity, topic) !== undefined);
  }

  /** Those of the most specific topic that matches; undefined when the entity is not told of it (any more). */
  paramsFor(entity: string, topic: string): NotificationParams | undefined {
    const topics = this.#active.get(entity);
    for (let candidate = topic; topics !== undefined && candidate !== ''; candidate = parentOf(candidate)) {
      const params = topics.get(candidate);
      if (params !== undefined) return params;
    }
    return undefined;
  }

  #reload(): void {
    const all = [...this.#stored].filter(([, topics]) => topics.size > 0);
    this.#active = new Map(all.map(([entity, topics]) => [entity, new Map(topics)]));
  }
}

function isOfType(topic: string, type: SubscriptionType): boolean {
  return topic.startsWith(`/${type.toLowerCase()}/`);
}

function parentOf(topic: string): string {
  return topic.slice(0, topic.lastIndexOf('/'));
}
