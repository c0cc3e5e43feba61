/** One order or alarm as the city keeps it. */
export interface StoredMessage {
  readonly text: string;
  readonly sender: string;
  /** What a read shows, milliseconds since 1970. */
  readonly timeMs: number;
  /** What `from` and `to` are compared with; it may be some milliseconds later. */
  readonly scoreMs: number;
}

interface Entry extends StoredMessage {
  readonly id: string;
}

/** What this process can hold; the real store ends with its memory. */
const MESSAGES_MAX = 1_000_000;

/**
 * The orders of sensors or the alarms of alerts, under a key for each, sorted as Redis sorts them: by score, and among equal
 * scores by the id compared as text (sentilo.md §1.5.6, §1.7). Nothing is ever removed: reading consumes nothing, and the
 * default lifetime is for ever.
 */
export class MessageStore {
  readonly #lists = new Map<string, Entry[]>();
  #lastId = 0;
  #size = 0;

  /** A new id, which all copies of one message share. */
  nextId(): string {
    this.#lastId += 1;
    return String(this.#lastId);
  }

  /** False when there is no room for it: a request beyond it fails as any does when Redis fails. */
  add(key: string, id: string, message: StoredMessage): boolean {
    if (this.#size >= MESSAGES_MAX) return false;
    const list = this.#lists.get(key) ?? [];
    this.#lists.set(key, list);
    const entry = { ...message, id };
    let at = list.length;
    for (let before = list[at - 1]; before !== undefined && compare(before, entry) > 0; before = list[at - 1]) at -= 1;
    list.splice(at, 0, entry);
    this.#size += 1;
    return true;
  }

  /** At most `limit` messages with fromMs ≤ score ≤ toMs, newest first; of a negative limit all of them. */
  newest(key: string, fromMs: number, toMs: number, limit: number): StoredMessage[] {
    const found = (this.#lists.get(key) ?? []).filter(({ scoreMs }) => scoreMs >= fromMs && scoreMs <= toMs).reverse();
    return limit < 0 ? found : found.slice(0, limit);
  }
}

function compare(a: Entry, b: Entry): number {
  return a.scoreMs - b.scoreMs || (a.id < b.id ? -1 : 1);
}
