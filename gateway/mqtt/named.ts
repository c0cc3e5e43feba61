import { Buffer } from 'node:buffer';
import { type MqttConnection, MqttError } from '../host.ts';
import { PACKET_TOO_LARGE, TopicRefusedError } from './problem.ts';

/** What a PUBLISH is longer by than its topic and its payload: header, lengths, identifier, no properties (MQTT 5.0, §3.3). */
const PUBLISH_BYTES = 10;

/**
 * The same connection, of which every refusal names its topic: publishing and subscribing reject with TopicRefusedError where the
 * broker gives a reason. What is longer than the broker takes is refused here: it would end the connection over it (§3.1.2.11.4).
 * Mosquitto says so in an acknowledgement too, where MQTT has no such reason (§3.4.2.1), and which cannot be read therefore: it is
 * about the message that was on its way alone. `lost` is aborted when the connection is gone; its reason is then what everything rejects with that was on its way.
 */
export function named(connection: MqttConnection, lost: AbortSignal): MqttConnection {
  const { packetBytesMax } = connection;
  let inFlightCount = 0;
  let wasAlone = false;
  lost.addEventListener('abort', () => {
    wasAlone = inFlightCount === 1;
  });
  const about = async (topic: string, work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      if (error instanceof TopicRefusedError) throw error;
      if (lost.aborted) throw lost.reason;
      throw error instanceof MqttError && error.reason !== undefined ? new TopicRefusedError(topic, error) : error;
    }
  };
  return {
    ...connection,
    publish: (topic, payload, delivery) =>
      about(topic, async () => {
        const sizeBytes = PUBLISH_BYTES + Buffer.byteLength(topic) + Buffer.byteLength(payload);
        if (sizeBytes > packetBytesMax) throw tooLong(sizeBytes, packetBytesMax);
        inFlightCount += 1;
        try {
          await connection.publish(topic, payload, delivery);
        } catch (error) {
          if (wasAlone && isBadAcknowledgement(lost.reason)) throw new TopicRefusedError(topic, unreadable(lost.reason));
          throw error;
        } finally {
          inFlightCount -= 1;
        }
      }),
    subscribe: (topic) => about(topic, () => connection.subscribe(topic)),
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
