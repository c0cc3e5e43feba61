import { durationText } from '../../config/duration.ts';
import type { Host, MqttMessage } from '../host.ts';
import { askedBySender, type SenderAsked } from '../orders/order-text.ts';
import type { OrderOutcome, OrderRequest, Outputs } from '../outputs/output.ts';
import { stampAt } from '../stamp.ts';
import type { UplinkTime } from '../timekeeper.ts';
import type { Broker } from './broker.ts';
import type { Topics } from './topics.ts';

/** An order that says when it was given is carried out within this time. */
const FRESH_MS = 120_000;
/** Who it was, where the order does not say. */
const SENDER_UNKNOWN = 'broker';
/** Orders are told apart by their ids for so long, and so many. */
const REMEMBERED_MS = 86_400_000;
const REMEMBERED_MAX = 10_000;
/** Beyond so many answers of one output that wait, none is given: readings wait behind them. */
const ANSWERS_MAX = 100;

/** An output that takes orders of a broker. */
export interface Commanded {
  /** `<device>.<output>` */
  readonly output: string;
  readonly safe: boolean;
}

/** Orders that come over a broker. */
export interface Commands {
  /** Takes what is meant for it of everything that the broker sends. */
  take(message: MqttMessage): void;
  /** Listens on a new connection, over which orders are answered from then on. */
  open(broker: Broker): Promise<void>;
}

export interface CommandParts {
  readonly host: Pick<Host, 'clock' | 'log' | 'bootId'>;
  readonly time: Pick<UplinkTime, 'timeOf'>;
  readonly topics: Pick<Topics, 'orders' | 'answers'>;
  readonly outputs: readonly Commanded[];
  readonly order: (request: OrderRequest) => Promise<OrderOutcome>;
  /** Takes what became no order of an output. */
  readonly refused: Outputs['refused'];
  /** Tells the newest order of an output from all others, whoever gave it. */
  readonly newest: (output: string) => string | undefined;
  /** Takes what no order can be the reason of. */
  readonly fatal: (error: unknown) => void;
}

interface Listening extends Commanded {
  /** Answers that are waited for, or are on their way. */
  answerCount: number;
  /** Those that were not given since it was told how many. */
  unansweredCount: number;
  /** The last order of the broker to its safe state, while that is being carried out. */
  safing: { readonly id: string | undefined; readonly answer: Promise<Answer> } | undefined;
}

/** What is answered: `for` how long it is carried out where that is shorter than was asked, and `why`. */
type Answer = { readonly done: true; readonly for?: string; readonly why?: 'max_on' } | Refusal;

interface Refusal {
  readonly done: false;
  readonly reason: string;
  readonly message: string;
}

const UNTIMED: Refusal = {
  done: false,
  reason: 'no-time',
  message: 'the time of this gateway is not known yet: only what is safe is done',
};

function answerOf(outcome: OrderOutcome): Answer {
  if (!outcome.done) return outcome;
  const { onlyForMs } = outcome;
  return { done: true, ...(onlyForMs !== undefined && { for: durationText(onlyForMs), why: 'max_on' }) };
}

export function openCommands(parts: CommandParts): Commands {
  return new Orders(parts);
}

class Orders implements Commands {
  readonly #parts: CommandParts;
  readonly #byTopic = new Map<string, Listening>();
  /** By output and id: when it came, and its answer. */
  readonly #known = new Map<string, { readonly atMs: number; readonly answer: Promise<Answer> }>();
  /** Topics of which it was told that nothing is done with what they keep, or that they are not understood. */
  readonly #told = new Set<string>();
  #broker: Broker | undefined;

  constructor(parts: CommandParts) {
    this.#parts = parts;
    for (const output of parts.outputs) {
      this.#byTopic.set(parts.topics.orders(output.output), { ...output, answerCount: 0, unansweredCount: 0, safing: undefined });
    }
  }

