import type { MqttConnection } from '../host.ts';

/** So many messages go out one by one over a connection that is careful: by then what broke the ones before has come and gone. */
const CAREFUL_COUNT = 200;

/**
 * The same connection with no more on its way than the broker takes, whoever sends: it would end the connection over one more
 * (MQTT 5.0, §3.3.4). The others wait in the order in which they came. A careful one has one on its way at first: a broker that
 * ends the connection over a message says why before it does, and the answer is lost when more messages come in behind.
 */
export function inTurn(connection: MqttConnection, isCareful = false): MqttConnection {
  let inFlightCount = 0;
  let answeredCount = 0;
  const waiting: (() => void)[] = [];
  const max = () => (isCareful && answeredCount < CAREFUL_COUNT ? 1 : connection.inFlightMax);
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
      answeredCount += 1;
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
