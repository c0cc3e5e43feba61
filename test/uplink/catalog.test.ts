// The catalogue client against the simulated city, which shares no code with it.

import { describe, expect, test } from 'vitest';
import { HttpError, type HttpRequest } from '../../gateway/host.ts';
import { maskOf } from '../../gateway/uplink/answer.ts';
import { type Catalog, CatalogError, openCatalog } from '../../gateway/uplink/catalog.ts';
import { listingOf } from '../../gateway/uplink/catalog-listing.ts';
import type { Wanted, WantedSensor } from '../../gateway/uplink/catalog-wanted.ts';
import { VirtualClock } from '../../simulator/clock.ts';
import type { Fault } from '../../simulator/faults.ts';
import { createRandom } from '../../simulator/random.ts';
import { createCity } from '../../simulator/sentilo/city.ts';
import { cityHttp } from '../../simulator/sentilo/city-http.ts';
import type { World } from '../../simulator/sentilo/world.ts';
import { turn } from '../../simulator/wire/turn.ts';
import { WORLD as ANY_WORLD } from '../simulator/sentilo/support.ts';
import { TestClock } from '../support/test-clock.ts';
import { answerOf } from './support.ts';

const START_MS = 1_795_608_000_000;
const PROVIDER = 'makers@poblenou';

const WORLD: World = {
  entities: [{ id: PROVIDER, kind: 'provider', token: 'secret', isActive: true, isHttpsOnly: false, quotaPerHour: 0 }],
  permissions: [],
  sensors: [],
  alerts: [],
  sensorTypes: ['temperature', 'humidity'],
  componentTypes: ['generic', 'meteo'],
  settings: ANY_WORLD.settings,
};

function rig(faults: Fault[] = [], bodyBytesMax = 0) {
  const clock = new VirtualClock(START_MS, turn);
  const city = createCity({ ...WORLD, settings: { ...WORLD.settings, bodyBytesMax } }, { startedMs: START_MS });
  const requests: { readonly method: string; readonly body: string }[] = [];
  const ask = cityHttp(city, clock, { faults, latencyMs: 40, random: createRandom(1) });
  const http = (request: HttpRequest, signal: AbortSignal) => {
    requests.push({ method: request.method, body: Buffer.from(request.body ?? new Uint8Array()).toString() });
    return ask(request, signal);
  };
  const config = { url: 'http://city.test:8081', provider: PROVIDER };
  const catalog = openCatalog({ http, clock }, { config, token: 'secret', mask: (text) => text, userAgent: 'test' });
  const steps: string[] = [];
  const { signal } = new AbortController();
  const apply = (wanted: Wanted) => clock.run(catalog.apply(wanted, (step, ids) => steps.push(`${step} ${ids.length}`), signal));
  return { clock, city, catalog, requests, steps, apply, signal };
}

const sensor = (id: number | string, over: Partial<WantedSensor> = {}): WantedSensor => ({
  sensor: `yard-air-${id}`,
  component: 'yard',
  type: 'temperature',
  dataType: 'NUMBER',
  description: `Air ${id}`,
  unit: '°C',
  ...over,
});

const wanted = (sensors: readonly WantedSensor[], location = '41.4036 2.2038', componentType = 'meteo'): Wanted => ({
  sensors,
  components: new Map([['yard', { component: 'yard', componentType, location, isPublic: true, energy: 'SOLAR_BAT' }]]),
});

const listedIds = async (catalog: Catalog, clock: VirtualClock) =>
  (await clock.run(catalog.list(new AbortController().signal))).map((each) => each.sensor).toSorted();

describe('a provider with very many sensors', () => {
  // Their listing has no pages, and is longer than any answer about readings.
  test('is listed all the same', { timeout: 60_000 }, async () => {
    const { apply, catalog, clock, city, signal } = rig();
    const all = wanted(Array.from({ length: 4_000 }, (_, i) => sensor(i)));
    expect((await apply(all)).created).toHaveLength(4_000);
    const headers = [['IDENTITY_KEY', 'secret']] as const;
    const listing = city.handle({ method: 'GET', target: `/catalog/${PROVIDER}`, headers, body: new Uint8Array() }, START_MS);
    expect(listing.body.length).toBeGreaterThan(1_048_576);
    expect(await clock.run(catalog.list(signal))).toHaveLength(4_000);
    expect(await apply(all)).toEqual({ created: [], changed: [], refused: new Map() });
  });

  test('whose listing is too long even so is told as that', async () => {
    const http = async () => {
      throw new HttpError('TOO_LONG', true, 'the answer is longer than 33554432 bytes');
    };
    const options = { config: { url: 'http://city.test', provider: 'p' }, token: 't', mask: maskOf('t'), userAgent: 'b' };
    const listing = openCatalog({ http, clock: new TestClock() }, options).list(new AbortController().signal);
    await expect(listing).rejects.toMatchObject({ problem: { code: 'S005' } });
  });
});

