import type { MqttConnection } from '../host.ts';

/** How many messages go out one by one over a connection at first, and how many of these are still to come. */
export interface Careful {
  count: number;
  leftCount: number;
}

/**
 * The same connection with no more on its way than the broker takes, whoever sends: it would end the connection over one more
 * (MQTT 5.0, §3.3.4). The others wait in the order in which they came. `careful` is counted down here: a broker that
 * ends the connection over a message says why before it does, and the answer is lost when more messages come in behind.
 */
export function inTurn(connection: MqttConnection, careful: Careful = { count: 0, leftCount: 0 }): MqttConnection {
  let inFlightCount = 0;
  const waiting: (() => void)[] = [];
  const max = () => (careful.leftCount > 0 ? 1 : connection.inFlightMax);
  const admit = () => {
    while (inFlightCount < max()) {
      const next = waiting.shift();
      if (next === undefined) return;
      inFlightCount += 1;
      next();
    }
  };
  const enter = () =>
    new Promise<void>((resolve) => {
      waiting.push(resolve);
      admit();
    });
  const publish: MqttConnection['publish'] = async (topic, payload, delivery) => {
    await enter();
    try {
      await connection.publish(topic, payload, delivery);
    } finally {
      inFlightCount -= 1;
      careful.leftCount = Math.max(0, careful.leftCount - 1);
      admit();
    }
  };
  return {
    ...connection,
    get inFlightMax() {
      return max();
    },
    publish,
  };
}
