import type { Host, MqttMessage } from '../host.ts';
import type { Journal } from '../journal/journal.ts';
import type { UplinkTime } from '../timekeeper.ts';
import { Wake } from '../uplink/wake.ts';
import type { Broker } from './broker.ts';
import { type Announcement, configFilterOf, DISCOVERY_STATUS, ownTopicOf } from './discovery.ts';
import { fateOf } from './message.ts';
import type { Topics } from './topics.ts';

/** Records that are looked through for the newest of each reading, and at a start. */
const RECENT_MAX = 1_000;
const PAGE = 500;
/** Beyond so many that wait to be sent, nothing of what somebody has left there is taken back. */
const DIRTY_MAX = 10_000;
/** Messages on their way at a time. */
const AT_ONCE = 20;
/** When Home Assistant comes back it is told everything within this time; all gateways of a district at once would be too much. */
const AGAIN_MS = 10_000;

/** What Home Assistant needs besides the readings: what there is, and how everything stands now. */
export interface HomeAssistant {
  /** Something was appended and is durable. */
  notify(): void;
  /** Takes what is meant for it of everything that the broker sends. */
  take(message: MqttMessage): void;
  /** Tells over this connection until `signal` is aborted. */
  run(broker: Broker, signal: AbortSignal): Promise<never>;
}

export interface HomeAssistantParts {
  readonly host: Pick<Host, 'clock' | 'random' | 'log'>;
  readonly gateway: string;
  readonly journal: Pick<Journal, 'read' | 'lastSequence'>;
  readonly time: Pick<UplinkTime, 'timeOf'>;
  readonly topics: Topics;
  readonly announcements: readonly Announcement[];
}

export function openHomeAssistant(parts: HomeAssistantParts): HomeAssistant {
  return new Teller(parts);
}

/**
 * It knows no past: what it receives is now. So it gets topics of its own, with the newest of each reading, retained, while
 * the readings of an outage go their way beside it.
 */
class Teller implements HomeAssistant {
  readonly #parts: HomeAssistantParts;
  readonly #wake: Wake;
  readonly #wanted: ReadonlySet<string>;
  readonly #channels: ReadonlySet<string>;
  /** The newest of each channel. */
  readonly #states = new Map<string, string>();
  /** What is to be sent, by topic: the newest wins. */
  readonly #dirty = new Map<string, string>();
  #tail = 1;
  #againAtMs = Number.POSITIVE_INFINITY;

  constructor(parts: HomeAssistantParts) {
    this.#parts = parts;
    this.#wake = new Wake(parts.host.clock);
    this.#wanted = new Set(parts.announcements.map(({ topic }) => topic));
    this.#channels = new Set(parts.announcements.flatMap(({ channel }) => channel ?? []));
  }

  notify(): void {
    this.#wake.notify();
  }

  take({ topic, payload, isRetained }: MqttMessage): void {
    const { host, gateway } = this.#parts;
    if (topic === DISCOVERY_STATUS) {
      // What it was told before it went away, the broker has kept; but it may be another one.
      if (isRetained || new TextDecoder().decode(payload) !== 'online') return;
      this.#againAtMs = Math.min(this.#againAtMs, host.clock.monotonicMs() + host.random() * AGAIN_MS);
      this.notify();
      return;
    }
    const channel = payload.length > 0 && !this.#wanted.has(topic) ? ownTopicOf(topic, gateway) : undefined;
    if (channel === undefined || this.#dirty.size >= DIRTY_MAX) return;
    // It is no longer in the file. Empty and retained is how something is taken back.
    host.log('info', 'home-assistant-entity-removed', { topic });
    this.#dirty.set(topic, '');
    if (channel !== '' && !this.#channels.has(channel)) this.#dirty.set(this.#parts.topics.state(channel), '');
    this.notify();
  }

  async run(broker: Broker, signal: AbortSignal): Promise<never> {
    const { host, gateway, journal } = this.#parts;
    await broker.subscribe(DISCOVERY_STATUS);
    await broker.subscribe(configFilterOf(gateway));
    this.#tellAll();
    for (;;) {
      await this.#readOn();
      if (host.clock.monotonicMs() >= this.#againAtMs) this.#tellAll();
      if (this.#dirty.size > 0) await this.#send(broker);
      // Looked at with no await before the wait, or what comes in between would wake nobody.
      else if (this.#tail > journal.lastSequence) {
        await this.#wake.wait(Math.max(0, this.#againAtMs - host.clock.monotonicMs()), signal);
      }
      signal.throwIfAborted();
    }
  }

  #tellAll(): void {
    this.#againAtMs = Number.POSITIVE_INFINITY;
    for (const { topic, payload } of this.#parts.announcements) this.#dirty.set(topic, payload);
    for (const [channel, payload] of this.#states) this.#dirty.set(this.#parts.topics.state(channel), payload);
  }

  /** What has come since: the newest of each reading, and of an outage not more than what is recent. */
  async #readOn(): Promise<void> {
    const { journal, time, topics } = this.#parts;
    const last = journal.lastSequence;
    for (this.#tail = Math.max(this.#tail, last - RECENT_MAX + 1); this.#tail <= last; ) {
      const page = await journal.read(this.#tail, PAGE);
      for (const stored of page) {
        const fate = fateOf(stored, time.timeOf);
        const isCopy = stored.record.kind === 'observation' && stored.record.heldFrom !== undefined;
        if (fate.kind !== 'send' || isCopy || !this.#channels.has(fate.channel)) continue;
        this.#states.set(fate.channel, fate.payload);
        this.#dirty.set(topics.state(fate.channel), fate.payload);
      }
      this.#tail = (page.at(-1)?.sequence ?? last) + 1;
    }
  }

  /** What fails to go out ends the connection, and the next one begins with everything. */
  async #send(broker: Broker): Promise<void> {
    const some = [...this.#dirty].slice(0, AT_ONCE);
    await Promise.all(
      some.map(async ([topic, payload]) => {
        await broker.publish(topic, payload, true);
        if (this.#dirty.get(topic) === payload) this.#dirty.delete(topic);
      }),
    );
  }
}
