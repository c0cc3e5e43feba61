// `barri sentilo plan` and `apply` against a simulated city behind a real socket.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as connect, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { realClock } from '../../gateway/real-host.ts';
import { createCity } from '../../simulator/sentilo/city.ts';
import { loadWorld } from '../../simulator/sentilo/world.ts';
import { serveCity } from '../../simulator/wire/sentilo-server.ts';
import { barri } from './in-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'barri-sentilo-'));
afterAll(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, 'secrets'));
writeFileSync(join(folder, 'secrets', 'city'), 'demo-token\n', { mode: 0o600 });
writeFileSync(join(folder, 'secrets', 'wrong'), 'other-token\n', { mode: 0o600 });

const WORLD = `schema: sentilo-world/v1
entities:
  - { id: makers, kind: provider, token: demo-token }
  - { id: district, kind: provider, token: district-token }
sensor_types: [temperature, humidity]
component_types: [generic, garden]
sensors:
  - { provider: makers, sensor: hall-air-temperature, component: hall, type: humidity }
  - { provider: makers, sensor: hall-old, component: hall, type: temperature }
alerts:
  - { id: HALL_OPEN, entity: makers, type: EXTERNAL, active: true }
  - { id: DISTRICT_FLOOD, entity: district, type: EXTERNAL, active: true }
`;

