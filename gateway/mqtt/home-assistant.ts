import type { Host, MqttMessage } from '../host.ts';
import type { Journal } from '../journal/journal.ts';
import type { UplinkTime } from '../timekeeper.ts';
import { backOffMs, type Pace } from '../uplink/back-off.ts';
import type { CityProblem } from '../uplink/status.ts';
import { Wake } from '../uplink/wake.ts';
import type { Broker } from './broker.ts';
import { type Announcement, configFilterOf, DISCOVERY_STATUS, kindOf, ownTopicOf } from './discovery.ts';
import { fateOf } from './message.ts';
import { isOfTheMessage, problemOf, TOPIC_NAME_INVALID, TopicRefusedError } from './problem.ts';
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
/** How often it is tried again what the broker has refused: some brokers end the connection at each time. */
const REFUSED_PACE: Pace = { baseMs: 60_000, maxMs: 600_000 };

/** What Home Assistant needs besides the readings: what there is, and how everything stands now. */
export interface HomeAssistant {
  /** Why it is not told of everything; undefined while it is. */
  readonly problem: CityProblem | undefined;
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

/** A topic, and what is sent to it. */
type Message = readonly [topic: string, payload: string];

/** Topics to which a gateway has the right together, or has it not, and of which one was refused. */
interface Refused {
  readonly error: TopicRefusedError;
  readonly attempt: number;
  /** When that one is tried again, monotonic. */
  readonly againAtMs: number;
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
  /** By `groupOf`. What is in it stays among what is to be sent. */
  readonly #refused = new Map<string, Refused>();
  /** What the broker will never take, by topic; undefined where it is the topic, whatever is sent to it. */
  readonly #unfit = new Map<string, string | undefined>();
  #tail = 1;
  #againAtMs = Number.POSITIVE_INFINITY;

  constructor(parts: HomeAssistantParts) {
    this.#parts = parts;
    this.#wake = new Wake(parts.host.clock);
    this.#wanted = new Set(parts.announcements.map(({ topic }) => topic));
    this.#channels = new Set(parts.announcements.flatMap(({ channel }) => channel ?? []));
  }

  get problem(): CityProblem | undefined {
    const [first] = this.#refused.values();
    if (first === undefined) return undefined;
    const { code, parameters } = problemOf(first.error);
    return { code, parameters: { ...parameters, right: configFilterOf(this.#parts.gateway) } };
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
      const some = this.#due();
      if (some.length > 0) await Promise.all(some.map((one) => this.#send(broker, one)));
      // Looked at with no await before the wait, or what comes in between would wake nobody.
      else if (this.#tail > journal.lastSequence) {
        const atMs = Math.min(this.#againAtMs, ...[...this.#refused.values()].map(({ againAtMs }) => againAtMs));
        await this.#wake.wait(Math.max(0, atMs - host.clock.monotonicMs()), signal);
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

  /** What is to be sent next. Of topics that are refused it is the one that was, alone and now and then. */
  #due(): Message[] {
    const nowMs = this.#parts.host.clock.monotonicMs();
    const isDue = ([topic]: Message) => {
      const refused = this.#refused.get(groupOf(topic));
      return refused === undefined || (topic === refused.error.topic && nowMs >= refused.againAtMs);
    };
    return [...this.#dirty].filter(isDue).slice(0, AT_ONCE);
  }

  /** What is lost with its connection goes out with everything over the next one. */
  async #send(broker: Broker, [topic, payload]: Message): Promise<void> {
    const isKnownUnfit = this.#unfit.has(topic) && (this.#unfit.get(topic) ?? payload) === payload;
    try {
      if (!isKnownUnfit) await broker.publish(topic, payload, true);
    } catch (error) {
      if (!(error instanceof TopicRefusedError)) throw error;
      if (!isOfTheMessage(error)) return this.#refuse(error);
      if (!this.#unfit.has(topic))
        this.#parts.host.log('warning', 'home-assistant-message-left-out', { topic, words: error.message });
      this.#unfit.set(topic, error.reason === TOPIC_NAME_INVALID ? undefined : payload);
    }
    if (this.#dirty.get(topic) === payload) this.#dirty.delete(topic);
    const group = groupOf(topic);
    if (this.#refused.get(group)?.error.topic !== topic) return;
    this.#refused.delete(group);
    this.#parts.host.log('info', 'home-assistant-takes-again', { topic });
  }

  /** Told once, however often it is tried again. Of several that were on their way the first one counts. */
  #refuse(error: TopicRefusedError): void {
    const { clock, random, log } = this.#parts.host;
    const { topic, message: words } = error;
    const known = this.#refused.get(groupOf(topic));
    if (known !== undefined && known.error.topic !== topic) return;
    const attempt = (known?.attempt ?? 0) + 1;
    const againAtMs = clock.monotonicMs() + backOffMs(REFUSED_PACE, attempt, random());
    this.#refused.set(groupOf(topic), { error, attempt, againAtMs });
    if (known === undefined) log('warning', 'home-assistant-refused', { topic, words, reason: error.reason });
  }
}

/** Rights are given to kinds of things in Home Assistant, and to all states together. */
function groupOf(topic: string): string {
  return kindOf(topic) ?? 'state';
}
