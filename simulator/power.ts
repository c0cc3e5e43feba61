import type { Clock } from '../drivers/clock.ts';
import type { Http, Mqtt, MqttConnection } from '../gateway/host.ts';

/** The time from one switching on to the next power cut. When the power is cut, everything that ran on it is dead at once. */
export interface Power {
  /** The machine's own clock: its monotonic time counts from this boot. */
  readonly bootClock: Clock;
  /** The world's time, for the simulated hardware that hangs on the same power. */
  readonly worldClock: Clock;
  /** The same HTTP, whose answers nobody hears after the cut. */
  reach(http: Http): Http;
  /** The same broker, of which nobody hears anything after the cut; it takes the connection for open until the next one comes. */
  reachBroker(mqtt: Mqtt): Mqtt;
  /** Cuts the power: no timer that was set on these clocks fires any more, and no new one ever does. */
  cut(): void;
}

/** Switches the power on, now. */
export function powerOn(clock: Clock): Power {
  const bootMs = clock.monotonicMs();
  const pending = new Set<() => void>();
  let isOn = true;

  const timer: Clock['timer'] = (delayMs, callback) => {
    if (!isOn) return () => {};
    const cancel = clock.timer(delayMs, () => {
      pending.delete(cancel);
      callback();
    });
    pending.add(cancel);
    return () => {
      pending.delete(cancel);
      cancel();
    };
  };

  const whileOn = <T>(work: () => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      if (!isOn) return;
      work().then(
        (value) => {
          if (isOn) resolve(value);
        },
        (error: unknown) => {
          if (isOn) reject(error);
        },
      );
    });
  const heardWhileOn = (connection: MqttConnection): MqttConnection => ({
    ...connection,
    publish: (topic, payload, delivery) => whileOn(() => connection.publish(topic, payload, delivery)),
    subscribe: (topic) => whileOn(() => connection.subscribe(topic)),
  });

  return {
    bootClock: { monotonicMs: () => clock.monotonicMs() - bootMs, wall: () => clock.wall(), timer },
    worldClock: { monotonicMs: () => clock.monotonicMs(), wall: () => clock.wall(), timer },
    reach: (http) => (request, signal) => whileOn(() => http(request, signal)),
    reachBroker: (mqtt) => async (options, signal) => {
      const onMessage: typeof options.onMessage = (message) => {
        if (isOn) options.onMessage(message);
      };
      const onLost: typeof options.onLost = (error) => {
        if (isOn) options.onLost(error);
      };
      return heardWhileOn(await whileOn(() => mqtt({ ...options, onMessage, onLost }, signal)));
    },
    cut: () => {
      isOn = false;
      for (const cancel of pending) cancel();
      pending.clear();
    },
  };
}
