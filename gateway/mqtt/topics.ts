import type { MqttConfig } from '../../config/config.ts';

/** Where everything of one gateway is: all of it below one prefix, so that one rule of the broker gives it to the gateway. */
export interface Topics {
  /** `online` or `offline`, retained. */
  readonly status: string;
  /** How far the readings are with the broker, retained. */
  readonly delivered: string;
  /** The observations of a reading, or the states of an output, of the channel `<device>.<reading>`. */
  observations(channel: string): string;
  /** The newest of them, retained. */
  state(channel: string): string;
  /** Where an output (`<device>.<output>`) takes its orders, and where they are answered. */
  orders(output: string): string;
  answers(output: string): string;
}

/** The topics that a site asks for. A channel's has at least two levels below the prefix, so that none is another's. */
export function topicsOf({ prefix, topic }: Pick<MqttConfig, 'prefix' | 'topic'>): Topics {
  const observations = (channel: string) => {
    const [device = '', reading = ''] = channel.split('.');
    return topic.replace('{device}', device).replace('{reading}', reading);
  };
  return {
    status: `${prefix}/status`,
    delivered: `${prefix}/delivered`,
    observations,
    state: (channel) => `${observations(channel)}/state`,
    orders: (output) => `${observations(output)}/set`,
    answers: (output) => `${observations(output)}/result`,
  };
}