  async open(broker: Broker): Promise<void> {
    this.#broker = broker;
    for (const topic of this.#byTopic.keys()) await broker.subscribe(topic);
  }

  take({ topic, payload, isRetained }: MqttMessage): void {
    const output = this.#byTopic.get(topic);
    // An empty message is how what is retained is deleted (MQTT 5.0, §3.3.1.3), and orders nothing.
    if (output === undefined || payload.length === 0) return;
    const text = askedBySender(new TextDecoder().decode(payload));
    // It is from whenever, and would be carried out again at each connection.
    if (isRetained) this.#tellOnce(topic, 'broker-retained-order-refused', { topic, output: output.output });
    else if (!('problem' in text)) this.#answer(output, text.id, this.#once(output, text));
    else {
      this.#tellOnce(topic, 'broker-order-not-understood', { topic, words: text.problem });
      const answer = { done: false, reason: 'not-understood', message: text.problem } as const;
      this.#keepRefused(output, answer);
      this.#answer(output, undefined, Promise.resolve(answer));
    }
  }

  /** Somebody who did not hear the answer sends the same order again: it is answered, and not carried out again. */
  async #once(output: Listening, text: SenderAsked): Promise<Answer> {
    // What is safe is done each time: twice it does no harm, and something else may have been ordered in between.
    if (text.id === undefined || text.on === output.safe) return await this.#carryOut(output, text);
    const nowMs = this.#parts.host.clock.monotonicMs();
    for (const [key, { atMs }] of this.#known) {
      if (atMs > nowMs - REMEMBERED_MS && this.#known.size < REMEMBERED_MAX) break;
      this.#known.delete(key);
    }
    const key = `${output.output} ${text.id}`;
    const known = this.#known.get(key);
    if (known !== undefined) return await known.answer;
    const answer = this.#carryOut(output, text);
    const entry = { atMs: nowMs, answer };
    this.#known.set(key, entry);
    // What was refused was not carried out, and may be asked for again.
    const outcome = await answer;
    if (!outcome.done && this.#known.get(key) === entry) this.#known.delete(key);
    return outcome;
  }

  #keepRefused(
    { output }: Listening,
    { reason, message }: { readonly reason: string; readonly message: string },
    { on, by = SENDER_UNKNOWN }: Partial<SenderAsked> = {},
  ): void {
    this.#parts.refused({ output, on, from: `mqtt: ${by}`, reason: `${reason}: ${message}` });
  }

  async #carryOut(output: Listening, text: SenderAsked): Promise<Answer> {
    const { on, forMs, by = SENDER_UNKNOWN, sentMs } = text;
    const request: OrderRequest = { output: output.output, on, source: 'mqtt', by, ...(forMs !== undefined && { forMs }) };
    const isToSafe = on === output.safe;
    // Before the time is known nobody can say how old an order is: then only what is safe is done.
    const refusal = this.#nowMs() === undefined ? (isToSafe ? undefined : UNTIMED) : this.#stale(sentMs);
    if (refusal !== undefined) {
      this.#keepRefused(output, refusal, text);
      return refusal;
    }
    if (!isToSafe) return answerOf(await this.#parts.order(request));
    // Whoever asks meanwhile asks for what is being done, while nobody, here or far away, has ordered something newer: of a flood
    // of them each would be kept, done and kept again.
    if (output.safing !== undefined && output.safing.id === this.#parts.newest(output.output)) return await output.safing.answer;
    const answer = this.#parts.order(request).then(answerOf);
    // It counts as the newest at once.
    const safing = { id: this.#parts.newest(output.output), answer };
    output.safing = safing;
    return await answer.finally(() => {
      if (output.safing === safing) output.safing = undefined;
    });
  }

  #nowMs(): number | undefined {
    const { host, time } = this.#parts;
    const now = time.timeOf(stampAt(host.clock, host.bootId));
    return now.kind === 'known' ? now.ms : undefined;
  }

  #stale(sentMs: number | undefined): Refusal | undefined {
    const nowMs = this.#nowMs();
    if (sentMs === undefined || nowMs === undefined || Math.abs(nowMs - sentMs) <= FRESH_MS) return undefined;
    return { done: false, reason: 'too-old', message: `it was given more than ${FRESH_MS / 1000} s ago, or its time lies ahead` };
  }

  /** What is lost of an answer is no loss: the journal has the outcome, and the output's state is published. */
  #answer(listening: Listening, id: string | undefined, outcome: Promise<Answer>): void {
    const { output } = listening;
    const { topics, host, fatal } = this.#parts;
    if (listening.answerCount >= ANSWERS_MAX) {
      listening.unansweredCount += 1;
      outcome.catch(fatal);
      return;
    }
    listening.answerCount += 1;
    const publish = async (answer: Answer) => {
      const text = JSON.stringify({ ...(id !== undefined && { id }), ...answer });
      await this.#broker
        ?.publish(topics.answers(output), text, false)
        .catch((error: unknown) => host.log('debug', 'broker-answer-lost', { output, message: String(error) }));
      listening.answerCount -= 1;
      if (listening.answerCount === 0 && listening.unansweredCount > 0) {
        host.log('warning', 'broker-orders-unanswered', { output, count: listening.unansweredCount });
        listening.unansweredCount = 0;
      }
    };
    outcome.then(publish).catch(fatal);
  }

  #tellOnce(topic: string, code: string, fields: Readonly<Record<string, unknown>>): void {
    const key = `${code} ${topic}`;
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#parts.host.log('warning', code, fields);
  }
}
