import type { MqttConfig } from '../../config/config.ts';
import { sleep, withDeadline } from '../../drivers/clock.ts';
import { type Host, type MqttConnection, MqttError } from '../host.ts';
import { type Journal, JournalError } from '../journal/journal.ts';
import { ownSignals } from '../own-signals.ts';
import type { UplinkTime } from '../timekeeper.ts';
import { backOffMs } from '../uplink/back-off.ts';
import { Gate, type Pause } from '../uplink/gate.ts';
import { type Oldest, oldestWaiting } from '../uplink/oldest-waiting.ts';
import type { Uplink } from '../uplink/sentilo.ts';
import type { UplinkStatus } from '../uplink/status.ts';
import { Wake } from '../uplink/wake.ts';
import type { Broker } from './broker.ts';
import type { Commands } from './commands.ts';
import type { HomeAssistant } from './home-assistant.ts';
import { type Careful, inTurn } from './in-turn.ts';
import { Mark, markText, REMEMBERED_MS, sequenceOfMark } from './mark.ts';
import { named } from './named.ts';
import { isOfTheMessage, isUnexplained, pauseAfter, TopicRefusedError } from './problem.ts';
import { Pump } from './pump.ts';
import { Refusals } from './refusals.ts';
import { openSetAside } from './set-aside.ts';
import type { Topics } from './topics.ts';

/** What was settled becomes durable after this time at the latest; mostly the journal has done it by itself. */
const FLUSH_MS = 3_000;
/** The broker is told how far the readings are after this time … */
const MARK_MS = 1_000;
/** … and both at once after so many: what they do not know yet is sent again after a break. */
const CHECK_COUNT = 100;
/** How often it is looked since when something waits. */
const OLDEST_MS = 3_000;
const CONNECT_MS = 20_000;
const KEEPALIVE_MS = 30_000;
/** What an order or a discovery message may be long: more is not for this gateway. */
const MESSAGE_BYTES_MAX = 65_536;
/** A retained message comes with the subscription; from then on it is not waited for any longer than this. */
const RETAINED_MS = 2_000;
/** What a broker has to acknowledge besides readings it has to acknowledge within this time. */
const ANSWER_MS = 30_000;
/** A connection that ends sooner has not mended anything. */
const STEADY_MS = 60_000;
/** After so many of those that ended without a word there is one message at a time on its way, so that the word is heard. */
const CAREFUL_FROM = 2;
/** So many go out one by one then: by then what broke the connections before has come and gone. If it comes later, they are twice as many the next time. */
const CAREFUL_COUNT = 200;
/** For taking leave: a stop does not wait for a broker. */
const LEAVE_MS = 200;

/** What the uplink needs from the world. */
export type MqttHost = Pick<Host, 'clock' | 'mqtt' | 'random' | 'log' | 'bootId'>;

/** Who the gateway is to the broker; `ca` is PEM text to trust instead of the system's authorities. */
export interface MqttLogin {
  readonly username?: string;
  readonly password?: string;
  readonly ca?: string;
}

export interface MqttParts {
  readonly config: MqttConfig;
  readonly login: MqttLogin;
  readonly clientId: string;
  readonly host: MqttHost;
  readonly journal: Journal;
  readonly time: Pick<UplinkTime, 'timeOf' | 'onChange'>;
  readonly topics: Topics;
  readonly commands: Commands;
  /** Set where the site asks for it. */
  readonly homeAssistant?: HomeAssistant;
}

/** The delivery to a broker. */
export interface MqttUplink extends Uplink {
  /** When there was a connection last, monotonic; undefined before the first. */
  lastHeardMs(): number | undefined;
}

/**
 * Prepares the delivery to a broker. Nothing is sent before `run`.
 * @throws JournalError
 */
