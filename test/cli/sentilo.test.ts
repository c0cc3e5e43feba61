// `barri sentilo plan` and `apply` against a simulated city behind a real socket.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
entities: [{ id: makers, kind: provider, token: demo-token }]
sensor_types: [temperature, humidity]
component_types: [generic, garden]
sensors:
  - { provider: makers, sensor: hall-air-temperature, component: hall, type: humidity }
  - { provider: makers, sensor: hall-old, component: hall, type: temperature }
`;

/** Runs command lines one after the other against one city. */
async function against(lines: readonly (readonly string[])[], secret = 'city', more = '') {
  const clock = realClock();
  const { world } = loadWorld('world.yaml', WORLD);
  if (world === undefined) throw new Error('the world has errors');
  const server = await serveCity(createCity(world, { startedMs: clock.wall().ms }), { host: '127.0.0.1', port: 0, clock });
  const file = join(folder, 'hall.gateway.yaml');
  writeFileSync(
    file,
    `schema: gateway/v1
gateway: { id: hall, location: { lat: 41.4, lon: 2.2 } }
sentilo: { url: "http://127.0.0.1:${server.port}", provider: makers, token: { secret: ${secret} }${more} }
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
  expect(planned?.out).toMatch(/The city has no sensor type status\. /);
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
  expect(JSON.parse(planned?.out ?? '')).toMatchObject({ unknownTypes: ['status'], changeSensors: [], gone: ['hall-old'] });
  const [first, second, last] = await against([['apply'], ['apply', '--json'], ['plan']], 'city', types);
  expect(first?.code).toBe(0);
  expect(JSON.parse(second?.out ?? '')).toEqual({ created: [], changed: [], refused: {} });
  expect(last?.out).toContain('The catalogue shows what this site says.\n');
  expect(last?.code).toBe(0);
});

test('a city that refuses the token, or is not there, is told with what to do', async () => {
  const [refused] = await against([['plan']], 'wrong');
  expect(refused?.err).toContain('S401 the city rejects the token of this provider: Invalid credential ***.');
  expect(refused?.code).toBe(4);
  const gone = await barri(['sentilo', 'plan', join(folder, 'hall.gateway.yaml')], { HOME: folder });
  expect(gone.err).toContain('S000 no answer');
  expect(gone.code).toBe(4);
});
