// What Home Assistant is told, held against what its documentation says that it takes.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Config, DeviceConfig } from '../../config/config.ts';
import { QUANTITIES, UNITS } from '../../drivers/quantities.ts';
import { type Announcement, announcementsOf, ownTopicOf } from '../../gateway/mqtt/discovery.ts';
import { SENSOR_CLASSES, UNIT_TEXTS } from '../../gateway/mqtt/home-assistant-classes.ts';
import { labelOf } from '../../gateway/mqtt/labels.ts';
import { topicsOf } from '../../gateway/mqtt/topics.ts';
import { loadText, ROOT } from '../config/site-files.ts';

interface Documented {
  readonly required: Readonly<Record<string, readonly string[]>>;
  readonly keys: Readonly<Record<string, readonly string[]>>;
  readonly deviceKeys: readonly string[];
  readonly originKeys: readonly string[];
  readonly entityCategories: readonly string[];
  readonly binarySensorClasses: readonly string[];
  readonly sensorClasses: Readonly<
    Record<string, { readonly units: readonly (string | null)[]; readonly stateClasses: readonly string[] }>
  >;
  readonly stateClasses: readonly string[];
}

const DOCUMENTED: Documented = JSON.parse(readFileSync(join(ROOT, 'test/data/home-assistant/discovery.json'), 'utf8'));

const SITE = `schema: gateway/v1
gateway: { id: corner-01, name: { ca: Cantonada, en: Corner } }
mqtt: { url: "mqtts://broker.example.cat", discovery: home-assistant }
buses:
  i2c1: { type: i2c }
  meters: { type: modbus-rtu, port: header, baud: 9600 }
devices:
  air: { board: bme280@1, via: i2c1, name: { ca: Estació, en: Station }, readings: { pressure: { publish: false } } }
  meter: { board: eastron-sdm630@1, via: meters, with: { unit: 1 } }
  plug: { board: pzem-016@1, via: meters, with: { unit: 2 }, readings: { alarm: { enabled: true } } }
  door: { board: contact@1, via: gpio.pin11 }
  hall: { board: motion-pir@1, via: gpio.pin13 }
  rain: { board: rain-gauge@1, via: gpio.pin15, with: { per_tip: 0.2794mm } }
  lamp: { board: relay@1, via: gpio.pin16, outputs: { switch: { safe: off, max_on: 1h, orders: [mqtt, local] } } }
  valve: { board: solenoid-valve@1, via: gpio.pin18, outputs: { open: { name: { ca: Reg, en: Watering } } } }
`;

type Fields = Record<string, unknown>;

async function announced(text: string): Promise<readonly (Announcement & { readonly fields: Fields })[]> {
  const { config, problems } = await loadText(text);
  if (config?.mqtt === undefined) throw new Error(JSON.stringify(problems));
  const all = announcementsOf(config, topicsOf(config.mqtt), config.mqtt.language);
  return all.map((each) => ({ ...each, fields: JSON.parse(each.payload) }));
}

/** What is wrong with a message by the documentation. */
function faultsOf(topic: string, fields: Fields): string[] {
  const [prefix, component = '', node = '', object = '', end] = topic.split('/');
  const faults: string[] = [];
  const known = DOCUMENTED.keys[component];
  if (prefix !== 'homeassistant' || end !== 'config' || known === undefined) return [`no discovery topic: ${topic}`];
  if (!/^[a-zA-Z0-9_-]+$/.test(node) || !/^[a-zA-Z0-9_-]+$/.test(object)) faults.push(`${topic}: no such node or object id`);
  for (const key of Object.keys(fields)) if (!known.includes(key)) faults.push(`${topic}: ${key} is not documented`);
  for (const key of DOCUMENTED.required[component] ?? []) if (!(key in fields)) faults.push(`${topic}: ${key} is missing`);
  const { device, origin, unique_id: id } = fields as { device: Fields; origin: Fields; unique_id: unknown };
  for (const key of Object.keys(device)) if (!DOCUMENTED.deviceKeys.includes(key)) faults.push(`${topic}: device.${key}`);
  for (const key of Object.keys(origin)) if (!DOCUMENTED.originKeys.includes(key)) faults.push(`${topic}: origin.${key}`);
  if (typeof id !== 'string' || !Array.isArray(device['identifiers']) || device['identifiers'].length === 0) {
    faults.push(`${topic}: a device needs a unique_id and identifiers`);
  }
  if ('entity_category' in fields && !DOCUMENTED.entityCategories.includes(String(fields['entity_category'])))
    faults.push('category');
  const deviceClass = fields['device_class'];
  if (
    component === 'binary_sensor' &&
    deviceClass !== undefined &&
    !DOCUMENTED.binarySensorClasses.includes(String(deviceClass))
  ) {
    faults.push(`${topic}: no class ${deviceClass}`);
  }
  if (component !== 'sensor') return faults;
  const stateClass = fields['state_class'];
  if (stateClass !== undefined && !DOCUMENTED.stateClasses.includes(String(stateClass))) faults.push(`${topic}: ${stateClass}`);
  if (deviceClass === undefined) return faults;
  const of = DOCUMENTED.sensorClasses[String(deviceClass)];
  const unit = (fields['unit_of_measurement'] ?? null) as string | null;
  if (of === undefined) faults.push(`${topic}: no class ${deviceClass}`);
  else if (!of.units.includes(unit)) faults.push(`${topic}: ${deviceClass} is not measured in ${unit}`);
  else if (stateClass !== undefined && !of.stateClasses.includes(String(stateClass))) faults.push(`${topic}: ${stateClass}`);
  return faults;
}