export async function openMqtt(parts: MqttParts): Promise<MqttUplink> {
  const { host, journal, time, topics, config } = parts;
  const delivery = await journal.delivery('mqtt');
  const wake = new Wake(host.clock);
  const setAside = openSetAside(host, journal);
  const pump = new Pump({ ...host, journal, delivery, time, wake, setAside, qos: config.qos, topicOf: topics.observations });
  time.onChange(() => pump.lookAgain());
  const gate = new Gate(host, () => {}, 'broker');
  const mark = new Mark(host.clock);
  const refusals = new Refusals(host.clock);
  const flush = async () => {
    // While the disk refuses, the journal makes this durable itself before it writes again.
    if (!journal.isFailing) await delivery.flush();
  };
  const waiting = {
    get waitingCount() {
      return pump.waitingCount;
    },
    get lowWater() {
      return delivery.lowWater;
    },
  };
  const oldest = oldestWaiting(journal, waiting, time);
  const contact: Contact = { isConnected: false, lastMs: undefined };
  const all: Session = { ...parts, wake, pump, gate, mark, refusals, flush, contact, told: new Set() };
  return {
    run: async (signal) => {
      await Promise.all([run(all, signal), lookSinceWhen(oldest, host, signal)]);
    },
    notify: () => {
      wake.notify();
      parts.homeAssistant?.notify();
    },
    status: () => statusOf(all, setAside.counts, oldest.wallMs),
    lastHeardMs: () => (contact.isConnected ? host.clock.monotonicMs() : contact.lastMs),
  };
}

interface Session extends MqttParts {
  readonly wake: Wake;
  readonly pump: Pump;
  readonly gate: Gate;
  readonly mark: Mark;
  readonly refusals: Refusals;
  readonly flush: () => Promise<void>;
  readonly contact: Contact;
  /** Topics of which it was told that they may not be read. */
  readonly told: Set<string>;
}

/** Whether the broker is there, and until when it was, monotonic. A connection that is dead is noticed by its keep-alive. */
interface Contact {
  isConnected: boolean;
  lastMs: number | undefined;
}

/** What is waited for of what the broker sends. */
interface Inbox {
  onMark: (payload: string) => void;
}

/** What the ends of the connections before say about the next one. */
interface Ends {
  /** Each that is short makes the next wait longer. */
  shortCount: number;
  /** Those in a row that ended soon and without a word. */
  unexplainedCount: number;
  /** What goes out one by one, so that the word is heard. */
  readonly careful: Careful;
}

/** One connection after the other. */
async function run(parts: Session, signal: AbortSignal): Promise<void> {
  const { host, gate, flush } = parts;
  const ends: Ends = { shortCount: 0, unexplainedCount: 0, careful: { count: 0, leftCount: 0 } };
  const withOwn = ownSignals(signal);
  while (!signal.aborted) {
    const pass = gate.pass();
    const startedMs = host.clock.monotonicMs();
    try {
      await withOwn((own) => connected(parts, own, ends.careful));
    } catch (error) {
      if (signal.aborted) break;
      const pause = pauseAtEnd(parts, ends, error, startedMs);
      // Each new connection is a success for the gate; one that breaks at once must not be tried as fast as the first.
      gate.close(pass, { ...pause, fixedMs: backOffMs(pause.pace, ends.shortCount, host.random()) });
    }
    await sleep(host.clock, gate.remainingMs(), signal).catch(() => {});
  }
  await flush().catch((error: unknown) => pauseAfter(error));
}

/** Why and how long nothing is sent after a connection that was tried at `startedMs`, monotonic, and ended with `error`. Updates `ends`. */
function pauseAtEnd({ host, contact, refusals }: Session, ends: Ends, error: unknown, startedMs: number): Pause {
  const isShort = host.clock.monotonicMs() - startedMs < STEADY_MS;
  const stood = (contact.lastMs ?? Number.NEGATIVE_INFINITY) >= startedMs;
  const isSilent = stood && isUnexplained(error);
  const heard = isSilent ? refusals.last : undefined;
  // It ended over a message that is settled now, so that the next one gets further.
  const isSettled = isOfTheMessage(heard);
  ends.shortCount = isShort && !isSettled ? ends.shortCount + 1 : 1;
  const isUnexplainedEnd = isSilent && isShort && heard === undefined;
  const isAgain = isUnexplainedEnd && ends.unexplainedCount >= CAREFUL_FROM;
  ends.unexplainedCount = isUnexplainedEnd ? ends.unexplainedCount + 1 : 0;
  const { careful } = ends;
  if (heard !== undefined) careful.count ||= CAREFUL_COUNT;
  else if (isUnexplainedEnd && careful.count > 0) careful.count *= careful.leftCount > 0 ? 1 : 2;
  else if (ends.unexplainedCount >= CAREFUL_FROM) careful.count = CAREFUL_COUNT;
  // What has just been heard for once is not to be swallowed again the next time.
  else if (!(error instanceof TopicRefusedError)) careful.count = 0;
  careful.leftCount = careful.count;
  return pauseAfter(isSettled ? heard : error, isAgain);
}

