import { DiskError, MqttError } from '../host.ts';
import { JournalError } from '../journal/journal.ts';
import { TLS_FAILURE } from '../uplink/answer.ts';
import { REFUSED_PACE, TRANSPORT_PACE } from '../uplink/back-off.ts';
import type { Pause } from '../uplink/gate.ts';
import type { CityProblem } from '../uplink/status.ts';

/** Reason codes of MQTT 5.0, §2.4, over which somebody has to do something: version, client, login, rights, ban, method. */
const NEEDS_SOMEBODY = new Set([0x84, 0x85, 0x86, 0x87, 0x8a, 0x8c, 0x9a, 0x9b]);
/** Another client has come under the same name. */
const SESSION_TAKEN_OVER = 0x8e;
export const TOPIC_NAME_INVALID = 0x90;
export const PACKET_TOO_LARGE = 0x95;
/** The message itself is what the broker does not want, today and tomorrow: the name of its topic, its length, its form. */
const OF_THE_MESSAGE = new Set([TOPIC_NAME_INVALID, PACKET_TOO_LARGE, 0x99]);

/** The broker does not let this gateway write to a topic or read it, or not now. */
export class TopicRefusedError extends Error {
  override readonly name = 'TopicRefusedError';
  readonly topic: string;
  readonly reason: number;
  constructor(topic: string, { reason = 0x80, message }: MqttError) {
    super(message);
    this.topic = topic;
    this.reason = reason;
  }
}

/** Whether the broker would refuse the same message whenever it is sent. */
export function isOfTheMessage(error: unknown): error is TopicRefusedError {
  return error instanceof TopicRefusedError && OF_THE_MESSAGE.has(error.reason);
}

/** Whether a connection was ended over a message, of which it was not said which it is. */
export function isOverMessage(error: unknown): error is MqttError {
  return error instanceof MqttError && error.reason !== undefined && OF_THE_MESSAGE.has(error.reason);
}

/** Whether a connection that stood is gone and nobody has said why, or over which message. */
export function isUnexplained(error: unknown): boolean {
  return isOverMessage(error) || (error instanceof MqttError && error.reason === undefined && error.code !== 'TIMEOUT');
}

/** What somebody is told of a topic that the broker refuses. Its code is `M` and the reason code of the broker in decimal. */
export function problemOf({ topic, reason, message: words }: TopicRefusedError): CityProblem {
  return { code: `M${reason}`, parameters: { words, topic } };
}

/**
 * Why and how long nothing is sent after this failure. Codes: `M` and the reason code of the broker in decimal; M000 no answer,
 * M001 a connection that is ended without a word as those before it (`isAgain`), M003 a certificate that is not trusted, M900 the
 * own journal. Rethrows what is neither.
 */
export function pauseAfter(error: unknown, isAgain = false): Pause {
  if (error instanceof JournalError || error instanceof DiskError) {
    return { state: 'waiting', pace: TRANSPORT_PACE, problem: { code: 'M900', parameters: { words: error.message } } };
  }
  if (!(error instanceof MqttError || error instanceof TopicRefusedError)) throw error;
  const { reason, message: words } = error;
  if (reason === undefined) {
    const unheard = isAgain ? 'M001' : 'M000';
    const code = error instanceof MqttError && TLS_FAILURE.test(error.code) ? 'M003' : unheard;
    return { state: 'unreachable', pace: TRANSPORT_PACE, problem: { code, parameters: { words } } };
  }
  const problem = error instanceof TopicRefusedError ? problemOf(error) : { code: `M${reason}`, parameters: { words } };
  // Two of one name throw each other out as fast as they come back, so that neither gets through: seldom is better for both.
  const mustAct = NEEDS_SOMEBODY.has(reason) || reason === SESSION_TAKEN_OVER;
  return mustAct ? { state: 'refused', pace: REFUSED_PACE, problem } : { state: 'waiting', pace: TRANSPORT_PACE, problem };
}
