import type { ChannelConfig, Config, DeviceConfig, OutputConfig } from '../../config/config.ts';
import { UNITS } from '../../drivers/quantities.ts';
import { VERSION } from '../version.ts';
import { BINARY_CLASSES, SENSOR_CLASSES, type StateClass, UNIT_TEXTS } from './home-assistant-classes.ts';
import { connectionLabel, labelOf, outputLabel, textIn } from './labels.ts';
import type { Topics } from './topics.ts';

/** Where Home Assistant looks for what there is, and says that it has come. */
const PREFIX = 'homeassistant';
export const DISCOVERY_STATUS = `${PREFIX}/status`;
/** A value that has not been renewed for so many of its periods is not shown any more. */
const PERIODS_UNTIL_OLD = 3;
const ON_OFF = "{{ 'on' if value_json.value else 'off' }}";

/** One message that makes something appear in Home Assistant. */
export interface Announcement {
  readonly topic: string;
  readonly payload: string;
  /** What it shows (`<device>.<reading>` or `<device>.<output>`), if that is one thing. */
  readonly channel?: string;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Every reading that is published, every output, and the gateway itself, as Home Assistant's MQTT discovery wants them
 * (www.home-assistant.io/integrations/mqtt, "MQTT discovery"). Ids stay what they are for as long as those in the file do.
 */
export function announcementsOf(config: Config, topics: Topics, language: string): readonly Announcement[] {
  const { gateway, devices, buffer } = config;
  const here = `barri-${gateway.id}`;
  const origin = { name: 'Barri', sw_version: VERSION };
  const common = {
    availability_topic: topics.status,
    payload_available: 'online',
    payload_not_available: 'offline',
    qos: 1,
    origin,
  };
  const announcement = (component: string, objectId: string, fields: Fields, channel?: string): Announcement => ({
    topic: `${PREFIX}/${component}/${here}/${objectId}/config`,
    payload: JSON.stringify({ unique_id: `${here}-${objectId}`, ...fields }),
    ...(channel !== undefined && { channel }),
  });
  const all: Announcement[] = [
    // First, because the devices name it.
    announcement('binary_sensor', 'connection', {
      name: connectionLabel(language),
      device_class: 'connectivity',
      entity_category: 'diagnostic',
      state_topic: topics.status,
      payload_on: 'online',
      payload_off: 'offline',
      qos: 1,
      device: {
        identifiers: [here],
        name: textIn(gateway.name, language),
        manufacturer: 'Barri',
        model: 'Barri gateway',
        sw_version: VERSION,
      },
      origin,
    }),
  ];
  for (const device of devices.values()) {
    const shown = { ...common, device: deviceBlock(device, here, language) };
    for (const channel of device.channels.filter(({ publish }) => publish)) {
      const id = `${device.id}.${channel.reading}`;
      const fields = { name: channelName(channel, device.channels, language), state_topic: topics.state(id), ...shown };
      const [component, more] =
        channel.unit === 'bool'
          ? (['binary_sensor', binaryFields(channel)] as const)
          : (['sensor', sensorFields(channel)] as const);
      const expiry = expiryFields(channel, device.everyMs, buffer.syncMs);
      all.push(announcement(component, `${device.id}-${channel.reading}`, { ...fields, ...more, ...expiry }, id));
    }
    for (const output of device.outputs) {
      const id = `${device.id}.${output.id}`;
      const fields = { name: outputName(output, device.outputs, language), state_topic: topics.state(id), ...shown };
      const [component, more] = outputFields(output, topics.orders(id));
      all.push(announcement(component, `${device.id}-${output.id}`, { ...fields, ...more }, id));
    }
  }
  return all;
}

/** Under which everything that this gateway ever announced is found. */
export function configFilterOf(gateway: string): string {
  return `${PREFIX}/+/barri-${gateway}/+/config`;
}

/** Whose announcement this is: the channel, empty for the gateway itself, undefined when it is not one of this gateway. */
export function ownTopicOf(topic: string, gateway: string): string | undefined {
  const [prefix, , node, objectId = '', end] = topic.split('/');
  if (prefix !== PREFIX || node !== `barri-${gateway}` || end !== 'config') return undefined;
  const match = /^([a-z][a-z0-9_]*)-([a-z][a-z0-9_]*)$/.exec(objectId);
  return match === null ? '' : `${match[1]}.${match[2]}`;
}

/** What kind of thing a discovery message is of, such as `sensor`; undefined for every other topic. */
export function kindOf(topic: string): string | undefined {
  const [prefix, kind] = topic.split('/');
  return prefix === PREFIX ? kind : undefined;
}

function deviceBlock({ id, name, board, product }: DeviceConfig, gateway: string, language: string): Fields {
  return {
    identifiers: [`${gateway}-${id}`],
    name: textIn(name, language),
    ...(product?.vendor !== undefined && { manufacturer: product.vendor }),
    model: product === undefined ? board : textIn(product.label, language),
    via_device: gateway,
  };
}

/** What the site calls it, else what is measured; with its id where that would be the name of two. */
function channelName({ name, reading, quantity }: ChannelConfig, all: readonly ChannelConfig[], language: string): string {
  // A reading that nobody has named bears its id.
  if (name['*'] !== reading) return textIn(name, language);
  const label = labelOf(quantity, language);
  if (label === undefined) return reading;
  return all.filter((each) => each.quantity === quantity).length > 1 ? `${label} (${reading})` : label;
}

/** What the site calls it. The only one of its device is the device, which null says; of several each has its id. */
function outputName({ id, name }: OutputConfig, all: readonly OutputConfig[], language: string): string | null {
  if (name['*'] === id && all.length === 1) return null;
  return name['*'] === id ? `${outputLabel(language)} ${id}` : textIn(name, language);
}

function binaryFields({ quantity }: ChannelConfig): Fields {
  const deviceClass = BINARY_CLASSES[quantity];
  return {
    ...(deviceClass !== undefined && { device_class: deviceClass }),
    payload_on: 'on',
    payload_off: 'off',
    value_template: ON_OFF,
  };
}

function sensorFields({ quantity, unit, kind }: ChannelConfig): Fields {
  const known = SENSOR_CLASSES[quantity];
  const fitting = known?.units.includes(unit) === true ? known : undefined;
  const symbol = UNIT_TEXTS[unit] ?? UNITS.get(unit)?.symbol ?? '';
  const stateClass = stateClassOf(kind);
  const takes = unit !== 'text' && (fitting === undefined || fitting.stateClasses.includes(stateClass ?? 'measurement'));
  return {
    ...(fitting !== undefined && { device_class: fitting.deviceClass }),
    ...(symbol !== '' && { unit_of_measurement: symbol }),
    ...(stateClass !== undefined && takes && { state_class: stateClass }),
    value_template: '{{ value_json.value }}',
  };
}

/** What its values mean over time; what came since the value before is, to Home Assistant, measured anew each time. */
function stateClassOf(kind: ChannelConfig['kind']): StateClass | undefined {
  if (kind === 'total') return 'total_increasing';
  return kind === 'gauge' || kind === 'rate' || kind === 'delta' ? 'measurement' : undefined;
}

/** A device that is gone must not be seen with its last values for ever. What is sent only when it changes may stay as it is. */
function expiryFields({ report }: ChannelConfig, everyMs: number, syncMs: number): Fields {
  const periodMs = report === undefined ? everyMs : 'windowMs' in report ? report.windowMs : report.atLeastMs;
  if (periodMs === undefined) return {};
  return { expire_after: Math.ceil((PERIODS_UNTIL_OLD * (periodMs + syncMs)) / 1000) };
}

function outputFields({ orders }: OutputConfig, commandTopic: string): readonly ['switch' | 'binary_sensor', Fields] {
  const fields = { payload_on: 'on', payload_off: 'off', value_template: ON_OFF };
  if (!orders.includes('mqtt')) return ['binary_sensor', fields];
  const more = { command_topic: commandTopic, state_on: 'on', state_off: 'off', optimistic: false, retain: false };
  return ['switch', { ...fields, ...more }];
}