describe('a discovery message', () => {
  it('has the keys, classes and units that Home Assistant documents', async () => {
    const all = await announced(SITE);
    expect(all.flatMap(({ topic, fields }) => faultsOf(topic, fields))).toEqual([]);
    expect(all.length).toBeGreaterThan(20);
  });

  it('is found wrong by this test where it is', () => {
    const right = { unique_id: 'x', state_topic: 'a', device: { identifiers: ['x'] }, origin: { name: 'x' } };
    const topic = 'homeassistant/sensor/n/o/config';
    expect(faultsOf(topic, right)).toEqual([]);
    expect(faultsOf(topic, { ...right, device_class: 'temperature', unit_of_measurement: 'degC' })).toHaveLength(1);
    expect(
      faultsOf(topic, { ...right, device_class: 'energy', unit_of_measurement: 'kWh', state_class: 'measurement' }),
    ).toHaveLength(1);
    expect(faultsOf(topic, { ...right, units: 'x' })).toHaveLength(1);
    expect(faultsOf('homeassistant/sensor/n/o.p/config', right)).toHaveLength(1);
  });

  it('is there for every published reading and every output, and for the gateway', async () => {
    const all = await announced(SITE);
    const { config } = await loadText(SITE);
    const expected = [...(config as Config).devices.values()].flatMap(({ id, channels, outputs }) => [
      ...channels.filter(({ publish }) => publish).map(({ reading }) => `${id}.${reading}`),
      ...outputs.map((output) => `${id}.${output.id}`),
    ]);
    expect(all.flatMap(({ channel }) => channel ?? []).sort()).toEqual(expected.sort());
    expect(expected).not.toContain('air.pressure');
    expect(all[0]?.topic).toBe('homeassistant/binary_sensor/barri-corner-01/connection/config');
    const ids = all.map(({ fields }) => fields['unique_id']);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('speaks the language of the site', async () => {
    const named = async (site: string, channel: string) => {
      const found = (await announced(site)).find((each) => each.channel === channel);
      return [found?.fields['name'], (found?.fields['device'] as Fields | undefined)?.['name']];
    };
    expect(await named(SITE, 'air.temperature')).toEqual(['Temperatura de l’aire', 'Estació']);
    expect(await named(SITE, 'valve.open')).toEqual(['Reg', expect.any(String)]);
    expect(await named(`${SITE}web: { languages: [es] }\n`, 'air.humidity')).toEqual(['Humedad relativa', expect.any(String)]);
    expect(await named(`${SITE}web: { languages: [en] }\n`, 'air.temperature')).toEqual(['Air temperature', 'Station']);
  });

  it('calls the only output of a device as the device is called, and several by their ids', async () => {
    const { config } = await loadText(SITE);
    const lamp = config?.devices.get('lamp');
    const [only] = lamp?.outputs ?? [];
    if (config?.mqtt === undefined || lamp === undefined || only === undefined) throw new Error('the site has no lamp');
    const { mqtt } = config;
    const named = (outputs: DeviceConfig['outputs']) => {
      const site = { ...config, devices: new Map([['lamp', { ...lamp, outputs }]]) };
      const all = announcementsOf(site, topicsOf(mqtt), mqtt.language);
      return all.flatMap(({ channel, payload }) => (channel === undefined ? [] : [JSON.parse(payload).name]));
    };
    // For Home Assistant null says that it is the device itself.
    expect(named([only])).toEqual([null]);
    expect(named([{ ...only, name: { ca: 'Fanal', en: 'Lamp' } }])).toEqual(['Fanal']);
    expect(named([only, { ...only, id: 'other', name: { '*': 'other' } }])).toEqual(['Sortida switch', 'Sortida other']);
  });

  it('tells several readings of one quantity apart', async () => {
    const all = await announced(SITE);
    const names = all.filter(({ channel }) => channel?.startsWith('meter.')).map(({ fields }) => fields['name']);
    expect(new Set(names).size).toBe(names.length);
  });

  it('makes a switch of an output that takes orders from there, and of no other', async () => {
    const all = await announced(SITE);
    const lamp = all.find(({ channel }) => channel === 'lamp.switch');
    expect(lamp?.topic).toBe('homeassistant/switch/barri-corner-01/lamp-switch/config');
    expect(lamp?.fields).toMatchObject({
      command_topic: 'barri/corner-01/lamp/switch/set',
      state_topic: 'barri/corner-01/lamp/switch/state',
      payload_on: 'on',
      payload_off: 'off',
      retain: false,
      optimistic: false,
      availability_topic: 'barri/corner-01/status',
    });
    const valve = all.find(({ channel }) => channel === 'valve.open');
    expect(valve?.topic).toContain('/binary_sensor/');
    expect(valve?.fields).not.toHaveProperty('command_topic');
  });

  it('names board and maker, and the gateway that everything goes through', async () => {
    const all = await announced(SITE);
    const device = all.find(({ channel }) => channel === 'meter.power')?.fields['device'] as Fields;
    expect(device).toMatchObject({
      identifiers: ['barri-corner-01-meter'],
      manufacturer: 'Eastron',
      via_device: 'barri-corner-01',
    });
    expect(device['model']).toMatch(/SDM630/);
    expect(all[0]?.fields['device']).toMatchObject({ identifiers: ['barri-corner-01'] });
  });

  it('lets a value expire that is not renewed, unless it is sent when it changes only', async () => {
    const site = SITE.replace('pressure: { publish: false }', 'humidity: { report: { on_change: true } }');
    const all = await announced(site);
    const of = (channel: string) => all.find((each) => each.channel === channel)?.fields;
    // Three periods of 60 s, and as often what the journal may wait.
    expect(of('air.temperature')).toMatchObject({ expire_after: 183 });
    expect(of('air.humidity')).not.toHaveProperty('expire_after');
  });
});

it('knows every quantity by a name in three languages', () => {
  for (const id of QUANTITIES.keys()) {
    for (const language of ['ca', 'es', 'en'])
      expect({ id, label: labelOf(id, language) }).toEqual({ id, label: expect.any(String) });
  }
});

it('classifies only what exists here, in units that it can have', () => {
  for (const [quantity, { deviceClass, units }] of Object.entries(SENSOR_CLASSES)) {
    for (const unit of units) {
      expect(Object.keys(QUANTITIES.get(quantity)?.units ?? {})).toContain(unit);
      const shown = UNIT_TEXTS[unit] ?? UNITS.get(unit)?.symbol ?? '';
      expect({ quantity, units: DOCUMENTED.sensorClasses[deviceClass]?.units }).toEqual({
        quantity,
        units: expect.arrayContaining([shown === '' ? null : shown]),
      });
    }
  }
});

it.each([
  ['homeassistant/sensor/barri-corner-01/air-temperature/config', 'air.temperature'],
  ['homeassistant/binary_sensor/barri-corner-01/connection/config', ''],
  ['homeassistant/sensor/barri-corner-02/air-temperature/config', undefined],
  ['homeassistant/sensor/barri-corner-01/air-temperature/state', undefined],
  ['barri/corner-01/air/temperature', undefined],
])('takes %s for %s', (topic, channel) => {
  expect(ownTopicOf(topic, 'corner-01')).toBe(channel);
});