/** Looks since when something waits, with or without a connection. */
async function lookSinceWhen(oldest: Oldest, { clock }: MqttHost, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await oldest.refresh().catch((error: unknown) => {
      // What cannot be read cannot be sent, which tells of it.
      if (!(error instanceof JournalError)) throw error;
    });
    await sleep(clock, OLDEST_MS, signal).catch(() => {});
  }
}

/** From the opening of one connection to its end. Rejects with the reason of that. */
async function connected(parts: Session, signal: AbortSignal, careful: Careful): Promise<never> {
  const { config, login, clientId, host, topics, commands, homeAssistant, refusals } = parts;
  const lost = new AbortController();
  const inner = AbortSignal.any([signal, lost.signal]);
  const inbox: Inbox = { onMark: () => {} };
  const connection = await host.mqtt(
    {
      url: config.url,
      clientId,
      ...login,
      will: { topic: topics.status, payload: 'offline' },
      keepaliveMs: KEEPALIVE_MS,
      timeoutMs: CONNECT_MS,
      messageBytesMax: MESSAGE_BYTES_MAX,
      onMessage: (message) => {
        const { topic, isRetained, payload } = message;
        if (topic === topics.delivered && isRetained) inbox.onMark(new TextDecoder().decode(payload));
        commands.take(message);
        homeAssistant?.take(message);
      },
      onLost: (error) => lost.abort(error),
    },
    signal,
  );
  try {
    return await talk(parts, inTurn(named(connection, lost.signal, refusals), careful), inbox, inner);
  } finally {
    await leave(parts, connection);
  }
}

/** Finds out what the broker still has, takes its orders, says that the gateway is there, and delivers. */
async function talk(parts: Session, connection: MqttConnection, inbox: Inbox, signal: AbortSignal): Promise<never> {
  const { host, topics, commands, homeAssistant, gate, pump } = parts;
  const broker = brokerOn(parts, connection, signal);
  const { newest: acknowledged = 0 } = parts.mark;
  const remembered = await rememberedBy(parts, broker, inbox, signal);
  const again = remembered === undefined ? undefined : pump.goBack(remembered);
  // The mark itself may have been on its way when the connection broke, or when the process before ended: then nothing is lost.
  const isLost = (remembered ?? 0) < acknowledged;
  if (again !== undefined)
    host.log(isLost ? 'warning' : 'info', isLost ? 'broker-lost-messages' : 'broker-sent-again', { ...again });
  await leaveMark(parts, broker);
  await commands.open(broker);
  await broker.publish(topics.status, 'online', true);
  gate.open();
  parts.contact.isConnected = true;
  const stop = new AbortController();
  const inner = AbortSignal.any([signal, stop.signal]);
  const loops: Promise<never>[] = [pump.run(connection, inner), keepDurable(parts, broker, inner)];
  if (homeAssistant !== undefined) loops.push(homeAssistant.run(broker, inner));
  const first = await Promise.race(loops).catch((error: unknown) => error);
  parts.contact.isConnected = false;
  parts.contact.lastMs = host.clock.monotonicMs();
  stop.abort(new Error('the connection ends'));
  const ends = await Promise.allSettled(loops);
  // What one of them was refused is why all of them ended.
  const refusal = ends.find((end) => end.status === 'rejected' && end.reason instanceof TopicRefusedError);
  throw refusal?.status === 'rejected' ? refusal.reason : first;
}

function brokerOn({ config, host, told }: Session, connection: MqttConnection, signal: AbortSignal): Broker {
  const late = () => new MqttError('TIMEOUT', `no answer within ${ANSWER_MS / 1000} s`);
  const withOwn = ownSignals(signal);
  const within = (work: () => Promise<void>) => withOwn((own) => withDeadline(host.clock, ANSWER_MS, own, late, work));
  return {
    publish: (topic, payload, retain) => within(() => connection.publish(topic, payload, { qos: config.qos, retain })),
    subscribe: async (topic) => {
      try {
        await within(() => connection.subscribe(topic));
      } catch (error) {
        if (!(error instanceof TopicRefusedError)) throw error;
        if (told.has(topic)) return;
        told.add(topic);
        host.log('warning', 'broker-subscription-refused', { topic, words: error.message });
      }
    },
  };
}