describe('what the city lacks', () => {
  test('is registered some fifty at a time, once, with its component', async () => {
    const { apply, steps, catalog, clock, requests } = rig();
    const all = wanted(Array.from({ length: 120 }, (_, i) => sensor(i)));
    expect(await apply(all)).toMatchObject({ changed: [], refused: new Map() });
    expect(steps).toEqual(['created 50', 'created 50', 'created 20']);
    expect(await listedIds(catalog, clock)).toHaveLength(120);
    const [first] = await clock.run(catalog.list(new AbortController().signal));
    expect(first).toMatchObject({ componentType: 'meteo', location: '41.4036 2.2038', isPublic: true, energy: 'SOLAR_BAT' });
    requests.length = 0;
    expect(await apply(all)).toEqual({ created: [], changed: [], refused: new Map() });
    expect(requests.map(({ method }) => method)).toEqual(['GET']);
  });

  test('is registered but for what the city does not take, which is named with its words', async () => {
    const { apply, catalog, clock } = rig();
    const { created, refused } = await apply(wanted([sensor(1), sensor(2, { type: 'wind' }), sensor(3)]));
    expect(created).toEqual(['yard-air-1', 'yard-air-3']);
    expect([...refused]).toEqual([['yard-air-2', 'Sensor yard-air-2: invalid value for field type (wind).']]);
    expect(await listedIds(catalog, clock)).toEqual(['yard-air-1', 'yard-air-3']);
  });

  test('and is known to nobody but the city: its types are asked for without registering anything', async () => {
    const { catalog, clock, signal } = rig();
    expect(await clock.run(catalog.unknownTypes('type', ['temperature', 'wind', 'humidity', 'rain'], signal))).toEqual([
      'wind',
      'rain',
    ]);
    expect(await listedIds(catalog, clock)).toEqual([]);
  });

  test.each([401, 403, 429, 500, 503])(
    'and not found out of a city that answers %i, which knows no type by that',
    async (status) => {
      const http = async () => answerOf(status, { code: status, message: 'no' });
      const options = { config: { url: 'http://city.test', provider: 'p' }, token: 't', mask: maskOf('t'), userAgent: 'b' };
      const { unknownTypes } = openCatalog({ http, clock: new TestClock() }, options);
      const { signal } = new AbortController();
      for (const field of ['type', 'componentType'] as const)
        await expect(unknownTypes(field, ['wind'], signal)).rejects.toThrow(CatalogError);
    },
  );

  test.each([
    [
      'a request that is too long',
      { message: 'Unable to read message. Request payload size is too large. Maximum is 300 bytes' },
    ],
    ['an address that is none', { message: 'Invalid path was requested:/catalog/x' }],
    ['what somebody else had to say', { message: 'SIE03 Bad request data', errorDetails: ['at com.fasterxml.jackson'] }],
  ])('and not found out of a refusal of %s, which knows every type by that', async (_what, said) => {
    const http = async () => answerOf(400, { code: 400, ...said });
    const options = { config: { url: 'http://city.test', provider: 'p' }, token: 't', mask: maskOf('t'), userAgent: 'b' };
    const { unknownTypes } = openCatalog({ http, clock: new TestClock() }, options);
    const { signal } = new AbortController();
    for (const field of ['type', 'componentType'] as const)
      await expect(unknownTypes(field, ['wind'], signal)).rejects.toMatchObject({ problem: { code: 'S400' } });
  });

  test('is told of as far as it was registered, where the city refuses the rest', async () => {
    const { city, clock, signal } = rig();
    const ask = cityHttp(city, clock, { faults: [], latencyMs: 40, random: createRandom(1) });
    const http: typeof ask = (request, stop) =>
      request.method === 'PUT' ? Promise.resolve(answerOf(403, { code: 403, message: 'no' })) : ask(request, stop);
    const config = { url: 'http://city.test:8081', provider: PROVIDER };
    const catalog = openCatalog({ http, clock }, { config, token: 'secret', mask: (text) => text, userAgent: 'test' });
    await clock.run(catalog.apply(wanted([sensor(1)]), () => {}, signal));
    const all = wanted([sensor(1, { description: 'Roof' }), sensor(2), sensor(3, { type: 'wind' })]);
    await expect(clock.run(catalog.apply(all, () => {}, signal))).rejects.toMatchObject({
      problem: { code: 'S403' },
      applied: { created: ['yard-air-2'], changed: [], refused: new Map([['yard-air-3', expect.stringContaining('wind')]]) },
    });
  });

  test('is looked for again after an answer was lost, and not registered twice', async () => {
    const { apply, catalog, clock, steps } = rig([{ at: 'city', kind: 'drop-answer', rate: 1, fromMs: 30, toMs: 60 }]);
    const { created } = await apply(wanted(Array.from({ length: 60 }, (_, i) => sensor(i))));
    expect(steps).toEqual(['looking-again 0', 'created 10']);
    expect(created).toHaveLength(10);
    expect(await listedIds(catalog, clock)).toHaveLength(60);
  });
});

