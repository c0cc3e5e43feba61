import { DiskError, MqttError } from '../host.ts';
import { JournalError } from '../journal/journal.ts';
import { TLS_FAILURE } from '../uplink/answer.ts';
import { REFUSED_PACE, TRANSPORT_PACE } from '../uplink/back-off.ts';
import type { Pause } from '../uplink/gate.ts';

/** Reason codes of MQTT 5.0, §2.4, over which somebody has to do something: version, client, login, rights, ban, method. */
const NEEDS_SOMEBODY = new Set([0x84, 0x85, 0x86, 0x87, 0x8a, 0x8c, 0x9a, 0x9b]);
/** Another client has come under the same name. */
const SESSION_TAKEN_OVER = 0x8e;
/** The message itself is what the broker does not want, today and tomorrow: the name of its topic, its form. */
const OF_THE_MESSAGE = new Set([0x90, 0x99]);

/** The broker does not let this gateway write to a topic, or not now. */
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
export function isOfTheMessage(error: unknown): error is MqttError {
  return error instanceof MqttError && OF_THE_MESSAGE.has(error.reason ?? 0);
}

/**
 * Why and how long nothing is sent after this failure. Codes: `M` and the reason code of the broker in decimal; M000 no answer,
 * M003 a certificate that is not trusted, M900 the own journal. Rethrows what is neither.
 */
export function pauseAfter(error: unknown): Pause {
  if (error instanceof JournalError || error instanceof DiskError) {
    return { state: 'waiting', pace: TRANSPORT_PACE, problem: { code: 'M900', parameters: { words: error.message } } };
  }
  if (!(error instanceof MqttError || error instanceof TopicRefusedError)) throw error;
  const { reason, message: words } = error;
  if (reason === undefined) {
    const code = error instanceof MqttError && TLS_FAILURE.test(error.code) ? 'M003' : 'M000';
    return { state: 'unreachable', pace: TRANSPORT_PACE, problem: { code, parameters: { words } } };
  }
  const about = error instanceof TopicRefusedError ? { topic: error.topic } : {};
  const problem = { code: `M${reason}`, parameters: { words, ...about } };
  // Two of one name throw each other out as fast as they come back, so that neither gets through: seldom is better for both.
  const mustAct = NEEDS_SOMEBODY.has(reason) || reason === SESSION_TAKEN_OVER;
  return mustAct ? { state: 'refused', pace: REFUSED_PACE, problem } : { state: 'waiting', pace: TRANSPORT_PACE, problem };
}
