import { type Clock, sleep } from '../../drivers/clock.ts';
import { type Mqtt, type MqttConnection, type MqttDelivery, MqttError, type MqttOptions } from '../../gateway/host.ts';
import { isUnder } from './topic-filter.ts';

/** Reason codes of MQTT 5.0, §2.4. */
const NOT_AUTHORIZED = 0x87;
const SESSION_TAKEN_OVER = 0x8e;
const RECEIVE_MAXIMUM_EXCEEDED = 0x93;
const PACKET_TOO_LARGE = 0x95;
/** One way, on a network of a house. */
const LATENCY_MS = 5;

/** What is wrong with the broker; may be changed at any time. */
export interface BrokerFaults {
  /** Nobody listens on its port. */
  isDown: boolean;
  /** Reason with which it refuses every connection. */
  refusal: number | undefined;
  /** It takes what is sent, and never acknowledges. */
  isMute: boolean;
  /** It keeps no retained messages, and does not say so. */
  isForgetful: boolean;
  /** What its acknowledgements take longer than usual. */
  ackMs: number;
  /** Reason for which it refuses messages of a topic. */
  denies: (topic: string) => number | undefined;
  /** Longer payloads it refuses, and does not say so at the connection (Mosquitto's `message_size_limit`). */
  payloadBytesMax: number;
  /** Whether a topic may be subscribed to. */
  mayRead: (filter: string) => boolean;
  /** It ends the connection over what it refuses, and of its answer nothing is heard when more messages are on their way. */
  endsOverRefusal: boolean;
  /** What it refuses it acknowledges with a reason code that the client cannot read, and ends the connection over. */
  answersUnreadably: boolean;
}

/** A message that the broker has taken. */
export interface TakenMessage {
  readonly atMs: number;
  readonly clientId: string;
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
}

/** A broker without sockets: clean sessions, retained messages, last wills, and acknowledgements. */
export interface SimulatedBroker {
  readonly connect: Mqtt;
  readonly faults: BrokerFaults;
  /** Everything that it ever took, oldest first, whatever it has forgotten since. */
  readonly taken: readonly TakenMessage[];
  /** What it keeps for a subscriber that was there before everything else and comes back after everything else. */
  readonly kept: readonly TakenMessage[];
  readonly clientIds: readonly string[];
  retained(topic: string): string | undefined;
  /** Somebody sends a message. */
  send(topic: string, payload: string, retain?: boolean): void;
  /** Writes down what it has, as brokers do now and then. */
  save(): void;
  /** Is killed and comes back at once, with what was last written down. Wills are not sent: nobody is there to send them. */
  crash(): void;
  /** Every connection breaks, and it notices. */
  cutAll(): void;
}

export interface BrokerOptions {
  readonly inFlightMax?: number;
  readonly packetBytesMax?: number;
  readonly login?: { readonly username: string; readonly password: string };
}

interface Client {
  readonly options: MqttOptions;
  readonly filters: Set<string>;
  readonly fail: Set<(error: MqttError) => void>;
  inFlightCount: number;
  isOpen: boolean;
  /** The broker takes no notice of it any more. */
  isDeaf: boolean;
}

export function simulatedBroker(clock: Clock, options: BrokerOptions = {}): SimulatedBroker {
  return new Broker(clock, options);
}

class Broker implements SimulatedBroker {
  readonly faults: BrokerFaults = {
    isDown: false,
    refusal: undefined,
    isMute: false,
    isForgetful: false,
    ackMs: 0,
    denies: () => undefined,
    payloadBytesMax: Number.POSITIVE_INFINITY,
    mayRead: () => true,
    endsOverRefusal: false,
    answersUnreadably: false,
  };
  readonly taken: TakenMessage[] = [];
  kept: TakenMessage[] = [];
  readonly #clock: Clock;
  readonly #options: BrokerOptions;
  readonly #clients = new Map<string, Client>();
  #retained = new Map<string, string>();
  #saved = { kept: [] as TakenMessage[], retained: new Map<string, string>() };