test('what the city shows otherwise is changed, always with its place', async () => {
  const { apply, requests, catalog, clock } = rig();
  await apply(wanted([sensor(1), sensor(2)]));
  requests.length = 0;
  const { changed } = await apply(wanted([sensor(1, { description: 'Roof' }), sensor(2)], '41.5 2.25'));
  expect(changed).toEqual(['yard-air-1', 'yard']);
  const puts = requests.filter(({ method }) => method === 'PUT').map(({ body }) => JSON.parse(body));
  expect(puts).toEqual([
    { sensors: [{ sensor: 'yard-air-1', type: 'temperature', dataType: 'NUMBER', description: 'Roof', unit: '°C' }] },
    {
      components: [
        {
          component: 'yard',
          componentType: 'meteo',
          location: '41.5 2.25',
          componentPublicAccess: true,
          componentTechnicalDetails: { energy: 'SOLAR_BAT' },
        },
      ],
    },
  ]);
  const [first] = await clock.run(catalog.list(new AbortController().signal));
  expect(first).toMatchObject({ description: 'Roof', location: '41.5 2.25' });
});

describe('of what the city shows otherwise', () => {
  const listed = async (catalog: Catalog, clock: VirtualClock) => await clock.run(catalog.list(new AbortController().signal));

  test('a sensor that it does not take is named with its words, and the others and their component are changed', async () => {
    const { apply, catalog, clock } = rig();
    await apply(wanted([sensor(1), sensor(2), sensor(3)]));
    const all = [sensor(1, { description: 'Roof' }), sensor(2, { type: 'wind' }), sensor(3, { description: 'Shed' })];
    const { changed, refused } = await apply(wanted(all, '41.5 2.25'));
    expect(changed).toEqual(['yard-air-1', 'yard-air-3', 'yard']);
    expect([...refused]).toEqual([['yard-air-2', 'Sensor yard-air-2: invalid value for field type (wind).']]);
    expect((await listed(catalog, clock)).map(({ description, location }) => [description, location])).toEqual([
      ['Roof', '41.5 2.25'],
      ['Air 2', '41.5 2.25'],
      ['Shed', '41.5 2.25'],
    ]);
  });

  test('a component that it does not take is named, and the sensors are changed', async () => {
    const { apply } = rig();
    await apply(wanted([sensor(1)]));
    const { changed, refused } = await apply(wanted([sensor(1, { description: 'Roof' })], '41.5 2.25', 'greenhouse'));
    expect(changed).toEqual(['yard-air-1']);
    expect([...refused]).toEqual([['yard', 'Component yard: invalid value for field componentType (greenhouse).']]);
  });

  test.each([
    ['created', []],
    ['changed', Array.from({ length: 60 }, (_, i) => sensor(i, { description: 'Old' }))],
  ])('and takes only in short requests is %s in such', async (step, before) => {
    const { apply, steps } = rig([], 4_096);
    // Ten of them fit.
    for (let from = 0; from < before.length; from += 10) await apply(wanted(before.slice(0, from + 10)));
    steps.length = 0;
    const all = Array.from({ length: 60 }, (_, i) => sensor(i));
    const applied = await apply(wanted(all));
    expect(applied.refused.size).toBe(0);
    expect(new Set(step === 'created' ? applied.created : applied.changed).size).toBe(60);
    expect(steps.length).toBeGreaterThan(1);
  });

  test('one that it refuses without saying which is found', async () => {
    const { city, clock, catalog, signal } = rig();
    const refusal = Buffer.from('{"code":400,"message":"SIE03 Bad request data","errorDetails":["at com.fasterxml.jackson"]}');
    const ask = cityHttp(city, clock, { faults: [], latencyMs: 40, random: createRandom(1) });
    const http: typeof ask = (request, stop) =>
      Buffer.from(request.body ?? '').includes('Bad words')
        ? Promise.resolve({ status: 400, headers: {}, body: refusal })
        : ask(request, stop);
    const config = { url: 'http://city.test:8081', provider: PROVIDER };
    const picky = openCatalog({ http, clock }, { config, token: 'secret', mask: (text) => text, userAgent: 'test' });
    const all = Array.from({ length: 20 }, (_, i) => sensor(i, i === 7 ? { description: 'Bad words' } : {}));
    const { created, refused } = await clock.run(picky.apply(wanted(all), () => {}, signal));
    expect(created).toHaveLength(19);
    expect([...refused]).toEqual([['yard-air-7', 'SIE03 Bad request data at com.fasterxml.jackson']]);
    expect(await listedIds(catalog, clock)).toHaveLength(19);
  });

  test.each([
    ['a way there that failed', '{"code":400,"message":"SIE03 Bad","errorDetails":["java.net.SocketTimeoutException: timeout"]}'],
    ['an address that is none', '{"code":400,"message":"Invalid path was requested:/catalog/x"}'],
    ['somebody who is not the city', '<html>Bad request</html>'],
  ])('nothing is blamed for %s', async (_what, body) => {
    const { clock, city, signal } = rig();
    const ask = cityHttp(city, clock, { faults: [], latencyMs: 40, random: createRandom(1) });
    let postCount = 0;
    const http: typeof ask = (request, stop) => {
      if (request.method !== 'POST') return ask(request, stop);
      postCount += 1;
      return Promise.resolve({ status: 400, headers: {}, body: Buffer.from(body) });
    };
    const config = { url: 'http://city.test:8081', provider: PROVIDER };
    const catalog = openCatalog({ http, clock }, { config, token: 'secret', mask: (text) => text, userAgent: 'test' });
    const applying = clock.run(catalog.apply(wanted([sensor(1), sensor(2)]), () => {}, signal));
    await expect(applying).rejects.toMatchObject({ name: 'CatalogError' });
    expect(postCount).toBe(1);
  });
});

