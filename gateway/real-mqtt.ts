import { type IClientOptions, connect as open } from 'mqtt';
import { type MqttConnection, MqttError, type MqttOptions } from './host.ts';

/** What a broker that does not say otherwise takes at once (MQTT 5.0, §3.2.2.3.3). */
const IN_FLIGHT_MAX = 65_535;
/** From here on a reason code says that something was refused (MQTT 5.0, §2.4). */
const FAILURE_MIN = 0x80;
/** The package's words for a reason code that MQTT does not have for an acknowledgement, over which it ends the connection. */
const BAD_ACKNOWLEDGEMENT = /^Invalid pub(?:ack|rec) reason code/;
/** Of a client that goes and wants its will to be sent (§3.14.2.1). */
const DISCONNECT_WITH_WILL = 0x04;

/** The real network: MQTT 5.0 over TCP or TLS, checked against the system's authorities, or the one that is given. See `Mqtt`. */
export function connectMqtt(options: MqttOptions, signal: AbortSignal): Promise<MqttConnection> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const client = open(options.url, clientOptions(options));
    const waiting = new Set<(error: MqttError) => void>();
    let state: 'opening' | 'open' | 'ended' = 'opening';
    const end = () => {
      state = 'ended';
      signal.removeEventListener('abort', onAbort);
      client.end(true);
    };
    const lost = (error: MqttError) => {
      if (state === 'ended') return;
      const wasOpen = state === 'open';
      end();
      if (!wasOpen) return reject(error);
      for (const fail of [...waiting]) fail(error);
      options.onLost(error);
    };
    const onAbort = () => {
      if (state !== 'opening') return;
      end();
      reject(signal.reason);
    };
    /** Settles with what the package says, or with the loss of the connection, after which the package may say nothing. */
    const asked = (ask: (done: (error?: Error | null) => void) => void): Promise<void> =>
      new Promise((settle, fail) => {
        if (state !== 'open') return fail(new MqttError('CLOSED', 'the connection is closed'));
        waiting.add(fail);
        ask((error) => {
          waiting.delete(fail);
          if (error) fail(asMqttError(error));
          else settle();
        });
      });
    signal.addEventListener('abort', onAbort, { once: true });
    client.on('error', (error) => lost(asMqttError(error)));
    client.on('disconnect', ({ reasonCode = 0 }) => lost(refused(`the broker ended the connection (${reasonCode})`, reasonCode)));
    client.on('close', () => lost(new MqttError('CLOSED', 'the connection was closed')));
    client.on('message', (topic, payload, { retain }) => {
      if (state === 'open') options.onMessage({ topic, payload, isRetained: retain });
    });
    client.on('connect', ({ properties }) => {
      state = 'open';
      resolve({
        inFlightMax: properties?.receiveMaximum ?? IN_FLIGHT_MAX,
        packetBytesMax: properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY,
        publish: (topic, payload, delivery) => asked((done) => client.publish(topic, payload, delivery, done)),
        subscribe: (topic) => asked((done) => client.subscribe(topic, { qos: 1, nl: true }, done)),
        close: () => {
          if (state !== 'open') return Promise.resolve();
          state = 'ended';
          return client.endAsync({ reasonCode: DISCONNECT_WITH_WILL });
        },
        drop: end,
      });
    });
  });
}

/** Nothing of the package's own queue, store, repetition and timers: whoever called knows what is to be sent again, and when. */
function clientOptions({ clientId, username, password, ca, will, ...options }: MqttOptions): IClientOptions {
  return {
    protocolVersion: 5,
    clean: true,
    clientId,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(ca !== undefined && { ca }),
    will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: true },
    properties: { maximumPacketSize: options.messageBytesMax },
    keepalive: Math.ceil(options.keepaliveMs / 1000),
    connectTimeout: options.timeoutMs,
    timerVariant: 'native',
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    autoUseTopicAlias: false,
  };
}

function refused(message: string, reason: number): MqttError {
  return reason >= FAILURE_MIN ? new MqttError('REFUSED', message, reason) : new MqttError('CLOSED', message);
}

/** The package's errors carry the operating system's code, or a reason of the broker as a number, or a text alone. */
function asMqttError(error: Error & { readonly code?: unknown; readonly packet?: unknown }): MqttError {
  if (error instanceof MqttError) return error;
  const { granted } = (error.packet ?? {}) as { readonly granted?: readonly unknown[] };
  const code = granted?.find((each) => typeof each === 'number' && each >= FAILURE_MIN) ?? error.code;
  if (typeof code === 'number') return new MqttError('REFUSED', error.message, code, { cause: error });
  if (typeof code === 'string') return new MqttError(code, error.message, undefined, { cause: error });
  if (BAD_ACKNOWLEDGEMENT.test(error.message))
    return new MqttError('BAD_ACKNOWLEDGEMENT', error.message, undefined, { cause: error });
  const isLate = /timeout/i.test(error.message);
  return new MqttError(isLate ? 'TIMEOUT' : 'CLOSED', error.message, undefined, { cause: error });
}