  constructor(clock: Clock, options: BrokerOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  get clientIds(): readonly string[] {
    return [...this.#clients.keys()];
  }

  readonly connect: Mqtt = async (options, signal) => {
    await sleep(this.#clock, 2 * LATENCY_MS, signal);
    if (this.faults.isDown) throw new MqttError('ECONNREFUSED', `connect ECONNREFUSED ${options.url}`);
    const { refusal } = this.faults;
    const { login } = this.#options;
    const isKnown = login === undefined || (login.username === options.username && login.password === options.password);
    if (refusal !== undefined || !isKnown) {
      throw new MqttError('REFUSED', 'Connection refused', refusal ?? NOT_AUTHORIZED);
    }
    const before = this.#clients.get(options.clientId);
    if (before !== undefined) this.#cut(before, new MqttError('REFUSED', 'Session taken over', SESSION_TAKEN_OVER));
    const client: Client = { options, filters: new Set(), fail: new Set(), inFlightCount: 0, isOpen: true, isDeaf: false };
    this.#clients.set(options.clientId, client);
    return this.#connection(client);
  };

  retained(topic: string): string | undefined {
    return this.#retained.get(topic);
  }

  send(topic: string, payload: string, retain = false): void {
    this.#take('somebody', topic, payload, retain);
  }

  save(): void {
    this.#saved = { kept: [...this.kept], retained: new Map(this.#retained) };
  }

  crash(): void {
    this.kept = [...this.#saved.kept];
    this.#retained = new Map(this.#saved.retained);
    for (const client of [...this.#clients.values()]) this.#end(client, new MqttError('ECONNRESET', 'read ECONNRESET'));
  }

  cutAll(): void {
    for (const client of [...this.#clients.values()]) this.#cut(client, new MqttError('ECONNRESET', 'read ECONNRESET'));
  }

  #connection(client: Client): MqttConnection {
    const { inFlightMax = 65_535, packetBytesMax = Number.POSITIVE_INFINITY } = this.#options;
    return {
      inFlightMax,
      packetBytesMax,
      publish: (topic, payload, delivery) => {
        client.inFlightCount += 1;
        if (client.inFlightCount > inFlightMax) {
          this.#cut(client, new MqttError('REFUSED', 'Receive Maximum exceeded', RECEIVE_MAXIMUM_EXCEEDED));
        }
        const answer = this.#ask(client, () => this.#publish(client, topic, payload, delivery));
        return answer.finally(() => {
          client.inFlightCount -= 1;
        });
      },
      subscribe: (topic) => this.#ask(client, () => this.#subscribe(client, topic)),
      close: async () => this.#cut(client),
      drop: () => this.#cut(client),
    };
  }

  /** A question and its answer on one connection: an answer that does not come before its end never does. */
  #ask(client: Client, work: () => MqttError | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!client.isOpen) return reject(new MqttError('CLOSED', 'the connection is closed'));
      client.fail.add(reject);
      this.#clock.timer(LATENCY_MS, () => {
        if (!client.isOpen || client.isDeaf) return;
        const refusal = work();
        if (refusal !== undefined && this.faults.answersUnreadably) {
          return this.#cut(client, new MqttError('BAD_ACKNOWLEDGEMENT', 'Invalid puback reason code'));
        }
        if (refusal !== undefined && this.faults.endsOverRefusal) {
          if (client.inFlightCount === 1 && client.fail.delete(reject)) reject(refusal);
          // What is heard is heard before the end.
          this.#clock.timer(LATENCY_MS, () => this.#cut(client, new MqttError('CLOSED', 'the connection was closed')));
          client.isDeaf = true;
          return;
        }
        if (this.faults.isMute) return;
        this.#clock.timer(LATENCY_MS + this.faults.ackMs, () => {
          if (!client.isOpen || !client.fail.delete(reject)) return;
          if (refusal === undefined) resolve();
          else reject(refusal);
        });
      });
    });
  }

  #publish({ options }: Client, topic: string, payload: string, { retain }: MqttDelivery): MqttError | undefined {
    const { packetBytesMax = Number.POSITIVE_INFINITY } = this.#options;
    const payloadBytes = new TextEncoder().encode(payload).length;
    const isTooLong = payloadBytes > this.faults.payloadBytesMax || 10 + topic.length + payloadBytes > packetBytesMax;
    const reason = isTooLong ? PACKET_TOO_LARGE : this.faults.denies(topic);
    if (reason !== undefined) return new MqttError('REFUSED', `Publish error (${reason})`, reason);
    this.#take(options.clientId, topic, payload, retain);
    return undefined;
  }

  #subscribe(client: Client, filter: string): MqttError | undefined {
    if (!this.faults.mayRead(filter)) return new MqttError('REFUSED', 'Subscribe error', NOT_AUTHORIZED);
    client.filters.add(filter);
    for (const [topic, payload] of this.#retained) {
      if (isUnder(topic, filter)) this.#deliver(client, topic, payload, true);
    }
    return undefined;
  }

  #take(clientId: string, topic: string, payload: string, retain: boolean): void {
    const message = { atMs: this.#clock.monotonicMs(), clientId, topic, payload, retain };
    this.taken.push(message);
    this.kept.push(message);
    // An empty retained message ends what was retained (MQTT 5.0, §3.3.1.3).
    if (retain && payload === '') this.#retained.delete(topic);
    else if (retain && !this.faults.isForgetful) this.#retained.set(topic, payload);
    for (const client of this.#clients.values()) {
      if (client.options.clientId === clientId) continue;
      if ([...client.filters].some((filter) => isUnder(topic, filter))) this.#deliver(client, topic, payload, false);
    }
  }

  #deliver(client: Client, topic: string, text: string, isRetained: boolean): void {
    const payload = new TextEncoder().encode(text);
    if (payload.length > client.options.messageBytesMax) return;
    this.#clock.timer(2 * LATENCY_MS, () => {
      if (client.isOpen) client.options.onMessage({ topic, payload, isRetained });
    });
  }

  /** The connection is gone without a word. `error` is what the client hears; without one it went by itself. */
  #cut(client: Client, error?: MqttError): void {
    if (!client.isOpen) return;
    const { topic, payload } = client.options.will;
    this.#end(client, error);
    this.#take(client.options.clientId, topic, payload, true);
  }

  #end(client: Client, error?: MqttError): void {
    if (!client.isOpen) return;
    client.isOpen = false;
    if (this.#clients.get(client.options.clientId) === client) this.#clients.delete(client.options.clientId);
    const gone = error ?? new MqttError('CLOSED', 'the connection was closed');
    for (const fail of client.fail) fail(gone);
    client.fail.clear();
    if (error !== undefined) client.options.onLost(error);
  }
}