test('sensors that the city lost are sent to it anew some fifty at a time', async () => {
  const { apply, requests, catalog, clock, signal } = rig();
  const all = Array.from({ length: 120 }, (_, i) => sensor(i));
  await apply(wanted(all));
  requests.length = 0;
  await clock.run(
    catalog.touch(
      all.map((each) => each.sensor),
      signal,
    ),
  );
  expect(requests.map(({ method, body }) => [method, JSON.parse(body).sensors.length])).toEqual([
    ['PUT', 50],
    ['PUT', 50],
    ['PUT', 20],
  ]);
});

test('a lost sensor that the city refuses to send anew, as it has its type no longer, keeps no other from it', async () => {
  const { clock, signal } = rig();
  const online = (id: string, type: string) => ({ provider: PROVIDER, sensor: id, state: 'online' as const, type });
  const sensors = [online('a', 'temperature'), online('b', 'wind'), online('c', 'humidity')];
  const city = createCity({ ...WORLD, sensors }, { startedMs: START_MS });
  const ask = cityHttp(city, clock, { faults: [], latencyMs: 40, random: createRandom(1) });
  const bodies: string[] = [];
  const http: typeof ask = (request, stop) => {
    bodies.push(Buffer.from(request.body ?? '').toString());
    return ask(request, stop);
  };
  const config = { url: 'http://city.test:8081', provider: PROVIDER };
  const catalog = openCatalog({ http, clock }, { config, token: 'secret', mask: (text) => text, userAgent: 'test' });
  const refused = await clock.run(catalog.touch(['a', 'b', 'c'], signal));
  expect([...refused]).toEqual([['b', 'Sensor b: invalid value for field type (wind).']]);
  expect(JSON.parse(bodies.at(-1) ?? '')).toEqual({ sensors: [{ sensor: 'a' }, { sensor: 'c' }] });
});

test.each<[string, Fault, object]>([
  [
    'refuses the token',
    { at: 'city', kind: 'status', status: 401, rate: 1, fromMs: 0, toMs: 1e9 },
    { problem: { code: 'S401' } },
  ],
  ['is not there', { at: 'city', kind: 'refuse', rate: 1, fromMs: 0, toMs: 1e9 }, { problem: { code: 'S000' } }],
  ['is something else', { at: 'city', kind: 'garbage', rate: 1, fromMs: 0, toMs: 1e9 }, { name: 'CatalogError' }],
  ['fails for ever', { at: 'city', kind: 'status', status: 500, rate: 1, fromMs: 0, toMs: 1e9 }, { problem: { code: 'S500' } }],
])('a city that %s ends it, with what it said', async (_title, fault, error) => {
  const { apply } = rig([fault]);
  await expect(apply(wanted([sensor(1)]))).rejects.toMatchObject(error);
});

test.each([
  [true, true],
  ['true', true],
  ['false', false],
  [{ toString: 1, valueOf: 1 }, false],
  [undefined, false],
])('a component whose public access is %o is public: %o', (componentPublicAccess, isPublic) => {
  const sensors = [{ sensor: 'yard-air-1', component: 'yard', componentPublicAccess }];
  const body = new TextEncoder().encode(JSON.stringify({ providers: [{ provider: PROVIDER, sensors }] }));
  expect(listingOf(body, PROVIDER)).toMatchObject([{ isPublic }]);
});