/** Up to where the broker still has everything, as far as its mark tells; undefined when there is no way to know. */
async function rememberedBy(parts: Session, broker: Broker, inbox: Inbox, signal: AbortSignal): Promise<number | undefined> {
  const { host, pump, mark } = parts;
  const standing = await standingMark(parts, broker, inbox, signal);
  if (standing !== undefined) return sequenceOfMark(standing);
  // It is new, or has forgotten everything since it last wrote down what it had, or never keeps anything: what that one was
  // sent again would be sent again at every connection.
  const remembered = Math.min(mark.oldest, pump.reached, await pump.before(REMEMBERED_MS));
  await leaveMark(parts, broker, remembered);
  if ((await standingMark(parts, broker, inbox, signal)) !== undefined) return remembered;
  host.log('warning', 'broker-keeps-nothing');
  return undefined;
}

/** The mark that the broker has kept; undefined when it has none. It comes with the subscription, and before or after its answer. */
async function standingMark({ host, topics }: Session, broker: Broker, inbox: Inbox, signal: AbortSignal) {
  const standing = new Promise<string>((resolve) => {
    inbox.onMark = resolve;
  });
  await broker.subscribe(topics.delivered);
  const nothing = sleep(host.clock, RETAINED_MS, signal).then(() => undefined);
  return await Promise.race([standing, nothing]);
}

/** Makes durable what was settled, and tells the broker how far the readings are. */
async function keepDurable(parts: Session, broker: Broker, signal: AbortSignal): Promise<never> {
  const { host, wake, pump, mark, flush } = parts;
  const { clock } = host;
  let flushed = { atMs: clock.monotonicMs(), reached: pump.reached };
  let markedMs = clock.monotonicMs();
  for (;;) {
    const nowMs = clock.monotonicMs();
    if (pump.reached - flushed.reached >= CHECK_COUNT || nowMs >= flushed.atMs + FLUSH_MS) {
      flushed = { atMs: nowMs, reached: pump.reached };
      await flush();
    }
    const aheadCount = Math.abs(pump.reached - (mark.newest ?? 0));
    if (aheadCount >= CHECK_COUNT || (aheadCount > 0 && nowMs >= markedMs + MARK_MS)) {
      markedMs = nowMs;
      await leaveMark(parts, broker);
    } else {
      const markInMs = aheadCount > 0 ? markedMs + MARK_MS - nowMs : Number.POSITIVE_INFINITY;
      await wake.wait(Math.min(flushed.atMs + FLUSH_MS - nowMs, markInMs), signal);
    }
    signal.throwIfAborted();
  }
}

/** Before anything is sent as well, so that the broker has none only if it has forgotten all. */
async function leaveMark({ topics, pump, mark }: Session, broker: Broker, sequence = pump.reached): Promise<void> {
  await broker.publish(topics.delivered, markText(sequence), true);
  mark.stands(sequence);
}

async function leave({ host }: Session, connection: MqttConnection): Promise<void> {
  const late = () => new Error('the broker does not let go');
  await withDeadline(host.clock, LEAVE_MS, new AbortController().signal, late, () => connection.close()).catch(() => {});
  connection.drop();
}

function statusOf(
  { gate, pump, homeAssistant }: Session,
  rejected: Readonly<Record<string, number>>,
  oldestWallMs: number | undefined,
): UplinkStatus {
  const { state, sinceWallMs, attempt, problem, lastSuccessWallMs } = gate.state;
  const nextTryInMs = gate.remainingMs();
  return {
    state,
    sinceWallMs,
    waitingCount: pump.waitingCount,
    ...(pump.waitingCount > 0 && oldestWallMs !== undefined ? { oldestWaitingWallMs: oldestWallMs } : {}),
    noTimeCount: pump.noTimeCount,
    attempt,
    held: [],
    differing: [],
    lookUpCount: 0,
    deliveredCount: pump.deliveredCount,
    foldedCount: 0,
    rejected: { ...rejected },
    ...(lastSuccessWallMs === undefined ? {} : { lastSuccessWallMs }),
    ...(nextTryInMs > 0 ? { nextTryInMs } : {}),
    ...(problem === undefined ? {} : { problem }),
    ...(homeAssistant?.problem === undefined ? {} : { homeAssistant: homeAssistant.problem }),
  };
}
