import type { Config } from '../../config/config.ts';
import type { Journal } from '../journal/journal.ts';
import type { OrderOutcome, OrderRequest, Outputs } from '../outputs/output.ts';
import type { UplinkTime } from '../timekeeper.ts';
import { type Commanded, openCommands } from './commands.ts';
import { announcementsOf } from './discovery.ts';
import { openHomeAssistant } from './home-assistant.ts';
import { topicsOf } from './topics.ts';
import { type MqttHost, type MqttLogin, type MqttUplink, openMqtt } from './uplink.ts';

/** What a running gateway has for a broker. */
export interface MqttSite {
  readonly host: MqttHost;
  readonly journal: Journal;
  readonly time: Pick<UplinkTime, 'timeOf' | 'onChange'>;
  /** Who the gateway is to the broker, as its site names it. */
  readonly login: MqttLogin;
  /** The way to the outputs. */
  readonly order: (request: OrderRequest) => Promise<OrderOutcome>;
  /** Takes what became no order of an output. */
  readonly refused: Outputs['refused'];
  /** Tells the newest order of an output from all others, whoever gave it. */
  readonly newest: (output: string) => string | undefined;
  /** Takes what no order can be the reason of. */
  readonly fatal: (error: unknown) => void;
}

/**
 * The delivery to a site's broker; undefined when it has none. Nothing is sent before its `run`.
 * @throws JournalError
 */
export async function openMqttOf(config: Config, site: MqttSite): Promise<MqttUplink | undefined> {
  const { mqtt, gateway, devices } = config;
  if (mqtt === undefined) return undefined;
  const { host, journal, time, login, order, refused, newest, fatal } = site;
  const topics = topicsOf(mqtt);
  const outputs = [...devices.values()].flatMap((device) =>
    device.outputs
      .filter(({ orders }) => orders.includes('mqtt'))
      .map(({ id, safe }): Commanded => ({ output: `${device.id}.${id}`, safe })),
  );
  const announcements = announcementsOf(config, topics, mqtt.language);
  return await openMqtt({
    config: mqtt,
    login,
    // The same at every start, so that the broker ends a connection that it takes for open still.
    clientId: `barri-${gateway.id}`,
    host,
    journal,
    time,
    topics,
    commands: openCommands({ host, time, topics, outputs, order, refused, newest, fatal }),
    ...(mqtt.discovery === 'home-assistant' && {
      homeAssistant: openHomeAssistant({ host, gateway: gateway.id, journal, time, topics, announcements }),
    }),
  });
}
