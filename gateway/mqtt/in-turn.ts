import type { MqttConnection } from '../host.ts';

/**
 * The same connection with no more on its way than the broker takes, whoever sends: it would end the connection over one more
 * (MQTT 5.0, §3.3.4). The others wait in the order in which they came.
 */
export function inTurn(connection: MqttConnection): MqttConnection {
  let inFlightCount = 0;
  const waiting: (() => void)[] = [];
  const enter = (): Promise<void> => {
    if (inFlightCount >= connection.inFlightMax) return new Promise((resolve) => waiting.push(resolve));
    inFlightCount += 1;
    return Promise.resolve();
  };
  // The place is handed on, so that nobody who comes just now takes it.
  const leave = () => {
    const next = waiting.shift();
    if (next === undefined) inFlightCount -= 1;
    else next();
  };
  const publish: MqttConnection['publish'] = async (topic, payload, delivery) => {
    await enter();
    try {
      await connection.publish(topic, payload, delivery);
    } finally {
      leave();
    }
  };
  return { ...connection, publish };
}
