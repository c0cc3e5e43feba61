import { Buffer } from 'node:buffer';
import { type MqttConnection, MqttError } from '../host.ts';
import { isOverMessage, PACKET_TOO_LARGE, TopicRefusedError } from './problem.ts';
import type { Refusals } from './refusals.ts';

/** What a PUBLISH is longer by than its topic and its payload: header, lengths, identifier, no properties (MQTT 5.0, §3.3). */
const PUBLISH_BYTES = 10;

/**
 * The same connection, of which every refusal names its topic: publishing and subscribing reject with TopicRefusedError where the
 * broker gives a reason, which `refusals` hears of. What is longer than the broker takes is refused here: it would end the
 * connection over it (§3.1.2.11.4). Mosquitto says so in an acknowledgement too, where MQTT has no such reason (§3.4.2.1), and which
 * cannot be read therefore: it is about the message that was on its way alone. `lost` is aborted when the connection is gone; its
 * reason is then what everything rejects with that was on its way.
 */
export function named(connection: MqttConnection, lost: AbortSignal, refusals: Refusals): MqttConnection {
  const { packetBytesMax } = connection;
  let inFlightCount = 0;
  let wasAlone = false;
  refusals.connected();
  lost.addEventListener('abort', () => {
    wasAlone = inFlightCount === 1;
  });
  const reasonOf = (error: unknown, topic: string, isMessage: boolean): unknown => {
    if (isMessage && wasAlone && isBadAcknowledgement(lost.reason)) return new TopicRefusedError(topic, unreadable(lost.reason));
    if (isMessage && wasAlone && isOverMessage(lost.reason)) return new TopicRefusedError(topic, lost.reason);
    if (lost.aborted) return lost.reason;
    return error instanceof MqttError && error.reason !== undefined ? new TopicRefusedError(topic, error) : error;
  };
  const about = async (topic: string, payloadBytes: number | undefined, work: () => Promise<void>) => {
    try {
      await work();
      refusals.took();
    } catch (error) {
      const reason = reasonOf(error, topic, payloadBytes !== undefined);
      if (reason instanceof TopicRefusedError) refusals.refused(reason, payloadBytes);
      throw reason;
    }
  };
  return {
    ...connection,
    publish: async (topic, payload, delivery) => {
      const payloadBytes = Buffer.byteLength(payload);
      const besidesBytes = PUBLISH_BYTES + Buffer.byteLength(topic);
      const maxBytes = Math.min(packetBytesMax - besidesBytes, refusals.payloadBytesMax);
      if (payloadBytes > maxBytes) throw new TopicRefusedError(topic, tooLong(payloadBytes, maxBytes));
      inFlightCount += 1;
      try {
        await about(topic, payloadBytes, () => connection.publish(topic, payload, delivery));
      } finally {
        inFlightCount -= 1;
      }
    },
    subscribe: (topic) => about(topic, undefined, () => connection.subscribe(topic)),
  };
}

function isBadAcknowledgement(error: unknown): error is MqttError {
  return error instanceof MqttError && error.code === 'BAD_ACKNOWLEDGEMENT';
}

function unreadable({ message }: MqttError): MqttError {
  return new MqttError(
    'REFUSED',
    `refused with a reason that cannot be read, as for what is too long (${message})`,
    PACKET_TOO_LARGE,
  );
}

function tooLong(sizeBytes: number, maxBytes: number): MqttError {
  return new MqttError('REFUSED', `longer than the broker takes (${sizeBytes} bytes, at most ${maxBytes})`, PACKET_TOO_LARGE);
}