/** Before a city: refuses one method and lets everything else through. */
async function inFront(city: { readonly port: number; close(): Promise<unknown> }, method: string) {
  const front = createServer((request, response) => {
    if (request.method === method) {
      response.writeHead(403, { 'content-type': 'application/json' });
      return response.end('{"code":403,"message":"not today"}');
    }
    const { method: asked, url, headers } = request;
    const passed = connect({ host: '127.0.0.1', port: city.port, method: asked, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    return request.pipe(passed);
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  const { port } = front.address() as AddressInfo;
  return { port, close: () => Promise.all([city.close(), new Promise((resolve) => front.close(resolve))]) };
}

/** Runs command lines one after the other against one city. */
async function against(
  lines: readonly (readonly string[])[],
  secret = 'city',
  more = '',
  listing = WORLD,
  forbidden = '',
  url = 'http://127.0.0.1:PORT',
) {
  const clock = realClock();
  const { world } = loadWorld('world.yaml', listing);
  if (world === undefined) throw new Error('the world has errors');
  const city = await serveCity(createCity(world, { startedMs: clock.wall().ms }), { host: '127.0.0.1', port: 0, clock });
  const server = forbidden === '' ? city : await inFront(city, forbidden);
  const file = join(folder, 'hall.gateway.yaml');
  writeFileSync(
    file,
    `schema: gateway/v1
gateway: { id: hall, location: { lat: 41.4, lon: 2.2 } }
sentilo: { url: "${url.replace('PORT', String(server.port))}", provider: makers, token: { secret: ${secret} }${more} }
buses: { i2c1: { type: i2c } }
devices:
  air: { board: sht31@1, via: i2c1, name: Air }
  door: { board: contact@1, via: gpio.pin13, name: Door }
`,
  );
  try {
    const ended = [];
    for (const line of lines) ended.push(await barri(['sentilo', ...line, file], { HOME: folder }));
    return ended;
  } finally {
    await server.close();
  }
}

test('plan shows what would be created and changed, what cannot be, and what is only there', async () => {
  const [planned] = await against([['plan']]);
  expect(planned?.out).toMatch(/provider makers: 2 sensors listed, 0 of them as this site says\n/);
  expect(planned?.out).toMatch(/create +hall-air-humidity {2}type humidity; component hall\n/);
  expect(planned?.out).toMatch(/create +hall-door-closed {2}type status, which the city does not know; component hall\n/);
  expect(planned?.out).toMatch(/change +hall-air-temperature\n +type: humidity -> temperature\n/);
  expect(planned?.out).toMatch(/left +hall-old is there and not in this site's file\. It stays\n/);
  expect(planned?.out).toContain(
    'The city has no sensor type status. Ask its operator for one, or write under `sentilo:` `types: { contact: TYPE }`, or at the reading `sentilo: { type: TYPE }`, with a TYPE that it knows: it shows humidity, temperature.\n',
  );
  expect(planned?.out).toContain(
    '\nNothing was changed. `barri sentilo apply` creates and changes this, but for what the city does not take as said above.\n',
  );
  expect(planned?.code).toBe(1);
});

test.each([
  ['that the city does not know', 'gardn', 1],
  ['that it knows', 'garden', 0],
])('plan says of a component type %s what apply would meet', async (_what, type, unknownCount) => {
  const [planned, json] = await against([['plan'], ['plan', '--json']], 'city', `, component: { id: yard, type: ${type} }`);
  expect(planned?.out.includes('The city has no component type gardn. ')).toBe(unknownCount > 0);
  expect(JSON.parse(json?.out ?? '').unknownComponentTypes).toEqual(unknownCount > 0 ? [type] : []);
  const [, applied] = await against([['plan'], ['apply']], 'city', `, component: { id: yard, type: ${type} }`);
  expect(applied?.err.includes(`field componentType (${type})`)).toBe(unknownCount > 0);
});

test('plan says of an unknown type of a component that is there already', async () => {
  const [planned] = await against([['plan']], 'city', ', component: { type: gardn }');
  expect(planned?.out).toContain('The city has no component type gardn. ');
  expect(planned?.code).toBe(1);
});

test('apply does what the city takes, names what it does not, and a second one finds nothing to do', async () => {
  const types = ', types: { contact: humidity }';
  const [applied, again, planned] = await against([['apply'], ['apply'], ['plan', '--json']]);
  expect(applied?.out).toMatch(/created 1 entry: hall-air-humidity\n/);
  expect(applied?.err).toContain('error[B143] the city does not take hall-door-closed\n');
  expect(applied?.code).toBe(1);
  expect(again?.out).toMatch(/Done: 0 created, 0 changed, 1 refused\./);
  const [, left] = await against([['apply'], ['plan']]);
  expect(left?.out).toContain(
    '\nNothing was changed, and `barri sentilo apply` can change none of this: what is said above has to be done first.\n',
  );
  expect(left?.out).not.toContain('creates and changes');
  expect(left?.code).toBe(1);
  expect(JSON.parse(planned?.out ?? '')).toMatchObject({ unknownTypes: ['status'], changeSensors: [], gone: ['hall-old'] });
  const [first, second, last] = await against([['apply'], ['apply', '--json'], ['plan']], 'city', types);
  expect(first?.code).toBe(0);
  expect(JSON.parse(second?.out ?? '')).toEqual({ created: [], changed: [], refused: {} });
  expect(last?.out).toContain('The catalogue shows what this site says.\n');
  expect(last?.code).toBe(0);
});

test('a token that may not change the catalogue is told with the permission that is missing', async () => {
  const listing = WORLD.replace('demo-token }', 'city-token }\n  - { id: other, kind: provider, token: demo-token }');
  for (const line of [['plan'], ['apply']]) {
    const [refused] = await against([line], 'city', '', listing);
    expect(refused?.code).toBe(4);
    expect(refused?.err).toContain("error[B142] the city's catalogue was not read or changed");
    const said = refused?.err.replaceAll(/\s+/g, ' ');
    expect(said).toContain('S403 the token is not one of the provider `makers` (sentilo.provider)');
    expect(said).toContain('the permission ADMIN');
    expect(said).not.toContain('write permission');
  }
});

test('what is switched off in the console of the city is told with what to do', async () => {
  const listing = WORLD.replace(
    'sensors:',
    'sensors:\n  - { provider: makers, sensor: hall-air-humidity, component: hall, type: humidity, state: offline }',
  );
  const [applied] = await against([['apply']], 'city', ', types: { contact: humidity }', listing);
  const said = applied?.err.replaceAll(/\s+/g, ' ');
  expect(said).toContain('error[B143] the city does not take hall-air-humidity');
  expect(said).toContain('sensor with the same id already exists');
  expect(said).toContain('switched off in its console');
  expect(said).toContain('Switch it on there');
  expect(applied?.code).toBe(1);
});

test('an apply that is refused half-way tells what was done until then', async () => {
  const [applied] = await against([['apply']], 'city', '', WORLD, 'PUT');
  expect(applied?.out).toMatch(/created 1 entry: hall-air-humidity\n/);
  const said = applied?.err.replaceAll(/\s+/g, ' ');
  expect(said).toContain("error[B142] the city's catalogue was changed in part: 1 created, 0 changed");
  expect(applied?.code).toBe(4);
  const [json] = await against([['apply', '--json']], 'city', '', WORLD, 'PUT');
  expect(JSON.parse(json?.out ?? '')).toEqual({
    created: ['hall-air-humidity'],
    changed: [],
    refused: { 'hall-door-closed': expect.stringContaining('field type (status)') },
    problem: { code: 'S403', parameters: { status: 403, words: 'not today' } },
  });
  expect(json?.code).toBe(4);
});

test('alerts that the city does not know are shown, and created with the token of the provider', async () => {
  const more = ', types: { contact: humidity }, alerts: { silent: HALL_OPEN, disk: HALL_LOST, buffer_filling: HALL_LOST }';
  const [planned, json, applied, again] = await against([['plan'], ['plan', '--json'], ['apply'], ['plan']], 'city', more);
  expect(planned?.out).toContain('; 1 of 2 alerts there\n');
  expect(planned?.out).toMatch(/create +alert HALL_LOST, which is told of disk, buffer_filling\n/);
  expect(planned?.code).toBe(1);
  expect(JSON.parse(json?.out ?? '')).toMatchObject({ unknownAlerts: ['HALL_LOST'], closedAlerts: [] });
  expect(applied?.out).toContain('created 1 entry: HALL_LOST\n');
  expect(applied?.code).toBe(0);
  // The catalogue has it at once; alarms are taken half a minute later.
  expect(again?.out).toContain('; 2 of 2 alerts there\n');
  expect(again?.out).toContain('The catalogue shows what this site says.\n');
  expect(again?.code).toBe(0);
});

test("an alert that is somebody else's is told, and left as it is", async () => {
  const more = ', types: { contact: humidity }, alerts: { silent: DISTRICT_FLOOD }';
  const [planned, json, applied] = await against([['plan'], ['plan', '--json'], ['apply']], 'city', more);
  expect(planned?.out).toMatch(/cannot +the alert DISTRICT_FLOOD is somebody else's/);
  expect(JSON.parse(json?.out ?? '')).toMatchObject({ unknownAlerts: [], closedAlerts: ['DISTRICT_FLOOD'] });
  expect(applied?.err).toContain('error[B143] the city does not take DISTRICT_FLOOD\n');
  expect(applied?.code).toBe(1);
});

test('a city that refuses the token, or is not there, is told with what to do', async () => {
  const [refused] = await against([['plan']], 'wrong');
  expect(refused?.err).toContain('S401 the city rejects the token of this provider: Invalid credential ***.');
  expect(refused?.code).toBe(4);
  const [elsewhere] = await against([['plan']], 'city', '', WORLD, '', 'http://127.0.0.1:PORT/sentilo');
  expect(elsewhere?.err).toContain('S404 there is no Sentilo at this address: look at the path in sentilo.url');
  expect(elsewhere?.err).not.toContain('sensor');
  const [notSafe] = await against([['plan']], 'city', '', WORLD, '', 'https://127.0.0.1:PORT');
  expect(notSafe?.err).toContain('S003 this port speaks http, not https');
  const gone = await barri(['sentilo', 'plan', join(folder, 'hall.gateway.yaml')], { HOME: folder });
  expect(gone.err).toContain('S000 no answer');
  expect(gone.code).toBe(4);
});
