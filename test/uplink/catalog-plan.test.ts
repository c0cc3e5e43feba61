// What the city's catalogue has to be told, from what it lists (sentilo.md §1.6.3) and what a site says.

import { expect, test } from 'vitest';
import { listingOf } from '../../gateway/uplink/catalog-listing.ts';
import { planCatalog } from '../../gateway/uplink/catalog-plan.ts';
import { wantedOf } from '../../gateway/uplink/catalog-wanted.ts';
import { loadText } from '../config/site-files.ts';

const SITE = `schema: gateway/v1
gateway: { id: school, name: { ca: Escola }, location: { lat: 41.4036, lon: 2.2038 } }
sentilo:
  url: http://127.0.0.1:8081
  provider: rec
  token: { secret: sentilo_token }
  component: { type: meteo, public: true, energy: SOLAR_BAT }
  types: { relative_humidity: humidity_x }
buses: { i2c1: { type: i2c } }
devices:
  air:
    board: bme280@1
    name: { es: Aire, ca: L'aire }
    via: i2c1
    component: yard
    readings: { pressure: { publish: false }, temperature: { sentilo: { type: outdoor_temperature } } }
  door: { board: contact@1, via: gpio.pin13 }
`;

async function wanted() {
  const { config } = await loadText(SITE);
  if (config === undefined) throw new Error('the site has errors');
  return wantedOf(config);
}

/** An answer of the real server: sensor and component in one, coordinates as Java prints them. */
const listed = (...sensors: object[]) => {
  const body = {
    providers: [
      { provider: 'other', permission: 'READ', sensors: [{ sensor: 'x', component: 'yard' }] },
      { provider: 'rec', permission: 'ADMIN', sensors },
    ],
  };
  return listingOf(Buffer.from(JSON.stringify(body)), 'rec') ?? [];
};

const YARD = {
  component: 'yard',
  componentType: 'meteo',
  componentPublicAccess: true,
  location: '41.4036 2.2038',
  componentTechnicalDetails: { energy: 'SOLAR_BAT' },
};
const TEMPERATURE = {
  sensor: 'yard-air-temperature',
  type: 'outdoor_temperature',
  dataType: 'NUMBER',
  unit: '°C',
  description: "L'aire: temperature",
  ...YARD,
};
const HUMIDITY = { ...TEMPERATURE, sensor: 'yard-air-humidity', type: 'humidity_x', unit: '%', description: "L'aire: humidity" };

test('a site wants every reading that is published, with the types that it says', async () => {
  const { sensors, components } = await wanted();
  expect(sensors).toEqual([
    {
      sensor: 'yard-air-temperature',
      component: 'yard',
      type: 'outdoor_temperature',
      dataType: 'NUMBER',
      unit: '°C',
      description: "L'aire: temperature",
    },
    {
      sensor: 'yard-air-humidity',
      component: 'yard',
      type: 'humidity_x',
      dataType: 'NUMBER',
      unit: '%',
      description: "L'aire: humidity",
    },
    {
      sensor: 'school-door-closed',
      component: 'school',
      type: 'status',
      dataType: 'BOOLEAN',
      description: 'Polsador o contacte: closed',
    },
  ]);
  const place = { componentType: 'meteo', location: '41.4036 2.2038', isPublic: true, energy: 'SOLAR_BAT' };
  expect([...components.values()]).toEqual([
    { component: 'yard', ...place },
    { component: 'school', ...place },
  ]);
});

test('what the catalogue lacks is created, and nothing else', async () => {
  const plan = planCatalog(await wanted(), listed(TEMPERATURE, HUMIDITY));
  expect(plan).toEqual({
    create: [expect.objectContaining({ sensor: 'school-door-closed' })],
    changeSensors: [],
    changeComponents: [],
    misplaced: [],
    gone: [],
    sameCount: 2,
  });
  expect(planCatalog(await wanted(), listingOf(Buffer.from('{}'), 'rec') ?? []).create).toHaveLength(3);
});

test('what differs is named field by field; coordinates that are printed otherwise do not differ', async () => {
  const moved = {
    location: '41.40360000000001 2.5',
    componentTechnicalDetails: { energy: '220VAC' },
    componentPublicAccess: 'false',
  };
  const { unit: _, ...bare } = { ...TEMPERATURE, ...moved, description: 'old', type: 'temperature' };
  const plan = planCatalog(await wanted(), listed(bare, { ...HUMIDITY, ...moved }));
  expect(plan.changeSensors.map(({ sensor, differences }) => [sensor.sensor, differences])).toEqual([
    [
      'yard-air-temperature',
      [
        { field: 'type', from: 'temperature', to: 'outdoor_temperature' },
        { field: 'unit', from: '', to: '°C' },
        { field: 'description', from: 'old', to: "L'aire: temperature" },
      ],
    ],
  ]);
  expect(plan.changeComponents.map(({ component, differences }) => [component.component, differences])).toEqual([
    [
      'yard',
      [
        { field: 'location', from: '41.40360000000001 2.5', to: '41.4036 2.2038' },
        { field: 'componentPublicAccess', from: 'false', to: 'true' },
        { field: 'energy', from: '220VAC', to: 'SOLAR_BAT' },
      ],
    ],
  ]);
  const same = planCatalog(await wanted(), listed({ ...TEMPERATURE, location: '41.40360000000001 2.2038' }, HUMIDITY));
  expect(same.changeComponents).toEqual([]);
});

test('a sensor of another component cannot be changed, and one that is no longer in the file is named', async () => {
  const elsewhere = { ...HUMIDITY, component: 'roof' };
  const old = { ...TEMPERATURE, sensor: 'yard-old-temperature' };
  const plan = planCatalog(
    await wanted(),
    listed(TEMPERATURE, elsewhere, old, { ...old, sensor: 'other', component: 'not-ours' }),
  );
  expect(plan.misplaced).toEqual([{ sensor: 'yard-air-humidity', from: 'roof', to: 'yard' }]);
  expect(plan.gone).toEqual(['yard-old-temperature']);
});

test.each(['', 'no JSON', '[]', '"text"', 'null', '{"providers":3}'])(
  'an answer that is none of a catalogue is no empty catalogue: %s',
  (body) => {
    expect(listingOf(Buffer.from(body), 'rec')).toBeUndefined();
  },
);

test('a sensor that belongs to another component there is none that is as the site says', async () => {
  const site = await wanted();
  const there = listed({ ...TEMPERATURE, component: 'roof' }, HUMIDITY);
  const { misplaced, changeSensors, sameCount } = planCatalog(site, there);
  expect(misplaced).toEqual([{ sensor: 'yard-air-temperature', from: 'roof', to: 'yard' }]);
  expect([changeSensors.length, sameCount]).toEqual([0, 1]);
});
